"""Records of runs, in the user's own state folder, and what they are for.

A record names the hidden folders that are ours to remove, and the files that are being placed. It
is a file of lines, locked while its run lives. A line is added before each step and after it: first
the path of the folder that is about to be made, then what the folder is known by. So whenever a run
is killed, the next one knows what may be left of it. A half line at the end is ignored, since what
it announces was not begun. A record is removed last. It is not flushed to the disk before files are
placed, which would cost more than the hidden folder that is left if the power fails before that.

The last lines are the journal of the files that are about to be placed: the folder, known by its
inode and not by its name, and the inodes of each new and old file. Placing only renames. So does
taking back, which therefore needs no room: an old file is kept in the stage under a second name,
and renamed from there. Only what has the inode that the journal names is touched; all else belongs
to others. The folder is locked from before the journal is written until after it is removed. So a
process that has the lock knows that the writer of a journal for this folder is dead, and first
takes back what it placed.

The guard uses this module without any installed package.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from wheeltarget.staging import folders
from wheeltarget.staging.folders import Folder, Identity, held, lock_file, wait_for, write_all

KEPT = "replaced"  # the folder in a stage that holds old files
RECORD = ".stage"  # the end of the name of a record
_UNREADABLE = ".unreadable"  # added to the name of a record that cannot be read
_LONGEST_NAME = 100
_KEY = re.compile(r"[0-9a-f]{16}")
_STAGE = re.compile(r"\..*\.wheeltarget-[0-9a-f]{16}", re.DOTALL)
_TEMPORARY = re.compile(r"\.wheeltarget-[a-z]+\.wheeltarget-[0-9a-f]{16}")
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_SECONDS = 5.0
_DAY = 86_400.0


def prefix_of(name: str) -> str:
    """Return the beginning of the name of a hidden folder for a file or folder of some name."""
    return f".{os.fsdecode(os.fsencode(name)[:_LONGEST_NAME])}.wheeltarget-"


class Entry(NamedTuple):
    """A file that is placed.

    :param folder: the folder in the destination that it goes to, or an empty string.
    :param stage: the number of the hidden folder of the record that the old file is kept in.
    :param new: the inode of the new file.
    :param old: the inode of the old file, or None if no file is replaced.
    """

    folder: str
    name: str
    stage: int
    new: int
    old: int | None


class Journal(NamedTuple):
    """What is being placed.

    :param path: the path of the destination, without links.
    :param made: the folders that are made in the destination.
    """

    path: str
    destination: Identity
    made: list[str]
    entries: list[Entry]

    def lines(self) -> str:
        """Return it as lines of a record; without the last one, nothing was begun."""
        lines = [f"placing {_escaped(self.path)} {_numbers(self.destination)}"]
        lines += [f"made {_escaped(name)}" for name in self.made]
        for folder, name, *numbers in self.entries:
            lines.append(f"file {_escaped(folder)} {_escaped(name)} {_numbers(numbers)}")
        return "\n".join([*lines, "begun\n"])


class Record:
    """The record of this run's stage, and of its further hidden folders."""

    def __init__(self, state: Folder, destination: str) -> None:
        self.state = state
        self.folders: list[str] = []
        handle = None
        while handle is None:  # a run that sweeps may remove it before it is locked
            self.key = os.urandom(8).hex()
            handle = lock_file(state, self.key + RECORD, os.O_CREAT | os.O_EXCL)
        self._handle = handle
        try:
            self._add(f"destination {_escaped(destination)}\n")
        except BaseException:
            self.close()
            raise

    def make_folder(self, home: str, name: str) -> str:
        """Make a hidden folder whose name begins with a name, record it, and return its path."""
        path = os.path.join(home, f"{prefix_of(name)}{os.urandom(8).hex()}")
        real = os.path.join(os.path.realpath(home), os.path.basename(path))
        self._add(f"folder {_escaped(real)}\n")
        os.mkdir(path, 0o700)
        with Folder.open(path) as folder:
            if folder.own.st_uid != getattr(os, "geteuid", lambda: folder.own.st_uid)():
                raise PermissionError(1, "another user has replaced it", path)
            self._add(f"identity {_numbers(folder.identity)}\n")
        self.folders.append(path)
        return path

    def add_journal(self, journal: Journal) -> None:
        """Write the journal, and flush the record to the disk."""
        self._add(journal.lines(), flush=True)
        self.state.sync()

    def close(self) -> None:
        """Remove the folders and the record; what cannot be removed is left to the next run."""
        if self._handle >= 0:
            with suppress(OSError):
                _finish(self.state, self.key, folders.PATIENCE)
            os.close(self._handle)
            self._handle = -1
            if sys.platform == "win32":  # what is open cannot be removed there
                _remove_if_done(self.state, self.key)

    def _add(self, lines: str, *, flush: bool = False) -> None:
        size = os.fstat(self._handle).st_size
        try:
            os.lseek(self._handle, size, os.SEEK_SET)
            write_all(self._handle, lines.encode("ascii"))
            if flush:
                os.fsync(self._handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._handle, size)
            error.filename = os.path.join(self.state.path, self.key + RECORD)
            raise


def is_plain(name: str) -> bool:
    """Return whether a text is the name of something in a folder, and leads nowhere else."""
    return name not in {"", os.curdir, os.pardir} and not {"\0", "/", os.sep, os.altsep} & {*name}


def has_journal(state: Folder, key: str) -> bool:
    """Return whether a run has a journal."""
    with suppress(OSError, ValueError):
        return _read(state, key).journal is not None
    return False


def remove_journal(state: Folder, key: str) -> None:
    """Remove the journal of a run, for which no room is needed."""
    if end := _content(state, key).rfind(b"\nplacing ") + 1:
        with open(state.open_file(key + RECORD, os.O_RDWR), "r+b") as file:
            os.ftruncate(file.fileno(), end)


def _content(state: Folder, key: str) -> bytes:
    with open(state.open_file(key + RECORD, os.O_RDONLY), "rb") as file:
        return file.read()


def take_back_all(state: Folder, destination: Folder) -> None:
    """Take back what dead runs were placing in a folder that is held."""
    for key in _keys(state):
        with suppress(FileNotFoundError, ValueError):
            journal = _read(state, key).journal
            if journal is not None and destination.is_one(journal.destination):
                take_back(state, key, destination)


def take_back(state: Folder, key: str, destination: Folder) -> None:
    """Take back what the journal of a run names, if it has one, in its folder, which is held."""
    _, recorded, journal = _read(state, key)
    if journal is None:
        return
    with ExitStack() as stack:
        kept = [_open_kept(stack, path, known) for path, known in recorded]
        inner = {
            entry.folder: open_inner(stack, destination, entry.folder, _NOT_THERE)
            for entry in journal.entries
        }
        for number, entry in enumerate(journal.entries):
            folder = inner[entry.folder]
            if folder is not None:
                _take_one_back(entry, str(number), folder, kept[entry.stage])
    for made in journal.made:
        with suppress(OSError):
            destination.remove_folder(made)
    remove_journal(state, key)


def _take_one_back(entry: Entry, number: str, folder: Folder, kept: Folder | None) -> None:
    there = folder.status(entry.name)
    if there is not None and there.st_ino != entry.new:
        return  # the old file, or another process's
    if entry.old is None:
        if there is not None:
            folder.remove(entry.name)
    elif kept is not None:
        old = kept.status(number)
        if old is not None and old.st_ino == entry.old:
            kept.move(number, folder, entry.name)


def _open_kept(stack: ExitStack, path: str, identity: Identity | None) -> Folder | None:
    """Open the folder with the old files in a stage, if the stage has this identity."""
    with suppress(FileNotFoundError, NotADirectoryError), Folder.open(path) as stage:
        if identity and stage.is_one(identity):
            return stack.enter_context(stage.inner(KEPT))
    return None


def open_inner(stack: ExitStack, destination: Folder, name: str, absent: set[int]) -> Folder | None:
    """Open a folder in the destination, which itself has an empty name; None after some errors."""
    if not name:
        return destination
    try:
        return stack.enter_context(destination.inner(name))
    except OSError as error:
        if error.errno not in absent:
            raise
        return None


def sweep(state: Folder, destination: str, home: str) -> list[str]:
    """Remove what dead runs have left of their stages, and take back what they were placing here.

    :param destination: the path of the destination, without links.
    :param home: the path of a folder for stages, without links.
    :returns: a sentence for the user for each record that cannot be read.
    """
    notes: list[str] = []
    keys: list[str] = []
    # Again after something was removed, since one folder may have been in another.
    while (left := _keys(state)) != keys:
        keys = left
        for key in keys:
            with suppress(OSError):
                notes += _sweep_one(state, key, destination, home)
    return notes


def finish(state: Folder, key: str, longest_wait: float) -> None:
    """Do what a run that was killed can no longer do.

    :raises OSError: if that cannot be done now; the next run tries again.
    """
    with _held_record(state, key, longest_wait, is_dead=True) as is_held:
        if is_held:
            _finish(state, key, longest_wait)


def remove_unrecorded(state: Folder, home: str) -> None:
    """Remove old temporary folders of this user that are in no record.

    A run with another state folder may have made them, as in a container that is gone.

    :param home: the folder for temporary files, without links; other folders may hold what came
        with a repository, and has such a name.
    """
    known = known_folders(state)
    with suppress(OSError):
        for name in filter(_TEMPORARY.fullmatch, os.listdir(home)):
            path = os.path.join(home, name)
            if path not in known:
                with suppress(OSError):
                    _remove_if_old(path)


def _remove_if_old(path: str) -> None:
    with Folder.open(path) as folder:
        own, user = folder.own, getattr(os, "geteuid", lambda: folder.own.st_uid)()
        is_private = sys.platform == "win32" or not stat.S_IMODE(own.st_mode) & 0o077
        if own.st_uid != user or not is_private or own.st_mtime > time.time() - _DAY:
            return
        folder.clear()
    os.rmdir(path)


def known_folders(state: Folder) -> set[str]:
    """Return the paths of all folders that records name."""
    found: set[str] = set()
    for key in _keys(state):
        with suppress(OSError, ValueError):
            found |= dict(_read(state, key).folders).keys()
    return found


def _keys(state: Folder) -> list[str]:
    stems = (name.removesuffix(RECORD) for name in state.names() if name.endswith(RECORD))
    return sorted(stem for stem in stems if _KEY.fullmatch(stem))


class _Content(NamedTuple):
    destination: str
    folders: list[tuple[str, Identity | None]]
    journal: Journal | None


def _read(state: Folder, key: str) -> _Content:
    """Read a record; raise ValueError if it is invalid."""
    destination, begun = "", False
    recorded: list[tuple[str, Identity | None]] = []
    journal = None
    # A line that was not written to its end announces what was not begun.
    for line in _content(state, key).split(b"\n")[:-1]:
        match line.decode("ascii").split(" "):
            case ["destination", path]:
                destination = _path(path)
            case ["folder", path] if _STAGE.fullmatch(os.path.basename(_path(path))):
                recorded.append((_path(path), None))
            case ["identity", device, inode, system] if recorded:
                recorded[-1] = recorded[-1][0], (int(device), int(inode), int(system))
            case ["placing", path, device, inode, system]:
                journal = Journal(_path(path), (int(device), int(inode), int(system)), [], [])
            case ["made", name] if journal:
                journal.made.append(_unescaped(name))
            case ["file", folder, name, stage, new, old] if journal:
                names = folder and _unescaped(folder), _unescaped(name)
                replaced = None if old == "None" else int(old)
                journal.entries.append(Entry(*names, int(stage), int(new), replaced))
            case ["begun"] if journal:
                begun = True
            case _:
                raise ValueError(line)
    if journal and {entry.stage for entry in journal.entries} - {*range(len(recorded))}:
        raise ValueError(journal)
    return _Content(destination, recorded, journal if begun else None)


def _numbers(numbers: Iterable[int | None]) -> str:
    return " ".join(map(str, numbers))


def _escaped(text: str) -> str:
    """Return a path or a name as ASCII without spaces."""
    return text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")


def _unescaped(text: str, is_valid: Callable[[str], bool] = is_plain) -> str:
    found = text.encode("ascii").decode("unicode_escape")
    if not is_valid(found):
        raise ValueError(text)
    return found


def _path(text: str) -> str:
    return _unescaped(text, lambda path: os.path.isabs(path) and "\0" not in path)


@contextmanager
def _held_record(
    state: Folder, key: str, longest_wait: float, *, is_dead: bool = False
) -> Iterator[bool]:
    """Hold the record of a dead run; False if it does not exist, or its run is alive.

    If files cannot be locked, a run is alive unless it is known to be dead.
    """
    handle = None
    with suppress(FileNotFoundError):
        handle = wait_for(lambda: lock_file(state, key + RECORD, if_possible=is_dead), longest_wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)
    if handle is not None and sys.platform == "win32":  # what is open cannot be removed there
        _remove_if_done(state, key)


def _sweep_one(state: Folder, key: str, destination: str, home: str) -> Iterator[str]:
    with _held_record(state, key, 0) as is_held:
        if not is_held:
            return
        try:
            content = _read(state, key)
        except ValueError:
            name = key + RECORD
            state.move(name, state, name + _UNREADABLE)
            yield (
                f"{os.path.join(state.path, name)} cannot be read; it was set aside as "
                f"{name}{_UNREADABLE}, and the files and folders that it may name were left"
            )
            return
        paths = [path for path, _ in content.folders]
        concerned = content.destination in {"", destination} or home in map(os.path.dirname, paths)
        # What was being placed elsewhere is taken back there: the disk may be away for now. But a
        # temporary folder that was removed does not come back.
        parts = content.destination.split(os.sep)
        is_temporary = any(map(_TEMPORARY.fullmatch, parts))
        concerned |= is_temporary and not os.path.lexists(content.destination)
        if concerned or not content.journal:
            _finish(state, key, 0, _SECONDS if concerned else 0)


def _finish(
    state: Folder, key: str, longest_wait: float, longest_removal: float = _SECONDS
) -> None:
    """Take back what was being placed; remove the folders of a record that is held, and it."""
    _, recorded, journal = _read(state, key)
    if journal is not None:
        _hold_and_take_back(state, key, journal, longest_wait)
    for path, identity in recorded:
        if identity is not None:
            wait_for(functools.partial(_removed, path, identity), longest_removal)
        else:  # it was made at most, and nothing was put into it
            with suppress(OSError):
                os.rmdir(path)
    _remove_if_done(state, key)


def _hold_and_take_back(state: Folder, key: str, journal: Journal, longest_wait: float) -> None:
    try:
        destination = Folder.open(journal.path)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        remove_journal(state, key)
        return
    with destination:
        if not destination.is_one(journal.destination):
            remove_journal(state, key)
            return
        # The process that had the lock may have done it.
        with held(destination, state, longest_wait), suppress(FileNotFoundError):
            take_back(state, key, destination)


def _removed(path: str, identity: Identity) -> bool | None:
    """Remove a stage; return None if it still exists, since a process that dies writes there."""
    try:
        with Folder.open(path) as folder:
            if not folder.is_one(identity):
                return True
            folder.clear()
    except OSError:
        return not os.path.lexists(path) or not stat.S_ISDIR(os.lstat(path).st_mode) or None
    with suppress(OSError):
        os.rmdir(path)
    return not os.path.lexists(path) or None


def _remove_if_done(state: Folder, key: str) -> None:
    with suppress(OSError, ValueError):
        content = _read(state, key)
        if content.journal is None and not any(_is_left(*each) for each in content.folders):
            state.remove(key + RECORD)


def _is_left(path: str, identity: Identity | None) -> bool:
    with suppress(OSError), Folder.open(path) as folder:
        return identity is not None and folder.is_one(identity)
    return False
