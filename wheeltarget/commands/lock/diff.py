"""The outcome of ``wheeltarget lock``: each lock, and how it differs from the existing one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from wheeltarget.lockfile.model import Lock

SCHEMA = 1
"""The schema version of :meth:`LockOutcome.as_dict`."""


class State(StrEnum):
    """The state of a lock."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one project.

    :param name: the project, normalised.
    :param old: its version before; None if it is new.
    :param new: its version now; None if it was removed.
    :param remark: what changed if the version is the same, or an empty string.
    """

    name: str
    old: str | None
    new: str | None
    remark: str = ""

    def as_dict(self) -> dict[str, str | None]:
        """Return it as JSON-compatible data."""
        return {"name": self.name, "old": self.old, "new": self.new, "remark": self.remark or None}


@dataclass(frozen=True, slots=True)
class LockFile:
    """The lock of one target, and its changes.

    :param label: the label of the target.
    :param path: the path of the lock.
    :param state: whether it is new, changed, or the same.
    :param count: the number of projects.
    :param changes: the changes of projects.
    :param added: new inputs.
    :param removed: removed inputs.
    """

    label: str
    path: Path
    state: State
    count: int
    changes: tuple[Change, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "target": self.label,
            "path": str(self.path),
            "state": self.state.value,
            "packages": self.count,
            "changes": [change.as_dict() for change in self.changes],
            "inputs_added": list(self.added),
            "inputs_removed": list(self.removed),
        }


@dataclass(frozen=True, slots=True)
class LockOutcome:
    """The outcome of locking.

    :param files: the lock of each target.
    :param notes: notes for the user, one sentence each.
    :param written: False if nothing was to be written.
    """

    files: tuple[LockFile, ...]
    notes: tuple[str, ...]
    written: bool

    @property
    def is_stale(self) -> bool:
        """Return whether a lock is out of date."""
        return any(file.state is not State.SAME for file in self.files)

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "schema": SCHEMA,
            "written": self.written,
            "stale": self.is_stale,
            "locks": [file.as_dict() for file in self.files],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """A project in a lock.

    :param version: an empty string if the lock names a URL or path instead.
    :param hashes: the values of its file's hashes.
    :param filename: an empty string if unknown.
    """

    version: str
    hashes: frozenset[str]
    filename: str = ""


@dataclass(frozen=True, slots=True)
class OldLock:
    """An existing lock.

    :param text: the file's text; None if the file does not exist.
    :param inputs: its inputs; None if unknown.
    """

    text: str | None = None
    pins: Mapping[str, Pin] = field(default_factory=dict)
    inputs: tuple[str, ...] | None = None


def pins_of(lock: Lock) -> dict[str, Pin]:
    """Return the projects that a lock pins."""
    return {
        package.name: Pin(package.version, frozenset([package.file.sha256]), package.file.filename)
        for package in lock.packages
    }


def compare(old: OldLock, lock: Lock, text: str, path: Path) -> LockFile:
    """Compare a new lock, with this text and path, with the existing one."""
    state = State.SAME if old.text == text else State.CHANGED
    if old.text is None:
        state = State.NEW
    now = set(lock.inputs)
    before = now if old.inputs is None else set(old.inputs)
    return LockFile(
        lock.target,
        path,
        state,
        len(lock.packages),
        tuple(_changes(old.pins, pins_of(lock))),
        tuple(sorted(now - before)),
        tuple(sorted(before - now)),
    )


def _changes(old: Mapping[str, Pin], new: Mapping[str, Pin]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if before is None or now is None or before.version not in {now.version, ""}:
            yield Change(name, before.version if before else None, now.version if now else None)
        elif not before.hashes & now.hashes:
            same = before.version and before.filename in {now.filename, ""}
            remark = "another hash" if same else "another file"
            yield Change(name, now.version, now.version, remark)


def change_notes(file: LockFile, upgraded: Collection[str] | None) -> Iterator[str]:
    """Yield a note for each changed hash, and for each locked version that could not be kept.

    :param upgraded: the projects to upgrade; None for all.
    """
    for change in file.changes:
        if change.remark == "another hash":
            yield (
                f"the file of {change.name} {change.new} for {file.label} has a different hash "
                "than in the existing lock"
            )
    if upgraded is None:
        return
    for change in file.changes:
        if change.old and change.new and change.old != change.new and change.name not in upgraded:
            yield (
                f"{change.name} {change.old} for {file.label} could not be kept: it no longer "
                f"fits, was yanked or removed; {change.new} replaces it"
            )
