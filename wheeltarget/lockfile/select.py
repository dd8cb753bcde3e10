"""Select the files of a lock for a target, by packaging.

Specification: the pylock.toml page of packaging.python.org (PEP 751), "Installation".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import Package, PylockSelectError
from packaging.tags import Tag
from packaging.utils import canonicalize_name

from wheeltarget.errors import Fault, TargetError
from wheeltarget.lockfile.leave_out import ALL_KEPT, LeftOut, leave_out, unknown_needs
from wheeltarget.lockfile.reader import (
    FaultCollector,
    KeyPath,
    Origin,
    ParsedLock,
    PinnedFile,
)
from wheeltarget.targets.catalog import assumed_pip
from wheeltarget.targets.exclusions import Exclusions
from wheeltarget.targets.markers import holds
from wheeltarget.targets.own_pip import OwnPip
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.targets.variants import parse_variant

FindTarget = Callable[[str, str, str], Target]
"""Return the target for a key, ``tags`` or ``target``, a value and a folder; raise TargetError."""

_UNDEFINED = (UndefinedComparison, UndefinedEnvironmentName, ValueError)
_LOCK_AGAIN = "lock again for this target, or choose another one"


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of locks for one target, in the order of the lock, and what was left out."""

    label: str
    target: Target
    files: tuple[PinnedFile, ...]
    left_out: LeftOut = ALL_KEPT


def select(
    lock: ParsedLock, wanted: Sequence[tuple[str, Target]], sources: frozenset[str]
) -> tuple[list[Selection], list[Fault]]:
    """Select the files of a lock.

    :param wanted: the label of each target, and the target.
    :param sources: the projects that may be kept as a source, if it is not wheeltarget's lock.
    :returns: the selection for each target, and the faults.
    """
    collector = FaultCollector(lock.name, lock.text)
    selector = _Selector(lock, collector, sources)
    selections = [
        Selection(label, target, tuple(selector.select(label, target))) for label, target in wanted
    ]
    return selections, collector.faults


def select_own(lock: ParsedLock, find: FindTarget) -> tuple[list[Selection], list[Fault]]:
    """Select all files of a lock that wheeltarget wrote, if they fit its target.

    :param lock: a lock with an origin.
    :returns: the selection, if its target is valid, and the faults.
    """
    assert lock.origin is not None  # noqa: S101 - as the parameter says
    collector = FaultCollector(lock.name, lock.text)
    files = tuple(lock.files.values())
    try:
        target = _own_target(lock.origin, find, files)
    except TargetError as error:
        collector.add(("tool", "wheeltarget", "tag"), error.message, error.hint or "lock again")
        return [], collector.faults
    accepted = set(target.tags)
    for file in files:
        if file.is_wheel and not file.tags & accepted:
            message = f"{file.filename} is for another target than {lock.origin.label}"
            hint = "the lock was changed by hand, or is damaged: lock again"
            collector.add(file.key_path, message, hint)
    faults = collector.faults or select(lock, [(lock.origin.label, target)], frozenset())[1]
    return [Selection(lock.origin.label, target, files)], faults


def without_excluded(
    lock: ParsedLock, selection: Selection, excluded: Exclusions
) -> tuple[Selection, list[Fault]]:
    """Leave excluded projects, and what only they need, out of a selection.

    :returns: the selection, and a fault if it is not known what only they need.
    """
    if not excluded:
        return selection, []
    names = {file.project for file in selection.files}
    needs: dict[str, set[str]] = {name: set() for name in names}
    for package in lock.pylock.packages:
        if package.name in names:
            found = (each.get("name") for each in package.dependencies or ())
            needs[package.name] |= {canonicalize_name(name) for name in found if name} & names
    table = (lock.pylock.tool or {}).get("wheeltarget", {})
    inputs = [str(each) for each in table.get("inputs", ())] if lock.origin else None
    direct = (file.project for file in selection.files if file.is_direct)
    left_out = leave_out(needs, excluded, inputs, direct)
    if left_out.problem:
        collector = FaultCollector(lock.name, lock.text)
        collector.add((), *unknown_needs(left_out))
        return selection, collector.faults
    kept = tuple(file for file in selection.files if file.project not in left_out)
    return replace(selection, files=kept, left_out=left_out), []


def _own_target(origin: Origin, find: FindTarget, files: Iterable[PinnedFile]) -> Target:
    """Return the target that a lock of wheeltarget was made for; raises TargetError.

    The target may accept more than its best tag implies, such as one of a target file; but that
    file may be missing, and its label may mean something else today.
    """
    interpreter = origin.tag.partition("-")[0]
    target = target_from_tag(origin.tag, {interpreter: origin.python}, origin.label)
    accepted = set(target.tags)
    pip = OwnPip(origin.pip) if origin.pip else None
    if pip is None and origin.label == origin.tag:
        pip = assumed_pip(origin.tag)
    if all(file.tags & accepted for file in files if file.is_wheel):
        return replace(target, pip=pip)
    for key in ("tags", "target"):
        try:
            named = find(key, origin.label, "")
        except TargetError:
            continue
        if named.tags[0] == origin.tag:
            # What it leaves out today was decided when the lock was made.
            return replace(named, label=origin.label, excluded=(), pip=pip)
    return replace(target, pip=pip)


@dataclass(frozen=True, slots=True)
class _Selector:
    """Select from one lock."""

    lock: ParsedLock
    collector: FaultCollector
    sources: frozenset[str]

    def select(self, label: str, target: Target) -> list[PinnedFile]:
        if not self._are_extras_known():
            return []
        if target.unknown and not self._are_markers_known(label, target):
            return []
        environment = {**dict.fromkeys(target.unknown, ""), **target.environment}
        numbers = {id(package): n for n, package in enumerate(self.lock.pylock.packages)}
        found: list[PinnedFile] = []
        try:
            for package, chosen in self.lock.pylock.select(
                environment=environment,  # type: ignore[arg-type]
                tags=[Tag(*tag.split("-")) for tag in target.tags],
                extras=self.lock.extras,
            ):
                file = self._file(package, chosen, numbers[id(package)])
                if file is not None and self._is_allowed(file, label, target):
                    found.append(file)
        except PylockSelectError as error:
            self._refuse(label, str(error), environment)
        except _UNDEFINED as error:
            if self._are_markers_known(label, target):
                self.collector.add((), f"for {label}: {error}")
        return found

    def _refuse(self, label: str, message: str, environment: Mapping[str, str]) -> None:
        """Add the fault for a target that nothing can be selected for."""
        number = re.search(r" at packages\[(\d+)\]", message)
        what, hint = f"for {label}: {message}", _LOCK_AGAIN
        path: KeyPath = ()
        pythons, python = self.lock.pylock.requires_python, environment["python_full_version"]
        if number:
            path, what = ("packages", int(number[1])), what.replace(number[0], "", 1)
            hint = self._hint_on_wheels(int(number[1])) if "No wheel" in message else ""
        elif pythons and not pythons.contains(python):
            path = ("requires-python",)
            what = f"target {label} has Python {python}, but the lock requires {pythons}"
        elif self.lock.pylock.environments:
            path = ("environments",)
            what = f"target {label} is not in the environments of the lock"
        else:
            hint = ""
        self.collector.add(path, what, hint)

    def _hint_on_wheels(self, number: int) -> str:
        """Return a hint on a project without a wheel for a target."""
        wheels = self.lock.pylock.packages[number].wheels or ()
        files = (self.lock.files["packages", number, "wheels", n] for n in range(len(wheels)))
        variant = next((file.filename for file in files if parse_variant(file.filename)), "")
        if not variant:
            return _LOCK_AGAIN
        return f"{variant} and other variant wheels fit no target, as in pip: lock a plain wheel"

    def _are_extras_known(self) -> bool:
        """Refuse extras that the lock does not declare; packaging before 26.4 ignores them."""
        declared = list(map(str, self.lock.pylock.extras or ()))
        extras = [each for each in self.lock.extras if canonicalize_name(each) not in declared]
        if extras:
            known = ", ".join(declared)
            hint = f"its extras: {known}" if known else "leave it out: the lock has no extras"
            self.collector.add(("extras",), f"the lock has no extra {', '.join(extras)}", hint)
        return not extras

    def _are_markers_known(self, label: str, target: Target) -> bool:
        """Refuse markers whose value for the target is unknown, or that have no value at all."""
        known: dict[str, str | frozenset[str]] = {
            **dict.fromkeys(target.unknown, ""),
            **target.environment,
        }
        sets = {
            "extras": frozenset(self.lock.extras),
            "dependency_groups": frozenset(self.lock.pylock.default_groups or ()),
        }

        def in_lock(text: str) -> bool:
            return Marker(text).evaluate({**known, **sets}, context="lock_file")

        def in_requirement(text: str) -> bool:
            return Marker(text).evaluate(known, context="requirement")

        before = len(self.collector.faults)
        for number, package in enumerate(self.lock.pylock.packages):
            if package.marker is not None:
                path: KeyPath = ("packages", number, "marker")
                self._check_marker(path, package.marker, in_lock, label, target.unknown)
        for marker in self.lock.pylock.environments or ():
            if self._check_marker(("environments",), marker, in_requirement, label, ()):
                break  # as in packaging, the others do not matter
        return len(self.collector.faults) == before

    def _check_marker(
        self,
        path: KeyPath,
        marker: Marker,
        evaluate: Callable[[str], bool],
        label: str,
        unknown: Sequence[str],
    ) -> bool:
        """Return whether a marker holds; add a fault if it has no value, or an unknown one."""
        try:
            value = holds(str(marker), evaluate, unknown)
        except UndefinedEnvironmentName as error:
            reason = f"{str(error).strip(chr(39))} is not a variable of a lock"
            hint = "a lock has extras and dependency_groups, as in 'dev' in extras"
        except _UNDEFINED as error:
            reason, hint = re.sub(r"<Op\('(.*?)'\)>", r"\1", str(error)), ""
        else:
            if isinstance(value, bool):
                return value
            message = f"depends on {' and '.join(value)}, which is unknown for {label}"
            self.collector.add(path, message)
            return False
        self.collector.add(path, f"{marker} cannot be evaluated for {label}: {reason}", hint)
        return False

    def _file(self, package: Package, chosen: object, number: int) -> PinnedFile | None:
        """Return the chosen file, or add a fault if it cannot be fetched."""
        path: KeyPath = ("packages", number)
        entries: dict[KeyPath, object] = {
            (*path, "sdist"): package.sdist,
            (*path, "archive"): package.archive,
            **{(*path, "wheels", n): wheel for n, wheel in enumerate(package.wheels or ())},
        }
        place = next((place for place, entry in entries.items() if entry is chosen), None)
        if place is not None:
            return self.lock.files[place]
        kind, what = ("vcs", "a repository") if package.vcs else ("directory", "a folder")
        message = f"{package.name} is {what}, which cannot be fetched by a hash"
        self.collector.add((*path, kind), message, "lock a released version of it")
        return None

    def _is_allowed(self, file: PinnedFile, label: str, target: Target) -> bool:
        """Add a fault for a source that is not allowed, or an archive for another target.

        The archive is a wheel then; packaging ignores its tags.
        """
        if parse_variant(file.filename):
            message = f"{file.filename} is a variant wheel, which fits no target"
            hint, allowed = "lock a plain wheel of it", False
        elif file.is_wheel:
            message = f"{file.filename} is for another target than {label}"
            hint, allowed = _LOCK_AGAIN, not file.tags.isdisjoint(target.tags)
        else:
            message = f"{file.project} has no wheel for {label} in this lock, only {file.filename}"
            hint = f"--allow-sdist {file.project} keeps the source for the target to build"
            allowed = self.lock.origin is not None or file.project in self.sources
        if not allowed:
            self.collector.add(file.key_path, message, hint)
        return allowed
