"""The layout of a pack: the names of its files, ``pack.json`` and the manifest.

The manifest has the format of ``sha256sum``, so that ``sha256sum -c manifest.sha256`` in the folder
verifies a pack. It names every file but itself.

A pack of only what is new has the manifest of the whole pack, and two more files of this format,
which the manifest does not name: ``earlier.sha256`` names the files that come from the earlier
pack, ``removed.sha256`` those of the earlier pack that do not belong any more. So what is new, over
the earlier pack, is the whole pack, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from wheeltarget.errors import PackError
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.archive import find_name_problem, fold_case, leaves_folder

SCHEMA = 1
"""The version of ``pack.json``."""

PACK, MANIFEST, README = "pack.json", "manifest.sha256", "README.txt"
EARLIER, REMOVED = "earlier.sha256", "removed.sha256"
WHEELS, INDEX, LOCKS, REQUIREMENTS = "wheels", "simple", "locks", "requirements"
BESIDE = (".metadata", ".provenance")
"""The endings of what is beside a wheel, in the same folder."""

_LINE = re.compile(r"(?P<hash>[0-9a-f]{64})  (?P<name>.+)")
_HASH = re.compile(r"[0-9a-f]{64}")
_GLIBC = {"manylinux2014": "2.17", "manylinux2010": "2.12", "manylinux1": "2.5"}
_LIBC = re.compile(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_")


@dataclass(frozen=True, slots=True)
class PackTarget:
    """A target of a pack.

    :param name: its name in the pack: letters, digits, ``_``, ``+`` and ``-``.
    :param label: its label, as the user wrote it.
    :param tag: its best tag.
    :param facts: what tells it from other environments, as :func:`facts_of` returns it.
    :param pip: the path of the wheel of its pip in the pack; empty without one.
    """

    name: str
    label: str
    tag: str
    facts: Mapping[str, Any]
    pip: str = ""

    @property
    def lock(self) -> str:
        """Return the path of its lock in the pack."""
        return f"{LOCKS}/pylock.{self.name}.toml"

    @property
    def requirements(self) -> str:
        """Return the path of its requirements with hashes in the pack."""
        return f"{REQUIREMENTS}/{self.name}.txt"

    def as_dict(self) -> dict[str, object]:
        """Return it as ``pack.json`` has it."""
        return {
            "name": self.name,
            "label": self.label,
            "tag": self.tag,
            "facts": dict(self.facts),
            "lock": self.lock,
            "requirements": self.requirements,
            "pip": self.pip or None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PackTarget:
        """Read it from ``pack.json``.

        :raises PackError: if it is not as :meth:`as_dict` returns it.
        """
        name, facts = _text(data, "name"), _table(data, "facts")
        if re.fullmatch(r"[\w+-]+", name, re.ASCII) is None:
            raise PackError(f"the name {name!r} of a target has characters that it may not have")
        _text(facts, "python")
        pip = "" if data.get("pip") is None else _text(data, "pip")
        target = cls(name, _text(data, "label"), _text(data, "tag"), facts, pip)
        for key, path in (("lock", target.lock), ("requirements", target.requirements)):
            if data.get(key) != path:
                raise PackError(f"{key} of the target {name} has to be {path}")
        return target


def facts_of(target: Target) -> dict[str, object]:
    """Return what tells a target from other environments."""
    interpreter, abi, _ = target.tags[0].split("-")
    platforms = dict.fromkeys(tag.split("-")[2] for tag in target.tags)
    platforms.pop("any", None)
    return {
        "python": target.environment["python_full_version"],
        "implementation": re.sub(r"\d+$", "", interpreter),
        "interpreter": interpreter,
        "abi": abi,
        "platforms": list(platforms),
        **_system(platforms),
        "markers": target.environment,
    }


def _system(platforms: Iterable[str]) -> dict[str, str]:
    """Return the version of the C library or of macOS that a target has, if its tags tell."""
    for platform in platforms:
        legacy = platform.partition("_")[0]
        if legacy in _GLIBC:
            return {"glibc": _GLIBC[legacy]}
        if found := _LIBC.match(platform):
            kind = {"manylinux": "glibc", "musllinux": "musl", "macosx": "macos"}[found[1]]
            return {kind: f"{found[2]}.{found[3]}"}
    return {}


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A wheel or a source in a pack.

    :param name: the name of the file.
    :param project: normalised.
    :param targets: the names of the targets that need it.
    :param url: where it came from, without credentials; empty for a local file.
    :param uploaded: when it was uploaded to its index, as PEP 700 writes it; empty if unknown.
    """

    name: str
    sha256: str
    size: int
    project: str
    version: str
    targets: tuple[str, ...]
    url: str = ""
    uploaded: str = ""

    @property
    def path(self) -> str:
        """Return its path in the pack."""
        return f"{WHEELS}/{self.name}"

    def as_dict(self) -> dict[str, object]:
        """Return it as ``pack.json`` has it."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "size": self.size,
            "project": self.project,
            "version": self.version,
            "targets": list(self.targets),
            "url": self.url or None,
            "upload-time": self.uploaded or None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PackedFile:
        """Read it from ``pack.json``.

        :raises PackError: if it is not as :meth:`as_dict` returns it.
        """
        folder, _, name = _text(data, "path").rpartition("/")
        if folder != WHEELS or name_problem(f"{folder}/{name}"):
            raise PackError(f"{_text(data, 'path')!r} is not the path of a file in {WHEELS}")
        size, sha256 = data.get("size"), _text(data, "sha256")
        if not isinstance(size, int) or _HASH.fullmatch(sha256) is None:
            raise PackError(f"the size or the sha256 of {name} is not valid")
        names = (_text(data, "project"), _text(data, "version"))
        return cls(name, sha256, size, *names, _texts(data, "targets"))


@dataclass(frozen=True, slots=True)
class Pack:
    """What ``pack.json`` has."""

    targets: tuple[PackTarget, ...]
    files: tuple[PackedFile, ...]

    def as_text(self) -> str:
        """Return the text of ``pack.json``."""
        document = {
            "schema": SCHEMA,
            "created-by": "wheeltarget",
            "targets": [target.as_dict() for target in self.targets],
            "files": [file.as_dict() for file in self.files],
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def read(cls, data: bytes) -> Pack:
        """Read ``pack.json``.

        :raises PackError: if it is not valid.
        """
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise PackError(f"it is not valid JSON: {error}") from error
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise PackError(
                f"it does not have the schema {SCHEMA}", "use the wheeltarget that made the pack"
            )
        targets = tuple(map(PackTarget.from_dict, _tables(document, "targets")))
        return cls(targets, tuple(map(PackedFile.from_dict, _tables(document, "files"))))


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise PackError(f"{key} must be a string")
    return value


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict):
        raise PackError(f"{key} has to be an object")
    return value


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PackError(f"{key} must be a list of strings")
    return tuple(value)


def _tables(data: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise PackError(f"{key} has to be a list of objects")
    return value


def manifest_text(hashes: Mapping[str, str]) -> str:
    """Return a manifest.

    :param hashes: the sha256 of each file, by its path in the pack.
    """
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))


def read_manifest(data: bytes, report: Callable[[str], None]) -> dict[str, str]:
    """Read a manifest.

    :param report: takes what is wrong with a line: a sentence without its file.
    :returns: the sha256 of each file, by its path in the pack; no path leads out of the pack.
    """
    hashes: dict[str, str] = {}
    folded: dict[str, str] = {}
    if b"\r\n" in data:
        report("its lines end as on Windows: copy it byte by byte, not as text")
        data = data.replace(b"\r\n", b"\n")
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if lines.pop():
        report("its last line is cut off")
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            report(f"line {number} is not a sha256, two spaces and a path")
            continue
        name = found["name"]
        if problem := name_problem(name):
            report(f"line {number} names {name!r}, which {problem}")
        elif hashes.setdefault(name, found["hash"]) != found["hash"]:
            report(f"line {number} names {name} again, with another sha256")
        elif folded.setdefault(fold_case(name), name) != name:
            other = folded[fold_case(name)]
            report(f"line {number} names {name}, which differs from {other} only by case")
    return hashes


def name_problem(name: str) -> str:
    """Return why a pack may not have a file of this name; an empty string if it may."""
    if leaves_folder(name) or name.endswith("/"):
        return "leads out of the pack"
    return find_name_problem(name, windows=True)


def find_foldings(names: Iterable[str]) -> dict[str, str]:
    """Return each name that differs from an earlier one only by case, and that other one."""
    seen: dict[str, str] = {}
    pairs = ((name, seen.setdefault(fold_case(name), name)) for name in names)
    return {name: first for name, first in pairs if name != first}


def project_of(filename: str) -> tuple[str, str] | None:
    """Return the project and the version in the name of a file, as pip reads it in a folder."""
    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return name, str(version)
