"""The command ``merge``: merge wheelhouses, as one run merges the files of its targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.errors import DestinationError, UsageError
from wheeltarget.utils.files import is_archive
from wheeltarget.utils.signals import interruptible
from wheeltarget.wheelhouse import merge as wheelhouse
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile

SCHEMA = 1
"""The version of the document that :meth:`MergeOutcome.as_dict` returns."""

_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The arguments of ``wheeltarget merge``.

    :param folders: the wheelhouses.
    :param destination: the folder for all files; it may be one of the wheelhouses.
    """

    folders: tuple[Path, ...]
    destination: Path


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A file of the merged wheelhouse.

    :param name: its name there, with its subfolder if it has one.
    :param path: its path.
    :param sha256: the hash of its content, in hexadecimal.
    :param size: its size in bytes.
    :param new: False if it was there before.
    :param sources: its path in each wheelhouse that has it.
    """

    name: str
    path: Path
    sha256: str
    size: int
    new: bool
    sources: tuple[Path, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "name": self.name,
            "path": str(self.path),
            "sha256": self.sha256,
            "size": self.size,
            "new": self.new,
            "sources": [str(source) for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The result of a merge.

    :param destination: the folder that has all files.
    :param folders: the number of wheelhouses.
    :param files: the files, by name.
    :param notes: one sentence each.
    """

    destination: Path
    folders: int
    files: tuple[MergedFile, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "schema": SCHEMA,
            "destination": str(self.destination),
            "files": [file.as_dict() for file in self.files],
            "notes": list(self.notes),
        }


def merge(request: MergeRequest) -> MergeOutcome:
    """Merge wheelhouses: each file once; either all files are written or none.

    :param request: the arguments.
    :returns: the files of the destination.
    :raises UsageError: if a wheelhouse is not a folder, or contains the destination.
    :raises ClashError: if two files of one name have different contents.
    :raises DestinationError: if the destination cannot be written, or a file cannot be read.
    """
    try:
        return _merge(request)
    except OSError as error:
        if error.filename is None:
            raise
        raise DestinationError(f"cannot read {error.filename}: {error.strerror}") from error


def _merge(request: MergeRequest) -> MergeOutcome:
    destination = request.destination.resolve()
    folders = tuple(dict.fromkeys(request.folders))
    _refuse_folders(folders, destination)
    found = {folder: tuple(_find(folder)) for folder in folders}
    notes = [note for folder in folders for note in _notes(folder, found[folder])]
    wanted = [(folder, path) for folder in folders for path in found[folder]]
    there = {path.relative_to(folder).as_posix() for folder, path in wanted}
    before = {name for name in there if (destination / name).exists()}
    inner = {name.rpartition("/")[0] for name in there}
    with (
        interruptible() as interrupts,
        wheelhouse.open_stage(destination, folders=sorted(inner)) as stage,
    ):
        staged = [tuple(_staged(folder, found[folder])) for folder in folders]
        placed = wheelhouse.merge(stage, staged, copied=True, begin=interrupts.hold)
    sources: dict[str, list[Path]] = {}
    for folder, path in wanted:
        sources.setdefault(path.relative_to(folder).as_posix(), []).append(path)
    files = tuple(_merged_file(name, placed[name], sources[name]) for name in sorted(placed))
    notes += (
        f"{file.path} had other content before and was replaced"
        for file in files
        if file.new and file.name in before
    )
    notes += _differing(wanted)
    notes += stage.notes
    return MergeOutcome(destination, len(folders), files, tuple(notes))


def _refuse_folders(folders: Sequence[Path], destination: Path) -> None:
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        problem = "are not folders" if len(missing) > 1 else "is not a folder"
        raise UsageError(
            f"{', '.join(map(str, missing))} {problem}", "name the wheelhouses to merge"
        )
    for folder in folders:
        if destination != folder.resolve() and destination.is_relative_to(folder.resolve()):
            raise UsageError(
                f"the destination {destination} is inside {folder}, which is to be merged",
                "choose a destination outside of it",
            )


def _find(folder: Path) -> Iterator[Path]:
    """Return the files of a wheelhouse, and of its subfolders, one for each target."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield from (each for each in sorted(path.iterdir()) if _belongs(each))
        elif _belongs(path):
            yield path


def _belongs(path: Path) -> bool:
    """Check whether a file is merged; raises OSError if it is a broken link."""
    has_name = path.name.endswith(_DISTRIBUTIONS) or _is_lock(path)
    if has_name and path.is_symlink():
        path.stat()
    return has_name and is_archive(path)


def _is_lock(path: Path) -> bool:
    return path.name.startswith("pylock.") and path.suffix == ".toml"


def _notes(folder: Path, found: Sequence[Path]) -> Iterator[str]:
    """Return notes on a wheelhouse without distributions, and on files that are not merged."""
    if not found:
        yield f"{folder} contains no distributions and no locks"
    others = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path not in found
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if others:
        few = ", ".join(path.relative_to(folder).as_posix() for path in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield f"not merged from {folder}, since neither distributions nor locks: {few}{more}"


def _differing(wanted: Sequence[tuple[Path, Path]]) -> Iterator[str]:
    """Return a note for each project with several versions, which are now in one folder."""
    versions: dict[tuple[str, str], dict[str, dict[Path, None]]] = {}
    for folder, path in wanted:
        named = _project(path.name)
        if named is not None:
            where = path.relative_to(folder).parent.as_posix(), named[0]
            versions.setdefault(where, {}).setdefault(named[1], {})[folder] = None
    for (_, name), by_version in sorted(versions.items()):
        if len(by_version) > 1:
            each = (
                f"{version} from {', '.join(map(str, folders))}"
                for version, folders in by_version.items()
            )
            yield f"{name} differs: {'; '.join(each)}"


def _project(filename: str) -> tuple[str, str] | None:
    """Return the project and the version in a file's name; None if they cannot be read."""
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None
    return name, str(version)


def _staged(folder: Path, found: Sequence[Path]) -> Iterator[StagedFile]:
    for path in found:
        inner = path.relative_to(folder).parent.as_posix()
        yield StagedFile(path, str(path), "", "" if inner == "." else inner)


def _merged_file(name: str, placed: PlacedFile, sources: Sequence[Path]) -> MergedFile:
    digest = placed.digest
    return MergedFile(name, placed.path, digest.sha256, digest.size, placed.new, tuple(sources))
