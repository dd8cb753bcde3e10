"""Stages: hidden folders beside a destination, from which files are placed all at once.

A stage is removed when its run ends. If the run is killed, the guard of the stage or the next run
does that; see :mod:`wheeltarget.staging.recovery`. Signals end a run by an error until it places.

Start-up: subprocess is imported only where posix_spawn is not enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from wheeltarget.errors import DestinationError, InterruptedRunError, WheeltargetError
from wheeltarget.staging import cleanup, folders, recovery
from wheeltarget.staging.atomic import cannot_write_temporary, temporary_home
from wheeltarget.staging.folders import BusyError, Folder, open_state
from wheeltarget.staging.recovery import Entry, Journal, Record
from wheeltarget.utils.system import bare_python

_IN_THE_WAY = "move it away, or choose another folder"
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Guards that were dismissed, and not reaped yet: they take longer to end than this process.
_ending: set[int] = set()


class Stage:
    """A folder on the file system of the destination, which need not exist; removed at the end."""

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

    def part(self, name: str, destination: Path | None = None) -> Stage:
        """Return a new stage within this one, for further jobs.

        :param destination: where their files go in the end; None if they go nowhere.
        """
        folder = self.folder / name
        folder.mkdir()
        part = Stage(folder, destination or folder / "nowhere", self._record)
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
            self._guard.send(line)

    def close(self) -> None:
        """Remove the stage and dismiss the guard."""
        self._record.close()
        self._record.state.close()
        if self._guard is not None:
            self._guard.dismiss()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs from placing files in the destination, if it exists.

        What a dead run has placed halfway is taken back first, so what is found in the destination
        is there to stay.

        :raises DestinationError: if another run places files there and does not end.
        """
        if self._held is not None or not self.destination.exists():
            yield
            return
        with _hold(self.destination, self._record.state) as self._held:
            try:
                yield
            finally:
                self._held = None

    def place(self, files: Mapping[str, Path]) -> None:
        """Move files into the destination, all or none.

        :param files: path in the stage by name in the destination.
        :raises DestinationError: if one cannot be moved.
        """
        try:
            if self.destination.exists():
                self._place_into(files)
            else:
                self._place_whole(files)
        except OSError as error:
            hint = ""
            if recovery.has_journal(self._record.state, self._record.key):
                hint = "some files were placed already; the next run takes them back"
            message = f"cannot write {self._place_of(error)}: {error.strerror}"
            raise DestinationError(message, hint) from error

    def _place_of(self, error: OSError) -> Path:
        """Return the path that an error is about: in the destination, or of the state folder."""
        for named in (error.filename2, error.filename):
            if not isinstance(named, str | Path):
                continue
            path = Path(named)
            if path.is_relative_to(self.destination):
                while path != self.destination and not os.path.lexists(path):
                    path = path.parent
                return path
            if path.is_relative_to(self._record.state.path):
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
        """Move the files into a destination that exists, with a journal to take them back."""
        with self.hold():
            if self._held is None:  # it existed before, but is gone
                path = str(self.destination)
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            place(self._record, self._held, files, self._prepare)

    def _prepare(self, changes: int) -> None:
        """Start the guard late, if there is something to take back halfway."""
        if changes > 1:
            self.watch()


def place(
    record: Record, destination: Folder, files: Mapping[str, Path], before: Callable[[int], None]
) -> None:
    """Place files in a folder, which is held; if that fails, the folder is as it was.

    :param files: the paths from which files are renamed, by their names in the folder.
    :param before: called with the number of names that will change, before the first one does.
    """
    with ExitStack() as stack:
        names = [_split(name) for name in files]
        inner = {
            folder: recovery.open_inner(stack, destination, folder, {errno.ENOENT})
            for folder, _ in names
        }
        stages = [stack.enter_context(Folder.open(path)) for path in record.folders]
        numbers = {}
        for name, there in inner.items():
            home = there or destination
            same = [number for number, stage in enumerate(stages) if stage.mount == home.mount]
            if not same:  # another file system
                path = record.make_folder(home.path, os.path.basename(destination.path))
                stages.append(stack.enter_context(Folder.open(path)))
            numbers[name] = same[0] if same else len(stages) - 1
        kept = [_make_kept(stack, stage) for stage in stages]
        sources, entries = list[str](), list[Entry]()
        for (folder, name), source in zip(names, files.values(), strict=True):
            number, here = numbers[folder], str(source)
            if number:
                here = shutil.copy2(source, f"{stages[number].path}/new-{len(entries)}")
            new, old = os.lstat(here).st_ino, _old_inode(inner[folder], name)
            if old != new:
                sources.append(here)
                entries.append(Entry(folder, name, number, new, old))
        made = [folder for folder, there in inner.items() if there is None]
        real = os.path.realpath(destination.path)
        journal = Journal(real, destination.identity, made, entries)
        before(len(made) + sum(1 if entry.old is None else 2 for entry in entries))
        record.add_journal(journal)
        try:
            _move(stack, destination, journal, sources, kept)
            recovery.remove_journal(record.state, record.key)
        except BaseException:
            recovery.take_back(record.state, record.key, destination)
            raise


def _make_kept(stack: ExitStack, stage: Folder) -> Folder:
    with contextlib.suppress(FileExistsError):
        stage.make(recovery.KEPT, 0o700)
    return stack.enter_context(stage.inner(recovery.KEPT))


def _old_inode(folder: Folder | None, name: str) -> int | None:
    if folder is None or (old := folder.status(name)) is None:
        return None
    if stat.S_ISDIR(old.st_mode):
        path = os.path.join(folder.path, name)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return old.st_ino


def _move(
    stack: ExitStack, destination: Folder, journal: Journal, sources: list[str], kept: list[Folder]
) -> None:
    for made in journal.made:
        destination.make(made)
    folders = {
        folder: stack.enter_context(destination.inner(folder)) if folder else destination
        for folder in dict.fromkeys(entry.folder for entry in journal.entries)
    }
    for number, entry in enumerate(journal.entries):
        if entry.old is not None:
            names = (entry.name, kept[entry.stage], str(number))
            try:  # without its name being gone meanwhile
                folders[entry.folder].link(*names)
            except OSError:
                folders[entry.folder].move(*names)
    for entry, source in zip(journal.entries, sources, strict=True):
        folders[entry.folder].take(source, entry.name)


def _split(name: str) -> tuple[str, str]:
    """Split a name in the destination into its folder, or an empty string, and the rest."""
    folder, _, plain = name.rpartition("/")
    if not recovery.is_plain(plain) or (folder and not recovery.is_plain(folder)):
        raise ValueError(f"{name!r} leads nowhere in the destination")
    return folder, plain


class Guard:
    """A process that runs :mod:`wheeltarget.staging.cleanup`, with its arguments."""

    def __init__(self, state: str, key: str) -> None:
        _reap_ended()
        end, self._pipe = os.pipe()
        try:
            self._pid = _spawn(bare_python(cleanup.__file__, state, key), end)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(end)

    def send(self, line: str) -> None:
        """Send it a line of its protocol, without a line end, unless it has ended."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, f"{line}\n".encode())

    def dismiss(self) -> None:
        """End it, since there is nothing to clean."""
        self.send("done")
        os.close(self._pipe)
        _ending.add(self._pid)


def _reap_ended() -> None:
    for pid in tuple(_ending) if hasattr(os, "WNOHANG") else ():
        ended = pid
        with contextlib.suppress(ChildProcessError):  # it was reaped elsewhere
            ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            _ending.discard(pid)


def _spawn(command: list[str], stdin: int) -> int:
    """Start a process in a session of its own, so that no terminal interrupts it."""
    if hasattr(os, "posix_spawn"):
        streams = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        # Older systems have no such sessions; Popen reports other errors.
        with contextlib.suppress(NotImplementedError, OSError):
            return os.posix_spawn(
                command[0], command, os.environ, file_actions=streams, setsid=True
            )
    import subprocess

    null = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=stdin, stdout=null, stderr=null, start_new_session=True
    )
    # It is reaped by its number; Popen must not warn that it still runs.
    process.returncode = 0
    return process.pid


@contextmanager
def _hold(destination: Path, state: Folder) -> Iterator[Folder]:
    """Open and lock a destination, and take back what dead runs have placed halfway."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(Folder.open(str(destination), follow=True))
            stack.enter_context(folders.held(folder, state, folders.PATIENCE))
            recovery.take_back_all(state, folder)
        except BusyError as error:
            raise DestinationError(
                f"another run is placing files in {destination}", "try again when it has ended"
            ) from error
        except OSError as error:
            raise DestinationError(f"cannot write {destination}: {error.strerror}") from error
        yield folder


@contextmanager
def hold_destination(destination: Path) -> Iterator[None]:
    """Keep a destination, which exists, as it is for a moment, after removing leftovers.

    :raises DestinationError: if another run places files there and does not end.
    """
    with open_state() as state:
        real = os.path.realpath(destination)
        recovery.sweep(state, real, os.path.dirname(real))
        with _hold(destination, state):
            yield


@contextmanager
def open_stage(
    destination: Path, *, dry_run: bool = False, watched: bool = True, folders: Iterable[str] = ()
) -> Iterator[Stage]:
    """Make a stage for a destination, which need not exist, and remove it afterwards.

    :param dry_run: whether nothing will be placed; the stage is elsewhere then.
    :param watched: whether a guard cleans up from the beginning if this process is killed; without,
        one does from when the first of several files is placed.
    :param folders: the folders in the destination that files are to be placed in; they need not
        exist, and an empty text is the destination itself.
    :raises DestinationError: if nothing can be written there.
    """
    destination = destination.absolute()
    try:
        stage = _make_stage(destination, dry_run=dry_run, inner=folders)
    except OSError as error:
        raise _cannot_write(destination, error, dry_run=dry_run) from error
    try:
        if watched:
            stage.watch()
        yield stage
    except OSError as error:
        named = error.filename
        inside = isinstance(named, str | Path) and Path(named).is_relative_to(stage.folder)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} and not inside:
            raise
        raise _cannot_write(destination, error, dry_run=dry_run) from error
    finally:
        stage.close()


def _cannot_write(destination: Path, error: OSError, *, dry_run: bool) -> WheeltargetError:
    if dry_run:
        return cannot_write_temporary(error)
    return DestinationError(f"cannot write {destination}: {error.strerror}")


def _make_stage(destination: Path, *, dry_run: bool, inner: Iterable[str]) -> Stage:
    home = _stage_home(destination, inner)
    if dry_run:
        home = temporary_home()
    with ExitStack() as stack:
        state = stack.enter_context(open_state())
        real, real_home = os.path.realpath(destination), os.path.realpath(home)
        notes = recovery.sweep(state, real, real_home)
        if not dry_run:
            notes += _unknown_stages(state, real_home, destination.name)
        record = Record(state, real)
        stack.callback(record.close)
        stage = Stage(Path(record.make_folder(str(home), destination.name)), destination, record)
        stage.notes = tuple(notes)
        stack.pop_all()
    return stage


def _unknown_stages(state: Folder, home: str, name: str) -> Iterator[str]:
    """Name the folders that look like stages for a destination, but are in no record."""
    try:
        found = [each for each in os.listdir(home) if each.startswith(recovery.prefix_of(name))]
    except OSError:
        return
    known = recovery.known_folders(state) if found else set()
    for path in sorted(os.path.join(home, each) for each in found):
        # A run of this user that has just ended removes its stage, and then its record.
        if path not in known and os.path.lexists(path):
            yield (
                f"{path} does not belong to any of your runs, so it was not removed; "
                "remove it unless another user is downloading there"
            )


def _stage_home(destination: Path, inner: Iterable[str]) -> Path:
    """Choose the folder for the stage: on the file system of the destination, and beside it.

    Beside it, because a folder's time of change counts for make: a run that fails must not make
    the destination look new.
    """
    for folder in (destination, *(destination / name for name in inner)):
        if folder.exists() and not folder.is_dir():
            raise DestinationError(f"{folder} is a file, not a folder", _IN_THE_WAY)
        # The destination may be a link, for its user names it; what is in it names nothing else.
        if folder != destination and folder.is_symlink():
            raise DestinationError(f"{folder} is a link, not a folder", _IN_THE_WAY)
    if destination.exists():
        parent = destination.parent
        # If the destination itself cannot be written, the attempt finds the reason.
        beside = all(os.access(each, os.W_OK | os.X_OK) for each in (destination, parent))
        same = parent.stat().st_dev == destination.stat().st_dev
        return parent if beside and same and parent != destination else destination
    above = destination.parent
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise DestinationError(f"cannot make {destination}: {above} is a file", _IN_THE_WAY)
    return above


class Interrupts:
    """The state that the signal handlers share with the run."""

    def __init__(self) -> None:
        self._received = self._held = False

    def receive(self, signum: int, _frame: FrameType | None) -> None:
        """Handle a signal; only the first one counts, so that clean-up is not interrupted."""
        if self._received:
            return
        self._received = True
        if not self._held:
            raise InterruptedRunError(signum)

    def hold(self) -> None:
        """Ignore signals from now on, since the work is nearly done."""
        self._held = True


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Turn the signals that end a run into :class:`InterruptedRunError` inside the context.

    Signals that the caller ignores stay ignored, as under ``nohup``. Outside the main thread
    nothing changes, since Python handles signals only there.
    """
    interrupts = Interrupts()
    with _handled_by(interrupts.receive):
        yield interrupts


@contextmanager
def forward_signals() -> Iterator[list[Callable[[int], None]]]:
    """Pass the signals that end a run to receivers inside the context, and go on.

    :returns: the list of receivers; a signal ends the run while it is empty.
    """
    receivers: list[Callable[[int], None]] = []

    def receive(signum: int, _frame: FrameType | None) -> None:
        if not receivers:
            raise InterruptedRunError(signum)
        for receiver in receivers:
            receiver(signum)

    with _handled_by(receive):
        yield receivers


@contextmanager
def _handled_by(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    try:
        for signum, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(signum, receive)
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
