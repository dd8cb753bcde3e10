"""Read and validate the files that a lock names, so that nothing dangerous is fetched.

Specification: the pylock.toml page of packaging.python.org (PEP 751). Start-up: packaging takes
longer to load than most locks to read, so it is imported in the function that few locks need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import unquote, urlsplit

from wheeltarget.errors import Fault
from wheeltarget.utils.toml import fault_at

KeyPath = tuple[str | int, ...]
"""The path to a value of a lock: ``("packages", 3, "wheels", 0, "hashes")``."""

_Problem = tuple[str, ...]
"""A message and perhaps a hint; empty if there is no problem."""

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_INVALID_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
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


@dataclass(slots=True)
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


def read_files(data: Mapping[str, Any], collector: FaultCollector) -> dict[KeyPath, PinnedFile]:
    """Return the valid files that a lock names, by the path to each in the lock."""
    packages = data.get("packages")
    if not isinstance(packages, list):
        what = "is missing" if packages is None else "has to be a list of tables"
        collector.add(("packages",), what, "is the lock whole?")
        return {}
    found: dict[KeyPath, PinnedFile] = {}
    for number, package in enumerate(packages):
        path: KeyPath = ("packages", number)
        if isinstance(package, dict):
            found |= {file.key_path: file for file in _package_files(package, path, collector)}
        else:
            collector.add(path, "has to be a table")
    return found


def _package_files(
    package: Mapping[str, Any], path: KeyPath, collector: FaultCollector
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
    entries: list[tuple[KeyPath, object]] = []
    wheels = package.get("wheels", [])
    if isinstance(wheels, list):
        entries += (((*path, "wheels", n), each) for n, each in enumerate(wheels))
    else:
        collector.add((*path, "wheels"), "has to be a list of tables")
    entries += (((*path, key), package[key]) for key in ("sdist", "archive") if key in package)
    reader = _EntryReader(name, version, package, collector)
    yield from filter(None, (reader.read(*each) for each in entries))


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class _EntryReader:
    """Read the files of one project."""

    name: str
    version: str
    package: Mapping[str, Any]
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
        python = self.package.get("requires-python")
        in_name = (*filename.split("-"), "")[1] if filename.endswith(".whl") else ""
        file = PinnedFile(
            self.name,
            self.version or in_name,
            filename,
            "" if path else url.partition("#")[0],
            path,
            self._sha256(entry.get("hashes"), (*key_path, "hashes")),
            self._size(entry.get("size"), (*key_path, "size")),
            python if isinstance(python, str) else None,
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
        if not url and not path:
            return filename
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
            return ""
        sha256 = hashes.get("sha256")
        if sha256 is None:
            names = ", ".join(sorted(map(str, hashes)))
            what = f"there is no sha256, only {names}"
            self.collector.add(key_path, what, "lock again with sha256")
            return ""
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            self.collector.add((*key_path, "sha256"), "has to be 64 hexadecimal digits")
            return ""
        return sha256.lower()

    def _size(self, size: object, key_path: KeyPath) -> int | None:
        if size is None:
            return None
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            self.collector.add(key_path, "has to be a number of bytes")
            return None
        return size


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
        "has characters that no name of a distribution may have": (not _SAFE.fullmatch(filename)),
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
