"""The archive of a wheel: what is wrong with it before anything in it is unpacked.

Specifications: the binary distribution format (PEP 427), and PKWARE's APPNOTE for zip, of which a
wheel has members that are stored or deflated, and nothing else.
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

LONGEST_DIRECTORY = 32 << 20
"""How many bytes an archive's directory may have; that is enough for 300,000 files."""

_BOMB = 256 << 20
_BOMB_RATIO = 150
"""An archive that unpacks to more than both says is not unpacked. What is packed once, deflate
makes smaller by 1,000 at most, and real wheels by 10."""

_LONGEST_PATH, _LONGEST_NAME = 1024, 255
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SCHEMES = ("data", "headers", "platlib", "purelib", "scripts")
_HEADER = struct.Struct("<4s5H3I2H")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE
)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]')

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What reading a damaged archive raises; encryption is a RuntimeError, and so is a strange
compression a NotImplementedError."""


def describe_damage(error: Exception) -> str:
    """Return what an error of :data:`DAMAGE` says, on one line and without a path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__


class Flaw(NamedTuple):
    """Something that is wrong with a wheel.

    :param code: which kind, one of :data:`wheeltarget.commands.check.codes.CHECK_CODES`.
    :param message: what it is, without a full stop; the file is not named in it.
    """

    code: str
    message: str


def refuse_large_directory(stream: IO[bytes]) -> None:
    """Refuse an archive with a directory that would not fit into memory.

    :param stream: the archive.
    :raises zipfile.BadZipFile: where its directory says that it has too many bytes.
    """
    length = stream.seek(0, 2)
    start = max(length - 22 - 0xFFFF, 0)
    stream.seek(start)
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + 22 > len(tail):
        return  # zipfile says what is wrong with it
    (size,) = struct.unpack_from("<I", tail, end + 12)
    locator = start + end - 20
    if locator >= 0:
        stream.seek(locator)
        signature, _, place, _ = struct.unpack("<4sIQI", stream.read(20))
        if signature == b"PK\6\7" and place <= length - 56:
            # zipfile takes the record just before, wherever the locator says that it is.
            for each in {place, max(locator - 56, 0)}:
                stream.seek(each)
                record = stream.read(56)
                if record.startswith(b"PK\6\6") and len(record) == 56:
                    size = max(
                        size if size != 0xFFFFFFFF else 0, *struct.unpack_from("<Q", record, 40)
                    )
    if size > LONGEST_DIRECTORY and size <= length:
        raise zipfile.BadZipFile(f"its directory has more than {LONGEST_DIRECTORY >> 20} MB")


def judge_members(members: Sequence[zipfile.ZipInfo], *, windows: bool) -> Iterator[Flaw]:
    """Look at the names, kinds and sizes of what is in an archive.

    :param members: its members.
    :param windows: whether it is for Windows alone.
    """
    names = [member.filename for member in members]
    for name, number in Counter(names).items():
        if number > 1:
            yield Flaw("WC104", f"it has {name} {number} times")
    yield from _judge_likeness(set(names))
    for member in members:
        # zipfile itself makes a backslash a slash on Windows, and ends a name at a NUL.
        name = member.orig_filename
        if leads_out(name):
            yield Flaw("WC103", f"{name[:_LONGEST_NAME]!r} leads out of the wheel")
        elif why := unfit(name, windows=windows):
            yield Flaw("WC120", f"{name[:_LONGEST_NAME]!r} {why}")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            what = "a link" if kind == stat.S_IFLNK else "no plain file"
            yield Flaw("WC106", f"{name} is {what}")
        if member.flag_bits & 0x1:
            yield Flaw("WC102", f"{name} is encrypted")
        if member.compress_type not in _METHODS:
            yield Flaw("WC102", f"{name} cannot be read: it is packed by another way than deflate")


def can_be_read(member: zipfile.ZipInfo) -> bool:
    """Tell whether a member is packed so that a little of it is unpacked at a time.

    zipfile does that for what is stored or deflated; a block of anything else it unpacks whole.

    :param member: the member.
    """
    return member.compress_type in _METHODS


def leads_out(name: str) -> bool:
    """Tell whether the name of an archive's member could lead out of the folder it is put in.

    :param name: the name, as the archive has it; a folder's may end with a slash.
    """
    parts = re.split(r"[/\\]", name.removesuffix("/"))
    drive = any(re.match(r"[A-Za-z]:", part) for part in parts)
    return "\0" in name or "\\" in name or drive or not {"", ".", ".."}.isdisjoint(parts)


def unfit(name: str, *, windows: bool) -> str:
    """Say why no file can have a name; an empty text where one can.

    :param name: the name, with slashes.
    :param windows: whether it is to be one on Windows.
    """
    parts = name.removesuffix("/").split("/")
    kinds = set(map(unicodedata.category, set(name)))
    if "Cs" in kinds:
        return "is not text"
    if not kinds.isdisjoint({"Cc", "Zl", "Zp"}):
        return "has a control character in it"
    if len(name) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return "is longer than a file's name can be"
    if windows:
        for part in parts:
            if _DEVICE.fullmatch(part) or _NOT_ON_WINDOWS.search(part) or part[-1:] in {".", " "}:
                return "cannot be a file's name on Windows"
    return ""


def folded(name: str) -> str:
    """Write a name as systems compare it that take upper and lower case for one.

    :param name: the name.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _judge_likeness(names: set[str]) -> Iterator[Flaw]:
    """Look for names that are one name on some systems, or a file's and a folder's."""
    alike, cases = Counter(map(folded, names)), Counter(map(str.casefold, names))
    for name in sorted(name for name in names if alike[folded(name)] > 1):
        what = "case" if cases[name.casefold()] > 1 else "the way its accents are written"
        yield Flaw("WC105", f"{name} differs from another of its files by {what} only")
    ordered = sorted(names)
    for name in ordered:
        place = bisect_left(ordered, f"{name}/")
        if any(each.startswith(f"{name}/") for each in ordered[place : place + 1]):
            yield Flaw("WC104", f"{name} is both a file and a folder")


def judge_data(names: Iterable[str], information: str) -> Iterator[Flaw]:
    """Look at the ``.data`` folder, which says where to what in it goes.

    :param names: the names of all members.
    :param information: the name of the ``.dist-info`` folder.
    """
    own = information.removesuffix(".dist-info") + ".data"
    told = set()
    for name in names:
        top, _, rest = name.partition("/")
        scheme = rest.partition("/")[0]
        if not top.endswith(".data") or not rest:
            continue
        if top != own and top not in told:
            told.add(top)
            yield Flaw("WC121", f"{top} is not the .data folder of its name")
        elif top == own and (scheme not in _SCHEMES or rest == scheme):
            yield Flaw("WC121", f"{name} is in no folder of .data that installers know")


def is_bomb(members: Sequence[zipfile.ZipInfo]) -> str:
    """Say what an archive unpacks to if that is far more than there can be in it.

    :param members: its members.
    :returns: the end of a sentence, or an empty text where all is well.
    """
    size = sum(member.file_size for member in members)
    packed = sum({m.header_offset: m.compress_size for m in members}.values())
    if size <= max(_BOMB, _BOMB_RATIO * packed):
        return ""
    return f"it would unpack to {size} bytes, out of {packed}: its files were not looked at"


def judge_headers(stream: IO[bytes], members: Iterable[zipfile.ZipInfo]) -> Iterator[Flaw]:
    """Hold the directory of an archive against the headers before its members.

    Programs read the one or the others: where they differ, one checks what another does not unpack.

    :param stream: the archive.
    :param members: its members, as its directory has them.
    """
    end, last = 0, ""
    for member in sorted(members, key=lambda each: each.header_offset):
        name, start = member.orig_filename, member.header_offset
        if start < end:
            yield Flaw("WC119", f"{name} and {last} overlap")
        elif start > end and _begins_member(stream, end, start):
            yield Flaw("WC119", f"before {name} is a file that its directory does not list")
        stream.seek(start)
        data = stream.read(_HEADER.size)
        if len(data) < _HEADER.size or not data.startswith(b"PK\3\4"):
            yield Flaw("WC119", f"{name} is not where its directory says")
            continue
        _, _, flags, method, *_, packed, size, named, extra = _HEADER.unpack(data)
        local = stream.read(named)
        wanted = name.encode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace")
        if local != wanted or method != member.compress_type:
            yield Flaw("WC119", f"the header of {name} names or packs it otherwise")
        said = {size, packed} - {0xFFFFFFFF}
        if not flags & 0x8 and not said <= {member.file_size, member.compress_size}:
            yield Flaw("WC119", f"the header of {name} has another size than the directory")
        end = start + _HEADER.size + named + extra + member.compress_size
        last = name


def _begins_member(stream: IO[bytes], start: int, stop: int) -> bool:
    """Tell whether a gap begins with a member, or has one behind a data descriptor."""
    stream.seek(start)
    gap = stream.read(min(stop - start, 64))
    return any(gap.startswith(b"PK\3\4", place) for place in (0, 12, 16, 20, 24))
