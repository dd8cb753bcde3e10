"""Select the files of any lock for a target, by packaging.

Specification: the pylock.toml page of packaging.python.org (PEP 751), "Installation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.pylock import Package, Pylock, PylockSelectError, PylockValidationError
from packaging.tags import Tag
from packaging.utils import canonicalize_name

from wheeltarget.errors import Fault
from wheeltarget.lockfile.reader import FaultCollector, KeyPath, ParsedLock, PinnedFile, Selection
from wheeltarget.targets.markers import holds
from wheeltarget.targets.target import Target

_LOCK_AGAIN = "lock again for this target, or choose another one"


def select(
    lock: ParsedLock, wanted: Sequence[tuple[str, Target]], sources: frozenset[str]
) -> tuple[list[Selection], list[Fault]]:
    """Select the files of a lock.

    :param wanted: the label of each target, and the target.
    :param sources: the projects that may be kept as a source, if it is not wheeltarget's lock.
    :returns: the selection for each target, and the faults.
    """
    collector = FaultCollector(lock.name, lock.text)
    parsed = parse_standard(lock, collector)
    if parsed is None:
        return [], collector.faults
    selector = _Selector(lock, parsed, collector, sources)
    selections = [
        Selection(label, target, tuple(selector.select(label, target))) for label, target in wanted
    ]
    return selections, collector.faults


def parse_standard(lock: ParsedLock, collector: FaultCollector) -> Pylock | None:
    """Parse a lock by packaging, which checks the rest of the specification.

    :returns: the lock; None if the collector got a fault.
    """
    try:
        return Pylock.from_dict(lock.data)
    except PylockValidationError as error:
        steps = re.findall(r"[^.\[\]]+", error.context or "")
        path: KeyPath = tuple(int(step) if step.isdigit() else step for step in steps)
        collector.add(path, error.message)
    return None


@dataclass(frozen=True, slots=True)
class _Selector:
    """Select from one lock."""

    lock: ParsedLock
    parsed: Pylock
    collector: FaultCollector
    sources: frozenset[str]

    def select(self, label: str, target: Target) -> list[PinnedFile]:
        if not self._are_markers_known(label, target):
            return []
        environment = {**dict.fromkeys(target.unknown, ""), **target.environment}
        numbers = {id(package): n for n, package in enumerate(self.parsed.packages)}
        found: list[PinnedFile] = []
        try:
            for package, chosen in self.parsed.select(
                environment=environment,  # type: ignore[arg-type]
                tags=[Tag(*tag.split("-")) for tag in target.tags],
                extras=self.lock.extras,
            ):
                file = self._file(package, chosen, numbers[id(package)])
                if file is not None and self._is_allowed(file, label, target):
                    found.append(file)
        except PylockSelectError as error:
            self._refuse(label, str(error), environment)
        return found

    def _refuse(self, label: str, message: str, environment: Mapping[str, str]) -> None:
        """Add the fault for a target that nothing can be selected for."""
        number = re.search(r" at packages\[(\d+)\]", message)
        what, hint = f"for {label}: {message}", _LOCK_AGAIN
        path: KeyPath = ()
        pythons, python = self.parsed.requires_python, environment["python_full_version"]
        declared = list(map(str, self.parsed.extras or ()))
        extras = [each for each in self.lock.extras if canonicalize_name(each) not in declared]
        if extras:
            path, what = ("extras",), f"the lock has no extra {', '.join(extras)}"
            known = ", ".join(declared)
            hint = f"its extras: {known}" if known else "leave it out: the lock has no extras"
        elif number:
            path, what = ("packages", int(number[1])), what.replace(number[0], "", 1)
            hint = _LOCK_AGAIN if "No wheel" in message else ""
        elif pythons and not pythons.contains(python):
            path = ("requires-python",)
            what = f"target {label} has Python {python}, but the lock requires {pythons}"
        elif self.parsed.environments:
            path = ("environments",)
            what = f"target {label} is not in the environments of the lock"
        else:
            hint = ""
        self.collector.add(path, what, hint)

    def _are_markers_known(self, label: str, target: Target) -> bool:
        """Refuse markers whose value for the target is unknown."""
        environment: dict[str, str | frozenset[str]] = {
            **dict.fromkeys(target.unknown, ""),
            **target.environment,
            "extras": frozenset(self.lock.extras),
            "dependency_groups": frozenset(self.parsed.default_groups or ()),
        }

        def evaluate(text: str) -> bool:
            return Marker(text).evaluate(environment, context="lock_file")

        known = True
        for number, package in enumerate(self.parsed.packages if target.unknown else ()):
            value = package.marker is None or holds(str(package.marker), evaluate, target.unknown)
            if not isinstance(value, bool):
                message = f"depends on {' and '.join(value)}, which is unknown for {label}"
                self.collector.add(("packages", number, "marker"), message)
                known = False
        return known

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
        if file.is_wheel:
            message = f"{file.filename} is for another target than {label}"
            hint, allowed = _LOCK_AGAIN, not file.tags.isdisjoint(target.tags)
        else:
            message = f"{file.project} has no wheel for {label} in this lock, only {file.filename}"
            hint = f"--allow-sdist {file.project} keeps the source for the target to build"
            allowed = self.lock.origin is not None or file.project in self.sources
        if not allowed:
            self.collector.add(file.key_path, message, hint)
        return allowed
