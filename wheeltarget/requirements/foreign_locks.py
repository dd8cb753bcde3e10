"""Read the locks of other tools as constraints: the version and hashes of each project.

There is no standard for ``poetry.lock``, ``uv.lock`` and ``Pipfile.lock``. Only names, versions,
markers and hashes are read, which they have had for years. A constraint with a hash would make pip
require hashes for everything, so the hashes are compared afterwards.

Each project becomes a constraint in its line of the lock, and all other lines are blank, so that
pip's messages have the line numbers of the lock.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.errors import Fault, Location
from wheeltarget.pip_config.options import base_name
from wheeltarget.targets.markers import without_extras
from wheeltarget.utils.toml import parse_toml, syntax_fault

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PACKAGE = re.compile(r"\[\[\s*package\s*\]\]")
_POETRY_VERSION = re.compile(r"[12](?:\.\d+)*", re.ASCII)
_UV_VERSION, _NEWEST_PIPFILE_SPEC = 1, 6


@dataclass(frozen=True, slots=True)
class LockedVersion:
    """A version of a project, by its normalized name; hashes are written as ``sha256:…``.

    :param part: the category of a Pipfile.lock; else empty.
    """

    project: str
    version: str
    marker: str
    hashes: frozenset[str]
    location: Location
    part: str = ""

    @property
    def constraint(self) -> str:
        """Return the version as a line of a constraints file."""
        return f"{self.project}=={self.version}" + (f" ; {self.marker}" if self.marker else "")


@dataclass(frozen=True, slots=True)
class LockedVersions:
    """A lock as the text of a constraints file; with any fault it cannot be used."""

    text: str
    versions: tuple[LockedVersion, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Raw:
    """A project in a lock, before checks.

    :param markers: alternatives, of which one has to hold; empty if it is always locked.
    """

    name: object
    version: object
    markers: Sequence[object]
    hashes: Iterable[object]
    line: int
    part: str = ""


class _UnknownVersionError(ValueError):
    """The format of a lock has a version that cannot be read."""


def read_versions(name: str, text: str) -> LockedVersions:
    """Parse the lock of another tool, which its file name determines."""
    base = base_name(name)
    try:
        return _checked(name, text, list(_READERS[base](text)))
    except tomllib.TOMLDecodeError as error:
        fault = syntax_fault(name, text, error, "is the file complete?")
    except json.JSONDecodeError as error:
        place = Location(name, error.lineno, error.colno)
        fault = Fault(f"not valid JSON: {error.msg}", "is the file complete?", place)
    except _UnknownVersionError as error:
        fault = Fault(f"{name} has the {error}, which this version of wheeltarget cannot read")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        hint = f"is the file complete, and is {base} the name that its tool uses?"
        fault = Fault(f"{name} is not a valid {base}", hint)
    return LockedVersions("", (), (fault,))


def _checked(name: str, text: str, raw: Iterable[_Raw]) -> LockedVersions:
    source = text.splitlines()
    lines = [""] * len(source)
    versions: list[LockedVersion] = []
    faults: list[Fault] = []
    for each in raw:
        place, shown = Location(name, each.line), source[each.line - 1]
        try:
            versions.append(_version(each, place))
        except ValueError as error:
            faults.append(Fault(str(error), "is the lock complete?", place, shown, len(shown) or 1))
            continue
        if lines[each.line - 1]:  # a lock that is all in one line
            lines.append(versions[-1].constraint)
        else:
            lines[each.line - 1] = versions[-1].constraint
    return LockedVersions("\n".join([*lines, ""]), tuple(versions), tuple(faults))


def _version(raw: _Raw, location: Location) -> LockedVersion:
    """Check a project of a lock; raise ValueError if it is wrong."""
    if not isinstance(raw.name, str) or not _NAME.fullmatch(raw.name):
        raise ValueError(f"{raw.name!r} is not the name of a project")
    if not isinstance(raw.version, str):
        raise ValueError(f"{raw.name} has no version")  # noqa: TRY004 - as the others
    try:
        version = str(Version(raw.version))
    except ValueError as error:
        raise ValueError(f"{raw.name}: {raw.version!r} is not a version") from error
    try:
        # A project that only an extra or a group requires can be a constraint in any case.
        given = [str(Marker(_text(each))) for each in raw.markers]
        texts = [without_extras(each, lambda text: Marker(text).evaluate()) for each in given]
    except (InvalidMarker, TypeError) as error:
        raise ValueError(f"{raw.name}: {_shown(raw.markers)} is not a marker") from error
    texts = list(dict.fromkeys(texts)) if all(texts) else []
    marker = " or ".join(f"({text})" for text in texts) if len(texts) > 1 else "".join(texts)
    hashes = frozenset(each for each in raw.hashes if isinstance(each, str))
    project = canonicalize_name(raw.name)
    return LockedVersion(project, version, marker, hashes, location, raw.part)


def _text(marker: object) -> str:
    if not isinstance(marker, str):
        raise TypeError
    return marker


def _shown(markers: Sequence[object]) -> str:
    return " or ".join(map(repr, markers))


def _read_poetry(text: str) -> Iterator[_Raw]:
    data = parse_toml(text)
    version = data["metadata"].get("lock-version", "1.0")
    if not _POETRY_VERSION.fullmatch(version):
        raise _UnknownVersionError(f"lock-version {version}")
    old = data["metadata"].get("files", {})  # of lock-version 1.x
    for package, line in _packages(data, text):
        # A project with a source is not on an index, except on a further one (legacy).
        if package.get("source", {}).get("type", "legacy") != "legacy":
            continue
        files = package.get("files") or old.get(package.get("name"), [])
        yield _raw(package, _poetry_markers(package), files, line)


def _poetry_markers(package: Mapping[str, Any]) -> Sequence[object]:
    """Return the markers of a package's groups; empty if one of them always needs it."""
    markers = package.get("markers", "")
    if isinstance(markers, dict):
        by_group = {canonicalize_name(group): marker for group, marker in markers.items()}
        found = [by_group.get(canonicalize_name(each)) for each in package.get("groups", markers)]
    else:
        found = [markers]
    return found if all(found) else []


def _read_uv(text: str) -> Iterator[_Raw]:
    data = parse_toml(text)
    if type(data["version"]) is not int:
        raise TypeError
    if data["version"] != _UV_VERSION:
        raise _UnknownVersionError(f"version {data['version']}")
    for package, line in _packages(data, text):
        if "registry" in package["source"]:
            files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
            yield _raw(package, package.get("resolution-markers", []), files, line)


def _raw(
    package: Mapping[str, Any],
    markers: Sequence[object],
    files: Iterable[Mapping[str, Any]],
    line: int,
) -> _Raw:
    hashes = [file.get("hash") for file in files]
    return _Raw(package.get("name"), package.get("version"), markers, hashes, line)


def _packages(data: Mapping[str, Any], text: str) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Return each package of a TOML lock with its line number."""
    lines = text.splitlines()
    heads = [n for n, line in enumerate(lines, start=1) if _PACKAGE.match(line)]
    return zip(data.get("package", []), heads, strict=True)


def _read_pipfile(text: str) -> Iterator[_Raw]:
    data = json.loads(text)
    spec = data["_meta"].get("pipfile-spec", _NEWEST_PIPFILE_SPEC)
    if spec > _NEWEST_PIPFILE_SPEC:
        raise _UnknownVersionError(f"pipfile-spec {spec}")
    found: dict[tuple[str, str], _Raw] = {}
    for category, name, package, line in _pipfile_packages(data, text):
        if "version" not in package:
            continue  # a repository, a path
        version = package["version"]
        if not version.startswith("=="):
            raise ValueError(version)
        marker, hashes = package.get("markers"), package.get("hashes", [])
        raw = _Raw(name, version[2:], [marker] if marker else [], hashes, line, category)
        other = found.get((name, version))
        if other is not None:
            markers = [*other.markers, marker] if other.markers and marker else []
            raw = replace(other, markers=markers, hashes=[*other.hashes, *hashes])
        found[name, version] = raw
    yield from found.values()


def _pipfile_packages(
    data: Mapping[str, Any], text: str
) -> Iterator[tuple[str, str, Mapping[str, Any], int]]:
    """Return the category and the name of each package, its table, and its line number."""
    position, line = 0, 1
    for category, packages in data.items():
        for name in (None, *packages) if category != "_meta" else ():
            key = json.dumps(category if name is None else name)
            begin = re.compile(rf"{re.escape(key)}\s*:\s*\{{").search(text, position)
            if begin is None:  # written with other escapes, as no tool does
                raise ValueError(key)
            line += text.count("\n", position, begin.start())
            position = begin.end()
            if name is not None:
                yield category, name, packages[name], line


EXPORTS = {
    "poetry.lock": "poetry export --without-hashes -o constraints.txt",
    "uv.lock": "uv export --no-hashes --no-emit-project -o constraints.txt",
    "Pipfile.lock": "pipenv requirements > constraints.txt",
}
"""The command that exports what a tool would install from its lock, by the name of the lock."""

_READERS = {"poetry.lock": _read_poetry, "uv.lock": _read_uv, "Pipfile.lock": _read_pipfile}
