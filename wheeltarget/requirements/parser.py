"""Requirements and constraints files into located lines, with pip's grammar kept whole.

What is done here follows pip's requirements file format: decoding, joining of continuations,
comments, nested files. Nothing is interpreted beyond what the annotations need; pip itself
reads the files afterwards.
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
    # UTF-32-LE begins with the bytes of UTF-16-LE, so it has to be tried first.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One logical line, with the place of each of its characters.

    :param file: the file as pip will name it, or :data:`COMMAND_LINE`.
    :param number: the physical line it begins in, from 1; on the command line, which requirement.
    :param parsed: its parts.
    :param pieces: for each physical line in it: index of the piece in the logical line, its
        offset in the file's text, its length, and the number of the physical line.
    """

    file: str
    number: int
    parsed: AnnotatedLine
    pieces: tuple[tuple[int, int, int, int], ...]

    def fault(
        self, message: str, hint: str = "", start: int = 0, end: int = 0, code: str = ""
    ) -> Fault:
        """Point at a part of the line.

        :param start: index of the first character meant, in the logical line.
        :param end: index behind the last one; 0 for the rest of the line.
        """
        fault = _fault(self.file, self.parsed.text, self.pieces, (message, hint), (start, end))
        return replace(fault, code=code) if code else fault

    def offsets(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the extents in the file's text that a part of the logical line covers."""
        for index, offset, length, _ in self.pieces:
            first, last = max(start, index), min(end, index + length)
            if first < last:
                yield offset + first - index, offset + last - index


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One logical line that cannot be read.

    :param text: the logical line.
    :param error: what it is refused for.
    :param fault: the same, with its place.
    :param pieces: as those of a :class:`SourceLine`.
    """

    text: str
    error: AnnotationError
    fault: Fault
    pieces: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """A requirements or constraints file that was read.

    :param name: as pip will ask for it.
    :param text: its decoded text.
    :param lines: its logical lines.
    :param repeatable: False where reading it once used it up, as with a pipe.
    """

    name: str
    text: str
    lines: tuple[SourceLine, ...]
    repeatable: bool = True


def decode(data: bytes, fallback: str) -> str:
    """Decode a requirements file as pip does.

    :param data: the bytes of the file.
    :param fallback: the locale's encoding, for what is not UTF-8.
    :returns: the text.
    :raises ValueError: where the bytes do not decode.
    :raises LookupError: where the file declares an unknown encoding (PEP 263).
    """
    mark, encoding = encoding_of(data, fallback)
    return data[len(mark) :].decode(encoding)


def encoding_of(data: bytes, fallback: str) -> tuple[bytes, str]:
    """Find out how a requirements file is encoded, as pip does.

    :param data: the bytes of the file.
    :param fallback: the locale's encoding, for what is not UTF-8.
    :returns: the byte order mark, and the encoding of what follows it.
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
    """Take the text of a file apart.

    :param name: the file as pip will name it.
    :param text: its decoded text.
    :returns: its logical lines, and a fault for each that cannot be read.
    """
    lines, faults = [], []
    for line in read_lines(name, text):
        if isinstance(line, RefusedLine):
            faults.append(line.fault)
        else:
            lines.append(line)
    return tuple(lines), tuple(faults)


def read_lines(name: str, text: str) -> Iterator[SourceLine | RefusedLine]:
    """Take the text of a file apart, line by line.

    :param name: the file as pip will name it.
    :param text: its decoded text.
    :returns: each logical line that is not blank, read or refused.
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
    """Take one requirement of the command line apart.

    :param number: which one it is, from 1.
    :param text: the word as it was typed.
    :returns: the line or the fault, as :func:`parse_file` gives them.
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
    """Locate what a logical line is refused for."""
    extent = (error.start, error.end)
    return replace(_fault(name, text, pieces, (error.message, error.hint), extent), code=error.code)


def _fault(
    name: str,
    text: str,
    pieces: tuple[tuple[int, int, int, int], ...],
    words: tuple[str, str],
    extent: tuple[int, int],
) -> Fault:
    """Point at a part of a logical line, in the physical line where it begins."""
    start, end = extent[0], extent[1] or max(len(text.rstrip()), 1)
    index, _, length, number = pieces[bisect_right(pieces, start, key=itemgetter(0)) - 1]
    width = max(min(end, index + length) - start, 1)
    location = Location(name, number, start - index + 1)
    return Fault(*words, location, text[index : index + length], width)


def nested_file(options: str) -> GivenOption | None:
    """Find the file that an option line includes: the first ``-r``, else the first ``-c``."""
    try:
        given = split_file_options(options)
    except UsageError:
        return None
    for name in ("--requirement", "--constraint"):
        for option in given:
            if option.name == name:
                return option
    return None
