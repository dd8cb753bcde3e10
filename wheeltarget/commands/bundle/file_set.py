"""The files of a bundle: conflicts between projects, and sizes; without any I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wheeltarget.commands.bundle.unpack import BundledFile
from wheeltarget.errors import BundleError
from wheeltarget.wheelhouse.archive import folded, unfit


@dataclass(frozen=True, slots=True)
class ProjectSize:
    """The size of a project in a bundle.

    :param name: the project, or the path that was included.
    :param version: its version, or an empty string.
    :param files: the number of its files.
    :param size: their size in bytes.
    """

    name: str
    version: str
    files: int
    size: int


_CASE_INSENSITIVE = ("win", "macosx", "ios")


def merge_files(files: Iterable[BundledFile], platform: str) -> tuple[BundledFile, ...]:
    """Merge the files of all projects, each name once.

    :param files: the files; of several with the same name and content, the first is kept.
    :param platform: the target's platform tag. Some platforms do not distinguish names by case or
        Unicode normalization, and Windows does not allow every name.
    :returns: the files, by name.
    :raises BundleError: if two projects have different files of one name, or the target does not
        allow a name; the error lists all of them.
    """
    chosen: dict[str, BundledFile] = {}
    conflicts: list[str] = []
    folds, windows = platform.startswith(_CASE_INSENSITIVE), platform.startswith("win")
    for file in files:
        if why := unfit(file.name, windows=windows):
            conflicts.append(f"{file.owner} has {file.name[:255]!r}, which {why}")
            continue
        key = folded(file.name) if folds else file.name
        first = chosen.setdefault(key, file)
        if first.name != file.name:
            conflicts.append(
                f"{first.owner} has {first.name}, and {file.owner} has {file.name}, which is the "
                "same name on the target"
            )
        elif first.sha256 != file.sha256:
            both = first.owner if first.owner == file.owner else f"{first.owner} and {file.owner}"
            have = "has two" if first.owner == file.owner else "have"
            conflicts.append(f"{both} {have} different files {file.name}")
    conflicts += _files_as_folders(chosen)
    if conflicts:
        raise BundleError(
            f"these files cannot be in one bundle: {'; '.join(conflicts)}",
            "leave one of the projects out, or ask the authors of the wheel to fix it",
        )
    return tuple(sorted(chosen.values(), key=lambda file: file.name))


def _files_as_folders(chosen: Mapping[str, BundledFile]) -> Iterator[str]:
    """Return a message for each file with the name of a folder, as the target compares names."""
    seen: set[str] = set()
    for key, file in chosen.items():
        for above in map(str, PurePosixPath(key).parents):
            if above in chosen and above not in seen:
                seen.add(above)
                yield f"{chosen[above].name} is a file, and {file.owner} has {file.name} below it"


def sizes(files: Iterable[BundledFile], versions: Mapping[str, str]) -> tuple[ProjectSize, ...]:
    """Return the size of each project, the largest first.

    :param files: the files of the bundle.
    :param versions: the version of each project.
    """
    found: defaultdict[str, list[int]] = defaultdict(list)
    for file in files:
        found[file.owner].append(file.size)
    projects = (
        ProjectSize(name, versions.get(name, ""), len(each), sum(each))
        for name, each in found.items()
    )
    return tuple(sorted(projects, key=lambda project: (-project.size, project.name)))
