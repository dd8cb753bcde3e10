"""What is wrong with a wheelhouse as targets see it: which files fit, and what is missing.

Nothing here reads or writes. Specifications: PEP 425 for tags, dependency specifiers (PEP 508) for
what is needed, core metadata for ``Requires-Python``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from wheeltarget.targets.compatibility import judge_tags
from wheeltarget.targets.legacy_specifiers import modern_specifiers, reads_legacy
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

    :param file: the file that it is about, as the user named it or its folder; empty where it is
        about something that is not there.
    :param target: the target for which it is wrong; empty where that plays no part.
    :param code: which kind, one of :data:`wheeltarget.commands.check.codes.CHECK_CODES`.
    :param message: what is wrong, without a full stop.
    :param hint: what to do about it, or an empty string.
    """

    file: str
    target: str
    code: str
    message: str
    hint: str = ""


def judge_fit(wheels: Iterable[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    """Say which wheels are for none of the targets.

    :param wheels: the wheels; those without a wheel's name are passed over.
    :param targets: at least one target.
    """
    for wheel in wheels:
        if not wheel.tags:
            continue
        suiting = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
        if not suiting:
            yield CheckFinding(str(wheel.path), "", "WC201", _misfit(wheel, targets))
        elif not any(takes_python(wheel, each) for each in suiting):
            python = suiting[0].python
            message = f"it requires Python {wheel.requires_python}, and the target has {python}"
            yield CheckFinding(str(wheel.path), _label(suiting), "WC202", message)


def _label(targets: Sequence[Target]) -> str:
    return targets[0].label if len(targets) == 1 else ""


def _misfit(wheel: WheelFile, targets: Sequence[Target]) -> str:
    """Say what a wheel is for, as the target sees it that is nearest to it."""
    reason, target = min(
        ((judge_tags(wheel.path.name, target), target) for target in targets),
        key=lambda pair: pair[0].nearness,
    )
    return (
        f"it fits no target: it {reason.text}"
        if len(targets) > 1
        else f"for {target.label} it {reason.text}"
    )


def takes_python(wheel: WheelFile, target: Target) -> bool:
    """Tell whether a target has a Python that a wheel is for; what cannot be read takes all.

    :param wheel: the wheel.
    :param target: the target.
    """
    text = wheel.requires_python
    if not text:
        return True
    try:
        specifiers = SpecifierSet(
            modern_specifiers(text) if reads_legacy(target.python) else text, prereleases=True
        )
    except InvalidSpecifier:
        return True
    return specifiers.contains(target.python)


def fitting(wheels: Iterable[WheelFile], target: Target) -> dict[str, tuple[WheelFile, ...]]:
    """Give the wheels that a target takes, by project.

    :param wheels: all that are there.
    :param target: the target.
    """
    found: defaultdict[str, list[WheelFile]] = defaultdict(list)
    for wheel in wheels:
        if not wheel.tags.isdisjoint(target.tags) and takes_python(wheel, target):
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
