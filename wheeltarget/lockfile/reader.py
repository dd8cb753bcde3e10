"""Read locks: the files that they name, and for which target.

Specification: the pylock.toml page of packaging.python.org (PEP 751). A lock that wheeltarget wrote
has its target in ``[tool.wheeltarget]``; for any other lock, files are selected by
:mod:`wheeltarget.lockfile.select`. Start-up: this module does not load packaging, which takes
longer than reading a lock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wheeltarget.errors import Fault, Location, TargetError
from wheeltarget.lockfile.entries import FaultCollector, KeyPath, PinnedFile, read_files
from wheeltarget.lockfile.own import is_own
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.utils.toml import BYTE_ORDER_MARK, parse_toml, syntax_fault

SCHEMA = 1
"""The version of the format of ``[tool.wheeltarget]``."""

FindTarget = Callable[[str, str, str], Target]
"""Return the target for a key, ``tags`` or ``target``, a value and a folder; raise TargetError."""

_PYTHON = re.compile(r"[0-9]+(?:\.[0-9]+){2}[0-9a-z.+]*")
_PACKAGE = re.compile(r"[ \t]*\[\[[ \t]*packages[ \t]*\]\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """The target that a lock was made for.

    :param tag: its best tag.
    :param python: its full Python version.
    """

    label: str
    tag: str
    python: str


@dataclass(frozen=True, slots=True)
class ParsedLock:
    """A lock that was read.

    :param name: the file, as the user named it.
    :param data: the text as TOML.
    :param files: every file that it names, by its path in the lock.
    :param origin: the target that it was made for; None if wheeltarget did not write it.
    :param extras: the requested extras.
    """

    name: str
    text: str
    data: Mapping[str, Any]
    files: Mapping[KeyPath, PinnedFile]
    origin: Origin | None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """A file that a lock names.

    :param lock: the name of the lock.
    :param line: the line at which the file's project begins, from 1.
    """

    lock: str
    line: int
    file: PinnedFile

    @property
    def local_path(self) -> Path:
        """Return the path of a file that has no URL."""
        return Path(self.lock).parent / self.file.path

    def fault(self, message: str, hint: str = "") -> Fault:
        """Return a fault of the file."""
        return Fault(message, hint, Location(self.lock, self.line))


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of locks for one target.

    :param label: the label of the target.
    :param pins: its files, in the order of the lock.
    """

    label: str
    target: Target
    pins: tuple[Pin, ...]


def parse_lock(
    name: str, data: bytes, extras: tuple[str, ...] = ()
) -> tuple[ParsedLock, list[Fault]]:
    """Read a lock.

    :param name: the file, as the user named it.
    :param data: its bytes, at most one more than the size of ``LOCK_FILE``.
    :param extras: the requested extras.
    :returns: the lock and its faults; a lock with faults must not be used.
    """
    found = _parse(name, data)
    if isinstance(found, Fault):
        return ParsedLock(name, "", {}, {}, None), [found]
    text, parsed = found
    collector = FaultCollector(name, text)
    version = parsed.get("lock-version")
    if version is None:
        hint = "a lock begins with lock-version"
        collector.add(("lock-version",), "is missing", hint)
    elif not isinstance(version, str) or not re.fullmatch(r"1(\.\d+)?", version):
        hint = "this wheeltarget reads 1.0: lock again, or use a newer wheeltarget"
        collector.add(("lock-version",), f"{version!r} is not known", hint)
    files = read_files(parsed, collector)
    origin = _read_origin(parsed, collector) if is_own(data) else None
    if origin is not None:
        _check_own(parsed, collector)
    return ParsedLock(name, text, parsed, files, origin, extras), collector.faults


def _parse(name: str, data: bytes) -> tuple[str, dict[str, Any]] | Fault:
    if len(data) > LOCK_FILE.size:
        return Fault(f"{name} is too large for a lock: more than {LOCK_FILE.size >> 20} MiB")
    try:
        text = data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = Location(name, line, error.start - data.rfind(b"\n", 0, error.start))
        return Fault("a lock has to be UTF-8, but this is not", "", where)
    try:
        return text, parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        return syntax_fault(name, text, error, "is the file whole? lock again")
    except RecursionError:
        return Fault(f"{name} is not a lock: it is nested too deeply")
    except ValueError as error:  # a number of thousands of digits
        return Fault(f"{name} is not a lock: {error}")


def _read_origin(data: Mapping[str, Any], collector: FaultCollector) -> Origin | None:
    """Read ``[tool.wheeltarget]``."""
    path: KeyPath = ("tool", "wheeltarget")
    tools = data.get("tool", {})
    table = tools.get("wheeltarget") if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        message = "the table with the target of the lock is missing"
        collector.add(path, message, "the file may be incomplete: lock again")
        return None
    schema = table.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        what = "is missing" if schema is None else f"{schema!r} is not known to this wheeltarget"
        collector.add((*path, "schema"), what, "lock again, or use a newer wheeltarget")
        return None
    values = []
    for key in ("target", "tag", "python"):
        value = table.get(key)
        if not isinstance(value, str) or not value:
            collector.add((*path, key), "has to be a string", "lock again")
        elif not value.isprintable():
            collector.add((*path, key), "has a character that cannot be printed", "lock again")
        elif key == "python" and not _PYTHON.fullmatch(value):
            collector.add((*path, key), f"{value!r} is not a full version of Python", "lock again")
        else:
            values.append(value)
    return Origin(*values) if len(values) == 3 else None


def _check_own(data: Mapping[str, Any], collector: FaultCollector) -> None:
    """Refuse what a lock for one target cannot have: two files of a project, or a choice."""
    seen: dict[str, int] = {}
    packages = data.get("packages", [])
    for number, package in enumerate(packages if isinstance(packages, list) else []):
        if not isinstance(package, dict):
            continue
        path: KeyPath = ("packages", number)
        name = package.get("name")
        if isinstance(name, str) and seen.setdefault(name, number) != number:
            message = f"{name} is there twice, first in packages[{seen[name]}]"
            collector.add(path, message, "a lock for one target has each project once")
        wheels = package.get("wheels", [])
        if isinstance(wheels, list) and len(wheels) > 1:
            message = f"{len(wheels)} wheels of one project"
            collector.add((*path, "wheels"), message, "a lock for one target has one of each")
        if wheels and ("sdist" in package or "archive" in package):
            collector.add(path, "a wheel and a source", "a lock for one target has one of each")
        for key in ("vcs", "directory"):
            if key in package:
                collector.add((*path, key), "cannot be fetched by its hash: it is not a file")
        if "marker" in package:
            collector.add((*path, "marker"), "a lock for one target has no markers", "lock again")


def select_own(lock: ParsedLock, find: FindTarget) -> tuple[list[Selection], list[Fault]]:
    """Select all files of a lock that wheeltarget wrote, if they fit its target.

    :param lock: a lock with an origin.
    :returns: the selection, if its target is valid, and the faults.
    """
    assert lock.origin is not None  # noqa: S101 - as the parameter says
    collector = FaultCollector(lock.name, lock.text)
    try:
        target = _own_target(lock.origin, find, lock.files.values())
    except TargetError as error:
        collector.add(("tool", "wheeltarget", "tag"), error.message, error.hint or "lock again")
        return [], collector.faults
    accepted = set(target.tags)
    for file in lock.files.values():
        if file.is_wheel and not file.tags & accepted:
            message = f"{file.filename} is for another target than {lock.origin.label}"
            hint = "the lock was changed by hand, or is damaged: lock again"
            collector.add(file.key_path, message, hint)
    pins = pins_for(lock, lock.files.values())
    return [Selection(lock.origin.label, target, pins)], collector.faults


def pins_for(lock: ParsedLock, files: Iterable[PinnedFile]) -> tuple[Pin, ...]:
    """Return files of a lock with the lines at which it names them."""
    text = enumerate(lock.text.splitlines(), start=1)
    lines = [number for number, line in text if _PACKAGE.match(line)]
    numbered = ((int(file.key_path[1]), file) for file in files)
    return tuple(
        Pin(lock.name, lines[number] if number < len(lines) else 1, file)
        for number, file in numbered
    )


def _own_target(origin: Origin, find: FindTarget, files: Iterable[PinnedFile]) -> Target:
    """Return the target that a lock of wheeltarget was made for; raises TargetError.

    The target may accept more than its best tag implies, such as one of a target file; but that
    file may be missing, and its label may mean something else today.
    """
    interpreter = origin.tag.partition("-")[0]
    target = target_from_tag(origin.tag, {interpreter: origin.python}, origin.label)
    accepted = set(target.tags)
    if all(file.tags & accepted for file in files if file.is_wheel):
        return target
    for key in ("tags", "target"):
        try:
            named = find(key, origin.label, "")
        except TargetError:
            continue
        if named.tags[0] == origin.tag:
            return replace(named, label=origin.label)
    return target
