"""The command ``merge``: merge wheelhouses, as one run merges the files of its targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from wheeltarget.errors import DestinationError, UsageError
from wheeltarget.staging.stage import interruptible, open_stage
from wheeltarget.utils.files import is_archive
from wheeltarget.wheelhouse import merge as wheelhouse
from wheeltarget.wheelhouse.merge import StagedFile
from wheeltarget.wheelhouse.provenance import is_beside

SCHEMA = 1
"""The version of the document that :meth:`MergeOutcome.as_dict` returns."""

_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The arguments of ``wheeltarget merge``; the destination may be one of the wheelhouses."""

    folders: tuple[Path, ...]
    destination: Path


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A file of the merged wheelhouse.

    :param name: its name there, with its subfolder if it has one.
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
        return asdict(self) | {"path": str(self.path), "sources": list(map(str, self.sources))}


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The result of a merge of a number of wheelhouses; the notes are one sentence each."""

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
    """Merge wheelhouses: each file once; either all files are written or none."""
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
    found = {folder: dict(_find(folder)) for folder in folders}
    _drop_other_provenance(found)
    notes = [note for folder in folders for note in _notes(folder, found[folder])]
    sources: defaultdict[str, list[Path]] = defaultdict(list)
    for name, path in chain.from_iterable(named.items() for named in found.values()):
        sources[name].append(path)
    before = {name for name in sources if (destination / name).exists()}
    inner = {name: name.rpartition("/")[0] for name in sources}
    staged = [
        [StagedFile(path, str(path), "", inner[name]) for name, path in named.items()]
        for named in found.values()
    ]
    with (
        interruptible() as interrupts,
        open_stage(destination, folders=sorted({*inner.values()})) as stage,
    ):
        placed = wheelhouse.merge(stage, staged, copied=True, begin=interrupts.hold)
    files = tuple(
        MergedFile(
            name, file.path, file.digest.sha256, file.digest.size, file.new, tuple(sources[name])
        )
        for name, file in sorted(placed.items())
    )
    notes += (
        f"{file.path} had other content before and was replaced"
        for file in files
        if file.new and file.name in before
    )
    notes += [*_differing(found), *stage.notes]
    return MergeOutcome(destination, len(folders), files, tuple(notes))


def _refuse_folders(folders: Sequence[Path], destination: Path) -> None:
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        problem = "are not folders" if len(missing) > 1 else "is not a folder"
        message = f"{', '.join(map(str, missing))} {problem}"
        raise UsageError(message, "name the wheelhouses to merge")
    for folder in folders:
        if folder.resolve() in destination.parents:
            message = f"the destination {destination} is inside {folder}, which is to be merged"
            raise UsageError(message, "choose a destination outside of it")


def _find(folder: Path) -> Iterator[tuple[str, Path]]:
    """Return the files of a wheelhouse and of its subfolders, each with its name there."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield from ((f"{path.name}/{e.name}", e) for e in sorted(path.iterdir()) if _belongs(e))
        elif _belongs(path):
            yield path.name, path


def _belongs(path: Path) -> bool:
    """Check whether a file is merged; raises OSError if it is a broken link."""
    is_lock = path.name.startswith("pylock.") and path.suffix == ".toml"
    has_name = is_lock or path.name.endswith(_DISTRIBUTIONS) or is_beside(path)
    if has_name and path.is_symlink():
        path.stat()
    return has_name and is_archive(path)


def _drop_other_provenance(found: Mapping[Path, dict[str, Path]]) -> None:
    """Keep one provenance of each file: an index may change it, although the file is the same."""
    seen: set[str] = set()
    for named in found.values():
        mine = [name for name, path in named.items() if is_beside(path)]
        for name in mine:
            if name in seen:
                del named[name]
        seen.update(mine)


def _notes(folder: Path, found: Collection[str]) -> Iterator[str]:
    """Return notes on a wheelhouse without distributions, and on files that are not merged."""
    if not found:
        yield f"{folder} contains no distributions and no locks"
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    shown = [path.as_posix() for path in files if not any(p.startswith(".") for p in path.parts)]
    others = [name for name in shown if name not in found]
    if others:
        few = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
        yield f"not merged from {folder}, since neither distributions nor locks: {few}"


def _differing(found: Mapping[Path, Collection[str]]) -> Iterator[str]:
    chosen: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for folder, names in found.items():
        for name in names:
            inner, _, filename = name.rpartition("/")
            if project := _project(filename):
                chosen[inner].append((*project, str(folder)))
    for _, below in sorted(chosen.items()):
        yield from wheelhouse.note_differing(below, "from")


def _project(filename: str) -> tuple[str, str] | None:
    """Return the project and the version in a file's name; None if they cannot be read."""
    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None
    return name, str(version)
