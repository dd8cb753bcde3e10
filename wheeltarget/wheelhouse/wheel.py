"""Read one wheel, and find everything that is wrong with it.

Specifications: the binary distribution format (PEP 427) for the archive, WHEEL and RECORD; core
metadata for METADATA; PEP 376 for the format of RECORD; PEP 825 for the names of variant wheels;
the entry points specification, as far as pip installs scripts.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from configparser import ConfigParser, Error
from dataclasses import dataclass, field, replace
from email.parser import HeaderParser
from math import prod
from pathlib import Path

from packaging.metadata import parse_email
from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheeltarget.targets.variants import parse_variant
from wheeltarget.utils.files import is_archive
from wheeltarget.utils.text import visible
from wheeltarget.wheelhouse.archive import (
    DAMAGE,
    Flaw,
    can_be_read,
    check_data_files,
    check_headers,
    check_members,
    describe_bomb,
    describe_damage,
    find_name_problem,
    leaves_folder,
    refuse_large_directory,
)
from wheeltarget.wheelhouse.closure import TooLargeError, WheelMetadata, read_member

_MOST_TAGS = 10_000
_MOST_ALIKE = 50
"""How many flaws of one kind are reported for one wheel."""

_VARIANT_MESSAGE = "it is a variant wheel, with the label {}, which no pip takes yet"

_Row = tuple[str, str, str]
"""The algorithm, the digest and the size in a line of RECORD, as they are written."""

_FUNCTION = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*\s*(\[\s*[\w-]+(=\w+)?(,\s*\w+(=\w+)?)*\s*\])?")
"""A function that pip makes a script for, perhaps with extras."""

_STRONG = ("sha256", "sha384", "sha512")
"""The hashes that RECORD may use (PEP 427): sha256 or better."""


@dataclass(frozen=True, slots=True)
class WheelFile(WheelMetadata):
    """A wheel, as far as it can be read; the project, version and tags are from its file name."""

    path: Path
    tags: frozenset[str] = frozenset()
    requires_python: str = ""
    flaws: tuple[Flaw, ...] = ()
    is_archive: bool = False


@dataclass(slots=True)
class _Reading:
    """A wheel that is being read, the name of its ``.dist-info`` directory, its flaws so far."""

    wheel: WheelFile
    archive: zipfile.ZipFile
    names: tuple[str, ...]
    information: str = ""
    flaws: list[Flaw] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, code: str, message: str) -> None:
        self.counts[code] += 1
        if self.counts[code] <= _MOST_ALIKE:
            self.flaws.append(Flaw(code, visible(message)))

    def note_all(self, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            self.note(*flaw)

    def all_flaws(self) -> tuple[Flaw, ...]:
        left = ((code, number - _MOST_ALIKE) for code, number in self.counts.items())
        more = (Flaw(code, f"and {number} more like it") for code, number in left if number > 0)
        return (*self.flaws, *more)

    def text(self, file: str, code: str) -> str | None:
        """Read a file of the ``.dist-info`` directory, and note what is wrong with it."""
        member = f"{self.information}/{file}"
        if member not in self.names:
            self.note(code, f"{member} is missing")
            return None
        try:
            if not can_be_read(self.archive.getinfo(member)):
                return None  # this is noted already
            return read_member(self.archive, member).decode()
        except TooLargeError as error:
            self.note(code, str(error))
        except DAMAGE as error:
            self.note(code, f"{member} cannot be read: {describe_damage(error)}")
        return None


def read_wheel(path: Path) -> WheelFile:
    """Read a wheel and find everything that is wrong with it, with limited memory.

    :returns: its metadata and its flaws; only what its name says if the archive cannot be read.
    """
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        flaw = Flaw("WC101", f"its name is not that of a wheel: {describe_damage(error)}")
        if variant := parse_variant(path.name):
            flaw = Flaw("WC124", _VARIANT_MESSAGE.format(variant[2]))
        return WheelFile("", "", (), path, flaws=(Flaw(flaw.code, visible(flaw.message)),))
    wheel = WheelFile(name, str(version), (), path, frozenset(map(str, tags)))
    if path.exists() and not is_archive(path):  # a pipe has no end
        why = "it is empty" if path.is_file() else "it is not a regular file"
        return replace(wheel, flaws=(Flaw("WC102", why),))
    try:
        with path.open("rb") as stream:
            refuse_large_directory(stream)
            with zipfile.ZipFile(stream) as archive:
                reading = _Reading(wheel, archive, tuple(archive.namelist()))
                reading.note_all(check_headers(stream, archive.infolist()))
                windows = all(tag.rpartition("-")[2].startswith("win") for tag in wheel.tags)
                reading.note_all(check_members(archive.infolist(), windows=windows))
                _check_information(reading)
                _check_files(reading)
    except DAMAGE as error:
        message = f"it cannot be read as a zip archive: {describe_damage(error)}"
        return replace(wheel, flaws=(Flaw("WC102", visible(message)),))
    return replace(reading.wheel, flaws=reading.all_flaws(), is_archive=True)


def _check_information(reading: _Reading) -> None:
    """Find the ``.dist-info`` directory; check its name, its files, and what depends on them."""
    tops = {name.partition("/")[0] for name in reading.names if "/" in name}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        names = ", ".join(found) or "none"
        reading.note("WC107", f"it must contain exactly one .dist-info directory, but has {names}")
        return
    reading.information = found[0]
    name, _, version = found[0].removesuffix(".dist-info").partition("-")
    if not _is_named(reading.wheel, name, version):
        reading.note("WC107", f"{found[0]} does not match the name of the file")
    _check_metadata(reading)
    _check_wheel_file(reading)
    reading.note_all(check_data_files(reading.names, reading.information))
    _check_scripts(reading)


def _is_named(wheel: WheelFile, name: str, version: str) -> bool:
    try:
        same = Version(version) == Version(wheel.version)
    except ValueError:
        return False
    return same and canonicalize_name(name) == wheel.name


def _check_metadata(reading: _Reading) -> None:
    text = reading.text("METADATA", "WC108")
    if text is None:
        return
    raw, _ = parse_email(text)
    name, version = raw.get("name", ""), raw.get("version", "")
    if not name or not version:
        missing = " and no ".join(w for w, v in (("Name", name), ("Version", version)) if not v)
        reading.note("WC108", f"its METADATA has no {missing}")
    elif not _is_named(reading.wheel, name, version):
        reading.note("WC109", f"it is {name} {version} according to its METADATA")
    reading.wheel = replace(
        reading.wheel,
        requires=tuple(raw.get("requires_dist", ())),
        requires_python=raw.get("requires_python", ""),
    )


def _check_wheel_file(reading: _Reading) -> None:
    """Check the version of WHEEL, and compare its tags with the name of the file."""
    text = reading.text("WHEEL", "WC110")
    if text is None:
        return
    fields = HeaderParser().parsestr(text)
    version = str(fields.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        found = f"it has Wheel-Version {version}" if version else "its WHEEL has no Wheel-Version"
        reading.note("WC110", f"{found}; installers support version 1")
    try:
        lines = [str(each).strip() for each in fields.get_all("Tag", [])]
        number = sum(prod(part.count(".") + 1 for part in each.split("-")) for each in lines)
        if number > _MOST_TAGS:
            reading.note("WC110", f"its WHEEL has more than {_MOST_TAGS} tags")
            return
        tags = {str(tag) for each in lines for tag in parse_tag(each)}
    except ValueError:
        tags = set()
    for tag in sorted(tags ^ reading.wheel.tags):
        where = "its WHEEL but not in its name" if tag in tags else "its name but not in its WHEEL"
        reading.note("WC111", f"{tag} is in {where}")


def _check_scripts(reading: _Reading) -> None:
    """Check the scripts that installers make from entry points: their names and functions."""
    exists = f"{reading.information}/entry_points.txt" in reading.names
    text = reading.text("entry_points.txt", "WC122") if exists else None
    if text is None:
        return
    points = ConfigParser(delimiters=("=",), interpolation=None)
    points.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        points.read_string(text)
    except Error as error:
        reading.note("WC122", f"entry_points.txt cannot be read: {describe_damage(error)}")
        return
    for section in {"console_scripts", "gui_scripts"} & set(points.sections()):
        for name, value in points[section].items():
            script = f"the script {name!r} of entry_points.txt"
            if "/" in name or leaves_folder(name):
                reading.note("WC103", f"{script} would be written outside its folder")
            elif problem := find_name_problem(name, windows=False):
                reading.note("WC123", f"{script} {problem}")
            elif {"[", "]"} & set(name):
                reading.note("WC123", f"{script} has a bracket in its name, so pip refuses it")
            elif not _FUNCTION.fullmatch(value):
                needs = "it must be like 'module:function'"
                reading.note("WC123", f"{script} is for {value!r}, and {needs}")


def _check_files(reading: _Reading) -> None:
    """Read every file, and compare the files with RECORD in both directions."""
    names = {name: None for name in reading.names if not name.endswith("/")}
    own = f"{reading.information}/"
    text = reading.text("RECORD", "WC112") if reading.information else None
    rows: dict[str, _Row] = {}
    for name, row in _rows(reading, text or ""):
        if name not in names:
            reading.note("WC114", f"RECORD lists {name}, which is missing")
        elif rows.setdefault(name, row) != row:
            reading.note("WC112", f"RECORD lists {name} twice with different values")
    if what := describe_bomb(reading.archive.infolist()):
        reading.note("WC118", what)
        return
    unlisted = {own + name for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    for name in names:
        if text is not None and name not in rows and name not in unlisted:
            reading.note("WC113", f"{name} is not in RECORD")
        # Other compression methods are noted already.
        if can_be_read(reading.archive.getinfo(name)):
            known = rows.get(name) if name not in unlisted else None
            _check_file(reading, name, known or ("sha256", "", ""))


def _rows(reading: _Reading, text: str) -> Iterator[tuple[str, _Row]]:
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
            if not row:  # pip fails, whatever follows
                reading.note("WC112", f"line {number} of RECORD is blank")
                continue
            if len(row) != 3 or not row[0]:
                reading.note("WC112", f"line {number} of RECORD is not a path, a hash and a size")
                continue
            algorithm, _, digest = row[1].partition("=")
            yield row[0], (algorithm, digest, row[2])
    except csv.Error as error:
        reading.note("WC112", f"RECORD cannot be read: {error}")


def _check_file(reading: _Reading, name: str, row: _Row) -> None:
    algorithm, expected, length = row
    if algorithm not in _STRONG:
        found = f"only a {algorithm} hash" if algorithm else "no hash"
        reading.note("WC117", f"RECORD has {found} for {name}")
    known = algorithm in hashlib.algorithms_guaranteed and "shake" not in algorithm
    digest, size = hashlib.new(algorithm if known else "sha256", usedforsecurity=False), 0
    try:
        with reading.archive.open(name) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
    except DAMAGE as error:
        reading.note("WC102", f"{name} cannot be read: {describe_damage(error)}")
        return
    actual = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if known and expected and actual != expected.rstrip("="):
        reading.note("WC115", f"the {algorithm} of {name} differs from RECORD")
    if length and length != str(size):
        reading.note("WC116", f"{name} has {size} bytes, but RECORD says {length}")
