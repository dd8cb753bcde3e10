"""The files of locks: their names and texts, existing ones, and how new ones differ from them."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from wheeltarget.errors import DestinationError, Fault, InputError, Location, LockError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Attestation, Lock, LockedPackage
from wheeltarget.resolver.index_failures import IndexFailure
from wheeltarget.utils.files import LOCK_FILE, read_regular
from wheeltarget.utils.toml import parse_toml

SCHEMA = 1
"""The schema version of :meth:`LockOutcome.as_dict`."""

_HEADING = re.compile(r"# Locked by wheeltarget for (?P<label>.*); change the input")
_PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:==(?P<version>[^\s\\]+)| @ \S+)")
_HASH = re.compile(r"--hash=[a-z0-9]+:(?P<value>[0-9a-f]+)")


class Form(StrEnum):
    """The formats of a lock."""

    PYLOCK = "pylock"
    REQUIREMENTS = "requirements"


_ENDINGS = {Form.PYLOCK: ".toml", Form.REQUIREMENTS: ".txt"}


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
            "changes": [{**asdict(each), "remark": each.remark or None} for each in self.changes],
            "inputs_added": list(self.added),
            "inputs_removed": list(self.removed),
        }


@dataclass(frozen=True, slots=True)
class LockOutcome:
    """The outcome of locking.

    :param files: the lock of each target.
    :param notes: notes for the user, one sentence each.
    :param written: False if nothing was to be written.
    :param index_failures: the indexes that could not be read; the notes have a sentence for each.
    """

    files: tuple[LockFile, ...]
    notes: tuple[str, ...]
    written: bool
    index_failures: tuple[IndexFailure, ...] = ()

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
            "index_failures": [failure.as_dict() for failure in self.index_failures],
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """A project in a lock.

    :param version: an empty string if the lock names a URL or path instead.
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
    :param attested: who has published a file, by its sha256.
    """

    text: str | None = None
    pins: Mapping[str, Pin] = field(default_factory=dict)
    inputs: tuple[str, ...] | None = None
    attested: Mapping[str, Attestation] = field(default_factory=dict)


def file_name(label: str, form: Form) -> str:
    """Return the file name of a target's lock.

    The standard allows no dot in the name, so ``python3.12`` becomes ``python3_12``; other
    characters that a file name may not have become a dash. The lock itself has the unchanged label.
    """
    plain = re.sub(r"[^\w+-]+", "-", label.replace(".", "_"), flags=re.ASCII).strip("-")
    return f"{form}.{plain or 'target'}{_ENDINGS[form]}"


def check_names(labels: Sequence[str], form: Form) -> None:
    """Raise LockError if two locks have the same file name."""
    taken: dict[str, str] = {}
    for label in labels:
        # Some file systems ignore the case of names.
        other = taken.setdefault(file_name(label, form).lower(), label)
        if other != label:
            raise LockError(
                f"the locks of {other} and {label} would both be named {file_name(label, form)}",
                "rename one of the two targets",
            )


def read_old(path: Path, label: str) -> OldLock:
    """Read the existing lock of a target, in the form that its name tells.

    :returns: the lock; an empty one if the file does not exist.
    :raises InputError: if its contents are invalid.
    :raises LockError: if wheeltarget did not write it, or it is for another target.
    """
    text = read_text(path)
    if text is None:
        return OldLock()
    if path.suffix == _ENDINGS[Form.REQUIREMENTS]:
        return _read_requirements(text, path, label)
    lock = model.read(text, str(path))
    _check_label(path, lock.target, label)
    attested = {each.sha256: each.attested for each in lock.packages if each.attested}
    return OldLock(text, pins_of(lock), lock.inputs, attested)


def read_text(path: Path) -> str | None:
    """Read a file, whose line ends git may have changed.

    :returns: its text; None if it does not exist.
    :raises DestinationError: if it cannot be read.
    """
    try:
        return read_regular(path, LOCK_FILE).decode().replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DestinationError(f"cannot read {path}: {why}") from error


def _check_label(path: Path, found: str, label: str) -> None:
    if found != label:
        raise LockError(
            f"cannot lock {label} to {path}: it is the lock of {found}",
            "delete the file if it is not needed, or rename one of the two targets",
        )


def _read_requirements(text: str, path: Path, label: str) -> OldLock:
    """Read requirements that :func:`requirements_text` has written."""
    heading = _HEADING.match(text)
    if heading is None:
        raise LockError(
            f"cannot overwrite {path}: wheeltarget did not write it",
            "move it away, or lock to another folder with -o",
        )
    _check_label(path, heading["label"], _on_one_line(label))
    pins: dict[str, Pin] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("#", "--find-links ")) or not line.strip():
            continue
        if pin := _PIN.match(line):
            name = pin["name"]
            pins[name] = Pin(pin["version"] or "", frozenset())
        elif (value := _HASH.search(line)) and name:
            pins[name] = Pin(pins[name].version, pins[name].hashes | {value["value"]})
        else:
            place, hint = Location(str(path), number), "delete the file and lock again"
            raise InputError((Fault("not a valid line of a lock", hint, place, line),))
    return OldLock(text, pins)


def requirements_text(lock: Lock, clauses: str, folder: Path) -> str:
    """Return a lock as requirements with hashes, for pips that do not read pylock.toml.

    :param clauses: the clauses that name its target, and what is left out.
    """
    label = _on_one_line(lock.target)
    heading = f"# Locked by wheeltarget for {label}; change the input, not this file."
    lines = [heading, f"# {clauses}"]
    # pip looks for the folder beside the file.
    built = (posixpath.dirname(each.path) for each in lock.packages if each.built_from)
    lines += (f"--find-links {name}" for name in sorted(set(built)))
    for package in lock.packages:
        pin = _direct_pin(package, folder) if package.direct else f"=={package.version}"
        lines += [f"{package.name}{pin} \\", f"    --hash=sha256:{package.sha256}"]
    return "\n".join(lines) + "\n"


def _on_one_line(label: str) -> str:
    """Return a label on one line, so that it cannot end a comment."""
    return " ".join(label.split())


def _direct_pin(package: LockedPackage, folder: Path) -> str:
    url = package.url or Path(os.path.normpath(folder.absolute() / package.path)).as_uri()
    return f" @ {url}{'#subdirectory=' if package.subdirectory else ''}{package.subdirectory}"


def find_other_locks(folder: Path, form: Form, names: Container[str]) -> Iterator[tuple[Path, str]]:
    """Yield the path and the label of each lock by wheeltarget that does not have these names."""
    for path in sorted(folder.glob(f"{form}.*{_ENDINGS[form]}")):
        if path.name not in names and (label := _label_of(path, form)):
            yield path, label


def _label_of(path: Path, form: Form) -> str | None:
    """Return the label of a lock's target; None if wheeltarget did not write it."""
    try:
        text = read_text(path) or ""
        if form is Form.REQUIREMENTS:
            heading = _HEADING.match(text)
            return heading and heading["label"]
        label = parse_toml(text)["tool"]["wheeltarget"]["target"]
    except (DestinationError, LookupError, TypeError, ValueError):
        return None
    return label if isinstance(label, str) else None


def pins_of(lock: Lock) -> dict[str, Pin]:
    """Return the projects that a lock pins."""
    return {
        package.name: Pin(package.version, frozenset([package.sha256]), package.filename)
        for package in lock.packages
    }


def compare(old: OldLock, lock: Lock, text: str, path: Path) -> LockFile:
    """Compare a new lock with the existing one."""
    state = {None: State.NEW, text: State.SAME}.get(old.text, State.CHANGED)
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
