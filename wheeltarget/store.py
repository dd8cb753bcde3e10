"""The wheel store: files by the sha256 of their content, shared by all runs of one user.

A file is written under a temporary name, hashed on the way, and renamed into place when its hash is
right. So whoever looks sees it whole or not at all, however many processes write it, and however
one of them ends; nothing is locked.

A file that is linked into a wheelhouse is the same file there, and whoever changes it there changes
it here. Hashing it on each use would cost more than linking it by far. So beside each file stands a
stamp: the size and the time of the last change that the file had when its hash was computed. Where
the two still agree, the file is what was hashed; where they do not, or where there is no stamp, it
is hashed again, and removed if it is another one. Writing to a file changes its time, and a power
failure that leaves it short its size. File systems count time in steps of up to two seconds, so a
new file is dated back by that much, or a change in its first moment would not be seen.

The stamp's own time of change says when the file was last used.

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
from wheeltarget.permissions import permitted

if TYPE_CHECKING:
    import io
    from hashlib import _Hash

TEMPORARY = "tmp"
"""Name of the folder for what is being written."""

STAMP = ".stamp"
"""What stands behind the name of a file in that of its stamp."""

_HEXADECIMAL = frozenset("0123456789abcdef")
_LENGTH = 64
_BLOCK = 1 << 20
_USE_IS_NOTED_AFTER = 3600.0
_CLOCK_STEP = 2.0
_DRAFT_IS_DEAD_AFTER = 3600.0


class Writer:
    """Takes the content of a file, piece by piece.

    :param handle: where it goes; without a buffer, as pieces are large.
    """

    def __init__(self, handle: io.FileIO) -> None:
        self._handle = handle
        self._hash: _Hash | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Add to the content.

        :param data: the next piece.
        :returns: how many bytes it has.
        :raises OSError: where it cannot be written.
        """
        if self._hash is None:
            self._hash = _new_hash()
        self._hash.update(data)
        written = self._handle.write(data)
        while written < len(data):
            written += self._handle.write(data[written:])
        return written

    @property
    def sha256(self) -> str:
        """Give the hash of what was written so far, in hexadecimal."""
        return (self._hash or _new_hash()).hexdigest()


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

    def find(self, sha256: str) -> Path | None:
        """Find the file with a hash; one that is damaged is removed.

        :param sha256: the hash, in hexadecimal; anything else is not there.
        :returns: where it is, to be read and no more; None where it is not there.
        """
        found = self._verified(sha256)
        return found and found[0]

    def take(self, sha256: str, path: Path) -> bool:
        """Put the file with a hash where it is needed, whole or not at all.

        It is linked; across file systems, and where its mode is not the one that a new file has, it
        is copied.

        :param sha256: the hash, in hexadecimal.
        :param path: where to; nothing may be there, its folder has to be.
        :returns: False where the store has no such file.
        :raises FileExistsError: where something is at that path.
        :raises OSError: where it cannot be written.
        """
        found = self._verified(sha256)
        return found is not None and self._put(*found, path)

    def _put(self, source: Path, status: os.stat_result, path: Path) -> bool:
        """Put a file of the store where it is needed, and tell whether it was still there."""
        if stat.S_IMODE(status.st_mode) == self._mode:
            try:
                os.link(source, path)
            except FileExistsError:
                raise
            except OSError:
                pass  # another file system, too many links, somebody else's file, no longer there
            else:
                return True
        return _copy(source, path)

    def add(self, sha256: str, path: Path) -> None:
        """Keep a file that is already on the disk, linked or copied.

        :param sha256: the hash that it has to have, in hexadecimal.
        :param path: where it is; it must not be written to any more.
        :raises HashMismatchError: where its content is another one; the store is as it was then.
        :raises OSError: where it cannot be read, or the store not be written.
        """
        if self._verified(sha256) is not None:
            return
        with self._temporary() as draft:
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path.resolve(), draft)
            except OSError:
                import shutil

                shutil.copyfile(path, draft)
            self._keep(draft, _date_back(draft), sha256, _hash_file(draft))

    @contextmanager
    def writing(self, sha256: str, path: Path | None = None) -> Iterator[Writer]:
        """Write a file whose hash is known beforehand.

        When the block ends well, and what was written has the hash, the file is in the store. If
        it ends in any other way, nothing is left of it.

        :param sha256: the hash that it has to have, in hexadecimal.
        :param path: where to put it then, as :meth:`take` does; nowhere if None.
        :returns: what takes the content.
        :raises HashMismatchError: where the content is another one.
        :raises FileExistsError: where something is at that path.
        :raises OSError: where the store, or the path, cannot be written.
        """
        with self._temporary() as draft:
            with _create(draft) as handle:
                writer = Writer(handle)
                yield writer
            status = _date_back(draft)
            place = self._keep(draft, status, sha256, writer.sha256)
            if path is not None and not self._put(place, status, path):
                raise FileNotFoundError(None, "No such file or directory", str(place))

    def is_damaged(self, sha256: str) -> bool:
        """Hash a file once more, whatever its stamp says; one that is damaged is removed.

        :param sha256: the hash, in hexadecimal; what is not there is not damaged.
        """
        path = self._path(sha256)
        try:
            if path is None or _hash_file(path) == sha256.lower():
                return False
            _remove(path)
        except OSError:
            return False
        return True

    def remove(self, sha256: str) -> None:
        """Remove a file; whoever has it linked keeps it.

        :param sha256: the hash, in hexadecimal; one that is not there is no error.
        :raises OSError: where it cannot be removed.
        """
        path = self._path(sha256)
        if path is not None:
            _remove(path)

    def entries(self) -> Iterator[tuple[str, int, float]]:
        """Give every file, verified or not.

        :returns: its hash, as its place says; its size in bytes; and when it was last used, in
            seconds since the epoch, to the hour.
        """
        for path in self.folder.glob("??/*"):
            sha256 = f"{path.parent.name}{path.name}"
            if self._path(sha256) != path:
                continue
            with contextlib.suppress(OSError):
                status = path.lstat()
                try:
                    used = Path(f"{path}{STAMP}").stat().st_mtime
                except OSError:
                    used = status.st_mtime
                yield sha256, status.st_size, used

    def sweep(self) -> None:
        """Remove what killed runs have left, and stamps of files that somebody removed by hand.

        A draft is left if nothing was added to it for an hour.

        :raises OSError: where it cannot be removed.
        """
        for stamp in self.folder.glob(f"??/*{STAMP}"):
            if not stamp.with_suffix("").exists():
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

    def _verified(self, sha256: str) -> tuple[Path, os.stat_result] | None:
        """Give the file with a hash and what the system says of it, if it is what was hashed."""
        path = self._path(sha256)
        if path is None:
            return None
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return None
            if _read_stamp(path) != _stamp(status):
                digest = _hash_file(path)
                if digest != sha256.lower():
                    _remove(path)
                    return None
                _write_stamp(path, status)
        except OSError:
            return None
        return path, status

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

    def _keep(self, draft: Path, status: os.stat_result, expected: str, got: str) -> Path:
        """Give a file that is whole its place, if its hash is right."""
        if got != expected.lower():
            raise HashMismatchError(expected, got)
        path = self.folder.joinpath(got[:2], got[2:])
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.parent)  # noqa: PTH102 - it would look whether it is a folder
        try:
            draft.replace(path)
        except PermissionError:
            # On Windows a file that somebody reads cannot be replaced; it is this one.
            if not path.is_file():
                raise
            draft.unlink()
        else:
            _write_stamp(path, status)
        return path


def _create(path: Path) -> io.FileIO:
    """Make a file that is not there, and its folder if that is not there either."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)


def _new_hash() -> _Hash:
    import hashlib

    return hashlib.sha256()


def _hash_file(path: Path) -> str:
    digest = _new_hash()
    with path.open("rb", buffering=0) as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _date_back(path: Path) -> os.stat_result:
    """Let every change from now on be seen, however coarse the file system's clock is.

    A file that is older than that keeps its time: it may be somebody's own, linked.
    """
    past = time.time() - 1.5 * _CLOCK_STEP
    if path.stat().st_mtime > past:
        os.utime(path, (past, past))
    return path.stat()


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns}"


def _read_stamp(path: Path) -> str:
    """Read a file's stamp and note that the file is used; without a stamp it is empty."""
    stamp = Path(f"{path}{STAMP}")
    try:
        with stamp.open(encoding="ascii") as handle:
            if abs(time.time() - os.fstat(handle.fileno()).st_mtime) > _USE_IS_NOTED_AFTER:
                with contextlib.suppress(OSError):
                    os.utime(stamp)
            return handle.read()
    except (OSError, ValueError):
        return ""


def _write_stamp(path: Path, status: os.stat_result) -> None:
    """Write down what a file was like when it was hashed; without that it is hashed once more."""
    if time.time() - status.st_mtime < _CLOCK_STEP:
        return  # it could change once more without being seen to
    stamp = f"{path}{STAMP}"
    with contextlib.suppress(OSError), open(stamp, "wb", buffering=0) as handle:  # noqa: PTH123
        handle.write(_stamp(status).encode("ascii"))


def _remove(path: Path) -> None:
    """Remove a file and its stamp."""
    path.unlink(missing_ok=True)
    Path(f"{path}{STAMP}").unlink(missing_ok=True)


def _copy(source: Path, path: Path) -> bool:
    """Copy a file of the store, and tell whether it is still there."""
    import shutil

    if path.exists():
        raise FileExistsError(None, "File exists", str(path))
    part = path.with_name(f"{path.name}.wheeltarget-part")
    try:
        with contextlib.ExitStack() as stack:
            try:
                reader = stack.enter_context(source.open("rb"))
            except FileNotFoundError:
                return False
            shutil.copyfileobj(reader, stack.enter_context(part.open("wb")), _BLOCK)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True
