"""Parse requirements and constraints files into lines with places.

This follows pip's requirements file format: encoding, continuations, comments, nested files. Only
what the annotations need is interpreted; pip itself reads the files afterwards.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

from wheeltarget.errors import COMMAND_LINE, AnnotationError, Fault, Location, UsageError
from wheeltarget.pip_config.options import GivenOption, split_file_options
from wheeltarget.requirements.annotations import AnnotatedLine, Kind, parse_argument, parse_line
from wheeltarget.requirements.filenames import is_lock as is_lock
from wheeltarget.requirements.filenames import is_remote as is_remote

_BYTE_ORDER_MARKS = (
    # UTF-32-LE begins with the bytes of UTF-16-LE, so try it first.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A logical line with the place of each of its characters.

    :param file: the file as pip names it, or :data:`COMMAND_LINE`.
    :param number: its first physical line, or the number of the argument, from 1.
    :param parsed: the parsed line.
    :param pieces: for each of its physical lines: index in the logical line, offset in the file's
        text, length, and line number.
    """

    file: str
    number: int
    parsed: AnnotatedLine
    pieces: tuple[tuple[int, int, int, int], ...]

    def fault(
        self, message: str, hint: str = "", start: int = 0, end: int = 0, code: str = ""
    ) -> Fault:
        """Return a fault at a part of the line.

        :param start: index of the first wrong character in the logical line.
        :param end: index after the last one; 0 for the rest of the line.
        """
        fault = _fault(self.file, self.parsed.text, self.pieces, (message, hint), (start, end))
        return replace(fault, code=code) if code else fault

    def offsets(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Return the (start, end) in the file's text of a part of the logical line."""
        for index, offset, length, _ in self.pieces:
            first, last = max(start, index), min(end, index + length)
            if first < last:
                yield offset + first - index, offset + last - index


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A logical line that cannot be parsed.

    :param text: the logical line.
    :param error: the error.
    :param fault: the error with its place.
    :param pieces: as in :class:`SourceLine`.
    """

    text: str
    error: AnnotationError
    fault: Fault
    pieces: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """A requirements or constraints file.

    :param name: its name, as pip uses it.
    :param text: its decoded text.
    :param lines: its logical lines.
    :param repeatable: False if it cannot be read again, as a pipe.
    """

    name: str
    text: str
    lines: tuple[SourceLine, ...]
    repeatable: bool = True


def decode(data: bytes, fallback: str) -> str:
    """Decode a requirements file as pip does.

    :param data: the bytes of the file.
    :param fallback: the locale's encoding, for a file that is not UTF-8.
    :returns: the text.
    :raises ValueError: if the bytes do not decode.
    :raises LookupError: if the file declares an unknown encoding (PEP 263).
    """
    mark, encoding = encoding_of(data, fallback)
    return data[len(mark) :].decode(encoding)


def encoding_of(data: bytes, fallback: str) -> tuple[bytes, str]:
    """Detect the encoding of a requirements file as pip does.

    :param data: the bytes of the file.
    :param fallback: the locale's encoding, for a file that is not UTF-8.
    :returns: the byte order mark, and the encoding of the rest.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return mark, encoding
    for line in data.split(b"\n", 2)[:2]:
        declared = _CODING.search(line) if line.startswith(b"#") else None
        if declared:
            return b"", declared[1].decode("ascii")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"", fallback
    return b"", "utf-8"


def parse_file(name: str, text: str) -> tuple[tuple[SourceLine, ...], tuple[Fault, ...]]:
    """Parse the text of a file.

    :param name: the file as pip names it.
    :param text: its decoded text.
    :returns: its logical lines, and a fault for each that cannot be parsed.
    """
    lines, faults = [], []
    for line in read_lines(name, text):
        if isinstance(line, RefusedLine):
            faults.append(line.fault)
        else:
            lines.append(line)
    return tuple(lines), tuple(faults)


def read_lines(name: str, text: str) -> Iterator[SourceLine | RefusedLine]:
    """Parse the text of a file line by line.

    :param name: the file as pip names it.
    :param text: its decoded text.
    :returns: each logical line that is not blank, parsed or refused.
    """
    for logical, pieces in _logical_lines(text):
        try:
            parsed = parse_line(logical)
        except AnnotationError as error:
            yield RefusedLine(logical, error, _refusal(name, logical, pieces, error), pieces)
            continue
        if parsed.kind is not Kind.BLANK:
            yield SourceLine(name, pieces[0][3], parsed, pieces)


def parse_typed(number: int, text: str) -> tuple[tuple[SourceLine, ...], tuple[Fault, ...]]:
    """Parse a requirement of the command line.

    :param number: the number of the argument, from 1.
    :param text: the argument.
    :returns: the line or the fault, as from :func:`parse_file`.
    """
    pieces = ((0, 0, len(text), number),)
    try:
        return (SourceLine(COMMAND_LINE, number, parse_argument(text), pieces),), ()
    except AnnotationError as error:
        return (), (_refusal(COMMAND_LINE, text, pieces, error),)


def _logical_lines(text: str) -> Iterator[tuple[str, tuple[tuple[int, int, int, int], ...]]]:
    """Join continued lines as pip does: a comment line ends a continuation."""
    offset = length = 0
    parts: list[str] = []
    pieces: list[tuple[int, int, int, int]] = []
    for number, full in enumerate(text.splitlines(keepends=True), start=1):
        line = full.splitlines()[0]
        comment = line.lstrip().startswith("#")
        continued = line.endswith("\\") and not comment
        kept = line.strip("\\") if continued else line
        shift = len(line) - len(line.lstrip("\\")) if continued else 0
        if comment and parts:
            parts.append(" ")
            length += 1
        pieces.append((length, offset + shift, len(kept), number))
        parts.append(kept)
        length += len(kept)
        offset += len(full)
        if not continued:
            yield "".join(parts), tuple(pieces)
            parts, pieces, length = [], [], 0
    if parts:
        yield "".join(parts), tuple(pieces)


def _refusal(
    name: str, text: str, pieces: tuple[tuple[int, int, int, int], ...], error: AnnotationError
) -> Fault:
    """Return the error of a logical line with its place."""
    extent = (error.start, error.end)
    return replace(_fault(name, text, pieces, (error.message, error.hint), extent), code=error.code)


def _fault(
    name: str,
    text: str,
    pieces: tuple[tuple[int, int, int, int], ...],
    message: tuple[str, str],
    extent: tuple[int, int],
) -> Fault:
    """Return a fault at a part of a logical line, in the first physical line of the part."""
    start, end = extent[0], extent[1] or max(len(text.rstrip()), 1)
    index, _, length, number = pieces[bisect_right(pieces, start, key=itemgetter(0)) - 1]
    width = max(min(end, index + length) - start, 1)
    location = Location(name, number, start - index + 1)
    return Fault(*message, location, text[index : index + length], width)


def nested_file(options: str) -> GivenOption | None:
    """Return the file that an option line includes: the first ``-r``, else the first ``-c``."""
    try:
        given = split_file_options(options)
    except UsageError:
        return None
    for name in ("--requirement", "--constraint"):
        for option in given:
            if option.name == name:
                return option
    return None
