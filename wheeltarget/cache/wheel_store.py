"""The cache folder, and the wheel store in it: files by their sha256, shared by a user's runs.

A file is written under a temporary name, hashed meanwhile, and renamed if its hash is right. So a
file is there whole or not at all, however many processes write it and however they end, without
locks.

The name of a file in the store only claims its hash. A file that is linked into a wheelhouse can be
changed there, and disks fail. So a file is hashed whenever it is taken: not under its name in the
store, which another process may replace, but the new link or copy. A damaged file is removed.

The access time of a file is that of its last use. Since many threads write at once, and each waits
its turn after a system call, there are as few of them as possible.

Room can be made while other runs use the folder. A wheel that is linked into a wheelhouse stays
there when it is removed here. A run that was about to take it fetches it instead.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wheeltarget.cache.run_key import METADATA, RUNS, SUFFIX, WHEELS, cache_home
from wheeltarget.errors import CacheError, UsageError
from wheeltarget.utils.files import (
    PART,
    Digest,
    Writer,
    copy_file,
    hash_file,
    link,
    link_or_copy,
    permitted,
)
from wheeltarget.utils.system import is_ours

if TYPE_CHECKING:
    from wheeltarget.pip_config.options import CommandLine

TEMPORARY = "tmp"  # the folder for unfinished files
_STAMP = ".stamp"  # of files that an earlier version of wheeltarget kept beside the wheels
_NAME = re.compile(r"([0-9a-f]{2})([0-9a-f]{62})")
_USE_SECONDS = _ABANDONED_SECONDS = 3600.0
DAY = 86400.0

_LIMIT_VARIABLE = "WHEELTARGET_CACHE_LIMIT"
_DEFAULT_LIMIT = 10 * 1000**3
_PRUNED = "pruned"  # the file whose modification time is that of the last automatic pruning
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache folder, for programs that make backups: https://bford.info/cachedir/
"""
_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", start=1)}


class NamedFiles:
    """Files with names of 64 hexadecimal digits; for any other name there is no file.

    The folder is made when the first file is written. Many threads and processes may use it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._drafts = folder / TEMPORARY
        self._name = os.urandom(12).hex()
        self._numbers = itertools.count()

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; links to it stay."""
        if path := self._path(name):
            path.unlink(missing_ok=True)

    def entries(self) -> Iterator[tuple[str, int, float]]:
        """Yield the name of each file, its size in bytes, and when it was last used."""
        for path in self.folder.glob("??/*"):
            name = f"{path.parent.name}{path.name}"
            if self._path(name) != path:
                continue
            with contextlib.suppress(OSError):
                status = path.lstat()
                yield name, status.st_size, status.st_atime

    def sweep(self) -> None:
        """Remove unfinished files of killed runs, and additional files of earlier versions."""
        for file in (*self.folder.glob(f"??/*{_STAMP}"), *abandoned(self._drafts, "*")):
            file.unlink(missing_ok=True)

    def _path(self, name: str) -> Path | None:
        """Return the path for a name; None if it is not valid, since an index may send anything."""
        found = _NAME.fullmatch(name.lower())
        return self.folder.joinpath(*found.groups()) if found else None

    def _look(self, name: str) -> tuple[Path, os.stat_result] | None:
        path = self._path(name)
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

    def _place(self, draft: Path, name: str) -> None:
        """Move a whole file to its place."""
        path = self.folder.joinpath(name[:2], name[2:])
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.parent)  # noqa: PTH102 - fewer system calls
        try:
            draft.replace(path)
        except PermissionError:
            # On Windows an open file cannot be replaced; it is checked when it is read.
            if not path.is_file():
                raise
            draft.unlink()


class Store(NamedFiles):
    """Wheels by their hash, in one folder.

    If it is made before threads are started, all of them may use it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # A link has the mode of the file; if pip would set another one, a copy is needed.
        self._mode = permitted(0o666)

    def locate(self, sha256: str) -> Path | None:
        """Return the path, for reading only, of the file that claims to have a hash."""
        found = self._look(sha256)
        return found and found[0]

    def find(self, sha256: str) -> Path | None:
        """Return the path, for reading only, of the file with a hash; remove a damaged one."""
        if found := self._look(sha256):
            with contextlib.suppress(OSError):
                if hash_file(found[0]).sha256 == sha256.lower():
                    return found[0]
            discard(*found)
        return None

    def take(self, sha256: str, path: Path) -> Digest | None:
        """Put the file with a hash at a path, whole or not at all.

        It is linked, or copied if it is on another file system or has another mode than a new file.

        :returns: the digest of the file at that path; None if the store has no such file.
        :raises FileExistsError: if something is at that path.
        """
        found = self._look(sha256)
        if found is None:
            return None
        digest = self._put(*found, path)
        if digest and digest.sha256 == sha256.lower():
            record_use(*found)
            return digest
        if digest:
            path.unlink()
        discard(*found)
        return None

    def _put(self, source: Path, status: os.stat_result, path: Path) -> Digest | None:
        """Link or copy a file and hash the result; None if there is no such file."""
        if not self._link(source, status, path):
            return _copy(source, path)
        with contextlib.suppress(OSError):
            if stat.S_ISREG(path.lstat().st_mode):
                return hash_file(path)
        path.unlink()
        return None

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
            with create(draft) as handle:
                writer = Writer(handle)
                yield writer
                status = os.fstat(handle.fileno())
            writer.digest.check(sha256)
            # From the draft: in the store, another process may replace it.
            if path and not self._link(draft, status, path) and _copy(draft, path) != writer.digest:
                path.unlink(missing_ok=True)
                raise FileNotFoundError(None, "No such file or directory", str(draft))
            self._keep(draft, sha256, writer.digest)

    def _keep(self, draft: Path, expected: str, digest: Digest) -> None:
        """Move a whole file to its place, if its hash is right."""
        digest.check(expected)
        self._place(draft, digest.sha256)


def abandoned(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the unfinished files in a folder that were not written to for an hour."""
    for draft in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            # The time can be in the future if the clock was wrong.
            if abs(time.time() - draft.lstat().st_mtime) > _ABANDONED_SECONDS:
                yield draft


def create(path: Path, mode: int = 0o666) -> io.FileIO:
    """Open a new file for writing without a buffer; its folder is made if it does not exist."""
    opener = partial(os.open, mode=mode)
    with contextlib.suppress(FileNotFoundError):
        return open(path, "xb", buffering=0, opener=opener)
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "xb", buffering=0, opener=opener)


def record_use(path: Path, status: os.stat_result) -> None:
    """Set the access time of a file, at most once an hour."""
    if time.time() - status.st_atime > _USE_SECONDS:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))


def discard(path: Path, status: os.stat_result) -> None:
    """Remove a damaged file, unless it was replaced meanwhile."""
    with contextlib.suppress(OSError):
        if os.path.samestat(path.lstat(), status):
            path.unlink()


def _copy(source: Path, path: Path) -> Digest | None:
    """Copy a file and hash the copy; None if the file cannot be read."""
    if os.path.lexists(path):
        raise FileExistsError(None, "File exists", str(path))
    part = path.with_name(f"{os.urandom(8).hex()}.wheeltarget-part")
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


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the cache folder, which need not exist."""
    return Path(cache_home(environment))


def wheel_folder(cache: Path) -> Path:
    """Return the folder of the wheel store in a cache folder."""
    return cache / WHEELS


def metadata_folder(cache: Path) -> Path:
    """Return the folder of metadata that was read of wheels in a cache folder."""
    return cache / METADATA


def records_folder(cache: Path) -> Path:
    """Return the folder of the records of earlier runs in a cache folder."""
    return cache / RUNS


def is_refused(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip's options or its configuration disable the cache, as pip reads them."""
    refused = bool(settings.get("no-cache-dir"))
    for option in command.options:
        if option.name in {"--no-cache-dir", "--cache-dir"}:
            refused = not option.value
    return refused


def prepare(cache: Path) -> str:
    """Make the cache folder, or return a note for the user that explains why it cannot be used."""
    folder = cache
    try:
        if not is_ours(cache):
            # With sudo, root would leave files that the user could not remove.
            return f"the cache folder {cache} belongs to another user; this run does not use it"
        for folder in (cache, wheel_folder(cache)):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(1, "Permission denied")
        if not (cache / _TAG).exists():
            (cache / _TAG).write_text(_TAG_TEXT, "ascii")
    except OSError as error:
        why = error.strerror or str(error)
        return f"the cache folder {folder} cannot be written: {why}; this run does not use it"
    return ""


def open_for(
    command: CommandLine, settings: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Path | None, str]:
    """Find the cache folder for a run, and make it if it does not exist.

    :returns: None if the cache is disabled or cannot be used; and a note for the user if it cannot.
    """
    if is_refused(command, settings):
        return None, ""
    folder = cache_folder(environment)
    why_not = prepare(folder)
    return (None if why_not else folder), why_not


class CacheUsage(NamedTuple):
    """The content of the cache folder; sizes are in bytes.

    :param size: that of the wheels.
    :param limit: that of wheels and metadata together.
    :param current: the number of recorded runs whose index pages are still fresh.
    :param metadata: the number of wheels whose metadata is there, read without the wheels.
    """

    folder: Path
    wheels: int
    size: int
    limit: int
    runs: int
    current: int
    metadata: int = 0
    metadata_size: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "schema": 1,
            "folder": str(self.folder),
            "wheels": {"count": self.wheels, "size": self.size, "limit": self.limit},
            "metadata": {"count": self.metadata, "size": self.metadata_size},
            "runs": {"count": self.runs, "current": self.current},
        }


class CacheRemoved(NamedTuple):
    """How many wheels, metadata files and recorded runs were removed.

    :param size: the bytes of wheels and metadata files together.
    """

    wheels: int
    size: int
    runs: int
    metadata: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"schema": 1, "removed": self._asdict()}


def read_size(text: str, where: str) -> int:
    """Read a number of bytes, such as ``500MB``; errors say in which option or variable."""
    found = re.fullmatch(r"\s*(\d{1,30}(?:\.\d+)?)\s*([A-Z]*)\s*", text.upper(), re.ASCII)
    if found is None or found[2] not in _UNITS:
        raise UsageError(f"{where}: {text!r} is not a size", "write it like 500MB or 2.5GB")
    return int(float(found[1]) * _UNITS[found[2]])


def read_days(text: str, where: str) -> float:
    """Read a number of days, such as ``0.5``; errors say in which option or variable."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII) is None:
        raise UsageError(f"{where}: {text!r} is not a number of days", "write it like 30 or 0.5")
    return float(text)


def read_limit(environment: Mapping[str, str]) -> int:
    """Return the size limit of wheels and metadata together in bytes."""
    text = environment.get(_LIMIT_VARIABLE)
    return read_size(text, _LIMIT_VARIABLE) if text else _DEFAULT_LIMIT


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(f"cannot {what} {error.filename}: {error.strerror}") from error


@_errors("read")
def survey(cache: Path, limit: int) -> CacheUsage:
    """Return what is in a cache folder, which need not exist."""
    sizes, metadata = ([size for _, size, _ in each.entries()] for each in _folders(cache))
    runs = [until > time.time() for _, until in _records(cache)]
    usage = CacheUsage(cache, len(sizes), sum(sizes), limit, len(runs), sum(runs))
    return usage._replace(metadata=len(metadata), metadata_size=sum(metadata))


@_errors("read")
def prune(cache: Path, *, limit: int | None = None, max_age: float | None = None) -> CacheRemoved:
    """Remove the least recently used files, the remains of killed runs, and outdated records.

    :param limit: the size limit of wheels and metadata in bytes; those that were used last stay.
    :param max_age: remove wheels and metadata that were not used for so many seconds.
    :raises CacheError: if something cannot be read or removed.
    """
    now = time.time()
    kept, removed = 0, []
    # A time in the future is from a wrong clock; the real one is unknown.
    files = [
        (used if used <= now + DAY else 0.0, _File(files, name, size))
        for files in _folders(cache)
        for name, size, used in files.entries()
    ]
    for used, file in sorted(files, key=lambda each: -each[0]):
        too_old = max_age is not None and now - used > max_age
        if too_old or (limit is not None and kept + file.size > limit):
            removed.append(file)
        else:
            kept += file.size
    return _remove(cache, removed, [file for file, until in _records(cache) if until <= now])


@_errors("read")
def clear(cache: Path) -> CacheRemoved:
    """Remove everything except what other runs are just writing."""
    files = [
        _File(files, name, size) for files in _folders(cache) for name, size, _ in files.entries()
    ]
    return _remove(cache, files, [file for file, _ in _records(cache)])


def prune_after_run(cache: Path | None, environment: Mapping[str, str]) -> str:
    """Prune the cache folder to its limit after a run, at most once a day; ignore failures.

    :returns: a note for the user if the limit is not valid, or an empty string.
    """
    if cache is None:
        return ""
    try:
        limit = read_limit(environment)
    except UsageError as error:
        return f"{error.message}; {error.hint}"
    with contextlib.suppress(OSError, CacheError):
        last = cache / _PRUNED
        if not last.exists() or not 0 <= time.time() - last.stat().st_mtime < DAY:
            last.touch()
            prune(cache, limit=limit)
    return ""


class _File(NamedTuple):
    """A wheel or a metadata file."""

    files: NamedFiles
    name: str
    size: int


def _folders(cache: Path) -> tuple[NamedFiles, NamedFiles]:
    """Return the wheels and the metadata files of a cache folder."""
    return Store(wheel_folder(cache)), NamedFiles(metadata_folder(cache))


def _remove(cache: Path, files: list[_File], runs: list[Path]) -> CacheRemoved:
    with _errors("remove"):
        for file in files:
            file.files.remove(file.name)
        for record in (*runs, *abandoned(records_folder(cache), f"*{PART}")):
            record.unlink(missing_ok=True)
        for folder in _folders(cache):
            folder.sweep()
    wheels = sum(isinstance(file.files, Store) for file in files)
    size = sum(file.size for file in files)
    return CacheRemoved(wheels, size, len(runs), len(files) - wheels)


def _records(cache: Path) -> Iterator[tuple[Path, float]]:
    """Yield the file of each record of a run, and until when it may be valid."""
    for file in records_folder(cache).glob(f"*{SUFFIX}"):
        try:
            data = json.loads(file.read_bytes())
            # One from the future is not valid: the clock was wrong when it was made.
            until = float(data["until"]) if data.get("made", 0.0) <= time.time() else 0.0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            until = 0.0
        yield file, until
