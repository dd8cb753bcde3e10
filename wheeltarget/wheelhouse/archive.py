"""Check the archive of a wheel before anything in it is unpacked.

Specifications: the binary distribution format (PEP 427), and PKWARE's APPNOTE for zip. The members
of a wheel are stored or deflated, nothing else.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

_LONGEST_DIRECTORY = 32 << 20
"""How many bytes the central directory of an archive may have, enough for 300,000 files."""

_BOMB, _BOMB_RATIO = 256 << 20, 150
"""An archive that exceeds both is not unpacked; real wheels compress by a factor of 10."""

_LONGEST_PATH, _LONGEST_NAME = 1024, 255
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SCHEMES = ("data", "headers", "platlib", "purelib", "scripts")
_HEADER = struct.Struct("<4s5H3I2H")
_DEVICE = r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?"
_NOT_ON_WINDOWS = re.compile(rf'\A{_DEVICE}\Z|[<>:"|?*\x00-\x1f]|[. ]\Z', re.IGNORECASE)

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError)
DAMAGE = (*_BROKEN, OSError, RuntimeError, ValueError, OverflowError)
"""What reading a damaged archive raises; a RuntimeError for encryption and unknown methods."""


def describe_damage(error: Exception) -> str:
    """Return what an error of :data:`DAMAGE` says, on one line and without a path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__


class Flaw(NamedTuple):
    """The code of a flaw of a wheel, and a message without its name and without a full stop."""

    code: str
    message: str


def refuse_large_directory(stream: IO[bytes]) -> None:
    """Raise BadZipFile if the central directory of an archive would not fit into memory."""
    length = stream.seek(0, 2)
    start = max(length - 22 - 0xFFFF, 0)
    stream.seek(start)
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + 22 > len(tail):
        return  # zipfile reports what is wrong
    (size,) = struct.unpack_from("<I", tail, end + 12)
    locator = start + end - 20
    if locator >= 0:
        stream.seek(locator)
        signature, _, place, _ = struct.unpack("<4sIQI", stream.read(20))
        if signature == b"PK\6\7" and place <= length - 56:
            # zipfile reads the record just before the locator, not where the locator points.
            for each in {place, max(locator - 56, 0)}:
                stream.seek(each)
                record = stream.read(56)
                if record.startswith(b"PK\6\6") and len(record) == 56:
                    known = size if size != 0xFFFFFFFF else 0
                    size = max(known, *struct.unpack_from("<Q", record, 40))
    if _LONGEST_DIRECTORY < size <= length:
        limit = f"{_LONGEST_DIRECTORY >> 20} MB"
        raise zipfile.BadZipFile(f"its central directory has more than {limit}")


def check_members(members: Sequence[zipfile.ZipInfo], *, windows: bool) -> Iterator[Flaw]:
    """Check the names, kinds and compression of members, on Windows or on any system."""
    names = [member.filename for member in members]
    for name, number in Counter(names).items():
        if number > 1:
            yield Flaw("WC104", f"it contains {name} {number} times")
    # Comparing Unicode takes a time that grows with the square of a name's length.
    yield from _find_clashes({name for name in names if not is_too_long(name)})
    for member in members:
        # zipfile replaces backslashes on Windows, and cuts a name at a NUL.
        name = member.orig_filename
        short = repr(name[:_LONGEST_NAME])
        if not is_too_long(name) and leaves_folder(name):
            yield Flaw("WC103", f"{short} would be written outside the wheel's folder")
        elif problem := find_name_problem(name, windows=windows):
            yield Flaw("WC120", f"{short} {problem}")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            what = "a symbolic link" if kind == stat.S_IFLNK else "a special file"
            yield Flaw("WC106", f"{name} is {what}")
        if member.flag_bits & 0x1:
            yield Flaw("WC102", f"{name} is encrypted")
        if member.compress_type not in _METHODS:
            yield Flaw("WC102", f"{name} cannot be read: it is not compressed with deflate")


def can_be_read(member: zipfile.ZipInfo) -> bool:
    """Return whether zipfile can unpack a member piece by piece, not only in whole blocks."""
    return member.compress_type in _METHODS


def leaves_folder(name: str) -> bool:
    """Return whether a member's name could be outside the folder that it is unpacked into."""
    parts = re.split(r"[/\\]", name.removesuffix("/"))
    drive = any(re.match(r"[A-Za-z]:", part) for part in parts)
    return "\0" in name or "\\" in name or drive or not {"", ".", ".."}.isdisjoint(parts)


def find_name_problem(name: str, *, windows: bool) -> str:
    """Return why no file can have a path, on Windows or anywhere; an empty string if one can."""
    parts = name.removesuffix("/").split("/")
    kinds = set(map(unicodedata.category, set(name)))
    if "Cs" in kinds:
        return "is not valid Unicode"
    if not kinds.isdisjoint({"Cc", "Zl", "Zp"}):
        return "contains a control character"
    if is_too_long(name):
        return "is too long for a file name"
    if windows and any(map(_NOT_ON_WINDOWS.search, parts)):
        return "is not a valid file name on Windows"
    return ""


def is_too_long(name: str) -> bool:
    """Return whether a path, or a part of it, is longer than file systems allow."""
    if len(name) > _LONGEST_PATH:
        return True
    parts = name.removesuffix("/").split("/")
    return any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in parts)


def fold_case(name: str) -> str:
    """Return a name as file systems that ignore case compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _find_clashes(names: set[str]) -> Iterator[Flaw]:
    """Find names that are the same on some file systems, or of both a file and a folder."""
    alike, cases = Counter(map(fold_case, names)), Counter(map(str.casefold, names))
    for name in sorted(name for name in names if alike[fold_case(name)] > 1):
        what = "case" if cases[name.casefold()] > 1 else "Unicode normalization"
        yield Flaw("WC105", f"{name} differs from another file only by {what}")
    ordered = sorted(names)
    for name in ordered:
        place = bisect_left(ordered, f"{name}/")
        if any(each.startswith(f"{name}/") for each in ordered[place : place + 1]):
            yield Flaw("WC104", f"{name} is both a file and a folder")


def check_data_files(names: Iterable[str], information: str) -> Iterator[Flaw]:
    """Check that all members in a ``.data`` directory are where installers look for them."""
    own = information.removesuffix(".dist-info") + ".data"
    reported = set()
    for name in names:
        top, _, rest = name.partition("/")
        scheme = rest.partition("/")[0]
        if not top.endswith(".data") or not rest:
            continue
        if top != own and top not in reported:
            reported.add(top)
            yield Flaw("WC121", f"{top} is not the .data directory of this project and version")
        elif top == own and (scheme not in _SCHEMES or rest == scheme):
            yield Flaw("WC121", f"{name} is not in a subdirectory of .data that installers know")


def describe_bomb(members: Sequence[zipfile.ZipInfo]) -> str:
    """Return a message if an archive would unpack to far more than a wheel can contain."""
    size = sum(member.file_size for member in members)
    packed = sum({m.header_offset: m.compress_size for m in members}.values())
    if size <= max(_BOMB, _BOMB_RATIO * packed):
        return ""
    return f"it would unpack from {packed} to {size} bytes; its files were not checked"


def check_headers(stream: IO[bytes], members: Iterable[zipfile.ZipInfo]) -> Iterator[Flaw]:
    """Compare the central directory with the headers: some programs read only one of them."""
    end, last = 0, ""
    for member in sorted(members, key=lambda each: each.header_offset):
        name, start = member.orig_filename, member.header_offset
        if start < end:
            yield Flaw("WC119", f"{name} and {last} overlap")
        elif start > end and _begins_member(stream, end, start):
            yield Flaw("WC119", f"before {name} is a file that the central directory does not list")
        stream.seek(start)
        data = stream.read(_HEADER.size)
        if len(data) < _HEADER.size or not data.startswith(b"PK\3\4"):
            yield Flaw("WC119", f"{name} is not where the central directory says")
            continue
        _, _, flags, method, *_, packed, size, named, extra = _HEADER.unpack(data)
        local = stream.read(named)
        wanted = name.encode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace")
        if local != wanted or method != member.compress_type:
            yield Flaw("WC119", f"the header of {name} has another name or compression")
        sizes = {size, packed} - {0xFFFFFFFF}
        if not flags & 0x8 and not sizes <= {member.file_size, member.compress_size}:
            yield Flaw("WC119", f"the header of {name} has another size than the central directory")
        end, last = start + _HEADER.size + named + extra + member.compress_size, name


def _begins_member(stream: IO[bytes], start: int, stop: int) -> bool:
    """Return whether a gap contains a member, perhaps after a data descriptor."""
    stream.seek(start)
    gap = stream.read(min(stop - start, 64))
    return any(gap.startswith(b"PK\3\4", place) for place in (0, 12, 16, 20, 24))
