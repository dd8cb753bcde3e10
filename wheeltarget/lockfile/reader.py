"""Read locks: the files that they name, validated so that nothing dangerous is fetched.

Specification: the pylock.toml page of packaging.python.org (PEP 751). A lock that wheeltarget wrote
has its target in ``[tool.wheeltarget]``. packaging checks the rest of the specification.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.pylock import Pylock, PylockValidationError
from packaging.utils import canonicalize_name

from wheeltarget.errors import Fault, Location
from wheeltarget.pip_config.options import is_own
from wheeltarget.targets.exclusions import Exclusion, InvalidPatternError
from wheeltarget.targets.own_pip import is_version
from wheeltarget.targets.variants import parse_variant
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.utils.toml import (
    BYTE_ORDER_MARK,
    LONG_NUMBER,
    fault_at,
    parse_toml,
    syntax_fault,
)

SCHEMA = 1
"""The version of the format of ``[tool.wheeltarget]``."""

PROVENANCE = "provenance"
"""The key of a URL in ``[packages.tool.wheeltarget]``."""

KeyPath = tuple[str | int, ...]
"""The path to a value of a lock: ``("packages", 3, "wheels", 0, "hashes")``."""

_Problem = tuple[str, ...]
"""A message and perhaps a hint; empty if there is no problem."""

_DAMAGED = "the lock was edited or is damaged: lock again"
_PYTHON = re.compile(r"[0-9]+(?:\.[0-9]+){2}[0-9a-z.+]*")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_INVALID_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_MOST_DIGITS = 1000  # Python refuses to show a number of more than 4300, or to read one
_LONG_NUMBER = re.compile(
    rf"(?<![0-9_])(?:0[ob])?[0-9_]{{{_MOST_DIGITS + 1}}}|\b0x[0-9A-Fa-f_]{{{_MOST_DIGITS + 1}}}"
)
_PACKAGE = re.compile(r"[ \t]*\[\[[ \t]*packages[ \t]*\]\]")
_LONGEST_NAME = 255
_NO_SIZE = 2**63
_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip")
_ARCHIVES = (
    *_DISTRIBUTIONS,
    *(".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tar.lz", ".tlz"),
)
"""The archives that pip takes for a project that is requested by URL or path."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file that a lock names.

    :param version: empty if neither the lock nor the file's name has it.
    :param filename: a plain name, valid on every system.
    :param url: a URL of HTTP without credentials; empty if the file has a path.
    :param path: relative to the lock; empty if the file has a URL.
    :param sha256: in lower-case hexadecimal.
    :param size: in bytes; None if the lock does not state it.
    :param line: the line of the lock at which the project begins, from 1.
    :param uploaded: when it was uploaded; None if the lock does not state it.
    :param provenance: the URL of its provenance; empty if the lock does not name one.
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
    uploaded: datetime | None = None
    provenance: str = ""

    @property
    def is_direct(self) -> bool:
        """Return whether the project was requested by URL or path, not from an index."""
        return "archive" in self.key_path

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
    """The target that a lock was made for, and what was left out.

    :param label: its label.
    :param tag: its best tag.
    :param python: its full Python version.
    :param excluded: the names and globs of the projects that were left out.
    :param pip: the version of its own pip; empty if that was not known.
    """

    label: str
    tag: str
    python: str
    excluded: tuple[str, ...] = ()
    pip: str = ""


@dataclass(frozen=True, slots=True)
class ParsedLock:
    """A valid lock.

    :param files: every file that it names, by its path in the lock.
    :param origin: the target that it was made for; None if wheeltarget did not write it.
    :param extras: the requested extras.
    """

    name: str
    text: str
    pylock: Pylock
    files: Mapping[KeyPath, PinnedFile]
    origin: Origin | None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultCollector:
    """Collect the faults of a lock, each with its place."""

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
) -> tuple[ParsedLock | None, list[Fault]]:
    """Read a lock.

    :param data: its bytes, at most one more than the size of ``LOCK_FILE``.
    :returns: the lock, or None and its faults.
    """
    found = _parse(name, data)
    if isinstance(found, Fault):
        return None, [found]
    text, table = found
    collector = FaultCollector(name, text)
    try:
        pylock = Pylock.from_dict(_without_variants(table))
    except PylockValidationError as error:
        steps = re.findall(r"[^.\[\]]+", error.context or "lock-version")
        path = tuple(int(step) if step.isdigit() else step for step in steps)
        newer = "lock again, or use a newer wheeltarget"
        is_long = "set_int_max_str_digits" in error.message
        message, hint = LONG_NUMBER if is_long else error.message, _DAMAGED
        collector.add(path, message, newer if steps == ["lock-version"] else hint)
        return None, collector.faults
    numbered = enumerate(text.splitlines(), start=1)
    lines = [number for number, line in numbered if _PACKAGE.match(line)]
    files: dict[KeyPath, PinnedFile] = {}
    for number, package in enumerate(table["packages"]):
        line = lines[number] if number < len(lines) else 1
        for key_path, entry in _entries(package, ("packages", number)):
            file = _read_file(package, entry, key_path, line, collector)
            if file is not None:
                files[key_path] = file
    origin = _read_origin(table, collector) if is_own(data) else None
    if origin is not None:
        _check_own(pylock, collector)
    lock = ParsedLock(name, text, pylock, files, origin, extras)
    return None if collector.faults else lock, collector.faults


def _without_variants(table: dict[str, Any]) -> dict[str, Any]:
    """Return a lock in which each variant wheel has the name of one that fits no target.

    packaging refuses a lock with the names of variant wheels (PEP 825); pip passes over them on an
    index. The table may be anything, since packaging checks it later.
    """
    packages = table.get("packages")
    if not isinstance(packages, list):
        return table
    return {**table, "packages": [_with_plain_names(package) for package in packages]}


def _with_plain_names(package: Any) -> Any:
    wheels = package.get("wheels") if isinstance(package, dict) else None
    if not isinstance(wheels, list):
        return package
    found = {}
    for number, wheel in enumerate(wheels):
        if isinstance(wheel, dict) and parse_variant(name := _name_of(wheel)):
            project, version = name.split("-")[:2]
            found[number] = {**wheel, "name": f"{project}-{version}-variant-none-none.whl"}
    if not found:
        return package
    return {**package, "wheels": [found.get(n, wheel) for n, wheel in enumerate(wheels)]}


def _name_of(wheel: Mapping[str, Any]) -> str:
    """Return the file name of a wheel in a lock that was not checked yet."""
    places = (wheel.get(key) for key in ("name", "path", "url"))
    place = next((each for each in places if each and isinstance(each, str)), "")
    return re.split(r"[/\\]", re.split(r"[?#]", place)[0])[-1]


def _parse(name: str, data: bytes) -> tuple[str, dict[str, Any]] | Fault:
    if len(data) > LOCK_FILE.size:
        return Fault(f"{name} is too large for a lock: more than {LOCK_FILE.size >> 20} MiB")
    try:
        text = data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = Location(name, line, error.start - data.rfind(b"\n", 0, error.start))
        return Fault("a lock has to be UTF-8, but this is not", "", where)
    for number, row in enumerate(text.split("\n"), start=1):
        if len(row) > _MOST_DIGITS and (found := _LONG_NUMBER.search(row)):
            message = f"a number has more than {_MOST_DIGITS} digits"
            return Fault(message, _DAMAGED, Location(name, number, found.start() + 1))
    try:
        return text, parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        return syntax_fault(name, text, error, "is the file whole? lock again")
    except ValueError as error:
        return Fault(f"{name} is not a lock: {error}")


def _entries(
    package: Mapping[str, Any], path: KeyPath
) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Yield each file of a project, and the path to it."""
    yield from (((*path, "wheels", n), each) for n, each in enumerate(package.get("wheels", ())))
    yield from (((*path, key), package[key]) for key in ("sdist", "archive") if key in package)


def _read_file(
    package: Mapping[str, Any],
    entry: Mapping[str, Any],
    key_path: KeyPath,
    line: int,
    collector: FaultCollector,
) -> PinnedFile | None:
    """Read a file of a project; return None if it must not be fetched or saved.

    Its name is the last part of its URL or path, as pip saves it: some tools write a normalised
    name beside a URL that is not normalised.
    """
    url, path, named = (entry.get(key, "") for key in ("url", "path", "name"))
    found = _last_part(url, path)
    filename = found if not named or _is_same_wheel(named, found) else named
    sha256, size = entry["hashes"].get("sha256", ""), entry.get("size")
    place = "path" if path else "url"
    endings = _ARCHIVES if "archive" in key_path else _DISTRIBUTIONS
    problems: list[tuple[KeyPath, _Problem]] = [
        ((place,), _path_problem(path) if path else _url_problem(url)),
        (("name" if named else place,), _name_problem(filename, endings)),
    ]
    if not sha256:
        what = f"there is no sha256, only {', '.join(sorted(entry['hashes']))}"
        problems.append((("hashes",), (what, "lock again with sha256")))
    elif not _SHA256.fullmatch(sha256):
        problems.append((("hashes", "sha256"), ("has to be 64 hexadecimal digits",)))
    if size is not None and not 0 <= size < _NO_SIZE:
        problems.append((("size",), ("has to be a number of bytes",)))
    for key, problem in problems:
        if problem:
            collector.add((*key_path, *key), *problem)
    if any(problem for _, problem in problems):
        return None
    in_name = (*filename.split("-"), "")[1] if filename.endswith(".whl") else ""
    return PinnedFile(
        package["name"],
        package.get("version", in_name),
        filename,
        "" if path else url.partition("#")[0],
        path,
        sha256.lower(),
        size,
        package.get("requires-python"),
        collector.file,
        line,
        key_path,
        _upload_time(entry),
        _provenance(package),
    )


def _provenance(package: Mapping[str, Any]) -> str:
    """Return the URL of the provenance of a project's file; empty if it is not a valid one."""
    table = (package.get("tool") or {}).get("wheeltarget")
    url = table.get(PROVENANCE) if isinstance(table, dict) else None
    return url if isinstance(url, str) and not _url_problem(url) else ""


def _upload_time(entry: Mapping[str, Any]) -> datetime | None:
    time: datetime | None = entry.get("upload-time")
    # The standard demands UTC, so a time without a zone is in UTC.
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


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
    return rest == other_rest and canonicalize_name(name) == canonicalize_name(other_name)


def _read_origin(data: Mapping[str, Any], collector: FaultCollector) -> Origin | None:
    """Read ``[tool.wheeltarget]``."""
    path: KeyPath = ("tool", "wheeltarget")
    table = data.get("tool", {}).get("wheeltarget")
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
    excluded = table.get("excluded", [])
    if not isinstance(excluded, list) or not all(map(_is_pattern, excluded)):
        message = "has to be a list of names of projects, or globs"
        collector.add((*path, "excluded"), message, "lock again")
        return None
    pip = table.get("pip", "")
    if pip and not is_version(pip):
        collector.add((*path, "pip"), "has to be the version of a pip", "lock again")
        return None
    if len(values) < 3:
        return None
    return Origin(values[0], values[1], values[2], tuple(excluded), pip)


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and Exclusion(value).pattern == value
    except InvalidPatternError:
        return False


def _check_own(pylock: Pylock, collector: FaultCollector) -> None:
    """Refuse what a lock for one target cannot have: two files of a project, or a choice."""
    seen: dict[str, int] = {}
    for number, package in enumerate(pylock.packages):
        path: KeyPath = ("packages", number)
        first, wheels = seen.setdefault(package.name, number), package.wheels or ()
        if first != number:
            message = f"{package.name} is there twice, first in packages[{first}]"
            collector.add(path, message, "a lock for one target has each project once")
        if len(wheels) > 1:
            message = f"{len(wheels)} wheels of one project"
            collector.add((*path, "wheels"), message, "a lock for one target has one of each")
        if wheels and package.sdist:
            collector.add(path, "a wheel and a source", "a lock for one target has one of each")
        for key, source in (("vcs", package.vcs), ("directory", package.directory)):
            if source is not None:
                collector.add((*path, key), "cannot be fetched by its hash: it is not a file")
        if package.marker is not None:
            collector.add((*path, "marker"), "a lock for one target has no markers", "lock again")
