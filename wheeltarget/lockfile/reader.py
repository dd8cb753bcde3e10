"""Read locks: the files that they name, validated so that nothing dangerous is fetched.

Specification: the pylock.toml page of packaging.python.org (PEP 751). A lock that wheeltarget wrote
has its target in ``[tool.wheeltarget]``; for any other lock, files are selected by
:mod:`wheeltarget.lockfile.select`. Start-up: packaging takes longer to load than most locks to
read, so it is imported in the function that few locks need.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wheeltarget.errors import Fault, Location, TargetError
from wheeltarget.pip_config.options import is_own
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.utils.toml import BYTE_ORDER_MARK, fault_at, parse_toml, syntax_fault

SCHEMA = 1
"""The version of the format of ``[tool.wheeltarget]``."""

KeyPath = tuple[str | int, ...]
"""The path to a value of a lock: ``("packages", 3, "wheels", 0, "hashes")``."""

FindTarget = Callable[[str, str, str], Target]
"""Return the target for a key, ``tags`` or ``target``, a value and a folder; raise TargetError."""

_Problem = tuple[str, ...]
"""A message and perhaps a hint; empty if there is no problem."""

_PYTHON = re.compile(r"[0-9]+(?:\.[0-9]+){2}[0-9a-z.+]*")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_INVALID_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_PACKAGE = re.compile(r"[ \t]*\[\[[ \t]*packages[ \t]*\]\]")
_LONGEST_NAME = 255
_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip")
_ARCHIVES = (
    *_DISTRIBUTIONS,
    *(".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tar.lz", ".tlz"),
)
"""The archives that pip takes for a project that is requested by URL or path."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file that a lock names.

    :param project: the normalised name.
    :param version: empty if neither the lock nor the file's name has it.
    :param filename: a plain name, valid on every system.
    :param url: a URL of HTTP without credentials; empty if the file has a path.
    :param path: relative to the lock; empty if the file has a URL.
    :param sha256: in lower-case hexadecimal.
    :param size: in bytes; None if the lock does not state it.
    :param requires_python: the Python versions that its project requires, or None.
    :param lock: the name of the lock.
    :param line: the line of the lock at which the project begins, from 1.
    :param key_path: the path to it in the lock.
    """

    project: str
    version: str
    filename: str
    url: str
    path: str
    sha256: str
    size: int | None
    requires_python: str | None
    lock: str
    line: int
    key_path: KeyPath

    @property
    def is_wheel(self) -> bool:
        """Return whether it is a wheel."""
        return self.filename.endswith(".whl")

    @property
    def tags(self) -> frozenset[str]:
        """Return the tags in a wheel's name, each in full."""
        parts = self.filename.removesuffix(".whl").split("-")[-3:]
        return frozenset("-".join(each) for each in product(*(part.split(".") for part in parts)))

    @property
    def local_path(self) -> Path:
        """Return the path of a file that has no URL."""
        return Path(self.lock).parent / self.path

    def fault(self, message: str, hint: str = "") -> Fault:
        """Return a fault of the file."""
        return Fault(message, hint, Location(self.lock, self.line))


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
class Selection:
    """The files of locks for one target, in the order of the lock."""

    label: str
    target: Target
    files: tuple[PinnedFile, ...]


@dataclass(frozen=True, slots=True)
class FaultCollector:
    """Collect the faults of a lock, each with its place.

    :param file: the name of the lock.
    """

    file: str
    text: str
    faults: list[Fault] = field(default_factory=list)

    def add(self, key_path: KeyPath, message: str, hint: str = "") -> None:
        """Add a fault."""
        path = key_text(key_path)
        what = f"{path}: {message}" if path else message
        self.faults.append(fault_at(self.file, self.text, path, what, hint))


def key_text(key_path: KeyPath) -> str:
    """Return the path to a value as text: ``packages[3].wheels[0].hashes``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in key_path)
    return "".join(steps).removeprefix(".")


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
        collector.add(("lock-version",), "is missing", "a lock begins with lock-version")
    elif not isinstance(version, str) or not re.fullmatch(r"1(\.\d+)?", version):
        hint = "this wheeltarget reads 1.0: lock again, or use a newer wheeltarget"
        collector.add(("lock-version",), f"{version!r} is not known", hint)
    files = {file.key_path: file for file in _read_files(parsed, collector)}
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


def _read_files(data: Mapping[str, Any], collector: FaultCollector) -> Iterator[PinnedFile]:
    """Yield the valid files that a lock names."""
    packages = data.get("packages")
    if not isinstance(packages, list):
        what = "is missing" if packages is None else "has to be a list of tables"
        collector.add(("packages",), what, "is the lock whole?")
        return
    text = enumerate(collector.text.splitlines(), start=1)
    lines = [number for number, line in text if _PACKAGE.match(line)]
    for number, package in enumerate(packages):
        if isinstance(package, dict):
            line = lines[number] if number < len(lines) else 1
            yield from _package_files(package, ("packages", number), line, collector)
        else:
            collector.add(("packages", number), "has to be a table")


def _package_files(
    package: Mapping[str, Any], path: KeyPath, line: int, collector: FaultCollector
) -> Iterator[PinnedFile]:
    name, version = package.get("name"), package.get("version", "")
    if not isinstance(name, str) or not name:
        collector.add((*path, "name"), "the project's name is missing")
        return
    if name != _normalised(name):
        hint = f"write {_normalised(name)}"
        collector.add((*path, "name"), f"{name!r} is not normalised", hint)
        return
    if not isinstance(version, str):
        collector.add((*path, "version"), "has to be a string")
        version = ""
    entries = [((*path, key), package[key]) for key in ("sdist", "archive") if key in package]
    wheels = package.get("wheels", [])
    if isinstance(wheels, list):
        entries[:0] = (((*path, "wheels", n), each) for n, each in enumerate(wheels))
    else:
        collector.add((*path, "wheels"), "has to be a list of tables")
    reader = _EntryReader(name, version, package.get("requires-python"), line, collector)
    yield from filter(None, (reader.read(*each) for each in entries))


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class _EntryReader:
    """Read the files of one project."""

    name: str
    version: str
    requires_python: object
    line: int
    collector: FaultCollector

    def read(self, key_path: KeyPath, entry: object) -> PinnedFile | None:
        """Read a file; return None if it has a fault."""
        before = len(self.collector.faults)
        if not isinstance(entry, dict):
            self.collector.add(key_path, "has to be a table")
            return None
        url, path = self._text(entry, key_path, "url"), self._text(entry, key_path, "path")
        if path:
            self._check(_path_problem(path), (*key_path, "path"))
        elif url:
            self._check(_url_problem(url), (*key_path, "url"))
        else:
            self.collector.add(key_path, "has neither url nor path")
        filename = self._filename(entry, key_path, url, path)
        in_name = (*filename.split("-"), "")[1] if filename.endswith(".whl") else ""
        file = PinnedFile(
            self.name,
            self.version or in_name,
            filename,
            "" if path else url.partition("#")[0],
            path,
            self._sha256(entry.get("hashes"), (*key_path, "hashes")),
            self._size(entry.get("size"), (*key_path, "size")),
            self.requires_python if isinstance(self.requires_python, str) else None,
            self.collector.file,
            self.line,
            key_path,
        )
        return file if len(self.collector.faults) == before else None

    def _check(self, problem: _Problem, key_path: KeyPath) -> None:
        if problem:
            self.collector.add(key_path, *problem)

    def _text(self, entry: Mapping[str, Any], key_path: KeyPath, key: str) -> str:
        value = entry.get(key, "")
        if isinstance(value, str):
            return value
        self.collector.add((*key_path, key), "has to be a string")
        return ""

    def _filename(self, entry: Mapping[str, Any], key_path: KeyPath, url: str, path: str) -> str:
        """Return the file name: the last part of its URL or path, as pip saves it.

        Some tools write a normalised name beside a URL that is not normalised.
        """
        named, found = self._text(entry, key_path, "name"), _last_part(url, path)
        filename = found if not named or _is_same_wheel(named, found) else named
        if url or path:
            archive = "archive" in key_path
            problem = _name_problem(filename, _ARCHIVES if archive else _DISTRIBUTIONS)
            if not problem and not archive:
                problem = self._mismatch(filename, wheel="wheels" in key_path)
            self._check(problem, (*key_path, "name" if named else "path" if path else "url"))
        return filename

    def _mismatch(self, filename: str, *, wheel: bool) -> _Problem:
        """Return why a file name does not match the project."""
        if wheel:
            parts = filename.removesuffix(".whl").split("-")
            if not filename.endswith(".whl") or len(parts) not in {5, 6} or not all(parts):
                return (f"{filename} is not a valid wheel name",)
            name, version = parts[:2]
        else:
            stem, count = re.subn(r"(\.tar\.gz|\.zip)$", "", filename)
            name, _, version = stem.rpartition("-")
            if not count or not name:
                return (f"{filename} is not a valid name of a source distribution",)
        if _normalised(name) != self.name:
            return (f"{filename} belongs to another project than {self.name}",)
        if self.version and not _is_same_version(version, self.version):
            return (f"{filename} has another version than {self.version}",)
        return ()

    def _sha256(self, hashes: object, key_path: KeyPath) -> str:
        if not isinstance(hashes, dict) or not hashes:
            self.collector.add(key_path, "the hash is missing", "lock again")
        elif (sha256 := hashes.get("sha256")) is None:
            what = f"there is no sha256, only {', '.join(sorted(map(str, hashes)))}"
            self.collector.add(key_path, what, "lock again with sha256")
        elif isinstance(sha256, str) and _SHA256.fullmatch(sha256):
            return sha256.lower()
        else:
            self.collector.add((*key_path, "sha256"), "has to be 64 hexadecimal digits")
        return ""

    def _size(self, size: object, key_path: KeyPath) -> int | None:
        if type(size) is int and size >= 0:
            return size
        if size is not None:
            self.collector.add(key_path, "has to be a number of bytes")
        return None


def _url_problem(url: str) -> _Problem:
    """Return why a URL is refused."""
    if _INVALID_IN_URL.search(url) or not url.isascii():
        return "the URL has an invalid character", "percent-encode it"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return (f"not a valid URL: {error}",)
    if parts.scheme.lower() not in {"http", "https"}:
        scheme = f"the scheme {parts.scheme}" if parts.scheme else "no scheme"
        hint = "use path for a file on this machine"
        return f"the URL has {scheme}, but files are fetched by http or https only", hint
    if not host:
        return ("the URL has no host",)
    if "@" in parts.netloc:
        hint = "put them into pip's configuration, netrc or a keyring"
        return "the URL has credentials in it", hint
    return ()


def _path_problem(path: str) -> _Problem:
    """Return why a path is refused.

    It may lead out of the folder of the lock, such as to a wheelhouse beside it: it is only read,
    and what is read has to have the hash.
    """
    if path.startswith(("/", "\\", "~")) or ":" in path:
        return f"{path!r} is not relative to the lock", "write it relative to the lock's folder"
    return ("the path has a NUL character",) if "\0" in path else ()


def _name_problem(filename: str, endings: tuple[str, ...]) -> _Problem:
    """Return why a file name is not valid on every system."""
    length = len(filename)
    shown = filename if length < _LONGEST_NAME else f"{filename[:40]}…"
    problems = {
        "is not a plain file name": re.search(r"[/\\:]", filename) or filename in {"", ".", ".."},
        "is the name of a device on Windows": _RESERVED.fullmatch(filename),
        f"is too long for a file name ({length} characters)": length > _LONGEST_NAME,
        "has characters that no name of a distribution may have": not _SAFE.fullmatch(filename),
        "is neither a wheel nor a source distribution": not filename.endswith(endings),
    }
    found = next((problem for problem, is_there in problems.items() if is_there), "")
    return (f"{shown!r} {found}",) if found else ()


def _last_part(url: str, path: str) -> str:
    if path:
        return re.split(r"[/\\]", path)[-1]
    try:
        return unquote(urlsplit(url).path.split("/")[-1])
    except ValueError:
        return ""  # there is a fault for the URL already


def _is_same_wheel(one: str, other: str) -> bool:
    """Return whether two names are the same except for the spelling of the project."""
    (name, *rest), (other_name, *other_rest) = one.split("-"), other.split("-")
    return rest == other_rest and _normalised(name) == _normalised(other_name)


def _is_same_version(one: str, other: str) -> bool:
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


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
    return [Selection(lock.origin.label, target, files)], collector.faults


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
