"""Write locks as ``pylock.toml`` files with a table of our own, and read them back.

Specification: https://packaging.python.org/en/latest/specifications/pylock-toml/ (PEP 751). One
file is for one target. ``[tool.wheeltarget]`` has ``schema`` (1), ``target`` (its label), ``tag``
(its best tag), ``python`` (its full version), ``inputs`` (the annotated requirements and the
constraints that it was made from, sorted) and ``digest`` (of the inputs).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeGuard

from wheeltarget.errors import Fault, InputError, LockError
from wheeltarget.lockfile.entries import FaultCollector, PinnedFile, Way
from wheeltarget.lockfile.reader import SCHEMA, Origin, parse_lock
from wheeltarget.lockfile.select import parse_standard
from wheeltarget.utils.toml import toml_text

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

CREATED_BY = "wheeltarget"
_DELETE_AND_LOCK = "delete the file and lock again"


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file that a lock names.

    :param filename: its name.
    :param hashes: (algorithm, hexadecimal value) for each of its hashes, at least one.
    :param url: its URL, without credentials; empty if it has a path.
    :param path: its path relative to the folder of the lock, with slashes; empty if it has a URL.
    :param size: its size in bytes, or None if it is unknown.
    :raises LockError: if it has no hash, not exactly one of URL and path, or an invalid name.
    """

    filename: str
    hashes: tuple[tuple[str, str], ...]
    url: str = ""
    path: str = ""
    size: int | None = None

    def __post_init__(self) -> None:
        if not self.filename or re.search(r"[/\\\x00]", self.filename) or self.filename[0] == ".":
            raise LockError(f"{self.filename!r} is not a file name")
        if not self.hashes:
            raise LockError(f"{self.filename} has no hash")
        if bool(self.url) == bool(self.path):
            raise LockError(f"{self.filename} has to have one of url and path")
        object.__setattr__(self, "hashes", tuple(sorted(self.hashes)))

    @property
    def is_wheel(self) -> bool:
        """Return whether it is a wheel, not a source distribution."""
        return self.filename.endswith(".whl")

    @property
    def sha256(self) -> str:
        """Return its sha256, or an empty string."""
        return dict(self.hashes).get("sha256", "")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A project in a lock, with its one file.

    :param name: the project, normalised.
    :param version: its version.
    :param file: the file.
    :param direct: whether it was requested by URL or path, not from an index.
    :param index: the index that has it, or an empty string.
    :param requires_python: the Python versions that it requires, or an empty string.
    :param dependencies: the projects of the lock that it needs, normalised.
    :param subdirectory: the folder of the project in the file; empty for the whole file.
    """

    name: str
    version: str
    file: LockedFile
    direct: bool = False
    index: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    subdirectory: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dependencies", tuple(sorted(set(self.dependencies))))


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock for one target.

    :param target: the target's label, as the user wrote it.
    :param tag: its best tag, in full.
    :param python: its version of Python, in full.
    :param inputs: the annotated requirements and the constraints that it was made from.
    :param packages: the chosen projects.
    :param environment: a marker that is true for the target; empty if nothing is known of it.
    :param requires_python: the Python versions that the target can have.
    :raises LockError: if a project is there twice.
    """

    target: str
    tag: str
    python: str
    inputs: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    environment: str = ""
    requires_python: str = ""

    def __post_init__(self) -> None:
        names = [package.name for package in self.packages]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise LockError(f"{twice} is there twice for {self.target}")
        packages = sorted(self.packages, key=lambda package: package.name)
        object.__setattr__(self, "packages", tuple(packages))
        object.__setattr__(self, "inputs", tuple(sorted(set(self.inputs))))

    @property
    def digest(self) -> str:
        """Return the hash of the inputs, such as ``sha256:…``."""
        return digest_of(self.inputs)

    @property
    def versions(self) -> dict[str, str]:
        """Return the version of each project."""
        return {package.name: package.version for package in self.packages}


def digest_of(inputs: tuple[str, ...]) -> str:
    """Return the hash of the inputs of a lock.

    :param inputs: the texts, sorted.
    """
    return "sha256:" + hashlib.sha256("\n".join(inputs).encode()).hexdigest()


def to_pylock(lock: Lock) -> Pylock:
    """Return a lock as packaging has it, validated.

    :param lock: the lock.
    :raises LockError: if the standard does not allow it.
    """
    from packaging.markers import InvalidMarker, Marker
    from packaging.pylock import Pylock, PylockValidationError
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        pylock = Pylock(
            lock_version=Version("1.0"),
            environments=[Marker(lock.environment)] if lock.environment else None,
            requires_python=SpecifierSet(lock.requires_python) if lock.requires_python else None,
            created_by=CREATED_BY,
            packages=[_package(package) for package in lock.packages],
            tool={"wheeltarget": _table(lock)},
        )
        pylock.validate()
    except (PylockValidationError, InvalidMarker, InvalidSpecifier, InvalidVersion) as error:
        raise LockError(f"cannot make a lock for {lock.target}: {error}") from error
    return pylock


def write(lock: Lock) -> str:
    """Return a lock as the text of a ``pylock.toml``, the same for the same lock.

    :param lock: the lock.
    :raises LockError: if the standard does not allow it, or a file that it names cannot be fetched.
    """
    text = toml_text(to_pylock(lock).to_dict())
    _, faults = parse_lock(lock.target, text.encode())
    if faults:
        raise LockError(f"cannot make a lock for {lock.target}: {faults[0].message}")
    return text


def _table(lock: Lock) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "target": lock.target,
        "tag": lock.tag,
        "python": lock.python,
        "inputs": list(lock.inputs),
        "digest": lock.digest,
    }


def _package(package: LockedPackage) -> Package:
    from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    file = package.file
    named = {
        "url": file.url or None,
        "path": file.path or None,
        "size": file.size,
        "hashes": dict(file.hashes),
    }
    plain = not package.direct
    return Package(
        name=canonicalize_name(package.name),
        version=Version(package.version),
        requires_python=(
            SpecifierSet(package.requires_python) if package.requires_python else None
        ),
        dependencies=[{"name": name} for name in package.dependencies] or None,
        archive=(
            None if plain else PackageArchive(subdirectory=package.subdirectory or None, **named)  # type: ignore[arg-type]
        ),
        index=package.index or None,
        sdist=(
            PackageSdist(name=file.filename, **named)  # type: ignore[arg-type]
            if plain and not file.is_wheel
            else None
        ),
        wheels=(
            [PackageWheel(name=file.filename, **named)]  # type: ignore[arg-type]
            if plain and file.is_wheel
            else None
        ),
    )


def read(text: str, name: str) -> Lock:
    """Read a lock that :func:`write` has written.

    :param text: the file's text.
    :param name: the file's name, for messages.
    :raises InputError: if wheeltarget did not write it so; it names the places.
    """
    parsed, faults = parse_lock(name, text.encode())
    collector = FaultCollector(name, parsed.text)
    if parsed.origin is None and not faults:
        message = "this lock was not made by wheeltarget: it has no table [tool.wheeltarget]"
        collector.note(("created-by",), message)
    pylock = None if faults else parse_standard(parsed, collector)
    if pylock is not None and parsed.origin is not None:
        table = parsed.data["tool"]["wheeltarget"]
        _check_table(table, collector)
        _check_packages(pylock, collector)
        if not collector.faults:
            return _lock(pylock, parsed.origin, tuple(table["inputs"]), parsed.files)
    raise InputError(tuple(map(_with_hint, (*faults, *collector.faults))))


def _with_hint(fault: Fault) -> Fault:
    """Replace the hint for a lock that is to be locked anew."""
    hint = fault.hint.replace("lock again", _DELETE_AND_LOCK) if fault.hint else _DELETE_AND_LOCK
    return replace(fault, hint=hint)


def is_ours(data: Mapping[str, Any]) -> bool:
    """Return whether a lock has a table of wheeltarget.

    :param data: the file's content.
    """
    tool = data.get("tool")
    return isinstance(tool, Mapping) and isinstance(tool.get("wheeltarget"), Mapping)


def _check_table(table: Mapping[str, Any], collector: FaultCollector) -> None:
    """Check what a download from the lock does not need."""
    inputs, way = table.get("inputs"), ("tool", "wheeltarget")
    if not _is_text_list(inputs):
        collector.note((*way, "inputs"), "has to be a list of strings")
    elif digest_of(tuple(inputs)) != table.get("digest"):
        message = "this is not the digest of the inputs above: they were changed by hand"
        collector.note((*way, "digest"), message)


def _check_packages(pylock: Pylock, collector: FaultCollector) -> None:
    """Check what a download does not need; one file per project and no marker is checked before."""
    if len(pylock.environments or ()) > 1:
        collector.note(("environments",), "a lock of wheeltarget has only one environment")
    for number, package in enumerate(pylock.packages):
        if package.version is None:
            collector.note(("packages", number), f"{package.name} has no version")
        if not all(isinstance(each.get("name"), str) for each in package.dependencies or ()):
            collector.note(("packages", number), f"a dependency of {package.name} has no name")


def _is_text_list(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _lock(
    pylock: Pylock, origin: Origin, inputs: tuple[str, ...], files: Mapping[Way, PinnedFile]
) -> Lock:
    names = {file.place[1]: file.filename for file in files.values()}
    return Lock(
        target=origin.label,
        tag=origin.tag,
        python=origin.python,
        inputs=inputs,
        packages=tuple(_locked(each, names[n]) for n, each in enumerate(pylock.packages)),
        environment=str(next(iter(pylock.environments or ()), "")),
        requires_python=str(pylock.requires_python or ""),
    )


def _locked(package: Package, filename: str) -> LockedPackage:
    files = (*(package.wheels or ()), package.sdist, package.archive)
    (file,) = (file for file in files if file is not None)
    return LockedPackage(
        name=package.name,
        version=str(package.version),
        file=LockedFile(
            filename=filename,
            hashes=tuple((str(each), str(value)) for each, value in file.hashes.items()),
            # If it has both, the file is taken from the path.
            url="" if file.path else file.url or "",
            path=file.path or "",
            size=file.size,
        ),
        direct=package.archive is not None,
        index=package.index or "",
        requires_python=str(package.requires_python or ""),
        dependencies=tuple(str(each["name"]) for each in package.dependencies or ()),
        subdirectory=getattr(file, "subdirectory", None) or "",
    )
