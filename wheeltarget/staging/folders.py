"""Open folders: operations stay in the folder even if its path changes meanwhile.

On POSIX a folder is held by a file descriptor, and no link is followed to anything in it. On
Windows, which has no such calls, its path is used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

Identity = tuple[int, int, int]
"""A device, an inode on it, and the number of the file system, or 0 if it has none."""

_BY_HANDLE = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename} <= os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_UNREAD = getattr(os, "O_PATH", 0)
_PAUSE = 0.02
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_JUNCTIONS = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT


class Folder:
    """A folder that is open.

    :param path: its path, for messages and where nothing else will do.
    :param handle: its file descriptor, or None on Windows.
    """

    def __init__(self, path: str, handle: int | None) -> None:
        self.path = path
        self._handle = handle
        self.own = os.stat(path if handle is None else handle)

    @classmethod
    def open(cls, path: str, *, follow: bool = False) -> Folder:
        """Open a folder.

        :param path: its path.
        :param follow: whether it may be a link to a folder.
        :raises OSError: if it does not exist, or is a link that is not followed.
        """
        if not _BY_HANDLE:
            return cls(_plain_folder(path, follow=follow), None)
        return cls(path, _open(path, 0 if follow else _NO_LINK, None))

    def inner(self, name: str) -> Folder:
        """Open a folder in this one, which must not be a link.

        :param name: its name.
        :raises OSError: if it cannot be opened.
        """
        path = os.path.join(self.path, name)
        if self._handle is None:
            return Folder(_plain_folder(path, follow=False), None)
        try:
            return Folder(path, _open(name, _NO_LINK, self._handle))
        except OSError as error:
            error.filename = path
            raise

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
        mine = self.identity
        same_system = mine[0] == identity[0] or (mine[2] == identity[2] != 0)
        return mine[1] == identity[1] and same_system

    @property
    def mount(self) -> tuple[int, str]:
        """Return what is equal for two folders if files can be renamed from one to the other.

        A mount of a folder that is mounted elsewhere as well has the same device.
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
        """Return what the system says of something in the folder; None if it is not there."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found: os.stat_result = self._do(os.stat, name, follow_symlinks=False)
            return found
        return None

    def names(self) -> list[str]:
        """List what is in the folder."""
        return os.listdir(self._where)

    def open_file(self, name: str, flags: int) -> int:
        """Open a file in the folder, for this user alone if it is made.

        :returns: its file descriptor.
        """
        more = _NO_LINK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        handle: int = self._do(os.open, name, flags | more, 0o600)
        return handle

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
        """Rename a file into another folder, over what is there."""
        self._do_two(os.replace, name, other, new)

    def link(self, name: str, other: Folder, new: str) -> None:
        """Link a file to a second name in another folder; symbolic links are not followed."""
        self._do_two(os.link, name, other, new, follow_symlinks=False)

    def take(self, path: str, name: str) -> None:
        """Rename a file that has a path into this folder, over what is there."""
        if self._handle is None:
            os.replace(path, os.path.join(self.path, name))
            return
        try:
            os.replace(path, name, dst_dir_fd=self._handle)
        except OSError as error:
            error.filename2 = os.path.join(self.path, name)
            raise

    def sync(self) -> None:
        """Flush the names in it to the disk, if the system can do that."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)

    def clear(self) -> None:
        """Remove everything in the folder as far as possible; links lead nowhere."""
        names: list[str] = []
        with contextlib.suppress(OSError):
            if self._handle is not None and self.own.st_mode & 0o700 != 0o700:
                os.chmod(self._handle, 0o700)
            names = self.names()
        for name in names:
            with contextlib.suppress(OSError):
                found = self.status(name)
                if found is None:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    with self.inner(name) as inner:
                        inner.clear()
                    self.remove_folder(name)
                else:
                    self.remove(name)

    @property
    def _where(self) -> Any:
        return self.path if self._handle is None else self._handle

    def _do(self, call: Callable[..., Any], name: str, *more: Any, **named: Any) -> Any:
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

    def lock(self) -> bool | None:
        """Lock the folder itself.

        :returns: whether it is ours now; None if folders cannot be locked here.
        """
        return None if self._handle is None else lock(self._handle)

    def unlock(self) -> None:
        """Unlock the folder, for a process that may just be starting, too."""
        if self._handle is not None:
            unlock(self._handle)


def _open(name: str, flags: int, inside: int | None) -> int:
    """Open a folder, if need be without the right to list it."""
    try:
        return os.open(name, os.O_RDONLY | _FOLDER | flags, dir_fd=inside)
    except PermissionError:
        if not _UNREAD:
            raise
        return os.open(name, _UNREAD | _FOLDER | flags, dir_fd=inside)


def _plain_folder(path: str, *, follow: bool) -> str:
    """Return the path of a folder on Windows; refuse a link or junction unless followed."""
    found = os.stat(path) if follow else os.lstat(path)
    linked = getattr(found, "st_file_attributes", 0) & _JUNCTIONS
    if not stat.S_ISDIR(found.st_mode) or (linked and not follow):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return path


def lock(handle: int) -> bool | None:
    """Lock an open file, and do not wait for it.

    :param handle: its file descriptor.
    :returns: whether it is ours now; None if it cannot be locked at all.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            # Far behind its end, for what is locked there cannot be read by others.
            os.lseek(handle, 1 << 30, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def unlock(handle: int) -> None:
    """Unlock an open file."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 1 << 30, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_UN)


def write_all(handle: int, data: bytes) -> None:
    """Write to an open file.

    :param handle: its file descriptor.
    :param data: what to write.
    :raises OSError: if it cannot be written.
    """
    while data:
        data = data[os.write(handle, data) :]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds, and return whether it does.

    :param seconds: for how long at most.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)
    return True
