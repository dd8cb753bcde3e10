"""Stages: hidden folders beside a destination, from which files are placed all at once."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.errors import DestinationError, WheeltargetError
from wheeltarget.staging import destination_lock, journals, records
from wheeltarget.staging.cleanup_process import Guard
from wheeltarget.staging.folders import Folder
from wheeltarget.staging.placing import Placing
from wheeltarget.staging.records import Record
from wheeltarget.staging.state import open_state

_IN_THE_WAY = "move it away, or choose another folder"


class Stage:
    """A folder on the file system of the destination, gone when the run ends, however it ends.

    :param folder: the stage itself.
    :param destination: the folder that is to hold the files; it need not exist.
    :param record: what the user's own state folder says of it.
    """

    def __init__(self, folder: Path, destination: Path, record: Record) -> None:
        self.folder = folder
        self.destination = destination
        self.notes: tuple[str, ...] = ()
        """What the user should know of earlier runs, one sentence each."""
        self._record = record
        self._guard: Guard | None = None
        self._held: Folder | None = None

    def watch(self) -> None:
        """Start the guard, which cleans up if this process is killed."""
        if self._guard is None:
            self._guard = Guard(self._record.state.path, self._record.key)

    @property
    def temporary(self) -> Path:
        """Return the folder for pip's temporary files."""
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def part(self, name: str) -> Stage:
        """Return a stage within this one, for jobs of which no file goes to the destination.

        :param name: what to call it; one that is new.
        """
        folder = self.folder / name
        folder.mkdir()
        part = Stage(folder, folder / "nowhere", self._record)
        part._guard = self._guard
        return part

    def job_folder(self, number: int) -> Path:
        """Make the folder that a job's files go to."""
        folder = self.folder / "files" / str(number)
        folder.mkdir(parents=True)
        return folder

    def notify_guard(self, line: str) -> None:
        """Send the guard a line about a child process."""
        if self._guard is not None:
            self._guard.tell(line)

    def close(self) -> None:
        """Remove the stage and let the guard go."""
        self._record.close()
        self._record.state.close()
        if self._guard is not None:
            self._guard.dismiss()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs from placing files in the destination, if it is there.

        What a dead run has placed halfway is taken back first, so what is found in the destination
        is there to stay.

        :raises DestinationError: if another run places files there and does not end.
        """
        if self._held is not None or not self.destination.exists():
            yield
            return
        with _hold(self.destination, self._record.state) as folder:
            self._held = folder
            try:
                yield
            finally:
                self._held = None

    def place(self, files: Mapping[str, Path]) -> None:
        """Move files into the destination, all or none.

        :param files: path in the stage by name in the destination.
        :raises DestinationError: if one cannot be moved; those moved before are taken back.
        """
        try:
            if self.destination.exists():
                self._place_into(files)
            else:
                self._place_whole(files)
        except OSError as error:
            hint = ""
            if journals.exists(self._record.state, self._record.key):
                hint = "some files were placed already; the next run takes them back"
            message = f"cannot write {self._met(error)}: {error.strerror}"
            raise DestinationError(message, hint) from error

    def _met(self, error: OSError) -> Path:
        """Return what an error is about: in the destination, of the state folder, or neither."""
        for named in (error.filename2, error.filename):
            if not isinstance(named, str | Path):
                continue
            if Path(named).is_relative_to(self.destination):
                path = Path(named)
                while path != self.destination and not os.path.lexists(path):
                    path = path.parent
                return path
            if Path(named).is_relative_to(self._record.state.path):
                return Path(named)
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
        with self.hold():
            # It was there when the lock was asked for, but may be gone.
            if self._held is None:
                raise FileNotFoundError(
                    errno.ENOENT, os.strerror(errno.ENOENT), str(self.destination)
                )
            record = self._record
            placing = Placing(record.state, record.key, str(self.folder), self._further)
            placing.place(
                self._held, {name: str(path) for name, path in files.items()}, self._prepare
            )

    def _further(self, home: str) -> str:
        """Make a further hidden folder, on another file system."""
        return self._record.make_folder(home, self.destination.name)

    def _prepare(self, changes: int) -> None:
        """Start the guard late, if there is something to take back halfway."""
        self._record.sync()
        if changes > 1:
            self.watch()


@contextmanager
def _hold(destination: Path, state: Folder) -> Iterator[Folder]:
    """Open and lock a destination, and take back what dead runs have placed halfway."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(Folder.open(str(destination), follow=True))
            stack.enter_context(destination_lock.held(folder, state, destination_lock.PATIENCE))
            journals.take_back_all(state, folder)
        except destination_lock.BusyError as error:
            raise DestinationError(
                f"another run is placing files in {destination}", "try again when it has ended"
            ) from error
        except OSError as error:
            raise DestinationError(f"cannot write {destination}: {error.strerror}") from error
        yield folder


@contextmanager
def settled(destination: Path) -> Iterator[None]:
    """Keep a destination as it is for a moment, after what killed runs have left is removed.

    :param destination: the destination; it is there.
    :raises DestinationError: if another run places files there and does not end.
    """
    with open_state(os.environ) as state:
        real = os.path.realpath(destination)
        records.sweep(state, real, os.path.dirname(real))
        with _hold(destination, state):
            yield


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
    :param watched: whether a guard cleans up from the beginning if this process is killed; without,
        one does from when the first of several files is placed.
    :param folders: the folders in the destination that files are to be placed in; they need not
        exist, and an empty text is the destination itself.
    :raises DestinationError: if nothing can be written there.
    """
    destination = destination.absolute()
    try:
        stage = _make_stage(destination, dry_run=dry_run, folders=folders)
    except OSError as error:
        raise _no_stage(destination, error, dry_run=dry_run) from error
    try:
        if watched:
            stage.watch()
        yield stage
    except OSError as error:
        named = error.filename
        inside = isinstance(named, str | Path) and Path(named).is_relative_to(stage.folder)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} and not inside:
            raise
        raise _no_stage(destination, error, dry_run=dry_run) from error
    finally:
        stage.close()


def _no_stage(destination: Path, error: OSError, *, dry_run: bool) -> WheeltargetError:
    """Return the error that names what cannot be written: in a dry run not the destination."""
    if dry_run:
        from wheeltarget.staging.temporary import cannot_write

        return cannot_write(error)
    return DestinationError(f"cannot write {destination}: {error.strerror}")


def _make_stage(destination: Path, *, dry_run: bool, folders: Iterable[str]) -> Stage:
    """Make a stage, after what killed runs have left of theirs is removed."""
    home = _stage_home(destination, folders)
    if dry_run:
        # Here, since it takes long to load, and only a dry run needs it.
        from wheeltarget.staging.temporary import temporary_home

        home = temporary_home()
    state = open_state(os.environ)
    with contextlib.ExitStack() as stack:
        stack.callback(state.close)
        real, real_home = os.path.realpath(destination), os.path.realpath(home)
        notes = records.sweep(state, real, real_home)
        if not dry_run:
            notes += _strangers(state, real_home, destination.name)
        record = Record(state, real)
        stack.callback(record.close)
        stage = Stage(Path(record.make_folder(str(home), destination.name)), destination, record)
        stage.notes = tuple(notes)
        stack.pop_all()
    return stage


def _strangers(state: Folder, home: str, name: str) -> Iterator[str]:
    """Name the folders that look like stages for a destination, but are in no record."""
    try:
        found = [each for each in os.listdir(home) if each.startswith(records.prefix_of(name))]
    except OSError:
        return
    known = records.known_folders(state) if found else set()
    for path in sorted(os.path.join(home, each) for each in found):
        # A run of this user that has just ended removes its stage, and then its record.
        if path not in known and os.path.lexists(path):
            yield (
                f"{path} does not belong to any of your runs, so it was not removed; "
                "remove it unless another user is downloading there"
            )


def _stage_home(destination: Path, folders: Iterable[str]) -> Path:
    """Choose the folder for the stage: on the file system of the destination, and beside it.

    Beside it, because a folder's time of change counts for make: a run that fails must not make
    the destination look new.
    """
    for folder in (destination, *(destination / name for name in folders)):
        if folder.exists() and not folder.is_dir():
            raise DestinationError(f"{folder} is a file, not a folder", _IN_THE_WAY)
        # The destination may be a link, for its user names it; what is in it names nothing else.
        if folder != destination and folder.is_symlink():
            raise DestinationError(f"{folder} is a link, not a folder", _IN_THE_WAY)
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
