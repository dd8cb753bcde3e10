"""Read and validate the files that a lock names, so that nothing dangerous is fetched.

Specification: the pylock.toml page of packaging.python.org (PEP 751).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import unquote, urlsplit

from wheeltarget.errors import Fault
from wheeltarget.utils.toml import fault_at

Way = tuple[str | int, ...]
"""The path to a value of a lock: ``("packages", 3, "wheels", 0, "hashes")``."""

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

_SOURCE_TAIL = re.compile(r"(\.tar\.gz|\.zip)$")


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file that a lock names.

    :param project: the project, normalised.
    :param version: its version; empty if neither the lock nor the file's name has it.
    :param filename: the name of the file; a plain name, valid on every system.
    :param url: its URL, of HTTP and without credentials; empty if it has a path.
    :param path: its path, relative to the lock; empty if it has a URL.
    :param sha256: its hash, in lower-case hexadecimal.
    :param size: its size in bytes, or None if the lock does not say.
    :param index: the index that it was found on, or an empty string.
    :param requires_python: the Python versions that its project requires, or None.
    :param place: where the lock names it.
    """

    project: str
    version: str
    filename: str
    url: str
    path: str
    sha256: str
    size: int | None
    index: str
    requires_python: str | None
    place: Way

    @property
    def is_wheel(self) -> bool:
        """Return whether it is a wheel."""
        return self.filename.endswith(".whl")

    @property
    def tags(self) -> frozenset[str]:
        """Return the tags in a wheel's name, each in full."""
        parts = self.filename.removesuffix(".whl").split("-")[-3:]
        return frozenset("-".join(each) for each in product(*(part.split(".") for part in parts)))


class FaultCollector:
    """Collect the faults of a lock, each with its place.

    :param file: the name of the lock.
    :param text: its text.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._text = text

    def fault(self, way: Way, message: str, hint: str = "") -> Fault:
        """Return a fault at a place."""
        path = write_way(way)
        what = f"{path}: {message}" if path else message
        return fault_at(self.file, self._text, path, what, hint)

    def note(self, way: Way, message: str, hint: str = "") -> None:
        """Add a fault."""
        self.faults.append(self.fault(way, message, hint))


def write_way(way: Way) -> str:
    """Return the path to a value as text: ``packages[3].wheels[0].hashes``.

    :param way: the path.
    """
    text = ""
    for step in way:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read_files(data: Mapping[str, Any], collector: FaultCollector) -> dict[Way, PinnedFile]:
    """Read every file that a lock names.

    :param data: the lock as TOML.
    :param collector: collects the faults.
    :returns: the valid files by their place.
    """
    packages = data.get("packages")
    if not isinstance(packages, list):
        what = "is missing" if packages is None else "has to be a list of tables"
        collector.note(("packages",), what, "is the lock whole?")
        return {}
    found: dict[Way, PinnedFile] = {}
    for number, package in enumerate(packages):
        place: Way = ("packages", number)
        if not isinstance(package, dict):
            collector.note(place, "has to be a table")
            continue
        for each in _package_files(package, place, collector):
            found[each.place] = each
    return found


def _package_files(
    package: Mapping[str, Any], place: Way, collector: FaultCollector
) -> list[PinnedFile]:
    name, version = package.get("name"), package.get("version", "")
    if not isinstance(name, str) or not name:
        collector.note((*place, "name"), "the project's name is missing")
        return []
    if name != _normalised(name):
        collector.note(
            (*place, "name"), f"{name!r} is not normalised", f"write {_normalised(name)}"
        )
        return []
    if not isinstance(version, str):
        collector.note((*place, "version"), "has to be a string")
        version = ""
    entries: list[tuple[Way, object]] = []
    wheels = package.get("wheels", [])
    if isinstance(wheels, list):
        entries += (((*place, "wheels", n), each) for n, each in enumerate(wheels))
    else:
        collector.note((*place, "wheels"), "has to be a list of tables")
    entries += (((*place, key), package[key]) for key in ("sdist", "archive") if key in package)
    reader = _EntryReader(name, version, package, collector)
    return [file for path, entry in entries if (file := reader.read(path, entry)) is not None]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class _EntryReader:
    """Read the files of one project."""

    name: str
    version: str
    package: Mapping[str, Any]
    collector: FaultCollector

    def read(self, place: Way, entry: object) -> PinnedFile | None:
        """Read a file; None if it has a fault."""
        before = len(self.collector.faults)
        if not isinstance(entry, dict):
            self.collector.note(place, "has to be a table")
            return None
        url, path = self._text(entry, place, "url"), self._text(entry, place, "path")
        if not url and not path:
            self.collector.note(place, "has neither url nor path")
        if url and not path:
            self._check(_url_fault(url), (*place, "url"))
        if path:
            self._check(_path_fault(path), (*place, "path"))
        filename = self._filename(entry, place, url, path)
        index = self.package.get("index")
        python = self.package.get("requires-python")
        file = PinnedFile(
            self.name,
            self.version or _version_in(filename),
            filename,
            "" if path else url.partition("#")[0],
            path,
            self._sha256(entry.get("hashes"), (*place, "hashes")),
            self._size(entry.get("size"), (*place, "size")),
            index if isinstance(index, str) else "",
            python if isinstance(python, str) else None,
            place,
        )
        return file if len(self.collector.faults) == before else None

    def _check(self, fault: tuple[str, str] | None, place: Way) -> None:
        if fault is not None:
            self.collector.note(place, *fault)

    def _text(self, entry: Mapping[str, Any], place: Way, key: str) -> str:
        value = entry.get(key, "")
        if not isinstance(value, str):
            self.collector.note((*place, key), "has to be a string")
            return ""
        return value

    def _filename(self, entry: Mapping[str, Any], place: Way, url: str, path: str) -> str:
        """Return the file name: the last part of its URL or path, as pip saves it.

        Some tools write a normalised name beside a URL that is not normalised.
        """
        named, found = self._text(entry, place, "name"), _last_part(url, path)
        filename = found if not named or _is_same_wheel(named, found) else named
        if not url and not path:
            return filename
        fault = _name_fault(filename, _ARCHIVES if "archive" in place else _DISTRIBUTIONS)
        if fault is None and "archive" not in place:
            fault = self._mismatch(filename, wheel="wheels" in place)
        self._check(fault, (*place, "name" if named else "path" if path else "url"))
        return filename

    def _mismatch(self, filename: str, *, wheel: bool) -> tuple[str, str] | None:
        """Return the fault of a file name that does not match the project."""
        if wheel:
            parts = filename.removesuffix(".whl").split("-")
            if not filename.endswith(".whl") or len(parts) not in {5, 6} or not all(parts):
                return f"{filename} is not a valid wheel name", ""
            name, version = parts[:2]
        else:
            stem, count = _SOURCE_TAIL.subn("", filename)
            name, _, version = stem.rpartition("-")
            if not count or not name:
                return f"{filename} is not a valid name of a source distribution", ""
        if _normalised(name) != self.name:
            return f"{filename} belongs to another project than {self.name}", ""
        if self.version and not _same_version(version, self.version):
            return f"{filename} has another version than {self.version}", ""
        return None

    def _sha256(self, hashes: object, place: Way) -> str:
        if not isinstance(hashes, dict) or not hashes:
            self.collector.note(place, "the hash is missing", "lock again")
            return ""
        sha256 = hashes.get("sha256")
        if sha256 is None:
            names = ", ".join(sorted(map(str, hashes)))
            self.collector.note(
                place, f"there is no sha256, only {names}", "lock again with sha256"
            )
            return ""
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            self.collector.note((*place, "sha256"), "has to be 64 hexadecimal digits")
            return ""
        return sha256.lower()

    def _size(self, size: object, place: Way) -> int | None:
        if size is None:
            return None
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            self.collector.note(place, "has to be a number of bytes")
            return None
        return size


def _url_fault(url: str) -> tuple[str, str] | None:
    """Return why a URL is refused."""
    if _INVALID_IN_URL.search(url) or not url.isascii():
        return "the URL has an invalid character", "percent-encode it"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return f"not a valid URL: {error}", ""
    if parts.scheme.lower() not in {"http", "https"}:
        scheme = f"the scheme {parts.scheme}" if parts.scheme else "no scheme"
        hint = "use path for a file on this machine"
        return f"the URL has {scheme}, but files are fetched by http or https only", hint
    if not host:
        return "the URL has no host", ""
    if "@" in parts.netloc:
        hint = "put them into pip's configuration, netrc or a keyring"
        return "the URL has credentials in it", hint
    return None


def _path_fault(path: str) -> tuple[str, str] | None:
    """Return why a path is refused.

    It may lead out of the folder of the lock, such as to a wheelhouse beside it: it is only read,
    and what is read has to have the hash.
    """
    if path.startswith(("/", "\\", "~")) or ":" in path:
        return f"{path!r} is not relative to the lock", "write it relative to the lock's folder"
    if "\0" in path:
        return "the path has a NUL character", ""
    return None


def _name_fault(filename: str, endings: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why a file name is not valid on every system."""
    shown = filename if len(filename) < _LONGEST_NAME else f"{filename[:40]}…"
    if re.search(r"[/\\:]", filename) or filename in {"", ".", ".."}:
        return f"{shown!r} is not a plain file name", ""
    if _RESERVED.fullmatch(filename):
        return f"{shown!r} is the name of a device on Windows", ""
    if len(filename) > _LONGEST_NAME:
        return f"{shown!r} is too long for a file name ({len(filename)} characters)", ""
    if not _SAFE.fullmatch(filename):
        return f"{shown!r} has characters that are not allowed in the name of a distribution", ""
    if not filename.endswith(endings):
        return f"{shown!r} is neither a wheel nor a source distribution", ""
    return None


def _last_part(url: str, path: str) -> str:
    if path:
        return re.split(r"[/\\]", path)[-1]
    try:
        return unquote(urlsplit(url).path.split("/")[-1])
    except ValueError:
        return ""  # the fault of the URL says so


def _is_same_wheel(one: str, other: str) -> bool:
    """Return whether two names are the same except for the spelling of the project."""
    (name, *rest), (other_name, *other_rest) = one.split("-"), other.split("-")
    return rest == other_rest and _normalised(name) == _normalised(other_name)


def _version_in(filename: str) -> str:
    if filename.endswith(".whl"):
        return (*filename.split("-"), "")[1]
    return ""


def _same_version(one: str, other: str) -> bool:
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
