"""The files that locks are in: what they are called, what is there of them, hashed requirements."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from wheeltarget.commands.lock.diff import OldLock, Pin, pins_of
from wheeltarget.errors import DestinationError, Fault, InputError, Location, LockError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock, LockedPackage
from wheeltarget.utils.regular_files import LOCK_FILE, read_regular
from wheeltarget.utils.toml_locations import parse_toml


class Form(StrEnum):
    """What kind of file a lock is."""

    PYLOCK = "pylock"
    REQUIREMENTS = "requirements"


_ENDINGS = {Form.PYLOCK: ".toml", Form.REQUIREMENTS: ".txt"}
_HEADING = re.compile(r"# Locked by wheeltarget for (?P<label>.*); change the input")
_PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:==(?P<version>[^\s\\]+)| @ \S+)")
_HASH = re.compile(r"--hash=[a-z0-9]+:(?P<value>[0-9a-f]+)")
_MOVE = "move it away, or lock to another folder with -o"


def file_name(label: str, form: Form) -> str:
    """Give the name of the file with the lock of a target.

    The standard allows no dot within the name, so ``python3.12`` becomes ``python3_12``; whatever
    else may not stand in a name of a file becomes a dash. The lock itself has the label as it is.

    :param label: what the target is called.
    :param form: what kind of file it is.
    """
    plain = re.sub(r"[^\w+-]+", "-", label.replace(".", "_"), flags=re.ASCII).strip("-")
    return f"{form}.{plain or 'target'}{_ENDINGS[form]}"


def check_names(labels: list[str], form: Form) -> None:
    """Refuse targets whose locks would be one file.

    :param labels: what they are called.
    :param form: what kind of file a lock is.
    :raises LockError: where two are.
    """
    taken: dict[str, str] = {}
    for label in labels:
        # There are file systems on which names differ by more than the case of letters only.
        other = taken.setdefault(file_name(label, form).lower(), label)
        if other != label:
            raise LockError(
                f"the locks of {other} and {label} would be one file, {file_name(label, form)}",
                "give one of the two targets another name",
            )


def read_old(folder: Path, label: str, form: Form) -> OldLock:
    """Read what is there of the lock of a target.

    :param folder: where locks are.
    :param label: what the target is called.
    :param form: what kind of file the lock is.
    :returns: what it has; nothing where there is no file.
    :raises InputError: where it is not as we write it.
    :raises LockError: where the file is no lock of ours, or that of another target.
    :raises DestinationError: where it cannot be read.
    """
    path = folder / file_name(label, form)
    text = read_text(path)
    if text is None:
        return OldLock()
    if form is Form.REQUIREMENTS:
        return _read_requirements(text, path, label)
    lock = model.read(text, str(path))
    _check_label(path, lock.target, label)
    return OldLock(text, pins_of(lock), lock.inputs)


def read_text(path: Path) -> str | None:
    """Read a file, whose line ends git may have changed.

    :param path: where it is.
    :returns: its text; None if there is no file.
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
            f"{path} is the lock of {found}, so {label} cannot be locked there",
            "delete it if it is not needed, or give one of the two targets another name",
        )


def _read_requirements(text: str, path: Path, label: str) -> OldLock:
    """Read hashed requirements that :func:`requirements_text` has written."""
    heading = _HEADING.match(text)
    if heading is None:
        raise LockError(f"{path} was not made by wheeltarget", _MOVE)
    _check_label(path, heading["label"], _on_one_line(label))
    pins: dict[str, Pin] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        if pin := _PIN.match(line):
            name = pin["name"]
            pins[name] = Pin(pin["version"] or "", frozenset())
        elif (value := _HASH.search(line)) and name:
            pins[name] = Pin(pins[name].version, pins[name].hashes | {value["value"]})
        else:
            place = Location(str(path), number)
            fault = Fault("no line of a lock", "delete the file and lock again", place, line)
            raise InputError((fault,))
    return OldLock(text, tuple(pins.items()))


def requirements_text(lock: Lock, clause: str, folder: Path) -> str:
    """Write a lock as hashed requirements, for pips that know no pylock.toml.

    :param lock: the lock.
    :param clause: the clause that names its target.
    :param folder: where the file goes.
    :returns: the text, the same for the same lock.
    """
    label = _on_one_line(lock.target)
    heading = f"# Locked by wheeltarget for {label}; change the input, not this file."
    lines = [heading, f"# {clause}"]
    for package in lock.packages:
        lines += [f"{_pin(package, folder)} \\"]
        hashes = [f"    --hash={name}:{value}" for name, value in package.file.hashes]
        lines += [*(f"{line} \\" for line in hashes[:-1]), hashes[-1]]
    return "\n".join(lines) + "\n"


def _on_one_line(label: str) -> str:
    """Write a label so that it cannot end a comment."""
    return " ".join(label.split())


def _pin(package: LockedPackage, folder: Path) -> str:
    if not package.direct:
        return f"{package.name}=={package.version}"
    file = package.file
    place = file.url or Path(os.path.normpath(folder.absolute() / file.path)).as_uri()
    part = f"#subdirectory={package.subdirectory}" if package.subdirectory else ""
    return f"{package.name} @ {place}{part}"


def find_strays(folder: Path, form: Form, names: set[str]) -> Iterator[tuple[Path, str]]:
    """Find the locks of ours whose targets are not among those being locked.

    :param folder: where locks are.
    :param form: what kind of file a lock is.
    :param names: the names of the files that are being made.
    :returns: the file of each, and what its target is called.
    """
    for path in sorted(folder.glob(f"{form}.*{_ENDINGS[form]}")):
        if path.name not in names:
            label = _label_of(path, form)
            if label is not None:
                yield path, label


def _label_of(path: Path, form: Form) -> str | None:
    """Give the label of the target that a lock is for, or None where it is none of ours."""
    try:
        text = read_regular(path, LOCK_FILE).decode().replace("\r\n", "\n")
        if form is Form.REQUIREMENTS:
            heading = _HEADING.match(text)
            return heading and heading["label"]
        data = parse_toml(text)
    except (OSError, ValueError, RecursionError):
        return None
    label = data["tool"]["wheeltarget"].get("target") if model.is_ours(data) else None
    return label if isinstance(label, str) else None
