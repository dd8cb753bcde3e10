"""Findings with their codes: wheels that fit no target, requirements that are missing.

Specifications: PEP 425 for tags, dependency specifiers (PEP 508), core metadata for
``Requires-Python``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from wheeltarget.commands.own_pip import OldPip, explain_reading
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.compatibility import compare_tags
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse import closure
from wheeltarget.wheelhouse.closure import Available
from wheeltarget.wheelhouse.wheel import WheelFile

_LENIENT = "cp37-cp37m-manylinux2014_x86_64"
"""A target whose pip reads all that any pip reads."""


@dataclass(frozen=True, slots=True, order=True)
class CheckFinding:
    """Something that is wrong with a wheelhouse.

    :param file: the path of the file, as the user wrote it or its folder; empty if it is missing.
    :param target: the target for which it is wrong; empty if that does not matter.
    :param code: a code of ``docs/check.md``, which never changes its meaning.
    """

    file: str
    target: str
    code: str
    message: str
    hint: str = ""


def find_misfits(wheels: Iterable[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    """Find the wheels that no target accepts; those with an invalid name are skipped."""
    for wheel in (each for each in wheels if each.tags):
        accepting = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
        if not accepting:
            yield CheckFinding(str(wheel.path), "", "WC201", _describe_misfit(wheel, targets))
        elif not any(each.accepts_python(wheel.requires_python) for each in accepting):
            python = accepting[0].python
            message = f"it requires Python {wheel.requires_python}, but the target has {python}"
            label = accepting[0].label if len(accepting) == 1 else ""
            yield CheckFinding(str(wheel.path), label, "WC202", message)


def _describe_misfit(wheel: WheelFile, targets: Sequence[Target]) -> str:
    """Explain why no target accepts a wheel, by the target that is closest."""
    reasons = ((compare_tags(wheel.path.name, target), target) for target in targets)
    reason, target = min(reasons, key=lambda pair: pair[0].difference)
    why = "it fits no target:" if len(targets) > 1 else f"for {target.label}"
    return f"{why} it {reason.text}"


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
    """Find what is needed and not available; without roots, the dependencies of every wheel are."""
    for each in closure.walk(available, roots):
        if isinstance(each, closure.UnreadableDependency):
            yield _unreadable(each)
        else:
            code = "WC307" if each.rule else "WC302" if each.found else "WC301"
            yield CheckFinding("", available.target.label, code, str(each))


def find_beyond_pip(found: Iterable[OldPip], paths: Sequence[Path]) -> Iterator[CheckFinding]:
    """Find the files that the known pip of a target cannot install, if it has no newer one here.

    :param found: the pips that cannot install some files.
    :param paths: the files.
    """
    for old in (each for each in found if not each.is_note):
        unread = {each.filename: each.reading for each in old.files}
        for path in (path for path in paths if path.name in unread):
            code = "WC203" if path.suffix == ".whl" else "WC204"
            what = explain_reading(unread[path.name])
            message = f"its pip {old.pip.version} cannot install it: {what}"
            yield CheckFinding(str(path), old.label, code, message, old.advice)


def find_unreadable(wheels: Iterable[WheelFile]) -> Iterator[CheckFinding]:
    """Find dependencies that no pip can read, whatever the target is."""
    target = look_up_tag(_LENIENT)
    for wheel in wheels:
        yield from map(_unreadable, closure.read_dependencies(wheel, target)[1])


def _unreadable(found: closure.UnreadableDependency[WheelFile]) -> CheckFinding:
    message = f"its dependency {found.text!r} cannot be read: {found.reason}"
    return CheckFinding(str(found.wheel.path), "", "WC304", message)
