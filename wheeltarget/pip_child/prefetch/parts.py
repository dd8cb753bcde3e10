"""Read METADATA of a wheel from parts of the file, which are fetched when they are needed.

pip's own functions find and read it, so that it is what pip would read from the whole wheel.
Specifications: PKWARE's APPNOTE for zip, through the standard library; RFC 9110 for ``Range`` and
``Content-Range``; the binary distribution format (PEP 427) for the member.
"""

from __future__ import annotations

import re
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from pip._internal.exceptions import InvalidWheelFilename, UnsupportedWheel
from pip._internal.models.wheel import Wheel
from pip._internal.utils.wheel import (
    VERSION_COMPATIBLE,
    read_wheel_metadata_file,
    wheel_dist_info_dir,
    wheel_metadata,
    wheel_version,
)

from wheeltarget.wheelhouse.archive import DAMAGE

TAIL = 16 * 1024
"""How many bytes of the end of a wheel are requested first; a wheel that is not larger is whole.

Measured with 129 wheels of 151 MB (``python -m tests.benchmarks.wheel_ends``): for 74 % of them one
request is enough, and 2.5 % of their bytes are read. With 8 KiB it is 50 % and 2.0 %, with 64 KiB
91 % and 5.1 %; at 40 ms a request and 20 MB/s the total is the least with 16 KiB.
"""

LONGEST = 10_000_000
"""How many bytes the directory of an archive, or METADATA, may have to be read from parts."""

_HEADER, _LONGEST_EXTRA = 30, 0xFFFF  # of a member in a zip archive
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE | re.ASCII)


DAMAGED = (*DAMAGE, KeyError, UnsupportedWheel, InvalidWheelFilename)
"""What reading METADATA from parts raises if the whole wheel has to be read."""


class PartError(ValueError):
    """A part, or what is in it, cannot be used; the whole wheel has to be read."""


class ContentRange(NamedTuple):
    """What an answer has: the bytes from ``start`` until before ``stop``, of ``total``."""

    start: int
    stop: int
    total: int


def read_content_range(headers: Mapping[str, str]) -> ContentRange:
    """Read which part of a file an answer with the status 206 has; raises PartError."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        raise PartError("it has no valid Content-Range")
    start, last, total = map(int, found.groups())
    if not start <= last < total:
        raise PartError("its Content-Range is not in the file")
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise PartError("it is compressed")
    length = headers.get("Content-Length", "").strip()
    if length and length != str(last + 1 - start):
        raise PartError("its Content-Length is not that of its Content-Range")
    return ContentRange(start, last + 1, total)


class Validators(NamedTuple):
    """What shows whether two answers are parts of the same file."""

    etag: str
    modified: str

    @property
    def strong_etag(self) -> str:
        """Return the ETag if it is strong, so that equal ones mean equal bytes; else nothing."""
        return self.etag if self.etag.startswith('"') else ""


def read_validators(headers: Mapping[str, str]) -> Validators:
    """Return the validators of an answer; those that it does not have are empty."""
    return Validators(headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip())


class PartialFile:
    """A file of a known size, of which only some parts are here; the others are fetched.

    :param size: in bytes.
    :param fetch: returns the bytes from the first position until before the second one.
    """

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size, self._fetch = size, fetch
        self._parts: list[tuple[int, bytes]] = []
        self._position = 0

    def add(self, start: int, content: bytes) -> None:
        """Add a part that begins at a position."""
        self._parts.append((start, content))

    def whole(self) -> bytes | None:
        """Return the content of the file if the first part is all of it."""
        content = self._parts[0][1] if self._parts else b""
        return content if len(content) == self.size else None

    def need(self, start: int, stop: int) -> None:
        """Fetch what is missing between two positions, with one request; raises PartError."""
        while start < stop and (part := self._part_at(start)):
            start = part[0] + len(part[1])
        while start < stop and (part := self._part_at(stop - 1)):
            stop = part[0]
        if stop - start > LONGEST:
            raise PartError(f"a part of {stop - start} bytes is needed")
        if start < stop:
            self.add(start, self._fetch(start, stop))

    def _part_at(self, position: int) -> tuple[int, bytes] | None:
        """Return the part with the byte at a position."""
        return next((p for p in self._parts if p[0] <= position < p[0] + len(p[1])), None)

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Change the position, and return it."""
        position = offset + (0, self._position, self.size)[whence]
        if position < 0:
            raise OSError(22, "Invalid argument")
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Return the bytes at the position: as many as wanted, or fewer at the end."""
        start = min(self._position, self.size)
        stop = self.size if size < 0 else min(start + size, self.size)
        self.need(start, stop)
        pieces = []
        while start < stop:
            part = self._part_at(start)
            if part is None:  # a part is shorter than wanted
                raise PartError("a part is missing")
            pieces.append(part[1][start - part[0] : stop - part[0]])
            start += len(pieces[-1])
        self._position = max(self._position, stop)
        return b"".join(pieces)


def read_metadata(file: PartialFile, filename: str) -> bytes:
    """Return METADATA of a wheel, byte for byte as pip reads it from the whole wheel.

    :param filename: the name of the wheel.
    :raises PartError: if it is too large, or not a wheel that pip takes without a warning; and
        the others of :data:`DAMAGED` if the archive is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        folder = wheel_dist_info_dir(archive, Wheel(filename).name)
        metadata = f"{folder}/METADATA"
        _need_members(file, archive, f"{folder}/WHEEL", metadata)
        if wheel_version(wheel_metadata(archive, folder)) > VERSION_COMPATIBLE:
            raise PartError("pip warns about its version, or refuses it")
        names = {name for name in archive.namelist() if name.startswith(f"{folder}/")}
        if sum(PurePosixPath(name).name == "METADATA" for name in names) > 1:
            raise PartError("pip reads the last of several, such as ./METADATA")
        content: bytes = read_wheel_metadata_file(archive, metadata)
    content.decode()  # pip fails if it cannot
    if not content:
        raise PartError("pip reads PKG-INFO instead")
    return content


def _need_members(file: PartialFile, archive: zipfile.ZipFile, *names: str) -> None:
    """Fetch members, with one request if they are near each other; raises PartError."""
    ends = sorted(info.header_offset for info in archive.infolist())
    spans = []
    for info in map(archive.getinfo, names):
        if info.file_size > LONGEST:
            raise PartError(f"{info.filename} has {info.file_size} bytes")
        start = info.header_offset
        longest = _HEADER + len(info.orig_filename.encode()) + _LONGEST_EXTRA + info.compress_size
        following = bisect_right(ends, start)
        stop = ends[following] if following < len(ends) else archive.start_dir
        spans.append((start, min(stop, start + longest, file.size)))
    start, stop = min(span[0] for span in spans), max(span[1] for span in spans)
    if stop - start <= TAIL + sum(span[1] - span[0] for span in spans):
        spans = [(start, stop)]
    for span in spans:
        file.need(*span)
