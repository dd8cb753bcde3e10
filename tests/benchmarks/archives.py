"""Read archives that were made for a runtime, and compare them with the wheels it would take."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from enum import StrEnum
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

_OF_INSTALLERS = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
"""Files of a ``.dist-info`` folder that an installer writes."""

_INFORMATION = re.compile(r"([^/]+)-([^/-]+)\.dist-info/METADATA")
_BYTECODE = re.compile(r"\.cpython-(\d)(\d+)\.pyc")

Content = tuple[int, int]
"""The size of a file and its CRC-32, which every archive has for each of its files."""


class Kind(StrEnum):
    """What is different, in the words of the tables."""

    LACKS = "lacks"
    OLDER = "older"
    NEWER = "newer"
    UNFIT = "unfit"
    BUILD = "other build"
    DAMAGED = "damaged"
    MORE = "not needed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One project that is not as the runtime's own pip would install it."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel, as it is when it is installed.

    :param project: its normalised name.
    :param version: its version.
    :param files: its modules and metadata by their place on ``sys.path``, without scripts, and
        without bytecode, which an installer may leave out or write itself.
    """

    project: str
    version: Version
    files: Mapping[str, Content]


@dataclass(frozen=True, slots=True)
class Installed:
    """A project in an archive.

    :param version: its version.
    :param tags: the tags that its WHEEL file has; empty if it has no such file.
    """

    version: Version
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was made for a runtime.

    :param size: its bytes.
    :param files: its files.
    :param projects: what is installed in it, by normalised name.
    """

    size: int
    files: Mapping[str, Content]
    projects: Mapping[str, Installed]

    @property
    def unpacked(self) -> int:
        """Return the bytes of all files."""
        return sum(size for size, _ in self.files.values())

    def useless(self, python: str) -> int:
        """Return the bytes of all modules that were compiled for another Python."""
        return sum(
            size
            for name, (size, _) in self.files.items()
            for match in [_BYTECODE.search(name)]
            if match and f"{match[1]}.{match[2]}" != python
        )


def read_wheel(path: Path) -> Wheel:
    """Read a wheel from its archive and its name."""
    project, version, *_ = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        files = dict(_installed_files(archive))
    return Wheel(project, version, files)


def _installed_files(archive: zipfile.ZipFile) -> Iterator[tuple[str, Content]]:
    for name, content in _contents(archive):
        folder, _, rest = name.partition("/")
        if folder.endswith(".data"):
            kind, _, rest = rest.partition("/")
            if kind in ("purelib", "platlib"):
                yield rest, content
        elif not (
            (folder.endswith(".dist-info") and rest in _OF_INSTALLERS) or name.endswith(".pyc")
        ):
            yield name, content


def _contents(archive: zipfile.ZipFile) -> Iterator[tuple[str, Content]]:
    for entry in archive.infolist():
        if not entry.is_dir():
            yield entry.filename, (entry.file_size, entry.CRC)


def read_archive(path: Path) -> Archive:
    """Read what was made for a runtime."""
    with zipfile.ZipFile(path) as archive:
        files = dict(_contents(archive))
        projects: dict[str, Installed] = {}
        for name in files:
            match = _INFORMATION.fullmatch(name)
            if match:
                wheel = f"{match[1]}-{match[2]}.dist-info/WHEEL"
                text = archive.read(wheel).decode() if wheel in files else ""
                tags = frozenset(HeaderParser().parsestr(text).get_all("Tag") or ())
                projects[canonicalize_name(match[1])] = Installed(Version(match[2]), tags)
    return Archive(path.stat().st_size, files, projects)


def compare(
    archive: Archive, wheels: Sequence[Wheel], tags: Collection[str]
) -> Iterator[Difference]:
    """Yield what is different from what the runtime's own pip would install.

    :param archive: what was made for the runtime.
    :param wheels: what its pip chose.
    :param tags: every tag that the runtime takes.
    """
    wanted = {wheel.project: wheel for wheel in wheels}
    allowed: dict[str, set[Content]] = {}
    for wheel in wheels:
        for name, content in wheel.files.items():
            allowed.setdefault(name, set()).add(content)
    for project, wheel in sorted(wanted.items()):
        name = f"{project} {wheel.version}"
        there = archive.projects.get(project)
        if there is None:
            yield Difference(Kind.LACKS, name)
        elif there.tags and not there.tags & frozenset(tags):
            text = f"{project} {there.version} for {_platforms(there.tags)}"
            yield Difference(Kind.UNFIT, text)
        elif there.version != wheel.version:
            kind = Kind.OLDER if there.version < wheel.version else Kind.NEWER
            yield Difference(kind, f"{project} {there.version} instead of {wheel.version}")
        elif odd := [n for n in wheel.files if archive.files.get(n) not in allowed[n]]:
            if f"{_folder(wheel)}/WHEEL" in odd:
                yield Difference(Kind.BUILD, f"{name} for {_platforms(there.tags)}")
            else:
                few = ", ".join(sorted(odd)[:3])
                yield Difference(Kind.DAMAGED, f"{len(odd)} files of {name}: {few}")
    for project in sorted(archive.projects.keys() - wanted.keys()):
        yield Difference(Kind.MORE, f"{project} {archive.projects[project].version}")


def _folder(wheel: Wheel) -> str:
    return next(n for n in wheel.files if n.endswith(".dist-info/WHEEL")).rpartition("/")[0]


def _platforms(tags: Collection[str]) -> str:
    return ", ".join(sorted({tag.rpartition("-")[2] for tag in tags}))


def verdict(differences: Sequence[Difference]) -> str:
    """Return a cell of a table: how many projects are different, by kind; or "same"."""
    counts = {kind: sum(each.kind is kind for each in differences) for kind in Kind}
    return ", ".join(f"{kind} {count}" for kind, count in counts.items() if count) or "same"
