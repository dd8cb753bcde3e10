"""What a bundle is made of: which files, whether they go together, and how large they are.

Nothing here reads or writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wheeltarget.errors import BundleError
from wheeltarget.unpacking import BundledFile


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


def merge_files(files: Iterable[BundledFile], *, folds_case: bool) -> tuple[BundledFile, ...]:
    """Put the files of all projects together, each name once.

    :param files: the files, in the order in which they win where two are the same.
    :param folds_case: whether the target takes names that differ by case only for one.
    :returns: the files by name.
    :raises BundleError: where two projects have different files of one name; it names them all.
    """
    chosen: dict[str, BundledFile] = {}
    clashes: list[str] = []
    for file in files:
        key = file.name.casefold() if folds_case else file.name
        first = chosen.setdefault(key, file)
        if first.name != file.name:
            clashes.append(
                f"{first.owner} has {first.name}, and {file.owner} has {file.name}, which is the "
                "same name on the target"
            )
        elif first.sha256 != file.sha256:
            clashes.append(f"{first.owner} and {file.owner} have different files {file.name}")
    names = {file.name for file in chosen.values()}
    clashes += _in_the_way(chosen.values(), names)
    if clashes:
        raise BundleError(
            f"these do not go into one folder: {'; '.join(clashes)}",
            "leave one of the two out of the lock, or ask its authors to mend the wheel",
        )
    return tuple(sorted(chosen.values(), key=lambda file: file.name))


def _in_the_way(files: Iterable[BundledFile], names: set[str]) -> Iterator[str]:
    """Find files that have the name of a folder."""
    told: set[str] = set()
    for file in files:
        for above in map(str, PurePosixPath(file.name).parents):
            if above in names and above not in told:
                told.add(above)
                yield f"{above} is a file, and {file.owner} has {file.name} below it"


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
