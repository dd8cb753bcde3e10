"""Read locks: the files that they name, and for which target.

Specification: the pylock.toml page of packaging.python.org (PEP 751). A lock that wheeltarget wrote
has its target in ``[tool.wheeltarget]``; for any other lock, files are selected by
:mod:`wheeltarget.lockfile.select`. This module does not load packaging, which takes longer than
reading a lock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wheeltarget.errors import Fault, Location, TargetError
from wheeltarget.lockfile.entries import FaultCollector, PinnedFile, Way, read_files
from wheeltarget.lockfile.own import is_own
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.utils.toml import BYTE_ORDER_MARK, parse_toml, syntax_fault

LARGEST = LOCK_FILE.size
"""The largest size of a lock in bytes; one of a thousand projects has less than a tenth of that."""

SCHEMA = 1
"""The version of the format of ``[tool.wheeltarget]``."""

_PYTHON = re.compile(r"[0-9]+(?:\.[0-9]+){2}[0-9a-z.+]*")
_WHOLE = "is the file whole? lock again"
_PACKAGE = re.compile(r"[ \t]*\[\[[ \t]*packages[ \t]*\]\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """The target that a lock was made for.

    :param label: what its author called it.
    :param tag: its best tag.
    :param python: its full Python version.
    """

    label: str
    tag: str
    python: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that was read.

    :param name: the file, as the user named it.
    :param text: its text.
    :param data: the same as TOML.
    :param files: every file that it names, by place.
    :param origin: the target that it was made for, or None if it is not wheeltarget's.
    :param extras: the requested extras.
    """

    name: str
    text: str
    data: Mapping[str, Any]
    files: Mapping[Way, PinnedFile]
    origin: Origin | None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """A file that a lock names, and where.

    :param lock: the lock.
    :param line: the line at which the file's project begins, from 1.
    :param file: the file.
    """

    lock: str
    line: int
    file: PinnedFile

    @property
    def beside(self) -> Path:
        """Return the path of a file that has no URL."""
        return Path(self.lock).parent / self.file.path

    def fault(self, message: str, hint: str = "") -> Fault:
        """Return a fault of the file.

        :param message: what is wrong.
        :param hint: what to do about it.
        """
        return Fault(message, hint, Location(self.lock, self.line))


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of locks for one target.

    :param label: the label of the target.
    :param target: the target.
    :param pins: its files, in the order of the lock.
    """

    label: str
    target: Target
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class TargetFinder:
    """The functions that find targets.

    :param look_up: returns the target that (key, text, folder) names, None for the running
        interpreter; raises TargetError.
    :param host: returns the target of the running interpreter.
    """

    look_up: Callable[[str, str, str], Target | None]
    host: Callable[[], Target]


def parse_lock(name: str, data: bytes, extras: tuple[str, ...] = ()) -> tuple[Lock, list[Fault]]:
    """Read a lock.

    :param name: the file, as the user named it.
    :param data: its bytes, at most one more than :data:`LARGEST` of them.
    :param extras: the requested extras.
    :returns: the lock and its faults; a lock with faults must not be used.
    """
    nothing = Lock(name, "", {}, {}, None)
    if len(data) > LARGEST:
        return nothing, [Fault(f"{name} has more than {LARGEST >> 20} MiB: that is no lock")]
    try:
        text = data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = Location(name, line, error.start - data.rfind(b"\n", 0, error.start))
        return nothing, [Fault("a lock has to be UTF-8, but this is not", "", where)]
    try:
        parsed = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        return nothing, [syntax_fault(name, text, error, _WHOLE)]
    except RecursionError:
        return nothing, [Fault(f"{name} is not a lock: it is nested too deeply")]
    except ValueError as error:  # a number of thousands of digits
        return nothing, [Fault(f"{name} is not a lock: {error}")]
    collector = FaultCollector(name, text)
    _check_head(parsed, collector)
    files = read_files(parsed, collector)
    origin = _read_origin(parsed, collector) if is_own(data) else None
    if origin is not None:
        _check_own(parsed, collector)
    return Lock(name, text, parsed, files, origin, extras), collector.faults


def _check_head(data: Mapping[str, Any], collector: FaultCollector) -> None:
    version = data.get("lock-version")
    if version is None:
        hint = "a lock begins with lock-version"
        collector.note(("lock-version",), "is missing", hint)
    elif not isinstance(version, str) or not re.fullmatch(r"1(\.\d+)?", version):
        hint = "this wheeltarget reads 1.0: lock again, or use a newer wheeltarget"
        collector.note(("lock-version",), f"{version!r} is not known", hint)


def _read_origin(data: Mapping[str, Any], collector: FaultCollector) -> Origin | None:
    """Read ``[tool.wheeltarget]``."""
    way: Way = ("tool", "wheeltarget")
    tools = data.get("tool", {})
    table = tools.get("wheeltarget") if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        message = "the table with the target of the lock is missing"
        collector.note(way, message, "the file may be incomplete: lock again")
        return None
    schema = table.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        hint = "lock again, or use a newer wheeltarget"
        what = "is missing" if schema is None else f"{schema!r} is not known to this wheeltarget"
        collector.note((*way, "schema"), what, hint)
        return None
    values = {}
    for key in ("target", "tag", "python"):
        value = table.get(key)
        if not isinstance(value, str) or not value:
            collector.note((*way, key), "has to be a string", "lock again")
        elif not value.isprintable():
            collector.note((*way, key), "has a character that is not printable", "lock again")
        elif key == "python" and not _PYTHON.fullmatch(value):
            collector.note((*way, key), f"{value!r} is not a full version of Python", "lock again")
        else:
            values[key] = value
    if len(values) < 3:
        return None
    return Origin(values["target"], values["tag"], values["python"])


def _check_own(data: Mapping[str, Any], collector: FaultCollector) -> None:
    """Refuse what a lock for one target cannot have: two files of a project, or a choice."""
    seen: dict[str, int] = {}
    packages = data.get("packages", [])
    for number, package in enumerate(packages if isinstance(packages, list) else []):
        if not isinstance(package, dict):
            continue
        way: Way = ("packages", number)
        name = package.get("name")
        if isinstance(name, str) and name in seen:
            message = f"{name} is there twice, first in packages[{seen[name]}]"
            collector.note(way, message, "a lock for one target has each project once")
        elif isinstance(name, str):
            seen[name] = number
        wheels = package.get("wheels", [])
        if isinstance(wheels, list) and len(wheels) > 1:
            message = f"{len(wheels)} wheels of one project"
            collector.note((*way, "wheels"), message, "a lock for one target has one of each")
        if wheels and ("sdist" in package or "archive" in package):
            collector.note(way, "a wheel and a source", "a lock for one target has one of each")
        for key in ("vcs", "directory"):
            if key in package:
                collector.note((*way, key), "cannot be fetched by its hash: it is not a file")
        if "marker" in package:
            collector.note((*way, "marker"), "a lock for one target has no markers", "lock again")


def select_own(lock: Lock, finder: TargetFinder) -> tuple[Selection | None, list[Fault]]:
    """Select all files of a lock that wheeltarget wrote, if they fit its target.

    :param lock: the lock; it has an origin.
    :param finder: the functions that find targets.
    :returns: the selection, and the faults.
    """
    assert lock.origin is not None  # noqa: S101 - as the parameter says
    collector = FaultCollector(lock.name, lock.text)
    try:
        target = _own_target(lock.origin, finder, lock.files.values())
    except TargetError as error:
        collector.note(("tool", "wheeltarget", "tag"), error.message, error.hint or "lock again")
        return None, collector.faults
    accepted = set(target.tags)
    for file in lock.files.values():
        if file.is_wheel and not file.tags & accepted:
            message = f"{file.filename} is for another target than {lock.origin.label}"
            hint = "the lock was changed by hand, or is damaged: lock again"
            collector.note(file.place, message, hint)
    selection = Selection(lock.origin.label, target, pin_all(lock, lock.files.values()))
    return selection, collector.faults


def pin_all(lock: Lock, files: Iterable[PinnedFile]) -> tuple[Pin, ...]:
    """Return files of a lock with the lines at which it names them.

    :param lock: the lock.
    :param files: some of its files.
    """
    text = enumerate(lock.text.splitlines(), start=1)
    lines = [number for number, line in text if _PACKAGE.match(line)]
    numbered = ((int(file.place[1]), file) for file in files)
    return tuple(
        Pin(lock.name, lines[number] if number < len(lines) else 1, file)
        for number, file in numbered
    )


def _own_target(origin: Origin, finder: TargetFinder, files: Iterable[PinnedFile]) -> Target:
    """Return the target that a lock of wheeltarget was made for; raises TargetError.

    The target may accept more than its best tag says, such as one of a target file; but that file
    may be missing, and its label may mean something else today.
    """
    interpreter = origin.tag.partition("-")[0]
    target = target_from_tag(origin.tag, {interpreter: origin.python}, origin.label)
    accepted = set(target.tags)
    if all(file.tags & accepted for file in files if file.is_wheel):
        return target
    for key in ("tags", "target"):
        try:
            named = finder.look_up(key, origin.label, "") or finder.host()
        except TargetError:
            continue
        if named.tags[0] == origin.tag:
            return replace(named, label=origin.label)
    return target
