"""What is wrong with a wheelhouse as targets see it: which files fit, and what is missing.

Nothing here reads or writes. Specifications: PEP 425 for tags, dependency specifiers (PEP 508) for
what is needed, core metadata for ``Requires-Python``.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wheeltarget.targets.compatibility import judge_tags
from wheeltarget.targets.legacy_specifiers import (
    modern_requirement,
    modern_specifiers,
    reads_legacy,
)
from wheeltarget.targets.markers import evaluate
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.wheel import WheelFile

if TYPE_CHECKING:
    from packaging.requirements import Requirement


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
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

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


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is for one target.

    :param target: the target.
    :param wheels: the wheels that it takes, by project.
    :param sources: the versions of which a source is there, by project.
    """

    target: Target
    wheels: Mapping[str, tuple[WheelFile, ...]]
    sources: Mapping[str, tuple[str, ...]]

    def versions(self, project: str) -> tuple[str, ...]:
        """Give the versions that are there of a project."""
        wheels = (wheel.version for wheel in self.wheels.get(project, ()))
        return tuple(dict.fromkeys((*wheels, *self.sources.get(project, ()))))


def find_missing(shelf: Shelf, roots: Sequence[Requirement] | None) -> Iterator[CheckFinding]:
    """Say what is needed and not there.

    Where several versions of a project are there, each that will do is looked at.

    :param shelf: what there is.
    :param roots: what was asked for; None where every wheel was.
    """
    steps = _Steps(shelf)
    if roots is None:
        for wheels in shelf.wheels.values():
            steps.todo += [(wheel, "") for wheel in wheels]
    else:
        for root in roots:
            yield from steps.judge("", root, "")
    while steps.todo:
        wheel, extra = step = steps.todo.popleft()
        if step in steps.done:
            continue
        steps.done.add(step)
        needs, findings = _dependencies(wheel, shelf.target)
        yield from () if extra else findings
        for need in needs:
            yield from steps.judge(f"{wheel.name} {wheel.version}", need, extra)


def direct_needs(shelf: Shelf) -> Iterator[tuple[WheelFile, Requirement]]:
    """Give what wheels need from a place that their metadata names, and not from an index.

    :param shelf: what there is.
    """
    for wheels in shelf.wheels.values():
        for wheel in wheels:
            for need in _dependencies(wheel, shelf.target)[0]:
                if need.url and _is_wanted(need, shelf.target, ""):
                    yield wheel, need


@dataclass(slots=True)
class _Steps:
    """A walk from wheel to wheel."""

    shelf: Shelf
    todo: deque[tuple[WheelFile, str]] = field(default_factory=deque)
    done: set[tuple[WheelFile, str]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def judge(self, asker: str, need: Requirement, extra: str) -> Iterator[CheckFinding]:
        """Look for what is needed, and note what has to be looked at in turn."""
        from packaging.utils import canonicalize_name

        if not _is_wanted(need, self.shelf.target, extra):
            return
        name = canonicalize_name(need.name)
        there = self.shelf.versions(name)
        good = set(need.specifier.filter(there, prereleases=True))
        if good:
            wheels = self.shelf.wheels.get(name, ())
            extras = ("", *sorted(need.extras))
            self.todo += [(w, each) for w in wheels if w.version in good for each in extras]
            return
        who = f"{asker} needs" if asker else "you ask for"
        message = f"{who} {said(need)}, "
        message += f"and {' and '.join(there)} is there" if there else "which is missing"
        if message not in self.told:
            self.told.add(message)
            code = "WC302" if there else "WC301"
            yield CheckFinding("", self.shelf.target.label, code, message)


def _dependencies(wheel: WheelFile, target: Target) -> tuple[list[Requirement], list[CheckFinding]]:
    """Read the dependencies of a wheel as a target's own pip does."""
    from packaging.requirements import InvalidRequirement, Requirement

    found, findings = [], []
    legacy = reads_legacy(target.python)
    for text in wheel.requires:
        try:
            found.append(Requirement(modern_requirement(text) if legacy else text))
        except InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            message = f"its dependency {text!r} cannot be read: {why}"
            findings.append(CheckFinding(str(wheel.path), "", "WC304", message))
    return found, findings


def _is_wanted(need: Requirement, target: Target, extra: str) -> bool:
    """Tell whether a marker holds; where that cannot be known, it counts as wanted."""
    if need.marker is None:
        return not extra
    if extra and evaluate(str(need.marker), target, "") is True:
        return False  # it is wanted without the extra, too, and is looked at there
    return evaluate(str(need.marker), target, extra) is not False


def said(need: Requirement) -> str:
    """Write a requirement without its marker.

    :param need: the requirement.
    """
    extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
    return f"{need.name}{extras}{need.specifier}"
