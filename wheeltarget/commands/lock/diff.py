"""What is otherwise in a new lock than in the old one, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wheeltarget.lockfile.model import Lock

SCHEMA = 1
"""The version of the form that :meth:`LockOutcome.as_dict` gives."""


class State(StrEnum):
    """What becomes of a lock."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Pin:
    """A project as a lock has it.

    :param version: its version, or an empty string where the lock names a place instead.
    :param hashes: the values of its file's hashes.
    :param filename: the name of its file, or an empty string where the lock does not say.
    """

    version: str
    hashes: frozenset[str]
    filename: str = ""


@dataclass(frozen=True, slots=True)
class OldLock:
    """What is there of a lock.

    :param text: the file's text, or None where there is no file.
    :param pins: each project that it pins.
    :param inputs: what it was made of; None where it does not say.
    """

    text: str | None = None
    pins: tuple[tuple[str, Pin], ...] = ()
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is otherwise of one project.

    :param name: the project, normalised.
    :param old: its version before, or None where it was not there.
    :param new: its version now, or None where it is gone.
    :param remark: what is otherwise where the version is the same, or an empty string.
    """

    name: str
    old: str | None
    new: str | None
    remark: str = ""

    def as_dict(self) -> dict[str, str | None]:
        """Give it as JSON has it."""
        return {"name": self.name, "old": self.old, "new": self.new, "remark": self.remark or None}


@dataclass(frozen=True, slots=True)
class LockFile:
    """The lock of one target, and what becomes of it.

    :param label: what the target is called.
    :param path: where the lock is.
    :param state: whether it is new, changed, or the same.
    :param count: how many projects it has.
    :param changes: what is otherwise of the projects.
    :param added: inputs that are new.
    :param removed: inputs that are gone.
    """

    label: str
    path: Path
    state: State
    count: int
    changes: tuple[Change, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
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
    """What came of locking.

    :param files: the lock of each target.
    :param notes: what somebody should know of it, one sentence each.
    :param written: False where nothing was to be written.
    """

    files: tuple[LockFile, ...]
    notes: tuple[str, ...]
    written: bool

    @property
    def is_stale(self) -> bool:
        """Tell whether a lock is not as it would be made now."""
        return any(file.state is not State.SAME for file in self.files)

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "schema": SCHEMA,
            "written": self.written,
            "stale": self.is_stale,
            "locks": [file.as_dict() for file in self.files],
            "notes": list(self.notes),
        }


def pins_of(lock: Lock) -> tuple[tuple[str, Pin], ...]:
    """Give what a lock pins.

    :param lock: the lock.
    """
    return tuple(
        (
            package.name,
            Pin(
                package.version,
                frozenset(value for _, value in package.file.hashes),
                package.file.filename,
            ),
        )
        for package in lock.packages
    )


def compare(old: OldLock, lock: Lock, text: str, path: Path) -> LockFile:
    """Say what becomes of a lock.

    :param old: what is there.
    :param lock: the new lock.
    :param text: the text that it is to have.
    :param path: where it goes.
    """
    state = State.NEW if old.text is None else State.SAME if old.text == text else State.CHANGED
    before = set(lock.inputs if old.inputs is None else old.inputs)
    there = state is not State.NEW
    return LockFile(
        lock.target,
        path,
        state,
        len(lock.packages),
        tuple(_changes(dict(old.pins) if there else {}, dict(pins_of(lock)))),
        tuple(sorted(set(lock.inputs) - before)) if there else (),
        tuple(sorted(before - set(lock.inputs))) if there else (),
    )


def _changes(old: dict[str, Pin], new: dict[str, Pin]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if before is None or now is None or before.version not in {now.version, ""}:
            yield Change(name, before.version if before else None, now.version if now else None)
        elif not before.hashes & now.hashes:
            same = before.version and before.filename in {now.filename, ""}
            remark = "another hash" if same else "another file"
            yield Change(name, now.version, now.version, remark)


def suspicious(file: LockFile) -> Iterator[str]:
    """Say what of a new lock may be no good sign.

    :param file: the lock.
    :returns: a sentence for each.
    """
    for change in file.changes:
        if change.remark == "another hash":
            yield (
                f"the file of {change.name} {change.new} for {file.label} is not the one that was "
                "locked: its hash is another"
            )


def moved(file: LockFile, free: Iterable[str] | None) -> Iterator[str]:
    """Say of which projects the locked version could not be kept.

    :param file: the lock.
    :param free: the projects of which it was not to be kept; None for all.
    :returns: a sentence for each.
    """
    if free is None:
        return
    for change in file.changes:
        if change.old and change.new and change.old != change.new and change.name not in set(free):
            yield (
                f"{change.name} {change.old} for {file.label} could not be kept: it does not fit "
                f"any more, was yanked, or is gone; {change.new} is taken"
            )
