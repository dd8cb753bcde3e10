"""The wheel store: files by the sha256 of their content, shared by all runs of one user.

A file is written under a temporary name, hashed on the way, and renamed into place if its hash is
right. So whoever looks sees it whole or not at all, however many processes write it, and however
one of them ends; nothing is locked.

The name of a file in the store only claims what it is. A file that is linked into a wheelhouse is
the same file there, and whoever changes it there changes it here; and disks go bad. So a file is
hashed whenever it is taken: not under its name here, which another process may give to another
file, but as what was linked or copied for the one who asked. One that is damaged is removed.

The time of the last access says when the file was last used.

Many threads write at once, and each call of the system makes a thread wait for its turn. So there
are as few of them as will do.
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

from wheeltarget.errors import HashMismatchError
from wheeltarget.utils.hashes import Digest, Writer, hash_file
from wheeltarget.utils.links import link, link_or_copy
from wheeltarget.utils.permissions import permitted

if TYPE_CHECKING:
    import io

TEMPORARY = "tmp"
"""Name of the folder for what is being written."""

_STAMP = ".stamp"
"""What stood behind the name of a file that an earlier version of wheeltarget kept beside it."""

_HEXADECIMAL = frozenset("0123456789abcdef")
_LENGTH = 64
_BLOCK = 1 << 20
_USE_IS_NOTED_AFTER = 3600.0
_DRAFT_IS_DEAD_AFTER = 3600.0


class Store:
    """Files by their hash, in one folder.

    Made before threads are begun, it may be used by all of them.

    :param folder: where they are; it need not exist, and is made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A link has the mode of the file; where pip would give another one, a copy has to do.
        self._mode = permitted(0o666)
        self._drafts = folder / TEMPORARY
        self._name = os.urandom(12).hex()
        self._numbers = itertools.count()

    def locate(self, sha256: str) -> Path | None:
        """Find what the store calls the file with a hash, for a guess: nobody has hashed it.

        :param sha256: the hash, in hexadecimal; anything else is not there.
        :returns: where it is, to be read and no more; None if it is not there.
        """
        found = self._look(sha256)
        return found and found[0]

    def find(self, sha256: str) -> Path | None:
        """Find the file with a hash, and hash it; one that is damaged is removed.

        :param sha256: the hash, in hexadecimal; anything else is not there.
        :returns: where it is, to be read and no more; None if it is not there.
        """
        found = self._look(sha256)
        if found is None:
            return None
        path, status = found
        with contextlib.suppress(OSError):
            if hash_file(path).sha256 == sha256.lower():
                return path
        _discard(path, status)
        return None

    def take(self, sha256: str, path: Path) -> Digest | None:
        """Put the file with a hash where it is needed, whole or not at all.

        It is linked; across file systems, and if its mode is not the one that a new file has, it is
        copied. What is there then is hashed; if it is damaged, it is removed there and here.

        :param sha256: the hash, in hexadecimal.
        :param path: where to; nothing may be there, its folder has to be.
        :returns: what was computed of the file at that path; None if the store has no such file.
        :raises FileExistsError: if something is at that path.
        :raises OSError: if it cannot be written.
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
        _note_use(place, status)
        return digest

    def _put(self, source: Path, status: os.stat_result, path: Path) -> Digest | None:
        """Link or copy a file, and hash what is there then; None if there was no such file."""
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
        """Give a file a second name, if that can be, and if its mode is that of a new file."""
        return stat.S_IMODE(status.st_mode) == self._mode and link(source, path)

    def add(self, sha256: str, path: Path) -> None:
        """Keep a file that is already on the disk, linked or copied.

        :param sha256: the hash that it has to have, in hexadecimal.
        :param path: where it is.
        :raises HashMismatchError: if its content is another one; the store is as it was then.
        :raises OSError: if it cannot be read, or the store not be written.
        """
        if self.locate(sha256) is not None:
            return
        with self._temporary() as draft:
            draft.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, draft)
            self._keep(draft, sha256, hash_file(draft))

    @contextmanager
    def writing(self, sha256: str, path: Path | None = None) -> Iterator[Writer]:
        """Write a file whose hash is known beforehand.

        When the block ends well, and what was written has the hash, the file is in the store. If
        it ends in any other way, nothing is left of it.

        :param sha256: the hash that it has to have, in hexadecimal.
        :param path: where to put it then, linked or copied; nowhere if None.
        :returns: what takes the content, and has its digest in the end.
        :raises HashMismatchError: if the content is another one.
        :raises FileExistsError: if something is at that path.
        :raises OSError: if the store, or the path, cannot be written.
        """
        with self._temporary() as draft:
            with _create(draft) as handle:
                writer = Writer(handle)
                yield writer
                status = os.fstat(handle.fileno())
            _compare(sha256, writer.digest)
            # From the draft, and not from the store: there it is anybody's.
            if path is not None and not self._link(draft, status, path):
                copied = _copy(draft, path)
                if copied != writer.digest:
                    path.unlink(missing_ok=True)
                    raise FileNotFoundError(None, "No such file or directory", str(draft))
            self._keep(draft, sha256, writer.digest)

    def remove(self, sha256: str) -> None:
        """Remove a file; whoever has it linked keeps it.

        :param sha256: the hash, in hexadecimal; one that is not there is no error.
        :raises OSError: where it cannot be removed.
        """
        path = self._path(sha256)
        if path is not None:
            path.unlink(missing_ok=True)

    def entries(self) -> Iterator[tuple[str, int, float]]:
        """Give every file, right or damaged.

        :returns: its hash, as its place says; its size in bytes; and when it was last used, in
            seconds since the epoch, to the hour.
        """
        for path in self.folder.glob("??/*"):
            sha256 = f"{path.parent.name}{path.name}"
            if self._path(sha256) != path:
                continue
            with contextlib.suppress(OSError):
                status = path.lstat()
                yield sha256, status.st_size, status.st_atime

    def sweep(self) -> None:
        """Remove what killed runs have left, and what earlier versions kept beside the files.

        A draft is left if nothing was added to it for an hour.

        :raises OSError: if it cannot be removed.
        """
        for stamp in self.folder.glob(f"??/*{_STAMP}"):
            stamp.unlink(missing_ok=True)
        for draft in self.folder.glob(f"{TEMPORARY}/*"):
            with contextlib.suppress(FileNotFoundError):
                # One from the future was written while the clock was wrong.
                if abs(time.time() - draft.lstat().st_mtime) > _DRAFT_IS_DEAD_AFTER:
                    draft.unlink()

    def _path(self, sha256: str) -> Path | None:
        """Give the place for a hash; an index may call anything a hash."""
        sha256 = sha256.lower()
        if len(sha256) != _LENGTH or not _HEXADECIMAL.issuperset(sha256):
            return None
        return self.folder.joinpath(sha256[:2], sha256[2:])

    def _look(self, sha256: str) -> tuple[Path, os.stat_result] | None:
        """Give the file that is called by a hash, and what the system says of it."""
        path = self._path(sha256)
        try:
            status = path.lstat() if path else None
        except OSError:
            return None
        return (path, status) if path and status and stat.S_ISREG(status.st_mode) else None

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """Give a name that nobody else has, and see to it that nothing is left there."""
        draft = self._drafts / f"{self._name}-{next(self._numbers)}"
        try:
            yield draft
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def _keep(self, draft: Path, expected: str, digest: Digest) -> None:
        """Give a file that is whole its place, if its hash is right."""
        _compare(expected, digest)
        path = self.folder.joinpath(digest.sha256[:2], digest.sha256[2:])
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.parent)  # noqa: PTH102 - it would look whether it is a folder
        try:
            draft.replace(path)
        except PermissionError:
            # On Windows a file that somebody reads cannot be replaced; whoever takes it hashes it.
            if not path.is_file():
                raise
            draft.unlink()


def _compare(expected: str, digest: Digest) -> None:
    if digest.sha256 != expected.lower():
        raise HashMismatchError(expected, digest.sha256)


def _create(path: Path) -> io.FileIO:
    """Make a file that is not there, and its folder if that is not there either."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)


def _note_use(path: Path, status: os.stat_result) -> None:
    """Note that a file is used, to the hour."""
    if time.time() - status.st_atime > _USE_IS_NOTED_AFTER:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))


def _discard(path: Path, status: os.stat_result) -> None:
    """Remove a file that is damaged, unless another one has come in its place meanwhile."""
    with contextlib.suppress(OSError):
        if os.path.samestat(path.lstat(), status):
            path.unlink()


def _copy(source: Path, path: Path) -> Digest | None:
    """Copy a file and hash the copy; None if there is none, or it cannot be read."""
    if os.path.lexists(path):
        raise FileExistsError(None, "File exists", str(path))
    part = path.with_name(f"{path.name}.wheeltarget-part")
    try:
        with contextlib.ExitStack() as stack:
            try:
                reader = stack.enter_context(source.open("rb", buffering=0))
            except OSError:
                return None
            writer = Writer(stack.enter_context(part.open("wb", buffering=0)))
            while True:
                try:
                    block = reader.read(_BLOCK)
                except OSError:
                    return None
                if not block:
                    break
                writer.write(block)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return writer.digest
