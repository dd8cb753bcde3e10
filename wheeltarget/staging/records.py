"""Records of stages, in the user's own state folder: which hidden folders are ours to remove.

A record is a file of lines, held locked for the whole life of a run, so that it is known when the
run is dead. A line is added before each step and the next one after it: first the path of the
folder that is about to be made, then what the folder is known by. So whenever a run is killed, the
next one knows what there may be of it. A half line at the end says nothing, for what it was to say
was not begun. A record is removed last. It is not waited for until it is on the disk, which would
cost each run more than the hidden folder that is left if the power fails in its first seconds.

The standard library alone is imported here, since the guard uses this, too.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
import sys

from wheeltarget.staging import destination_lock, journals
from wheeltarget.staging.folders import Folder, Identity, lock, wait_until, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = ".wheeltarget-"
"""What stands between the name of a destination and a random number in that of a stage."""

RECORD = ".stage"
"""How the name of a record ends."""

UNREADABLE = ".unreadable"
"""What is put behind the name of a file that cannot be read."""

_LONGEST_NAME = 100
_KEY = re.compile(r"[0-9a-f]{16}")
_STAGE = re.compile(r"\..*\.wheeltarget-[0-9a-f]{16}", re.DOTALL)
_SECONDS = 5.0


def prefix_of(name: str) -> str:
    """Return what the name of a hidden folder begins with.

    :param name: the name of what it is for; no more of it is taken than file systems have room for.
    """
    whole = os.fsencode(name)
    return f".{os.fsdecode(whole[:_LONGEST_NAME]) if len(whole) > _LONGEST_NAME else name}{MARK}"


class Record:
    """The record of this run's stage.

    :param state: the folder with the records.
    :param destination: the path of the destination, without links.
    """

    def __init__(self, state: Folder, destination: str) -> None:
        self.state = state
        self.key, self._handle = _new_file(state)
        try:
            self._add("destination", _escaped(destination))
        except BaseException:
            self.close()
            raise

    def make_folder(self, home: str, name: str) -> str:
        """Make a hidden folder, and record it.

        :param home: the path of the folder that it is made in.
        :param name: what its name begins with, after the dot.
        :returns: its path.
        :raises OSError: if it, or the record, cannot be written.
        """
        path = os.path.join(home, f"{prefix_of(name)}{os.urandom(8).hex()}")
        self._add("folder", _escaped(os.path.join(os.path.realpath(home), os.path.basename(path))))
        os.mkdir(path, 0o700)
        with Folder.open(path) as folder:
            if folder.own.st_uid != getattr(os, "geteuid", lambda: folder.own.st_uid)():
                raise PermissionError(1, "another user has replaced it", path)
            self._add("identity", *map(str, folder.identity))
        return path

    def sync(self) -> None:
        """Flush the record to the disk, before there is something to take back."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Remove the folders and the record; what cannot be removed is left to the next run."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                _finish(self.state, self.key, destination_lock.PATIENCE)
            os.close(self._handle)
            self._handle = -1
            if sys.platform == "win32":  # what is open cannot be removed there
                _remove_if_done(self.state, self.key)

    def _add(self, *arguments: str) -> None:
        data = " ".join(arguments).encode("ascii") + b"\n"
        size = os.fstat(self._handle).st_size
        try:
            os.lseek(self._handle, size, os.SEEK_SET)
            write_all(self._handle, data)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, size)
            error.filename = os.path.join(self.state.path, self.key + RECORD)
            raise


def _new_file(state: Folder) -> tuple[str, int]:
    """Make a file for a record, and lock it; a run that sweeps may take it away before."""
    while True:
        key = os.urandom(8).hex()
        handle = state.open_file(key + RECORD, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        if lock(handle) is not False and _is_there(state, key + RECORD, handle):
            return key, handle
        os.close(handle)


def _is_there(state: Folder, name: str, handle: int) -> bool:
    found = state.status(name)
    return found is not None and found.st_ino == os.fstat(handle).st_ino


def sweep(state: Folder, destination: str, home: str) -> list[str]:
    """Remove what dead runs have left of their stages, and take back what they were placing.

    :param state: the folder with the records.
    :param destination: the path of the destination, without links; stages for it are swept.
    :param home: the path of a folder, without links; stages in it are swept.
    :returns: a sentence for the user for each file that cannot be read.
    """
    notes = list(journals.set_aside(state))
    keys: list[str] = []
    # Again after something was removed, since one folder may have been in another.
    while (left := _keys(state)) != keys:
        keys = left
        for key in keys:
            with contextlib.suppress(OSError):
                note = _sweep_one(state, key, destination, home)
                if note:
                    notes.append(note)
    return notes


def finish(state: Folder, key: str, longest_wait: float) -> None:
    """Do what a run that was killed can no longer do.

    :param state: the folder with the records.
    :param key: the name of the run's record, without its ending.
    :param longest_wait: how many seconds to wait for other runs.
    :raises OSError: if something cannot be taken back; the next run tries that again.
    :raises BusyError: if another run is placing files in the destination.
    """
    with _held(state, key, longest_wait, is_dead=True) as is_held:
        if is_held:
            _finish(state, key, longest_wait)


def known_folders(state: Folder) -> set[str]:
    """Return the paths of all folders that records name.

    :param state: the folder with the records.
    """
    found: set[str] = set()
    for key in _keys(state):
        with contextlib.suppress(OSError, ValueError):
            found.update(path for path, _ in _read(state, key).folders)
    return found


class _Content:
    """What a record says."""

    def __init__(self, destination: str, folders: list[tuple[str, Identity | None]]) -> None:
        self.destination = destination
        self.folders = folders


def _keys(state: Folder) -> list[str]:
    stems = (name.removesuffix(RECORD) for name in state.names() if name.endswith(RECORD))
    return sorted(stem for stem in stems if _KEY.fullmatch(stem))


def _read(state: Folder, key: str) -> _Content:
    """Read a record.

    :raises ValueError: if it is invalid.
    """
    with open(state.open_file(key + RECORD, os.O_RDONLY), "rb") as file:
        # What was not written to its end was not begun.
        lines = file.read().split(b"\n")[:-1]
    destination = ""
    folders: list[tuple[str, Identity | None]] = []
    for line in lines:
        word, _, rest = line.decode("ascii").partition(" ")
        if word == "destination":
            destination = _unescaped(rest)
        elif word == "folder" and _STAGE.fullmatch(os.path.basename(_unescaped(rest))):
            folders.append((_unescaped(rest), None))
        elif word == "identity" and folders:
            device, inode, system = map(int, rest.split(" "))
            folders[-1] = folders[-1][0], (device, inode, system)
        else:
            raise ValueError(line)
    return _Content(destination, folders)


def _escaped(path: str) -> str:
    """Return a path as one line of ASCII."""
    return path.encode("unicode_escape").decode("ascii")


def _unescaped(text: str) -> str:
    """Read a path.

    :raises ValueError: if it is not absolute.
    """
    path = text.encode("ascii").decode("unicode_escape")
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(text)
    return path


@contextlib.contextmanager
def _held(state: Folder, key: str, longest_wait: float, *, is_dead: bool = False) -> Iterator[bool]:
    """Hold the record of a dead run; False if it does not exist, or its run is alive.

    If files cannot be locked, a run is alive unless it is known to be dead.
    """
    hold = {True, None} if is_dead else {True}
    try:
        handle = state.open_file(key + RECORD, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        taken = wait_until(lambda: lock(handle) in hold, longest_wait)
        yield taken and _is_there(state, key + RECORD, handle)
    finally:
        os.close(handle)
    if taken and sys.platform == "win32":  # what is open cannot be removed there
        _remove_if_done(state, key)


def _sweep_one(state: Folder, key: str, destination: str, home: str) -> str:
    with _held(state, key, 0) as is_held:
        if not is_held:
            return ""
        try:
            content = _read(state, key)
        except ValueError:
            name = key + RECORD
            state.move(name, state, name + UNREADABLE)
            return (
                f"{os.path.join(state.path, name)} is no record of a run; it was set aside as "
                f"{name}{UNREADABLE}, and the folder that it may have named was left"
            )
        homes = [os.path.dirname(path) for path, _ in content.folders]
        concerned = destination == content.destination or home in homes
        if content.destination and not concerned and not _is_idle(state, key, content):
            return ""
        _finish(state, key, 0)
    return ""


def _is_idle(state: Folder, key: str, content: _Content) -> bool:
    """Return whether a record has nothing left to remove, as if its folder was in another one."""
    if journals.exists(state, key):
        return False
    return not any(os.path.lexists(path) for path, _ in content.folders)


def _finish(state: Folder, key: str, longest_wait: float) -> None:
    """Take back what was being placed; remove the folders of a record that is held, and it."""
    journals.take_back(state, key, longest_wait)
    for path, identity in _read(state, key).folders:
        if identity is None:
            # It was made at most, and nothing was put into it.
            with contextlib.suppress(OSError):
                os.rmdir(path)
        else:
            wait_until(functools.partial(_removed, path, identity), _SECONDS)
    _remove_if_done(state, key)


def _removed(path: str, identity: Identity) -> bool:
    """Remove a stage, and return whether it is gone; a process that dies may still write there."""
    try:
        folder = Folder.open(path)
    except OSError:
        return not os.path.lexists(path) or not stat.S_ISDIR(os.lstat(path).st_mode)
    with folder:
        if not folder.is_one(identity):
            return True
        folder.clear()
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.lexists(path)


def _remove_if_done(state: Folder, key: str) -> None:
    """Remove a record of which nothing is left."""
    with contextlib.suppress(OSError, ValueError):
        if journals.exists(state, key):
            return
        for path, identity in _read(state, key).folders:
            if _is_left(path, identity):
                return
        journals.forget(state, key)
        state.remove(key + RECORD)


def _is_left(path: str, identity: Identity | None) -> bool:
    """Return whether a folder is still there, as the one that was recorded."""
    with contextlib.suppress(OSError), Folder.open(path) as folder:
        return identity is not None and folder.is_one(identity)
    return False
