"""One wheel on the disk: what it says of itself, and everything that is wrong with it.

Specifications: the binary distribution format (PEP 427) for the archive, WHEEL and RECORD, core
metadata for METADATA, PEP 376 for the form of RECORD.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
_LONGEST_TEXT = 64 << 20
"""How many bytes METADATA, WHEEL or RECORD may have; the longest RECORD known has about two."""

_BOMB = 256 << 20
_BOMB_RATIO = 150
"""An archive that unpacks to more than both says is not unpacked. What is packed once, deflate
makes smaller by 1,000 at most, and real wheels by 10."""

_STRONG = ("sha256", "sha384", "sha512")
"""The hashes that RECORD may have, PEP 427: sha256 or better."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What reading a damaged archive raises; encryption is a RuntimeError, and so is a strange
compression a NotImplementedError."""


class Flaw(NamedTuple):
    """Something that is wrong with a wheel.

    :param code: which kind, one of :data:`wheeltarget.check_codes.CHECK_CODES`.
    :param message: what it is, without a full stop; the file is not named in it.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A wheel, as far as it can be read.

    :param path: where it is.
    :param name: its project, normalised, as the file name has it; empty where it has none.
    :param version: its version, as the file name has it.
    :param tags: its tags, as the file name has them.
    :param requires: its ``Requires-Dist`` lines.
    :param requires_python: its ``Requires-Python``, or an empty string.
    :param flaws: what is wrong with it.
    """

    path: Path
    name: str = ""
    version: str = ""
    tags: frozenset[str] = frozenset()
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    flaws: tuple[Flaw, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What is known so far of an archive that is being read."""

    archive: zipfile.ZipFile
    names: tuple[str, ...]
    information: str = ""
    flaws: list[Flaw] = field(default_factory=list)

    def note(self, code: str, message: str) -> None:
        self.flaws.append(Flaw(code, message))

    def text(self, file: str, code: str) -> str | None:
        """Read a file of the ``.dist-info`` folder; what is wrong with it is noted."""
        member = f"{self.information}/{file}"
        if member not in self.names:
            self.note(code, f"it has no {member}")
            return None
        try:
            if self.archive.getinfo(member).file_size > _LONGEST_TEXT:
                self.note(code, f"{member} has more than {_LONGEST_TEXT >> 20} MB")
                return None
            return self.archive.read(member).decode()
        except _DAMAGE as error:
            self.note(code, f"{member} cannot be read: {_why(error)}")
            return None


def read_wheel(path: Path) -> WheelFile:
    """Read a wheel and look for everything that is wrong with it.

    Memory is bounded whatever is in the file; nothing of it is written anywhere.

    :param path: the file.
    :returns: what it says of itself, and its flaws; where the archive cannot be read at all, what
        its name says.
    """
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        return WheelFile(path, flaws=(Flaw("WC101", f"its name is no wheel's: {_why(error)}"),))
    wheel = WheelFile(path, str(name), str(version), frozenset(map(str, tags)))
    try:
        with zipfile.ZipFile(path) as archive:
            reading = _Reading(archive, tuple(archive.namelist()))
            requires, requires_python = _read(reading, wheel)
    except _DAMAGE as error:
        flaw = Flaw("WC102", f"it is no archive that can be read: {_why(error)}")
        return _with(wheel, flaws=(flaw,))
    return _with(
        wheel, requires=requires, requires_python=requires_python, flaws=tuple(reading.flaws)
    )


def _with(
    wheel: WheelFile,
    *,
    requires: tuple[str, ...] = (),
    requires_python: str = "",
    flaws: tuple[Flaw, ...] = (),
) -> WheelFile:
    return WheelFile(
        wheel.path, wheel.name, wheel.version, wheel.tags, requires, requires_python, flaws
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__


def _read(reading: _Reading, wheel: WheelFile) -> tuple[tuple[str, ...], str]:
    """Look at everything in an archive, and give its dependencies and its Requires-Python."""
    _judge_members(reading)
    _find_information(reading, wheel)
    if not reading.information:
        return (), ""
    requires, requires_python = _judge_metadata(reading, wheel)
    _judge_wheel_file(reading, wheel)
    _judge_record(reading)
    return requires, requires_python


def _judge_members(reading: _Reading) -> None:
    """Look at the names, kinds and sizes of what is in the archive, before any of it is read."""
    for name, number in Counter(reading.names).items():
        if number > 1:
            reading.note("WC104", f"it has {name} {number} times")
    folded = Counter(name.casefold() for name in set(reading.names))
    for name in sorted(name for name in set(reading.names) if folded[name.casefold()] > 1):
        reading.note("WC105", f"{name} differs from another of its files by case only")
    for member in reading.archive.infolist():
        # zipfile itself makes a backslash a slash on Windows, and ends a name at a NUL.
        if leads_out(member.orig_filename):
            reading.note("WC103", f"{member.orig_filename!r} leads out of the wheel")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            what = "a link" if kind == stat.S_IFLNK else "no plain file"
            reading.note("WC106", f"{member.filename} is {what}")
        if member.flag_bits & 0x1:
            reading.note("WC102", f"{member.filename} is encrypted")


def leads_out(name: str) -> bool:
    """Tell whether the name of an archive's member could lead out of the folder it is put in.

    :param name: the name, as the archive has it.
    """
    parts = re.split(r"[/\\]", name)
    drive = re.match(r"[A-Za-z]:", name) is not None
    return "\0" in name or "\\" in name or drive or not parts[0] or ".." in parts or "." in parts


def _find_information(reading: _Reading, wheel: WheelFile) -> None:
    """Find the ``.dist-info`` folder, which has to be that of the file's name."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    tops = {name.partition("/")[0] for name in reading.names if "/" in name}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        said = f"it has {', '.join(found)}" if found else "it has none"
        reading.note("WC107", f"a wheel has one .dist-info folder: {said}")
        return
    reading.information = found[0]
    name, _, version = found[0].removesuffix(".dist-info").partition("-")
    try:
        same = Version(version) == Version(wheel.version)
    except InvalidVersion:
        same = False
    if canonicalize_name(name) != wheel.name or not same:
        reading.note("WC107", f"{found[0]} is not the .dist-info folder of its name")


def _judge_metadata(reading: _Reading, wheel: WheelFile) -> tuple[tuple[str, ...], str]:
    """Read METADATA, and hold it against the file's name."""
    from packaging.metadata import parse_email
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    text = reading.text("METADATA", "WC108")
    if text is None:
        return (), ""
    raw, _ = parse_email(text)
    name, version = raw.get("name", ""), raw.get("version", "")
    if not name or not version:
        missing = " and no ".join(w for w, v in (("Name", name), ("Version", version)) if not v)
        reading.note("WC108", f"its METADATA has no {missing}")
    else:
        try:
            same = Version(version) == Version(wheel.version)
        except InvalidVersion:
            same = False
        if canonicalize_name(name) != wheel.name or not same:
            reading.note("WC109", f"its METADATA says that it is {name} {version}")
    return tuple(raw.get("requires_dist", ())), raw.get("requires_python", "")


def _judge_wheel_file(reading: _Reading, wheel: WheelFile) -> None:
    """Read WHEEL: its version, and its tags, which have to be those of the file's name."""
    from email.parser import HeaderParser

    from packaging.tags import parse_tag

    text = reading.text("WHEEL", "WC110")
    if text is None:
        return
    said = HeaderParser().parsestr(text)
    version = str(said.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        known = f"it has Wheel-Version {version}" if version else "its WHEEL has no Wheel-Version"
        reading.note("WC110", f"{known}; installers know 1")
    try:
        tags = {str(tag) for each in said.get_all("Tag", []) for tag in parse_tag(each.strip())}
    except ValueError:
        tags = set()
    for tag in sorted(tags ^ wheel.tags):
        where = "its WHEEL but not in its name" if tag in tags else "its name but not in its WHEEL"
        reading.note("WC111", f"{tag} is in {where}")


class _Row(NamedTuple):
    """A line of RECORD."""

    algorithm: str
    digest: str
    size: str


def _judge_record(reading: _Reading) -> None:
    """Hold RECORD against what is in the archive, in both directions."""
    text = reading.text("RECORD", "WC112")
    if text is None:
        return
    rows = dict(_rows(reading, text))
    unlisted = {f"{reading.information}/{name}" for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    there = [name for name in dict.fromkeys(reading.names) if not name.endswith("/")]
    for name in rows.keys() - set(there):
        reading.note("WC114", f"RECORD lists {name}, which is not there")
    if _is_bomb(reading):
        return
    for name in there:
        if name in unlisted:
            continue
        if name not in rows:
            reading.note("WC113", f"{name} is not in RECORD")
        else:
            _judge_member(reading, name, rows[name])


def _rows(reading: _Reading, text: str) -> Iterator[tuple[str, _Row]]:
    """Read the lines of RECORD."""
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
            if not row:
                continue
            if len(row) != 3 or not row[0]:
                reading.note("WC112", f"line {number} of RECORD is not a path, a hash and a size")
                continue
            algorithm, _, digest = row[1].partition("=")
            yield row[0], _Row(algorithm, digest, row[2])
    except csv.Error as error:
        reading.note("WC112", f"RECORD cannot be read: {error}")


def _is_bomb(reading: _Reading) -> bool:
    """Tell whether an archive says that it unpacks to far more than there can be in it."""
    members = reading.archive.infolist()
    size = sum(member.file_size for member in members)
    packed = sum({m.header_offset: m.compress_size for m in members}.values())
    if size <= max(_BOMB, _BOMB_RATIO * packed):
        return False
    reading.note(
        "WC118", f"it would unpack to {size} bytes, out of {packed}: its files were not looked at"
    )
    return True


def _judge_member(reading: _Reading, name: str, row: _Row) -> None:
    """Read a file of the archive and hold its hash and size against RECORD."""
    if row.algorithm not in _STRONG:
        said = f"only a {row.algorithm} hash" if row.algorithm else "no hash"
        reading.note("WC117", f"RECORD has {said} of {name}")
    algorithm = row.algorithm if row.algorithm in hashlib.algorithms_guaranteed else "sha256"
    if algorithm.startswith("shake"):
        algorithm = "sha256"
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        size = _stream(reading, name, digest.update)
    except _DAMAGE as error:
        reading.note("WC102", f"{name} cannot be read: {_why(error)}")
        return
    said = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if row.digest and row.algorithm == algorithm and said != row.digest.rstrip("="):
        reading.note("WC115", f"{name} has not the {row.algorithm} that RECORD says")
    if row.size and row.size != str(size):
        reading.note("WC116", f"{name} has {size} bytes, and RECORD says {row.size}")


def _stream(reading: _Reading, name: str, update: Callable[[bytes], object]) -> int:
    size = 0
    with reading.archive.open(name) as stream:
        while chunk := stream.read(_CHUNK):
            update(chunk)
            size += len(chunk)
    return size
