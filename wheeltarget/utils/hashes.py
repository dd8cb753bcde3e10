"""Hashes computed in this run, as a type of their own.

An index, a lock, a name in the wheel store and an earlier run only claim a hash. A file in the
destination has been hashed in this run, and a :class:`Digest` proves it: it is made of a hash
object that has read the content, never of a text.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.errors import HashMismatchError

if TYPE_CHECKING:
    import io
    from hashlib import _Hash

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, init=False)
class Digest:
    """The computed hash and size of a file.

    :param computed: the hash object that has read the whole content.
    :param size: the number of bytes that it has read.
    """

    sha256: str
    size: int

    def __init__(self, computed: _Hash, size: int) -> None:
        object.__setattr__(self, "sha256", computed.hexdigest())
        object.__setattr__(self, "size", size)

    def check(self, sha256: str) -> None:
        """Raise an error if the content has another hash.

        :param sha256: the expected hash, in hexadecimal.
        :raises HashMismatchError: if it has another one.
        """
        if self.sha256 != sha256.lower():
            raise HashMismatchError(sha256, self.sha256)


class Hasher:
    """Hash content piece by piece."""

    def __init__(self) -> None:
        import hashlib

        self._hash = hashlib.sha256()
        self._size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Add the next piece."""
        self._hash.update(data)
        self._size += len(data)

    @property
    def digest(self) -> Digest:
        """Return the digest of the pieces so far."""
        return Digest(self._hash, self._size)


def hash_open(handle: io.FileIO) -> Digest:
    """Hash an open file from its current position to its end.

    :param handle: the file, without a buffer.
    :raises OSError: if it cannot be read.
    """
    hasher = Hasher()
    buffer = memoryview(bytearray(_BLOCK))
    while count := handle.readinto(buffer):
        hasher.update(buffer[:count])
    return hasher.digest


def hash_file(path: Path) -> Digest:
    """Hash a file.

    :param path: the file.
    :raises OSError: if it cannot be read.
    """
    with path.open("rb", buffering=0) as handle:
        return hash_open(handle)


def copy_file(source: Path, path: Path) -> Digest:
    """Copy a file, and hash what is written.

    :param source: the file.
    :param path: the copy; what is there is overwritten.
    :returns: the digest of the copy.
    :raises OSError: if the file cannot be read, or the copy not be written; the error names the
        copy then.
    """
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


class Writer:
    """Write the content of a file piece by piece, and hash it.

    :param handle: the file; without a buffer, as pieces are large.
    """

    def __init__(self, handle: io.FileIO) -> None:
        self._handle = handle
        self._hasher: Hasher | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Write the next piece.

        :param data: the next piece.
        :returns: its number of bytes.
        :raises OSError: if it cannot be written.
        """
        if self._hasher is None:
            self._hasher = Hasher()
        self._hasher.update(data)
        written = self._handle.write(data)
        while written < len(data):
            written += self._handle.write(data[written:])
        return written

    @property
    def digest(self) -> Digest:
        """Return the digest of the written content."""
        return (self._hasher or Hasher()).digest


Mark = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime of a file: a write changes one of them."""


def stamp_of(status: os.stat_result) -> Mark | None:
    """Return the mark of a file; None if it is not a regular file, and always on Windows.

    A program cannot reset the ctime, so every write changes it. A new name and a new mode change
    it too; then the file is hashed again needlessly. Windows has no such time.

    :param status: the result of ``stat`` for the file.
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
        """Hash a file, unless its hash is known and it has not changed since.

        :param path: the file.
        :raises OSError: if it cannot be read.
        """
        with path.open("rb", buffering=0) as handle:
            mark = stamp_of(os.fstat(handle.fileno()))
            known = self._known.get(mark) if mark else None
            if known is None:
                known = hash_open(handle)
                if mark is not None:
                    self._known[mark] = known
        return known
