"""The destination: a stage beside it, and files placed all at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wheeltarget import guard
from wheeltarget.digests import Hashes
from wheeltarget.errors import ClashError, DestinationError
from wheeltarget.guarding import Guard

_MARK = ".wheeltarget-"
_LOCK = "lock"
_CLASH = "give each target its own folder (--by-target), or both the same index"
_IN_THE_WAY = "move it away, or choose another folder"
_LOCK_CLASH = "a target has one lock: keep the right one, or lock again and merge that"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that one target needs.

    :param path: where it lies in the stage; where it is somebody's own, where that is.
    :param origin: where it came from, for messages.
    :param label: the target that needs it, or an empty string.
    :param folder: the folder in the destination that it goes to, or an empty string.
    :param sha256: its hash, in hexadecimal, where somebody has computed it; else empty.
    """

    path: Path
    origin: str
    label: str
    folder: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """Give the name that it gets in the destination."""
        return f"{self.folder}/{self.path.name}" if self.folder else self.path.name

    @property
    def told(self) -> str:
        """Say in a message which one is meant."""
        return f"{self.origin} for {self.label}" if self.label else self.origin


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file in the destination.

    :param path: where it is.
    :param sha256: the hash of its content, in hexadecimal.
    :param new: False where it was there before with this content.
    """

    path: Path
    sha256: str
    new: bool


class Stage:
    """A folder on the file system of the destination, gone when the run ends, however it ends.

    :param folder: the stage itself.
    :param destination: the folder that is to hold the files; it need not exist.
    """

    def __init__(self, folder: Path, destination: Path) -> None:
        self.folder = folder
        self.destination = destination
        self._guard: Guard | None = None

    def watch(self) -> None:
        """Start the guard, which cleans up if this process is killed."""
        self._guard = Guard(self.folder)

    @property
    def temporary(self) -> Path:
        """Give the folder for pip's temporary files."""
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def part(self, name: str) -> Stage:
        """Give a stage within this one, for jobs of which no file goes to the destination.

        :param name: what to call it; one that is new.
        """
        folder = self.folder / name
        folder.mkdir()
        part = Stage(folder, folder / "nowhere")
        part._guard = self._guard
        return part

    def job_folder(self, number: int) -> Path:
        """Make the folder that a job's files go to."""
        folder = self.folder / "files" / str(number)
        folder.mkdir(parents=True)
        return folder

    def tell_guard(self, line: str) -> None:
        """Tell the guard of a child, or that there is nothing to clean."""
        if self._guard is not None:
            self._guard.tell(line)

    def close(self) -> None:
        """Remove the stage and let the guard go."""
        guard.recover(self.folder)
        if self._guard is not None:
            self._guard.dismiss()

    def place(self, files: Mapping[str, Path]) -> None:
        """Move files into the destination, all or none.

        :param files: path in the stage by name in the destination.
        :raises DestinationError: where one can't be moved; those moved before are taken back.
        """
        try:
            if self.destination.exists():
                self._place_into(files)
            else:
                self._place_whole(files)
        except OSError as error:
            guard.recover(self.folder)
            raise DestinationError(f"cannot write {self._met(error)}: {error.strerror}") from error

    def _met(self, error: OSError) -> Path:
        """Give what is there, in the destination or instead of it, that an error is about."""
        for named in (error.filename2, error.filename):
            if isinstance(named, str | Path) and Path(named).is_relative_to(self.destination):
                path = Path(named)
                while path != self.destination and not path.exists():
                    path = path.parent
                return path
        return self.destination

    def _place_whole(self, files: Mapping[str, Path]) -> None:
        """Make the destination and what is missing above it, in one step."""
        missing = self.destination
        while not missing.parent.exists():
            missing = missing.parent
        whole = self.folder / "whole"
        inner = whole / self.destination.relative_to(missing)
        inner.mkdir(parents=True)
        for folder in {name.rpartition("/")[0] for name in files}:
            (inner / folder).mkdir(exist_ok=True)
        for name, path in files.items():
            path.replace(inner / name)
        try:
            whole.rename(missing)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            # Another run has made it meanwhile.
            self._place_into({name: inner / name for name in files})

    def _place_into(self, files: Mapping[str, Path]) -> None:
        """Move the files into a destination that is there, with a journal to take them back."""
        there = [name for name in files if (self.destination / name).exists()]
        added = sorted(files.keys() - set(there))
        subfolders = sorted({name.partition("/")[0] for name in files if "/" in name})
        made = [name for name in subfolders if not (self.destination / name).exists()]
        journal = {
            "destination": str(self.destination),
            "folders": made,
            "added": added,
            "replaced": there,
        }
        keep = self.folder / guard.REPLACED
        for name in ("", *subfolders):
            (keep / name).mkdir()
        _write_json(self.folder / guard.JOURNAL, journal)
        for name in made:
            (self.destination / name).mkdir(exist_ok=True)
        for name in there:
            _keep(self.destination / name, keep / name)
        for name, path in files.items():
            _move(path, self.destination / name)
        (self.folder / guard.JOURNAL).unlink()


def _keep(path: Path, keep: Path) -> None:
    """Keep the old content of a file, where possible without the file being gone meanwhile."""
    try:
        keep.hardlink_to(path)
    except OSError:
        import shutil

        shutil.copy2(path, keep)


def _move(path: Path, target: Path) -> None:
    """Rename a file, or copy it where a mount point lies between."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        import shutil

        beside = target.with_name(target.name + guard.PART)
        shutil.copy2(path, beside)
        beside.replace(target)


def _write_json(path: Path, data: object) -> None:
    import json

    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(data), "utf-8")
    beside.replace(path)


@contextmanager
def open_stage(
    destination: Path,
    *,
    dry_run: bool = False,
    watched: bool = True,
    folders: Iterable[str] = (),
) -> Iterator[Stage]:
    """Make a stage for a destination and remove it afterwards.

    :param destination: the folder that is to hold the files; it need not exist.
    :param dry_run: whether nothing will be placed; the stage is elsewhere then.
    :param watched: whether a guard cleans up if this process is killed; without, the next run to
        the destination does that.
    :param folders: the folders in the destination that files are to be placed in; they need not
        exist, and an empty text is the destination itself.
    :raises DestinationError: where nothing can be written there.
    """
    destination = destination.absolute()
    try:
        home = _stage_home(destination, folders)
        if dry_run:
            import tempfile

            home = Path(tempfile.gettempdir())
        else:
            _sweep(home, destination.name)
        folder = home / f".{destination.name}{_MARK}{os.urandom(8).hex()}"
        folder.mkdir(0o700)
    except OSError as error:
        raise DestinationError(f"cannot write {destination}: {error.strerror}") from error
    stage = Stage(folder, destination)
    try:
        with _lock(folder):
            if watched:
                stage.watch()
            yield stage
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise DestinationError(f"cannot write {destination}: {error.strerror}") from error
    finally:
        stage.close()


def _stage_home(destination: Path, folders: Iterable[str]) -> Path:
    """Choose the folder for the stage: on the file system of the destination, and beside it.

    Beside it, because a folder's time of change counts for make: a run that fails must not make
    the destination look new.
    """
    for folder in (destination, *(destination / name for name in folders)):
        if folder.exists() and not folder.is_dir():
            raise DestinationError(f"{folder} is a file, not a folder", _IN_THE_WAY)
    if destination.exists():
        parent = destination.parent
        # Where the destination itself cannot be written, the attempt says why.
        beside = all(os.access(each, os.W_OK | os.X_OK) for each in (destination, parent))
        same = parent.stat().st_dev == destination.stat().st_dev
        return parent if beside and same and parent != destination else destination
    above = destination.parent
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise DestinationError(f"cannot make {destination}: {above} is a file", _IN_THE_WAY)
    return above


def _sweep(home: Path, name: str) -> None:
    """Remove the stages that killed runs left, those of running ones not."""
    if not os.access(home, os.R_OK):
        return
    for folder in home.iterdir():
        if folder.name.startswith(f".{name}{_MARK}"):
            with contextlib.suppress(OSError):
                if (folder / _LOCK).stat().st_size:
                    with _lock(folder):
                        pass
                    guard.recover(folder)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold a folder's lock; raises OSError where another process has it.

    The file is empty until it is held, so that nobody takes a stage that is just being made for
    one that was left.
    """
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, b"held")
        yield
    finally:
        os.close(handle)


def merge(
    stage: Stage,
    targets: Sequence[Sequence[StagedFile]],
    hashes: Hashes | None = None,
    *,
    copied: bool = False,
) -> dict[str, PlacedFile]:
    """Put the files of all targets into the destination, each once.

    :param stage: where they lie.
    :param targets: the files of each target.
    :param hashes: has those hashes that are known already.
    :param copied: whether the files lie elsewhere and are to stay there.
    :returns: what is in the destination afterwards, by the name that each file gets there.
    :raises ClashError: where one name has two contents; nothing is placed then.
    :raises DestinationError: where the destination cannot be written; it is left as it was.
    """
    hashes = hashes or Hashes()
    chosen: dict[str, tuple[StagedFile, str]] = {}
    for file in (each for files in targets for each in files):
        digest = file.sha256 or hashes.sha256(file.path)
        first, known = chosen.setdefault(file.name, (file, digest))
        if known != digest:
            raise clash(first, file)
    placed = {}
    for name, (_, digest) in chosen.items():
        path = stage.destination / name
        new = not path.is_file() or hashes.sha256(path) != digest
        placed[name] = PlacedFile(path, digest, new)
    if any(file.new for file in placed.values()) or not stage.destination.exists():
        paths = {name: chosen[name][0].path for name, file in placed.items() if file.new}
        stage.place(_copies(stage, paths) if copied else paths)
    return placed


def clash(first: StagedFile, second: StagedFile) -> ClashError:
    """Say that one name has two contents.

    :param first: a file.
    :param second: another one of that name.
    """
    return ClashError(
        f"{second.path.name} is two different files: {first.told} and {second.told}",
        _LOCK_CLASH if second.path.suffix == ".toml" else _CLASH,
    )


def _copies(stage: Stage, paths: Mapping[str, Path]) -> dict[str, Path]:
    """Copy files into the stage."""
    import shutil

    copies = {}
    for number, (name, path) in enumerate(paths.items()):
        copies[name] = stage.job_folder(number) / path.name
        shutil.copyfile(path, copies[name])
    return copies
