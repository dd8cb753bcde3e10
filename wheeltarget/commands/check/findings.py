"""Find the wheels that fit no target, and the requirements that are missing.

Nothing here reads or writes. Specifications: PEP 425 for tags, dependency specifiers (PEP 508),
core metadata for ``Requires-Python``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from packaging.requirements import Requirement

from wheeltarget.targets.compatibility import compare_tags
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.closure import (
    Available,
    UnreadableDependency,
    is_wanted,
    read_dependencies,
    walk,
)
from wheeltarget.wheelhouse.wheel import WheelFile


@dataclass(frozen=True, slots=True, order=True)
class CheckFinding:
    """Something that is wrong with a wheelhouse.

    :param file: the path of the file, as the user wrote it or its folder; empty if a file is
        missing.
    :param target: the target for which it is wrong; empty if that does not matter.
    :param code: its kind, one of :data:`wheeltarget.commands.check.codes.CHECK_CODES`.
    :param message: what is wrong, without a full stop.
    :param hint: what to do about it, or an empty string.
    """

    file: str
    target: str
    code: str
    message: str
    hint: str = ""


def judge_fit(wheels: Iterable[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    """Find the wheels that no target accepts.

    :param wheels: the wheels; those with an invalid name are skipped.
    :param targets: at least one target.
    """
    for wheel in wheels:
        if not wheel.tags:
            continue
        accepting = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
        if not accepting:
            yield CheckFinding(str(wheel.path), "", "WC201", _misfit(wheel, targets))
        elif not any(each.accepts_python(wheel.requires_python) for each in accepting):
            python = accepting[0].python
            message = f"it requires Python {wheel.requires_python}, but the target has {python}"
            label = accepting[0].label if len(accepting) == 1 else ""
            yield CheckFinding(str(wheel.path), label, "WC202", message)


def _misfit(wheel: WheelFile, targets: Sequence[Target]) -> str:
    """Explain why no target accepts a wheel, by the target that is closest."""
    reason, target = min(
        ((compare_tags(wheel.path.name, target), target) for target in targets),
        key=lambda pair: pair[0].difference,
    )
    return (
        f"it fits no target: it {reason.text}"
        if len(targets) > 1
        else f"for {target.label} it {reason.text}"
    )


def by_project(wheels: Iterable[WheelFile], target: Target) -> dict[str, tuple[WheelFile, ...]]:
    """Return the wheels that a target accepts, by project."""
    found: defaultdict[str, list[WheelFile]] = defaultdict(list)
    for wheel in wheels:
        if not wheel.tags.isdisjoint(target.tags) and target.accepts_python(wheel.requires_python):
            found[wheel.name].append(wheel)
    return {name: tuple(each) for name, each in found.items()}


def find_missing(
    available: Available[WheelFile], roots: Iterable[Requirement] | None
) -> Iterator[CheckFinding]:
    """Find what is needed and not available.

    :param available: the files that are available for a target.
    :param roots: what the user asked for; None to check the dependencies of every wheel.
    """
    for each in walk(available, roots):
        if isinstance(each, UnreadableDependency):
            message = f"its dependency {each.text!r} cannot be read: {each.reason}"
            yield CheckFinding(str(each.wheel.path), "", "WC304", message)
        else:
            code = "WC302" if each.found else "WC301"
            yield CheckFinding("", available.target.label, code, str(each))


def find_direct_references(
    available: Available[WheelFile],
) -> Iterator[tuple[WheelFile, Requirement]]:
    """Find the dependencies that wheels want from a URL instead of an index.

    :param available: the files that are available for a target.
    """
    for wheel in chain.from_iterable(available.wheels.values()):
        for requirement in read_dependencies(wheel, available.target)[0]:
            if requirement.url and is_wanted(requirement, available.target):
                yield wheel, requirement
