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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.errors import Fault, Location
from wheeltarget.pip_config.options import base_name
from wheeltarget.targets.markers import without_extras
from wheeltarget.utils.toml import parse_toml, syntax_fault

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_KEY = re.compile(r"\s*(\"[^\"\\]*\")\s*:")
_PACKAGE = re.compile(r"\[\[\s*package\s*\]\]")


@dataclass(frozen=True, slots=True)
class LockedVersion:
    """A version of a project, by its normalized name; hashes are written as ``sha256:…``."""

    project: str
    version: str
    marker: str
    hashes: frozenset[str]
    location: Location

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
    """A project in a lock, before checks."""

    name: object
    version: object
    markers: object
    hashes: Iterable[object]
    line: int


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
    faults += _ambiguities(versions)
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
    markers: list[Any] = raw.markers if isinstance(raw.markers, list) else [raw.markers]
    try:
        # A project that only an extra requires can be a constraint in any case.
        given = [str(Marker(each)) for each in markers if each]
        texts = [without_extras(each, lambda text: Marker(text).evaluate()) for each in given]
    except (InvalidMarker, TypeError) as error:
        raise ValueError(f"{raw.name}: {raw.markers!r} is not a marker") from error
    marker = " or ".join(f"({text})" for text in texts) if len(texts) > 1 else "".join(texts)
    marker = marker if all(texts) else ""
    hashes = frozenset(each for each in raw.hashes if isinstance(each, str))
    return LockedVersion(canonicalize_name(raw.name), version, marker, hashes, location)


def _ambiguities(versions: Iterable[LockedVersion]) -> Iterator[Fault]:
    """Refuse two versions of a project without markers that tell them apart."""
    seen: dict[str, LockedVersion] = {}
    for each in versions:
        first = seen.setdefault(each.project, each)
        if first.version != each.version and not (first.marker and each.marker):
            what = f"{each.project} is locked as {first.version} and as {each.version}"
            hint = "lock again with a newer version of its tool, which writes markers"
            yield Fault(
                f"{what}, without markers that tell which one to use",
                f"{hint}, or without conflicting extras or groups",
                each.location,
            )


def _read_poetry(text: str) -> Iterator[_Raw]:
    data = parse_toml(text)
    old = data["metadata"].get("files", {})  # of lock-version 1.x
    for package, line in _packages(data, text):
        # A project with a source is not on an index, except on a further one (legacy).
        if package.get("source", {}).get("type", "legacy") != "legacy":
            continue
        markers = package.get("markers", "")
        if isinstance(markers, dict):  # one for each group
            markers = [] if "" in markers.values() else list(dict.fromkeys(markers.values()))
        files = package.get("files") or old.get(package.get("name"), [])
        yield _raw(package, markers, files, line)


def _read_uv(text: str) -> Iterator[_Raw]:
    data = parse_toml(text)
    if not isinstance(data["version"], int):
        raise TypeError
    for package, line in _packages(data, text):
        if "registry" in package["source"]:
            files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
            yield _raw(package, package.get("resolution-markers", []), files, line)


def _raw(
    package: Mapping[str, Any], markers: object, files: Iterable[Mapping[str, Any]], line: int
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
    del data["_meta"]
    packages: dict[str, Any] = {}
    for name in (*sorted(data.keys() - {"develop", "default"}), "develop", "default"):
        packages |= data.get(name, {})
    numbered = enumerate(map(_KEY.match, text.splitlines()), start=1)
    lines = {found[1]: number for number, found in reversed([*numbered]) if found}
    for name, package in packages.items():
        if "version" not in package:
            continue  # a repository, a path
        version = package["version"]
        if not version.startswith("=="):
            raise ValueError(version)
        line = lines.get(json.dumps(name), 1)
        yield _Raw(name, version[2:], package.get("markers", ""), package.get("hashes", []), line)


_READERS = {"poetry.lock": _read_poetry, "uv.lock": _read_uv, "Pipfile.lock": _read_pipfile}
