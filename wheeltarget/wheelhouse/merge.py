"""Merge the files of all targets into the destination, each name once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.errors import ClashError, DestinationError
from wheeltarget.staging.stage import Stage
from wheeltarget.utils.files import Digest, Hashes, copy_file
from wheeltarget.utils.progress import reported

_CLASH = "give each target its own folder (--by-target), or both the same index"
_LOCK_CLASH = "a target has one lock: keep the right one, or lock again and merge that"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that one target needs.

    :param path: its path, in the stage or, if it is to be copied, elsewhere.
    :param label: the target that needs it, or an empty string.
    :param folder: the folder in the destination that it goes to, or an empty string.
    """

    path: Path
    origin: str
    label: str
    folder: str = ""
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """Return its name in the destination."""
        return f"{self.folder}/{self.path.name}" if self.folder else self.path.name

    def __str__(self) -> str:
        return f"{self.origin} for {self.label}" if self.label else self.origin


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file in the destination, hashed in this run; not new if it was there before."""

    path: Path
    digest: Digest
    new: bool


_Chosen = Mapping[str, tuple[StagedFile, Digest]]
"""The file for each name in the destination."""


def merge(
    stage: Stage,
    targets: Sequence[Sequence[StagedFile]],
    hashes: Hashes | None = None,
    *,
    copied: bool = False,
    begin: Callable[[], None] = lambda: None,
) -> dict[str, PlacedFile]:
    """Put the files of all targets into the destination, each once.

    :param copied: whether to copy the files, which are not in the stage.
    :param begin: called once no other run is waited for, before anything is placed.
    :returns: the files in the destination, by their names there.
    :raises ClashError: if one name has two contents; nothing is placed then.
    """
    hashes = hashes or Hashes()
    chosen: dict[str, tuple[StagedFile, Digest]] = {}
    files = [each for files in targets for each in files]
    for file in reported(files, "Hashing", size=_size):
        digest = file.digest or hashes.of(file.path)
        first, known = chosen.setdefault(file.name, (file, digest))
        if known != digest:
            raise clash(first, file)
    copies: dict[str, Path] = {}
    if copied:
        # Copying takes long, so it is done before other runs are made to wait.
        _copy(stage, chosen, _compare(stage, chosen, hashes), copies)
    with stage.hold():
        begin()
        placed = _compare(stage, chosen, hashes)
        if copied:
            _copy(stage, chosen, placed, copies)
        if any(file.new for file in placed.values()) or not stage.destination.exists():
            paths = {name: chosen[name][0].path for name, file in placed.items() if file.new}
            stage.place({name: copies.get(name, path) for name, path in paths.items()})
    return placed


def _compare(stage: Stage, chosen: _Chosen, hashes: Hashes) -> dict[str, PlacedFile]:
    """Find the files that are in the destination already, with the same content."""
    placed = {}
    for name, (file, digest) in chosen.items():
        path = stage.destination / name
        there = path.is_file() and (path.samefile(file.path) or hashes.of(path) == digest)
        placed[name] = PlacedFile(path, digest, new=not there)
    return placed


def _copy(
    stage: Stage, chosen: _Chosen, placed: Mapping[str, PlacedFile], copies: dict[str, Path]
) -> None:
    """Copy new files into the stage, unless they are there; the copies are hashed for placing."""
    names = [name for name, file in placed.items() if file.new and name not in copies]
    for name in reported(names, "Copying", size=lambda name: placed[name].digest.size):
        path = chosen[name][0].path
        copies[name] = stage.job_folder(len(copies)) / path.name
        if copy_file(path, copies[name]) != placed[name].digest:
            message = f"{path} was changed while it was read; nothing was placed"
            hint = "wait until nothing writes to it, and run this again"
            raise DestinationError(message, hint)


def _size(file: StagedFile) -> int:
    return file.digest.size if file.digest else file.path.stat().st_size


def clash(first: StagedFile, second: StagedFile) -> ClashError:
    """Return the error that one name has two contents."""
    return ClashError(
        f"{second.path.name} is two different files: {first} and {second}",
        _LOCK_CLASH if second.path.suffix == ".toml" else _CLASH,
    )


def folder_names(labels: Sequence[str]) -> Iterator[str]:
    """Make a folder name of each target's label, no two the same."""
    taken: set[str] = set()
    for label in labels:
        plain = re.sub(r"[^\w.+-]+", "-", label, flags=re.ASCII).strip(".-") or "target"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.lower())
        yield name


def differing(
    chosen: Iterable[tuple[str, str, str]],
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield each project with several versions, and by version the targets or folders, each once.

    :param chosen: the project, its version, and the target or folder that has it.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for project, version, user in dict.fromkeys(chosen):
        found.setdefault(project, {}).setdefault(version, []).append(user)
    yield from ((project, users) for project, users in sorted(found.items()) if len(users) > 1)


def note_same_tags(targets: Iterable[tuple[str, tuple[str, ...], str]]) -> Iterator[str]:
    """Yield a note for each target that has the tags of one before it.

    The tags of local builds, which only a named machine has, do not count.

    :param targets: the label, the tags and the Python release of each.
    """
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    for label, tags, python in targets:
        shared = tuple(tag for tag in tags if "-linux_" not in tag)
        other, release = first.setdefault(shared, (label, python))
        if other != label:
            yield (
                f"{other} (Python {release}) and {label} (Python {python}) have the same tags, but "
                "are separate targets: use one name if both are one environment"
            )


def note_differing(
    chosen: Iterable[tuple[str, str, str]], preposition: str = "for"
) -> Iterator[str]:
    """Return a note for each project that has several versions, as :func:`differing` finds them."""
    for project, versions in differing(chosen):
        each = (f"{key} {preposition} {', '.join(users)}" for key, users in versions.items())
        yield f"{project} differs: {'; '.join(each)}"
