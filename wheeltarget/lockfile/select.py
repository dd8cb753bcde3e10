"""Select the files of any lock for a target, by packaging.

Specification: the pylock.toml page of packaging.python.org (PEP 751), "Installation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheeltarget.errors import Fault
from wheeltarget.lockfile.entries import FaultCollector, PinnedFile, Way
from wheeltarget.lockfile.reader import Lock, Selection, pin_all
from wheeltarget.targets.markers import holds
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock


def select(
    lock: Lock, wanted: Sequence[tuple[str, Target]], sources: frozenset[str]
) -> tuple[list[Selection], list[Fault]]:
    """Select the files of a lock.

    :param lock: the lock.
    :param wanted: the label of each target, and the target.
    :param sources: the projects that may be kept as a source, if it is not wheeltarget's lock.
    :returns: the selection for each target, and the faults.
    """
    collector = FaultCollector(lock.name, lock.text)
    parsed = parse_standard(lock, collector)
    if parsed is None:
        return [], collector.faults
    selector = _Selector(lock, parsed, collector, sources)
    return list(selector.select_all(wanted)), collector.faults


def parse_standard(lock: Lock, collector: FaultCollector) -> Pylock | None:
    """Parse a lock by packaging, which checks the rest of the specification.

    :param lock: the lock.
    :param collector: collects the faults.
    :returns: the lock as packaging has it; None if it has a fault.
    """
    from packaging.pylock import Pylock, PylockValidationError

    try:
        return Pylock.from_dict(lock.data)
    except PylockValidationError as error:
        steps = re.findall(r"[^.\[\]]+", error.context or "")
        way: Way = tuple(int(step) if step.isdigit() else step for step in steps)
        collector.note(way, error.message)
    return None


_LOCK_AGAIN = "lock again for this target, or choose another one"


@dataclass(frozen=True, slots=True)
class _Selector:
    """Select from one lock."""

    lock: Lock
    parsed: Pylock
    collector: FaultCollector
    sources: frozenset[str]

    def select_all(self, wanted: Sequence[tuple[str, Target]]) -> Iterator[Selection]:
        for label, target in wanted:
            yield Selection(label, target, pin_all(self.lock, self._select(label, target)))

    def _select(self, label: str, target: Target) -> tuple[PinnedFile, ...]:
        from packaging.pylock import PylockSelectError
        from packaging.tags import Tag

        if not self._are_known(label, target):
            return ()
        environment = {**dict.fromkeys(target.unknown, ""), **target.environment}
        numbers = {id(package): n for n, package in enumerate(self.parsed.packages)}
        found = []
        try:
            for package, chosen in self.parsed.select(
                environment=environment,  # type: ignore[arg-type]
                tags=[Tag(*tag.split("-")) for tag in target.tags],
                extras=self.lock.extras,
            ):
                file = self._file(package, chosen, numbers[id(package)], label)
                if file is not None and self._fits(file, label, target):
                    found.append(file)
        except PylockSelectError as error:
            self._refuse(label, str(error), environment)
        return tuple(found)

    def _refuse(self, label: str, message: str, environment: Mapping[str, str]) -> None:
        """Add the fault for a target that nothing can be selected for."""
        number = re.search(r" at packages\[(\d+)\]", message)
        what, hint = f"for {label}: {message}", ""
        way: Way = ()
        pythons, python = self.parsed.requires_python, environment["python_full_version"]
        if extras := self._undeclared():
            known = ", ".join(self.parsed.extras or ())
            way, what = ("extras",), f"the lock has no extra {', '.join(extras)}"
            hint = f"its extras: {known}" if known else "leave it out: the lock has no extras"
        elif number:
            what = what.replace(number[0], "", 1)
            way = ("packages", int(number[1]))
            hint = _LOCK_AGAIN if "No wheel" in message else ""
        elif pythons and not pythons.contains(python):
            what = f"target {label} has Python {python}, but the lock requires {pythons}"
            way, hint = ("requires-python",), _LOCK_AGAIN
        elif self.parsed.environments:
            what, hint = f"target {label} is not in the environments of the lock", _LOCK_AGAIN
            way = ("environments",)
        self.collector.note(way, what, hint)

    def _undeclared(self) -> list[str]:
        """Return the requested extras that the lock does not have."""
        from packaging.utils import canonicalize_name

        declared = set(map(str, self.parsed.extras or ()))
        return [each for each in self.lock.extras if canonicalize_name(each) not in declared]

    def _are_known(self, label: str, target: Target) -> bool:
        """Refuse markers whose value for the target is unknown."""
        environment: dict[str, str | frozenset[str]] = {
            **dict.fromkeys(target.unknown, ""),
            **target.environment,
            "extras": frozenset(self.lock.extras),
            "dependency_groups": frozenset(self.parsed.default_groups or ()),
        }

        def decide(text: str) -> bool:
            from packaging.markers import Marker

            return Marker(text).evaluate(environment, context="lock_file")

        known = True
        for number, package in enumerate(self.parsed.packages if target.unknown else ()):
            verdict = holds(str(package.marker), decide, target.unknown) if package.marker else True
            if not isinstance(verdict, bool):
                message = f"depends on {' and '.join(verdict)}, which is unknown for {label}"
                self.collector.note(("packages", number, "marker"), message)
                known = False
        return known

    def _file(self, package: Package, chosen: object, number: int, label: str) -> PinnedFile | None:
        """Return the chosen file, or add a fault if it cannot be fetched."""
        way: Way = ("packages", number)
        wheels: Sequence[object] = package.wheels or ()
        for place in (
            *((*way, "wheels", n) for n, wheel in enumerate(wheels) if wheel is chosen),
            *((*way, "sdist") for _ in range(chosen is package.sdist)),
            *((*way, "archive") for _ in range(chosen is package.archive)),
        ):
            return self._allowed(self.lock.files[place], place, label)
        kind = "vcs" if package.vcs is not None else "directory"
        what = "a repository" if kind == "vcs" else "a folder"
        message = f"{package.name} is {what}, which cannot be fetched by a hash"
        self.collector.note((*way, kind), message, "lock a released version of it")
        return None

    def _fits(self, file: PinnedFile, label: str, target: Target) -> bool:
        """Refuse an archive that is a wheel for another target; packaging ignores its tags."""
        if not file.is_wheel or not file.tags.isdisjoint(target.tags):
            return True
        message = f"{file.filename} is for another target than {label}"
        self.collector.note(file.place, message, _LOCK_AGAIN)
        return False

    def _allowed(self, file: PinnedFile, place: Way, label: str) -> PinnedFile | None:
        if file.is_wheel or self.lock.origin is not None or file.project in self.sources:
            return file
        message = f"{file.project} has no wheel for {label} in this lock, only {file.filename}"
        hint = f"--allow-sdist {file.project} keeps the source for the target to build"
        self.collector.note(place, message, hint)
        return None
