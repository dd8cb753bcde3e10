"""Write locks as ``pylock.toml`` files with a table of our own, and read them back.

Specification: https://packaging.python.org/en/latest/specifications/pylock-toml/ (PEP 751). One
file is for one target. ``[tool.wheeltarget]`` has ``schema`` (1), ``target`` (its label), ``tag``
(its best tag), ``python`` (its full version), ``inputs`` (the annotated requirements and the
constraints that it was made from, sorted) and ``digest`` (of the inputs); and if projects were left
out, ``excluded`` (their names, or globs); and ``pip``, the version of the target's own pip, if it
is known. A project may have a table of this name, too, with ``built-from``, the source of a wheel
that was built for the lock, and ``provenance``, the URL of the provenance of its file, whose
publishers the standard has as ``attestation-identities``.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockValidationError,
)
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheeltarget.errors import Fault, InputError, LockError
from wheeltarget.lockfile.reader import (
    PROVENANCE,
    SCHEMA,
    FaultCollector,
    Origin,
    PinnedFile,
    parse_lock,
)
from wheeltarget.utils.toml import toml_text

_BUILT_FROM = "built-from"
_DELETE_AND_LOCK = "delete the file and lock again"


@dataclass(frozen=True, slots=True)
class Attestation:
    """Who has published a file: the URL of its provenance, if it is known, and the publishers."""

    url: str
    publishers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A project in a lock, with its one file.

    :param sha256: in hexadecimal.
    :param url: where the file is, without credentials; empty if it has a path.
    :param path: relative to the folder of the lock, with slashes; empty if the file has a URL.
    :param size: in bytes; None if unknown.
    :param direct: whether the project was requested by URL or path, not from an index.
    :param dependencies: the projects of the lock that it needs.
    :param subdirectory: the folder of the project in the file; empty for the whole file.
    :param uploaded: when it was uploaded to its index, in UTC; None if unknown.
    :param built_from: the source that a wheel was built from, with ``#sha256=`` and its hash.
    :param attested: who has published the file; None if that is unknown.
    :raises LockError: if the file has no hash, not exactly one of URL and path, or an invalid name.
    """

    name: str
    version: str
    filename: str
    sha256: str
    url: str = ""
    path: str = ""
    size: int | None = None
    direct: bool = False
    index: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    subdirectory: str = ""
    uploaded: datetime | None = None
    built_from: str = ""
    attested: Attestation | None = None

    def __post_init__(self) -> None:
        if re.fullmatch(r"(?!\.)[^/\\\x00]+", self.filename) is None:
            raise LockError(f"{self.filename!r} is not a file name")
        if not self.sha256:
            raise LockError(f"{self.filename} has no hash")
        if bool(self.url) == bool(self.path):
            raise LockError(f"{self.filename} has to have one of url and path")
        object.__setattr__(self, "dependencies", tuple(sorted(set(self.dependencies))))

    @property
    def is_wheel(self) -> bool:
        """Return whether its file is a wheel, not a source distribution."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock for one target.

    :param target: the target's label, as the user wrote it.
    :param tag: its best tag.
    :param python: its full Python version.
    :param inputs: the annotated requirements and the constraints that it was made from.
    :param environment: a marker that is true for the target; empty if nothing is known of it.
    :param requires_python: the Python versions that the target can have.
    :param excluded: the names and globs of projects that were left out, normalised.
    :param pip: the version of the target's own pip, if somebody has said it; else empty.
    :raises LockError: if a project is there twice.
    """

    target: str
    tag: str
    python: str
    inputs: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    environment: str = ""
    requires_python: str = ""
    excluded: tuple[str, ...] = ()
    pip: str = ""

    def __post_init__(self) -> None:
        packages = sorted(self.packages, key=lambda package: package.name)
        for package, following in itertools.pairwise(packages):
            if package.name == following.name:
                raise LockError(f"{package.name} is there twice for {self.target}")
        object.__setattr__(self, "packages", tuple(packages))
        object.__setattr__(self, "inputs", tuple(sorted(set(self.inputs))))

    @property
    def versions(self) -> dict[str, str]:
        """Return the version of each project."""
        return {package.name: package.version for package in self.packages}


def _digest(inputs: tuple[str, ...]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(inputs).encode()).hexdigest()


def to_pylock(lock: Lock) -> Pylock:
    """Return a lock as packaging has it, validated.

    :raises LockError: if the standard does not allow it.
    """
    table = {
        "schema": SCHEMA,
        "target": lock.target,
        "tag": lock.tag,
        "python": lock.python,
        "inputs": list(lock.inputs),
        "digest": _digest(lock.inputs),
        **({"excluded": list(lock.excluded)} if lock.excluded else {}),
        **({"pip": lock.pip} if lock.pip else {}),
    }
    try:
        pylock = Pylock(
            lock_version=Version("1.0"),
            environments=[Marker(lock.environment)] if lock.environment else None,
            requires_python=_specifiers(lock.requires_python),
            created_by="wheeltarget",
            packages=[_package(package) for package in lock.packages],
            tool={"wheeltarget": table},
        )
        pylock.validate()
    except (PylockValidationError, InvalidMarker, InvalidSpecifier, InvalidVersion) as error:
        raise LockError(f"cannot make a lock for {lock.target}: {error}") from error
    return pylock


def write(lock: Lock) -> str:
    """Return a lock as the text of a ``pylock.toml``, the same for the same lock.

    :raises LockError: if the standard does not allow it, or a file that it names cannot be fetched.
    """
    text = toml_text(to_pylock(lock).to_dict())
    _, faults = parse_lock(lock.target, text.encode())
    if faults:
        raise LockError(f"cannot make a lock for {lock.target}: {faults[0].message}")
    return text


def _specifiers(text: str) -> SpecifierSet | None:
    return SpecifierSet(text) if text else None


def _package(package: LockedPackage) -> Package:
    place = {"url": package.url or None, "path": package.path or None}
    fields: dict[str, Any] = {"size": package.size, "hashes": {"sha256": package.sha256}, **place}
    entry: dict[str, Any]
    time = package.uploaded
    if package.direct:
        entry = {"archive": PackageArchive(subdirectory=package.subdirectory or None, **fields)}
    elif package.is_wheel:
        entry = {"wheels": [PackageWheel(name=package.filename, upload_time=time, **fields)]}
    else:
        entry = {"sdist": PackageSdist(name=package.filename, upload_time=time, **fields)}
    return Package(
        name=canonicalize_name(package.name),
        version=Version(package.version),
        requires_python=_specifiers(package.requires_python),
        dependencies=[{"name": name} for name in package.dependencies] or None,
        index=package.index or None,
        attestation_identities=list(package.attested.publishers) if package.attested else None,
        tool={"wheeltarget": table} if (table := _own_table(package)) else None,
        **entry,
    )


def _own_table(package: LockedPackage) -> dict[str, str]:
    """Return the table of wheeltarget for a project."""
    url = package.attested.url if package.attested else ""
    named = {_BUILT_FROM: package.built_from, PROVENANCE: url}
    return {key: value for key, value in named.items() if value}


def read(text: str, name: str) -> Lock:
    """Read a lock that :func:`write` has written.

    :param name: the file's name, for messages.
    :raises InputError: if wheeltarget did not write it, or it was changed; it names the places.
    """
    parsed, faults = parse_lock(name, text.encode())
    if parsed is not None:
        collector = FaultCollector(name, parsed.text, faults)
        if parsed.origin is None:
            message = "this lock was not made by wheeltarget: it has no table [tool.wheeltarget]"
            collector.add(("created-by",), message)
        else:
            inputs = _read_inputs(parsed.pylock, collector)
            _check_packages(parsed.pylock, collector)
            if not faults:
                return _lock(parsed.pylock, parsed.origin, inputs, parsed.files.values())
    raise InputError(tuple(map(_with_hint, faults)))


def _with_hint(fault: Fault) -> Fault:
    """Advise deleting the lock before locking again: as it is, it cannot be replaced."""
    hint = fault.hint.replace("lock again", _DELETE_AND_LOCK) if fault.hint else _DELETE_AND_LOCK
    return replace(fault, hint=hint)


def _read_inputs(pylock: Pylock, collector: FaultCollector) -> tuple[str, ...]:
    """Read the inputs, which a download does not need."""
    table, path = (pylock.tool or {})["wheeltarget"], ("tool", "wheeltarget")
    inputs = table.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, str) for each in inputs):
        collector.add((*path, "inputs"), "has to be a list of strings")
        return ()
    if _digest(tuple(inputs)) != table.get("digest"):
        message = "this is not the digest of the inputs above: they were changed by hand"
        collector.add((*path, "digest"), message)
    return tuple(inputs)


def _check_packages(pylock: Pylock, collector: FaultCollector) -> None:
    """Check what a download does not need; one file per project and no marker is checked before."""
    if len(pylock.environments or ()) > 1:
        collector.add(("environments",), "a lock of wheeltarget has only one environment")
    for number, package in enumerate(pylock.packages):
        if package.version is None:
            collector.add(("packages", number), f"{package.name} has no version")
        if not all(isinstance(each.get("name"), str) for each in package.dependencies or ()):
            collector.add(("packages", number), f"a dependency of {package.name} has no name")


def _lock(
    pylock: Pylock, origin: Origin, inputs: tuple[str, ...], files: Iterable[PinnedFile]
) -> Lock:
    by_package = {file.key_path[1]: file for file in files}
    return Lock(
        origin.label,
        origin.tag,
        origin.python,
        inputs,
        tuple(_locked(each, by_package[n]) for n, each in enumerate(pylock.packages)),
        str(next(iter(pylock.environments or ()), "")),
        str(pylock.requires_python or ""),
        origin.excluded,
        origin.pip,
    )


def _locked(package: Package, file: PinnedFile) -> LockedPackage:
    archive = package.archive
    return LockedPackage(
        package.name,
        str(package.version),
        file.filename,
        file.sha256,
        file.url,
        file.path,
        file.size,
        direct=archive is not None,
        index=package.index or "",
        requires_python=str(package.requires_python or ""),
        dependencies=tuple(str(each["name"]) for each in package.dependencies or ()),
        subdirectory=(archive and archive.subdirectory) or "",
        uploaded=file.uploaded,
        built_from=built_from(package),
        attested=_attested(package, file),
    )


def _attested(package: Package, file: PinnedFile) -> Attestation | None:
    publishers = tuple(package.attestation_identities or ())
    return Attestation(file.provenance, publishers) if publishers else None


def built_from(package: Package) -> str:
    """Return the source of a wheel that was built for a lock; empty if it was not."""
    table = (package.tool or {}).get("wheeltarget")
    source = table.get(_BUILT_FROM) if isinstance(table, dict) else None
    return source if isinstance(source, str) else ""
