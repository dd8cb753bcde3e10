"""Open folders, locks, and the user's own state folder.

Operations on a folder that is open stay in it even if its path changes meanwhile. On POSIX it is
held by a file descriptor, and no link is followed to anything in it. On Windows, which has no such
calls, its path is used.

One run places files in a folder after the other. The folder itself is locked, so that the runs of
other users wait, too. The system unlocks it when a run ends, however it ends.

Only the state folder is trusted to tell about earlier runs. Files beside a destination can be
anyone's: they may come with a cloned repository, or be another user's in a shared folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from wheeltarget.errors import DestinationError
from wheeltarget.utils.system import is_ours, user_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

Identity = tuple[int, int, int]
"""A device, an inode on it, and the number of the file system, or 0 if it has none."""

PATIENCE = 30.0  # seconds to wait while another run places files
_BY_HANDLE = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename} <= os.supports_dir_fd
_NO_LINK, _UNREAD = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_PATH", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_PAUSE = 0.02
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_JUNCTIONS = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT
_T = TypeVar("_T")


class Folder:
    """A folder that is open; its handle is its file descriptor, or None on Windows."""

    def __init__(self, path: str, handle: int | None) -> None:
        self.path = path
        self._handle = handle
        self._where: Any = path if handle is None else handle
        self.own = os.stat(self._where)

    @classmethod
    def open(cls, path: str, *, follow: bool = False) -> Folder:
        """Open a folder, which may be a link to one if links are followed."""
        return cls(path, _open(path, follow=follow))

    def inner(self, name: str) -> Folder:
        """Open a folder in this one; it must not be a link."""
        return Folder(os.path.join(self.path, name), self._do(_open, name))

    def close(self) -> None:
        """Close the folder."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def identity(self) -> Identity:
        """Return what it is known by; a device may have another number after a restart."""
        number = 0
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                number = os.statvfs(self._where).f_fsid
        return self.own.st_dev, self.own.st_ino, number

    def is_one(self, identity: Identity) -> bool:
        """Return whether this is the folder that was known by an identity."""
        device, inode, system = self.identity
        return inode == identity[1] and (device == identity[0] or system == identity[2] != 0)

    @property
    def mount(self) -> tuple[int, str]:
        """Return what is equal for two folders if files can be renamed from one to the other.

        The device alone does not say that: a folder can be mounted at two places.
        """
        mount = ""
        if sys.platform == "linux" and self._handle is not None:
            with (
                contextlib.suppress(OSError),
                open(f"/proc/self/fdinfo/{self._handle}", encoding="ascii") as lines,
            ):
                mount = next((line for line in lines if line.startswith("mnt_id:")), "")
        return self.own.st_dev, mount

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of something in the folder; None if it does not exist."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return self._do(os.stat, name, follow_symlinks=False)
        return None

    def names(self) -> list[str]:
        """List what is in the folder."""
        return os.listdir(self._where)

    def open_file(self, name: str, flags: int) -> int:
        """Open a file, for this user alone if it is made, and return its file descriptor."""
        more = _NO_LINK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        return self._do(os.open, name, flags | more, 0o600)

    def make(self, name: str, mode: int = 0o777) -> None:
        """Make a folder in this one."""
        self._do(os.mkdir, name, mode)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._do(os.unlink, name)

    def remove_folder(self, name: str) -> None:
        """Remove a folder that is empty."""
        self._do(os.rmdir, name)

    def move(self, name: str, other: Folder, new: str) -> None:
        """Rename a file into another folder, over an existing one."""
        self._do_two(os.replace, name, other, new)

    def link(self, name: str, other: Folder, new: str) -> None:
        """Link a file to a second name in another folder; symbolic links are not followed."""
        self._do_two(os.link, name, other, new, follow_symlinks=False)

    def take(self, path: str, name: str) -> None:
        """Rename a file that has an absolute path into this folder, over an existing one."""
        self._do_two(os.replace, path, self, name)

    def sync(self) -> None:
        """Flush the names in it to the disk, if the system can do that."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)

    def clear(self) -> None:
        """Remove everything in the folder as far as possible, and follow no links."""
        names: list[str] = []
        with contextlib.suppress(OSError):
            if self._handle is not None and self.own.st_mode & 0o700 != 0o700:
                os.chmod(self._handle, 0o700)
            names = self.names()
        for name in names:
            with contextlib.suppress(OSError):
                found = self.status(name)
                if found and stat.S_ISDIR(found.st_mode):
                    with self.inner(name) as inner:
                        inner.clear()
                    self.remove_folder(name)
                elif found:
                    self.remove(name)

    def _do(self, call: Callable[..., _T], name: str, *more: Any, **named: Any) -> _T:
        path = os.path.join(self.path, name)
        if self._handle is None:
            return call(path, *more, **named)
        try:
            return call(name, *more, **named, dir_fd=self._handle)
        except OSError as error:
            error.filename = path
            raise

    def _do_two(
        self, call: Callable[..., Any], name: str, other: Folder, new: str, **named: Any
    ) -> None:
        paths = os.path.join(self.path, name), os.path.join(other.path, new)
        if self._handle is None or other._handle is None:
            call(*paths, **named)
            return
        try:
            call(name, new, src_dir_fd=self._handle, dst_dir_fd=other._handle, **named)
        except OSError as error:
            error.filename, error.filename2 = paths
            raise

    def lock(self, *, locked: bool = True) -> bool | None:
        """Lock or unlock the folder itself, as :func:`lock` does."""
        return None if self._handle is None else lock(self._handle, locked=locked)


def _open(path: str, *, follow: bool = False, dir_fd: int | None = None) -> int | None:
    """Open a folder, if need be without the right to list it; on Windows, only check it."""
    if not _BY_HANDLE:
        found = os.stat(path) if follow else os.lstat(path)
        linked = getattr(found, "st_file_attributes", 0) & _JUNCTIONS
        if not stat.S_ISDIR(found.st_mode) or (linked and not follow):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return None
    flags = _FOLDER | (0 if follow else _NO_LINK)
    try:
        return os.open(path, os.O_RDONLY | flags, dir_fd=dir_fd)
    except PermissionError:
        if not _UNREAD:
            raise
        return os.open(path, _UNREAD | flags, dir_fd=dir_fd)


def lock(handle: int, *, locked: bool = True) -> bool | None:
    """Lock or unlock an open file or folder, and do not wait for it.

    :returns: False if another process has locked it; None if it cannot be locked at all.
    """
    try:
        if sys.platform == "win32":
            # Far behind its end, since others cannot read what is locked.
            os.lseek(handle, 1 << 30, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK if locked else msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if locked else fcntl.LOCK_UN)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


class Turn:
    """A turn that one of several processes has, until it leaves it or ends; the file is locked."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> bool:
        """Take the turn, and return whether it was free; also if files cannot be locked here."""
        return lock(self._handle) is not False

    def leave(self) -> None:
        """Release it for another process."""
        lock(self._handle, locked=False)

    def close(self) -> None:
        """Close the file, which leaves the turn."""
        os.close(self._handle)


def lock_file(folder: Folder, name: str, flags: int = 0, *, if_possible: bool = True) -> int | None:
    """Open and lock a file, and do not wait for it.

    :param flags: how to open it, besides for reading and writing.
    :param if_possible: whether it may stay unlocked if files cannot be locked here.
    :returns: its file descriptor; None if another process has locked or replaced it.
    """
    handle = folder.open_file(name, os.O_RDWR | flags)
    if lock(handle) in ({True, None} if if_possible else {True}):
        found = folder.status(name)
        if found is not None and found.st_ino == os.fstat(handle).st_ino:
            return handle
    os.close(handle)
    return None


def wait_for(attempt: Callable[[], _T | None], seconds: float) -> _T | None:
    """Attempt something until it has a result other than None, for some seconds at most."""
    end = time.monotonic() + seconds
    while (result := attempt()) is None and time.monotonic() < end:
        time.sleep(_PAUSE)
    return result


class BusyError(TimeoutError):
    """Another run is placing files in the folder."""


@contextlib.contextmanager
def held(destination: Folder, state: Folder, longest_wait: float) -> Iterator[None]:
    """Hold the lock on a folder in which files are to be placed.

    :param state: the user's state folder, which has the lock if folders cannot be locked.
    :raises BusyError: if another run has it for so many seconds.
    """
    busy = BusyError(errno.ETIMEDOUT, "another run is placing files there", destination.path)
    if (locked := destination.lock()) is not None:
        if not (locked or wait_for(lambda: destination.lock() or None, longest_wait)):
            raise busy
        try:
            yield
        finally:
            destination.lock(locked=False)  # a process that is just starting has it open, too
        return
    name = f"{destination.own.st_dev:x}-{destination.own.st_ino:x}.lock"
    handle = wait_for(lambda: lock_file(state, name, os.O_CREAT), longest_wait)
    if handle is None:
        raise busy
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            state.remove(name)
        lock(handle, locked=False)
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Write all data to an open file."""
    while data:
        data = data[os.write(handle, data) :]


def open_state() -> Folder:
    """Open the folder for the records of stages, and make it if it does not exist.

    :raises DestinationError: if neither the state folder nor its substitute can be used.
    """
    reasons = []
    for path in _state_folders():
        try:
            if not os.path.lexists(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir(0o700, exist_ok=True)
            return _open_own(str(path))
        except OSError as error:
            reasons.append(f"{path}: {error.strerror}")
    raise DestinationError(
        f"cannot record which files this run places: {'; '.join(reasons)}",
        "set WHEELTARGET_STATE_DIR to a folder of your own that can be written",
    )


def _state_folders() -> Iterator[Path]:
    """Yield the possible folders, the best one first."""
    home = user_folder("state", os.environ)
    # With sudo, root would leave a folder that the user could not use.
    if os.path.isabs(home) and is_ours(home):
        yield Path(home, "stages")
    user = "" if sys.platform == "win32" else f"-{os.geteuid()}"
    yield Path(tempfile.gettempdir(), f"wheeltarget{user}")


def _open_own(path: str) -> Folder:
    folder = Folder.open(path)
    if sys.platform != "win32" and folder.own.st_uid != os.geteuid():
        reason = "it belongs to another user"
    elif sys.platform != "win32" and stat.S_IMODE(folder.own.st_mode) & 0o077:
        reason = "other users have access to it, so it is not trusted"
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        reason = "Permission denied"
    else:
        return folder
    folder.close()
    raise PermissionError(1, reason, path)
