"""Reading, hashing, linking and writing files.

A file that a requirements file, a lock or a ``pyproject.toml`` names can be a device without end, a
pipe without a writer, or a link to one. So only regular files are opened, and their size is
limited. A file that the command line names may be a pipe, as for pip; the limit applies to it, too.

An index, a lock, a name in the wheel store and an earlier run only claim a hash. A :class:`Digest`
proves that a file was hashed in this run: it is made of a hash object, never of a text.

Start-up: runs of pip alone load this, too, so hashlib is imported when it is needed, and so is
urllib.request, which loads an HTTP client. Messages
follow the types of the fields of :class:`FileToFetch`, so annotations are not postponed.
"""

import errno
import io
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from wheeltarget.errors import HashMismatchError

if TYPE_CHECKING:
    import hashlib

PART = ".part"  # the suffix of the temporary name under which a private file is written
_BLOCK = 1 << 20
# O_NOCTTY: a terminal must not become the controlling terminal of this process.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
_STREAM = re.compile(r"/dev/(?:stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+")
_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}
_LARGEST_ARCHIVE = 64 << 30


class Limit(NamedTuple):
    """The maximum size of a kind of file, in bytes, and the name of the kind for messages."""

    size: int
    kind: str


TARGET_FILE = Limit(1 << 20, "a target file")  # the largest known ones, from pex, have 100 kB
PROJECT_FILE = Limit(4 << 20, "a pyproject.toml")
# Also for the locks of other tools: one with a thousand projects has 4 MB.
REQUIREMENTS_FILE = Limit(32 << 20, "a requirements file")
LOCK_FILE = Limit(32 << 20, "a lock")
PROVENANCE_FILE = Limit(4 << 20, "a provenance file")  # most have 10 kB


class RefusedFileError(OSError):
    """A file that is refused, or was not read to its end; ``strerror`` is the reason."""


def url_path(url: str) -> str:
    """Return the path of a ``file:`` URL."""
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)


def read_regular(name: str | os.PathLike[str], limit: Limit) -> bytes:
    """Return the content of a regular file, or of one that a link names.

    :raises RefusedFileError: if it is not a regular file, is too large, or cannot be read to its
        end, like some files in ``/proc``.
    """
    try:
        # Opening a pipe can block, and opening a device can have side effects.
        _require_regular(os.stat(name))  # noqa: PTH116 - any text
        descriptor = os.open(name, _FLAGS)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"invalid file name: {error}") from error
    try:
        status = os.fstat(descriptor)
        _require_regular(status)
        if status.st_size > limit.size:
            raise _too_large(limit)
        return _read(descriptor, limit)
    finally:
        os.close(descriptor)


def read_stream(name: str | os.PathLike[str], limit: Limit) -> tuple[bytes, bool]:
    """Read a file that the command line names, which may be a pipe.

    :returns: its content, and whether it can be read again.
    :raises RefusedFileError: if it is too large.
    """
    if os.path.isfile(name):  # noqa: PTH113 - any text
        return read_regular(name, limit), True
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - any text
        return _read(file.fileno(), limit), False


def working_tree(folder: Path) -> Path | None:
    """Return the top folder of the git working tree that a folder is in, or None."""
    tops = (each for each in (folder, *folder.parents) if os.path.lexists(each / ".git"))
    return next(tops, None)


def is_archive(path: Path) -> bool:
    """Return whether a file can be a wheel or a source distribution: regular and not endless."""
    # Endless files in /proc have the size 0.
    return path.is_file() and 0 < path.stat().st_size <= _LARGEST_ARCHIVE


def is_stream(name: str) -> bool:
    """Return whether a name is that of an open stream, such as a shell's ``<(…)``."""
    return _STREAM.fullmatch(name) is not None


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise RefusedFileError(errno.EINVAL, f"it is {kind}, not a regular file")


def _read(descriptor: int, limit: Limit) -> bytes:
    """Read to the end; the reported size of a file is not always right."""
    parts: list[bytes] = []
    left = limit.size + 1
    try:
        while left and (part := os.read(descriptor, min(_BLOCK, left))):
            parts.append(part)
            left -= len(part)
    except BlockingIOError as error:  # such as /proc/kmsg
        message = "it has no content yet, so it is not a regular file"
        raise RefusedFileError(errno.EINVAL, message) from error
    except OSError as error:
        raise RefusedFileError(error.errno, error.strerror) from error
    if not left:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: Limit) -> RefusedFileError:
    message = f"it has more than {limit.size >> 20} MiB, which is the limit for {limit.kind}"
    return RefusedFileError(errno.EFBIG, message)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its user can read, whole or not at all; its folder has to exist."""
    part = path.with_name(f"{os.urandom(8).hex()}{PART}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def permitted(mode: int) -> int:
    """Return a mode, such as ``0o666``, without the bits of the process's umask."""
    # Not 0, so that a file that another thread creates meanwhile is not open to everyone.
    mask = os.umask(0o077)
    os.umask(mask)
    return mode & ~mask


def link(source: Path, path: Path) -> bool:
    """Link a file to a second name; return False if that is not possible, or the name exists."""
    try:
        os.link(source, path)
    except OSError:
        return False
    return True


def link_or_copy(source: Path, path: Path) -> None:
    """Link a file, or the one that a symbolic link names, to a second name, or copy it."""
    if not link(source.resolve(), path):
        copy_file(source, path)


@dataclass(frozen=True, slots=True, init=False)
class Digest:
    """The sha256 of a file, computed in this run, and its size in bytes."""

    sha256: str
    size: int

    def __init__(self, computed: "hashlib._Hash", size: int) -> None:
        object.__setattr__(self, "sha256", computed.hexdigest())
        object.__setattr__(self, "size", size)

    def check(self, sha256: str) -> None:
        """Raise HashMismatchError if the content has another hash."""
        if self.sha256 != sha256.lower():
            raise HashMismatchError(sha256, self.sha256)


class Writer:
    """Write content to a file without a buffer piece by piece, and hash it."""

    def __init__(self, handle: io.FileIO) -> None:
        import hashlib

        self._handle = handle
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def digest(self) -> Digest:
        """Return the digest of the pieces so far."""
        return Digest(self._hash, self._size)

    def write(self, data: bytes | memoryview) -> int:
        """Write the next piece, and return its number of bytes."""
        self._hash.update(data)
        self._size += len(data)
        written = self._handle.write(data)
        while written < len(data):
            written += self._handle.write(data[written:])
        return written


def hash_file(path: Path) -> Digest:
    """Hash a file."""
    with path.open("rb", buffering=0) as handle:
        return _hash_open(handle)


def _hash_open(handle: io.FileIO) -> Digest:
    import hashlib

    return Digest(hashlib.file_digest(handle, "sha256"), handle.tell())


def copy_file(source: Path, path: Path) -> Digest:
    """Copy a file over what is at a path, which write errors name, and return the copy's digest."""
    with source.open("rb", buffering=0) as reader, path.open("wb", buffering=0) as handle:
        writer = Writer(handle)
        buffer = memoryview(bytearray(_BLOCK))
        while count := reader.readinto(buffer):
            try:
                writer.write(buffer[:count])
            except OSError as error:
                error.filename = str(path)
                raise
    return writer.digest


Mark = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime of a file: a write changes one of them."""


def stamp_of(status: os.stat_result) -> Mark | None:
    """Return the mark of a file; None if it is not a regular file, and always on Windows.

    A program cannot reset the ctime, so every write changes it. A new name and a new mode change
    it, too; then the file is hashed again needlessly. Windows has no such time.
    """
    if os.name == "nt" or not stat.S_ISREG(status.st_mode):
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


class Hashes:
    """Hash each file once in a run, even if it has several names."""

    def __init__(self) -> None:
        self._known: dict[Mark, Digest] = {}

    def of(self, path: Path) -> Digest:
        """Hash a file, unless its hash is known and it has not changed since."""
        with path.open("rb", buffering=0) as handle:
            mark = stamp_of(os.fstat(handle.fileno()))
            if mark is None:
                return _hash_open(handle)
            if mark not in self._known:
                self._known[mark] = _hash_open(handle)
        return self._known[mark]


@dataclass(frozen=True, slots=True)
class FileToFetch:
    """A file to be fetched, and where to write it; nothing exists there.

    :param sha256: the hash that it must have, in lower-case hexadecimal; empty if it may have any.
    :param size: the number of bytes that it must have; None if that is not known.
    :param limit: the number of bytes that it may have; None if it does not matter.
    """

    url: str
    filename: str
    project: str
    sha256: str
    size: int | None
    path: str
    limit: int | None = None
