"""The wheel store: files by the sha256 of their content, shared by all runs of one user.

A file is written under a temporary name, hashed meanwhile, and renamed if its hash is right. So a
file is there whole or not at all, however many processes write it and however they end, without
locks.

The name of a file in the store only claims its hash. A file that is linked into a wheelhouse can be
changed there, and disks fail. So a file is hashed whenever it is taken: not under its name in the
store, which another process may replace, but the new link or copy. A damaged file is removed.

The access time of a file is the time of its last use.

Many threads write at once, and a thread has to wait its turn after each system call. So there are
as few system calls as possible.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.utils.files import (
    Digest,
    Writer,
    copy_file,
    hash_file,
    link,
    link_or_copy,
    permitted,
)

if TYPE_CHECKING:
    import io

TEMPORARY = "tmp"
"""Name of the folder for unfinished files."""

_STAMP = ".stamp"
"""The suffix of files that an earlier version of wheeltarget kept beside the wheels."""

_HEXADECIMAL = frozenset("0123456789abcdef")
_LENGTH = 64
_USE_SECONDS = 3600.0
_ABANDONED_SECONDS = 3600.0


class Store:
    """Files by their hash, in one folder, which is made when the first file is written.

    If it is made before threads are started, all of them may use it. Hashes are in hexadecimal; for
    anything else there is no file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A link has the mode of the file; if pip would set another one, a copy is needed.
        self._mode = permitted(0o666)
        self._drafts = folder / TEMPORARY
        self._name = os.urandom(12).hex()
        self._numbers = itertools.count()

    def locate(self, sha256: str) -> Path | None:
        """Return the path, for reading only, of the file that claims to have a hash."""
        found = self._look(sha256)
        return found and found[0]

    def find(self, sha256: str) -> Path | None:
        """Return the path, for reading only, of the file with a hash; remove a damaged one."""
        found = self._look(sha256)
        if found is not None:
            path, status = found
            with contextlib.suppress(OSError):
                if hash_file(path).sha256 == sha256.lower():
                    return path
            _discard(path, status)
        return None

    def take(self, sha256: str, path: Path) -> Digest | None:
        """Put the file with a hash at a path, whole or not at all.

        It is linked, or copied if it is on another file system or has another mode than a new file.
        The new link or copy is hashed; if it is damaged, it is removed there and here.

        :returns: the digest of the file at that path; None if the store has no such file.
        :raises FileExistsError: if something is at that path.
        """
        found = self._look(sha256)
        if found is None:
            return None
        place, status = found
        digest = self._put(place, status, path)
        if digest is None or digest.sha256 != sha256.lower():
            if digest is not None:
                path.unlink()
            _discard(place, status)
            return None
        _record_use(place, status)
        return digest

    def _put(self, source: Path, status: os.stat_result, path: Path) -> Digest | None:
        """Link or copy a file and hash the result; None if there is no such file."""
        if not self._link(source, status, path):
            return _copy(source, path)
        try:
            digest = hash_file(path) if stat.S_ISREG(path.lstat().st_mode) else None
        except OSError:
            digest = None
        if digest is None:
            path.unlink()
        return digest

    def _link(self, source: Path, status: os.stat_result, path: Path) -> bool:
        return stat.S_IMODE(status.st_mode) == self._mode and link(source, path)

    def add(self, sha256: str, path: Path) -> None:
        """Link or copy a file into the store; raise HashMismatchError if it has another hash."""
        if self.locate(sha256) is not None:
            return
        with self._temporary() as draft:
            draft.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, draft)
            self._keep(draft, sha256, hash_file(draft))

    @contextmanager
    def writing(self, sha256: str, path: Path | None = None) -> Iterator[Writer]:
        """Write a file whose hash is known before.

        If the block ends without an error and the content has the hash, the file is in the store.
        Otherwise nothing is left of it.

        :param path: where to link or copy it as well, if anywhere.
        :raises HashMismatchError: if the content has another hash.
        :raises FileExistsError: if something is at that path.
        """
        with self._temporary() as draft:
            with _create(draft) as handle:
                writer = Writer(handle)
                yield writer
                status = os.fstat(handle.fileno())
            writer.digest.check(sha256)
            # From the draft: in the store, another process may replace it.
            if path is not None and not self._link(draft, status, path):
                copied = _copy(draft, path)
                if copied != writer.digest:
                    path.unlink(missing_ok=True)
                    raise FileNotFoundError(None, "No such file or directory", str(draft))
            self._keep(draft, sha256, writer.digest)

    def remove(self, sha256: str) -> None:
        """Remove a file from the store, if it is there; links to it stay."""
        if path := self._path(sha256):
            path.unlink(missing_ok=True)

    def entries(self) -> Iterator[tuple[str, int, float]]:
        """Yield the hash that each file claims, its size in bytes, and when it was last used."""
        for path in self.folder.glob("??/*"):
            sha256 = f"{path.parent.name}{path.name}"
            if self._path(sha256) != path:
                continue
            with contextlib.suppress(OSError):
                status = path.lstat()
                yield sha256, status.st_size, status.st_atime

    def sweep(self) -> None:
        """Remove unfinished files of killed runs, and additional files of earlier versions."""
        for file in (*self.folder.glob(f"??/*{_STAMP}"), *abandoned(self._drafts, "*")):
            file.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path | None:
        """Return the path for a hash; None if it is not one, since an index may send anything."""
        sha256 = sha256.lower()
        if len(sha256) != _LENGTH or not _HEXADECIMAL.issuperset(sha256):
            return None
        return self.folder.joinpath(sha256[:2], sha256[2:])

    def _look(self, sha256: str) -> tuple[Path, os.stat_result] | None:
        path = self._path(sha256)
        try:
            status = path.lstat() if path else None
        except OSError:
            return None
        return (path, status) if path and status and stat.S_ISREG(status.st_mode) else None

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """Return a unique path, and remove what is there if the block fails."""
        draft = self._drafts / f"{self._name}-{next(self._numbers)}"
        try:
            yield draft
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def _keep(self, draft: Path, expected: str, digest: Digest) -> None:
        """Move a whole file to its place, if its hash is right."""
        digest.check(expected)
        path = self.folder.joinpath(digest.sha256[:2], digest.sha256[2:])
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.parent)  # noqa: PTH102 - fewer system calls
        try:
            draft.replace(path)
        except PermissionError:
            # On Windows an open file cannot be replaced; it is hashed when it is taken.
            if not path.is_file():
                raise
            draft.unlink()


def abandoned(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the unfinished files in a folder that were not written to for an hour."""
    for draft in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            # The time can be in the future if the clock was wrong.
            if abs(time.time() - draft.lstat().st_mtime) > _ABANDONED_SECONDS:
                yield draft


def _create(path: Path) -> io.FileIO:
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)


def _record_use(path: Path, status: os.stat_result) -> None:
    """Set the access time of a file, at most once an hour."""
    if time.time() - status.st_atime > _USE_SECONDS:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))


def _discard(path: Path, status: os.stat_result) -> None:
    """Remove a damaged file, unless it was replaced meanwhile."""
    with contextlib.suppress(OSError):
        if os.path.samestat(path.lstat(), status):
            path.unlink()


def _copy(source: Path, path: Path) -> Digest | None:
    """Copy a file and hash the copy; None if the file cannot be read."""
    if os.path.lexists(path):
        raise FileExistsError(None, "File exists", str(path))
    part = path.with_name(f"{path.name}.wheeltarget-part")
    try:
        digest = copy_file(source, part)
        part.replace(path)
    except OSError as error:
        if error.filename == str(part):
            raise
        return None
    finally:
        part.unlink(missing_ok=True)
    return digest
