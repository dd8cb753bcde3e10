"""What a bundle is made of: which files, whether they go together, and how large they are.

Nothing here reads or writes.
"""

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
    """How large a project is in a bundle.

    :param name: the project, or the path that was included.
    :param version: its version, or an empty string.
    :param files: how many files it has.
    :param size: how many bytes they have.
    """

    name: str
    version: str
    files: int
    size: int


_FOLDING = ("win", "macosx", "ios")


def merge_files(files: Iterable[BundledFile], platform: str) -> tuple[BundledFile, ...]:
    """Put the files of all projects together, each name once.

    :param files: the files, in the order in which they win where two are the same.
    :param platform: the target's platform, as tags call it; some take names for one that differ by
        case only, or by how an accent is written, and Windows cannot have every name.
    :returns: the files by name.
    :raises BundleError: where two projects have different files of one name, or the target cannot
        have one; it names them all.
    """
    chosen: dict[str, BundledFile] = {}
    clashes: list[str] = []
    folds, windows = platform.startswith(_FOLDING), platform.startswith("win")
    for file in files:
        if why := unfit(file.name, windows=windows):
            clashes.append(f"{file.owner} has {file.name[:255]!r}, which {why}")
            continue
        key = folded(file.name) if folds else file.name
        first = chosen.setdefault(key, file)
        if first.name != file.name:
            clashes.append(
                f"{first.owner} has {first.name}, and {file.owner} has {file.name}, which is the "
                "same name on the target"
            )
        elif first.sha256 != file.sha256:
            both = first.owner if first.owner == file.owner else f"{first.owner} and {file.owner}"
            have = "has two" if first.owner == file.owner else "have"
            clashes.append(f"{both} {have} different files {file.name}")
    clashes += _in_the_way(chosen)
    if clashes:
        raise BundleError(
            f"these do not go into one folder: {'; '.join(clashes)}",
            "leave out one of the two, or ask the authors of the wheel to mend it",
        )
    return tuple(sorted(chosen.values(), key=lambda file: file.name))


def _in_the_way(chosen: Mapping[str, BundledFile]) -> Iterator[str]:
    """Find files that have the name of a folder, as the target compares names."""
    told: set[str] = set()
    for key, file in chosen.items():
        for above in map(str, PurePosixPath(key).parents):
            if above in chosen and above not in told:
                told.add(above)
                yield f"{chosen[above].name} is a file, and {file.owner} has {file.name} below it"


def sizes(files: Iterable[BundledFile], versions: Mapping[str, str]) -> tuple[ProjectSize, ...]:
    """Say how large each project is, the largest first.

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
