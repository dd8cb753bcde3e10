"""Write a pack as a folder or an archive, whole or not at all.

A pack is reproducible: all files have the same time and one of two modes, and an archive is sorted.
Nothing in an archive is compressed, as wheels are already, and compressed bytes would depend on the
version of zlib. So gzip, too, only has stored blocks.

A folder is replaced by two renames. If the run is killed between them, the earlier pack is beside
its place, as ``.NAME.earlier``, and the next run renames it back.
"""

from __future__ import annotations

import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import IO, cast

from wheeltarget.commands.bundle.files import BundledFile, fill_archive, fill_folder
from wheeltarget.commands.pack.layout import EARLIER, MANIFEST, PACK, REMOVED, read_manifest
from wheeltarget.errors import PackError
from wheeltarget.staging.atomic import hidden_folder
from wheeltarget.utils.files import LOCK_FILE, hash_file, permitted, read_regular
from wheeltarget.utils.progress import reported

ARCHIVES = (".zip", ".tar.gz", ".tgz")
"""The endings of the archives that a pack can be."""

_OTHER_ARCHIVES = (".tar", ".gz", ".bz2", ".xz", ".zst", ".7z", ".tbz", ".txz")
"""The endings of archives that a pack cannot be."""

_BLOCK = 0xFFFF
"""How many bytes a stored block of deflate can have."""


def archive_ending(path: Path) -> str:
    """Return the ending of an archive; an empty string if the path is that of a folder."""
    return next((ending for ending in ARCHIVES if path.name.lower().endswith(ending)), "")


def is_pack(folder: Path) -> bool:
    """Return whether a folder is a pack, perhaps a damaged one."""
    return (folder / PACK).is_file() and (folder / MANIFEST).is_file()


def is_pack_archive(path: Path) -> bool:
    """Return whether a file is a pack as an archive."""
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as opened:
                return any(map(_is_manifest, opened.namelist()))
        with tarfile.open(path) as archive:
            return any(_is_manifest(member.name) for member in archive)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error):
        return False


def _is_manifest(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(f"/{MANIFEST}")


def earlier_place(path: Path) -> Path:
    """Return where the earlier pack is while a folder is replaced."""
    return path.with_name(f".{path.name}.earlier")


def require_place(path: Path) -> None:
    """Raise PackError if a pack cannot be written to a path, whose folder need not exist."""
    real = Path(os.path.realpath(path))
    if archive_ending(path):
        if real.exists() and not real.is_file():
            raise PackError(f"cannot write the archive {path}: it is not a file", _hint(path))
        if real.exists() and real.stat().st_size and not is_pack_archive(real):
            message = f"{path} already exists, and is not a pack"
            raise PackError(message, f"remove it, or {_hint(path)}")
    elif path.name.lower().endswith(_OTHER_ARCHIVES):
        raise PackError(f"a pack cannot be such an archive: {path}", "use .zip or .tar.gz")
    elif real.exists():
        if not real.is_dir():
            raise PackError(f"cannot write the folder {path}: it is a file", _hint(path))
        if any(real.iterdir()) and not is_pack(real):
            message = f"{path} already exists, and is not a pack"
            # Nobody should remove the working folder, or one above it.
            remove = "" if Path(os.path.realpath(".")).is_relative_to(real) else "remove it, or "
            raise PackError(message, f"{remove}{_hint(path)}")
        _refuse_others(path, real)
    above = next(each for each in real.parents if each.exists())
    if not above.is_dir():
        raise PackError(f"cannot write {path}: {above} is a file, not a folder", _hint(path))
    if not os.access(above, os.W_OK | os.X_OK):
        raise PackError(f"cannot write {path}: no permission to write to {above}", _hint(path))


def _refuse_others(path: Path, folder: Path) -> None:
    """Raise PackError if a folder has files that are not of its pack: they would be deleted."""
    own = {MANIFEST, EARLIER, REMOVED}
    for name in (MANIFEST, REMOVED):
        with suppress(FileNotFoundError):
            # What is wrong with a list does not matter: what it does not name is kept.
            own |= read_manifest(read_regular(folder / name, LOCK_FILE), lambda _what: None).keys()
    if others := sorted(_names(folder) - own):
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise PackError(
            f"{path} has files besides those of the pack: {others[0]}{more}; nothing was done",
            f"move them elsewhere, or {_hint(path)}",
        )


def _names(folder: Path) -> set[str]:
    """Return the path of each file and link in a folder."""
    found: set[str] = set()
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        found |= {Path(place, name).relative_to(folder).as_posix() for name in (*names, *links)}
    return found


def _hint(path: Path) -> str:
    return f"name another {'file' if archive_ending(path) else 'folder'} with --output"


def take_back(path: Path) -> None:
    """Rename the earlier pack back if a run was killed while it replaced a folder, or remove it."""
    real = Path(os.path.realpath(path))
    if not real.name:  # nothing is beside the root
        return
    earlier = earlier_place(real)
    if not is_pack(earlier):
        return
    try:
        if not real.exists():
            earlier.rename(real)
        elif is_pack(real):
            with hidden_folder(real.parent, real.name) as home:
                earlier.rename(home / "older")
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_pack(
    path: Path, files: Sequence[BundledFile], moment: int, begin: Callable[[], None]
) -> bool:
    """Write a pack over the one that is there; return whether anything has changed.

    :param moment: the time of every file, in seconds since 1970.
    :param begin: called before what is there is replaced.
    """
    real = Path(os.path.realpath(path))
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        with hidden_folder(real.parent, real.name) as home:
            if archive_ending(path):
                return _write_archive(real, files, moment, home / real.name, begin)
            return _write_folder(real, files, moment, home, begin)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> PackError:
    return PackError(f"cannot write {path}: {error.strerror}")


def _write_archive(
    real: Path,
    files: Sequence[BundledFile],
    moment: int,
    part: Path,
    begin: Callable[[], None],
) -> bool:
    ending = archive_ending(real)
    top = real.name[: -len(ending)] or "pack"
    inner = [replace(file, name=f"{top}/{file.name}") for file in files]
    with part.open("wb") as stream:
        if ending == ".zip":
            fill_archive(stream, inner, moment, compressed=False)
        else:
            _fill_tar(stream, inner, moment)
    part.chmod(permitted(0o666))
    if real.is_file() and hash_file(real) == hash_file(part):
        return False
    begin()
    part.replace(real)
    return True


def _fill_tar(stream: IO[bytes], files: Sequence[BundledFile], moment: int) -> None:
    # GNU's format for long names is the one that every tar reads, that of busybox, too.
    packed = StoredGzip(stream, moment)
    with tarfile.open(
        mode="w|", fileobj=cast("IO[bytes]", packed), format=tarfile.GNU_FORMAT
    ) as archive:
        for file in reported(files, "Writing", size=attrgetter("size")):
            member = tarfile.TarInfo(file.name)
            member.size, member.mtime = file.size, moment
            member.mode = 0o755 if file.executable else 0o644
            with file.source.open("rb") as source:
                archive.addfile(member, source)
    packed.close()


class StoredGzip:
    """A gzip file (RFC 1952) of stored blocks (RFC 1951), which are the same on every machine.

    zlib may divide stored blocks in another way in each of its versions.
    """

    def __init__(self, stream: IO[bytes], moment: int) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._sum = self._size = 0
        # No name; the time; no hint on the speed; an unknown system.
        stream.write(b"\x1f\x8b\x08\0" + struct.pack("<I", moment & 0xFFFFFFFF) + b"\0\xff")

    def write(self, data: bytes) -> int:
        """Add data."""
        self._sum = zlib.crc32(data, self._sum)
        self._size += len(data)
        self._buffer += data
        whole = len(self._buffer) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            self._block(self._buffer[start : start + _BLOCK], last=False)
        del self._buffer[:whole]
        return len(data)

    def close(self) -> None:
        """Write the last block and the sums."""
        self._block(self._buffer, last=True)
        self._stream.write(struct.pack("<II", self._sum, self._size & 0xFFFFFFFF))

    def _block(self, data: bytes | bytearray, *, last: bool) -> None:
        length = len(data)
        self._stream.write(struct.pack("<BHH", last, length, length ^ 0xFFFF))
        self._stream.write(data)


def _write_folder(
    real: Path,
    files: Sequence[BundledFile],
    moment: int,
    home: Path,
    begin: Callable[[], None],
) -> bool:
    if real.is_dir() and is_same(real, files):
        return False
    part = home / real.name
    part.mkdir()
    fill_folder(part, files, moment)
    if real.is_dir() and is_pack(real):
        _refuse_others(real, real)  # again: resolving takes time
    begin()
    earlier = earlier_place(real)
    if earlier.exists():
        raise PackError(f"{earlier} is in the way, and is not a pack", "move it away")
    if not real.exists() or not any(real.iterdir()):
        part.replace(real)
        return True
    real.rename(earlier)
    try:
        part.rename(real)
    except BaseException:
        earlier.rename(real)
        raise
    # It is removed with the hidden folder; if it cannot be moved there, the next run removes it.
    with suppress(OSError):
        earlier.rename(home / "earlier")
    return True


def is_same(folder: Path, files: Sequence[BundledFile]) -> bool:
    """Return whether a folder has exactly these files."""
    if _names(folder) != {file.name for file in files}:
        return False
    return all(_is_file(folder / file.name, file) for file in files)


def _is_file(path: Path, file: BundledFile) -> bool:
    plain = path.is_file() and not path.is_symlink()
    return plain and path.stat().st_size == file.size and hash_file(path).sha256 == file.sha256
