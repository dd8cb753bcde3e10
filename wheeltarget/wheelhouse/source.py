"""Read what a source distribution says about its build, without unpacking it or running its code.

Specification: the source distribution format (PEP 625), for old ones as pip unpacks them. An
archive can be hostile, so no more of it is decompressed than a real one could contain, and only
a few small files are kept.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from wheeltarget.utils.files import is_archive
from wheeltarget.wheelhouse import archive
from wheeltarget.wheelhouse.archive import refuse_large_directory

DAMAGE = (*archive.DAMAGE, tarfile.TarError, lzma.LZMAError)
"""What reading a damaged source distribution raises."""

_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "hatch.toml")
_LONGEST_FILE = 4 << 20
_BOMB, _BOMB_RATIO = 256 << 20, 150
_MOST_MEMBERS = 300_000
_BLOCK = 1 << 16
_OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a source distribution that say how it is built; None for one that it lacks."""

    pyproject: bytes | None = None
    setup_cfg: bytes | None = None
    setup_py: bytes | None = None
    hatch: bytes | None = None


def read_source(path: Path) -> SourceFiles:
    """Read a source distribution; raises one of :data:`DAMAGE` if it cannot be read."""
    if not is_archive(path):
        raise ValueError("it is empty, or not a regular file")
    with path.open("rb") as stream:
        start = stream.read(8)
        if start.startswith(b"PK"):
            refuse_large_directory(stream)
            stream.seek(0)
            return _pick(_read_zip(stream))
        opener = next((opener for magic, opener in _OPENERS if start.startswith(magic)), None)
        stream.seek(0)
        most = max(_BOMB, _BOMB_RATIO * path.stat().st_size)
        with opener(stream) if opener else path.open("rb") as content:
            return _pick(_read_tar(_Forward(content, most)))


def _pick(found: Iterable[tuple[str, bytes | None]]) -> SourceFiles:
    """Return the files at the top of an archive, below its only folder if it has one.

    :param found: the name of each member, and its content if it may be one of the files.
    """
    tops: set[str] = set()
    kept: dict[str, bytes] = {}
    for name, content in found:
        if name in {"", "."}:
            continue
        top = name.partition("/")[0]
        if len(tops) < 2:
            tops.add(top)
        if content is not None and ("/" not in name or top in tops):
            kept[name] = content
    (folder,) = tops if len(tops) == 1 else ("",)
    return SourceFiles(*(kept.get(f"{folder}/{file}" if folder else file) for file in _FILES))


def _may_be_one(name: str) -> bool:
    """Return whether a member can be one of the files, as far as its name says."""
    folder, _, file = name.rpartition("/")
    return file in _FILES and "/" not in folder


def _plain(name: str) -> str:
    """Return the name of a member as pip unpacks it."""
    return name.removeprefix("./").strip("/")


def _refuse(name: str, size: int, *, is_file: bool) -> None:
    """Raise ValueError if one of the files cannot be read safely."""
    if not is_file:
        raise ValueError(f"{name} is a link or a special file")
    if not 0 <= size <= _LONGEST_FILE:
        raise ValueError(f"{name} has more than {_LONGEST_FILE >> 20} MB")


def _read_zip(stream: IO[bytes]) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(stream) as opened:
        for member in opened.infolist():
            name = _plain(member.filename)
            if member.is_dir() or not _may_be_one(name):
                yield name, None
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            _refuse(name, member.file_size, is_file=kind in {0, stat.S_IFREG})
            with opened.open(member) as file:
                content = file.read(_LONGEST_FILE + 1)
            _refuse(name, len(content), is_file=True)
            yield name, content


def _read_tar(stream: _Forward) -> Iterator[tuple[str, bytes | None]]:
    number = 0
    with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as opened:  # type: ignore[call-overload]
        while (member := opened.next()) is not None:
            opened.members.clear()  # else all of them stay in memory
            number += 1
            if number > _MOST_MEMBERS:
                raise ValueError(f"it has more than {_MOST_MEMBERS} members")
            name = _plain(member.name)
            if member.isdir() or not _may_be_one(name):
                yield name, None
                continue
            _refuse(name, member.size, is_file=member.isreg())
            stream.seek(member.offset_data)
            yield name, stream.read(member.size)


class _Forward:
    """A compressed file for tarfile, which is read forwards, and only as far as is plausible."""

    def __init__(self, content: _Readable, most: int) -> None:
        self._content, self._most = content, most
        self._place = 0

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> None:
        while self._place < place:
            if not self._take(min(place - self._place, _BLOCK)):
                return
        if self._place != place:
            raise ValueError("it has members that overlap")

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_FILE:
            raise ValueError("it has a header that is too long")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        data = self._content.read(size)
        self._place += len(data)
        if self._place > self._most:
            raise ValueError("it would unpack to far more than a source distribution can contain")
        return data
