"""Read requirements and constraints files, and parse them into lines with places.

This follows pip's requirements file format: encoding, continuations, comments, nested files. Only
what the annotations need is interpreted; pip itself reads the files afterwards. Files are read in
pip's order, nested ones in the place of their inclusion, with the default target that applies
there.

Start-up: a run of pip alone reads its files here, and locks of other tools need packaging.
"""

from __future__ import annotations

import codecs
import locale
import os
import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from wheeltarget.errors import COMMAND_LINE, AnnotationError, Fault, Location, UsageError, locate
from wheeltarget.pip_config.options import (
    CommandLine,
    base_name,
    is_foreign_lock,
    is_lock,
    is_remote,
    split_file_options,
)
from wheeltarget.requirements.annotations import AnnotatedLine, Kind, parse_argument, parse_line
from wheeltarget.targets.exclusions import Exclusion, InvalidPatternError
from wheeltarget.targets.names import EXCLUDE, KEYS, TargetName
from wheeltarget.utils.files import RefusedFileError

if TYPE_CHECKING:
    from wheeltarget.requirements.foreign_locks import LockedVersion

_BYTE_ORDER_MARKS = (
    # UTF-32-LE begins with the bytes of UTF-16-LE, so try it first.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_DEEPEST, _MOST_REPEATED = 100, 100_000
"""How deep files may include each other, and how many lines may be read again for that."""

_HIDDEN = re.compile(r"\b(?:tags|target)\s*+=")
_PYLOCK = re.compile(r"(?:(?!\[|lock-version).*\n)*(?P<line>lock-version[ \t]*=.*)")
"""A line that every pylock.toml has before its tables, and no requirements file can have."""

_OTHER = re.compile(
    r"(?:[ \t]*(?:#.*)?\n)*(?P<line>[ \t]*(?:\[[^\n]+\]|\{|version[ \t]*[=:][ \t]*\d+)[ \t]*$)",
    re.MULTILINE,
)
"""A first line of TOML, JSON or YAML, as in the locks of other tools."""

VARIABLE = re.compile(r"(\$\{([A-Z0-9_]+)\})")
"""An environment variable that pip expands in files, and its name."""

_EXTRAS = re.compile(r"\s*+[A-Za-z0-9][\w.-]*+\s*+(?P<extras>\[\s*+[^\]\s$][^\]$]*+\])")
_PATH_EXTRAS = re.compile(
    r"(?!\s*+[A-Za-z][A-Za-z0-9+.-]+:)[^;\[]*[/\\][^;\[]*(?P<extras>\[[^\]$]+\])\s*(?:;|$)"
)
_PLACE = re.compile(r"\s*+(?:[A-Za-z][A-Za-z0-9+.-]+:|\.{1,2}(?:$|[/\\])|[^\s@;<>=!~]*[/\\])[^;]*")
_NAMED_PLACE = re.compile(r"[#&]egg=[\w.-]|\.whl(?=$|[\s?#\[])", re.IGNORECASE)

_Pieces = tuple[tuple[int, int, int, int], ...]
"""For each physical line of a logical line: index in the logical line, offset in the file's text,
length, and line number."""

Names = tuple[TargetName, ...]
Read = Callable[[str], tuple[bytes, bool]]
"""Returns the content of a file and whether it can be read again; raises OSError."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A logical line with the place of each of its characters.

    :param number: its first physical line, or the number of the argument, from 1.
    """

    file: str
    number: int
    parsed: AnnotatedLine
    pieces: _Pieces

    def fault(
        self, message: str, hint: str = "", start: int = 0, end: int = 0, code: str = ""
    ) -> Fault:
        """Return a fault at a part of the line; end is 0 for the rest of the line."""
        place = _place(self.file, self.parsed.text, self.pieces, start, end)
        return locate(place, message, hint, code)

    def offsets(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Return the (start, end) in the file's text of a part of the logical line."""
        for index, offset, length, _ in self.pieces:
            first, last = max(start, index), min(end, index + length)
            if first < last:
                yield offset + first - index, offset + last - index


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A logical line that cannot be parsed, and the error with its place."""

    text: str
    error: AnnotationError
    fault: Fault
    pieces: _Pieces


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """A requirements or constraints file; it is not repeatable if it is, say, a pipe."""

    name: str
    text: str
    lines: tuple[SourceLine, ...]
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A requirement or constraint.

    :param targets: None if the command line decides.
    :param excluded: what its clauses, or the default above it, leave out for its targets.
    """

    line: SourceLine
    targets: Names | None
    constraint: bool = False
    excluded: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input of a run, in order.

    :param named: every target that a clause names, with those of unused defaults.
    :param unread: files that could not be read; pip would report them too.
    :param remote: URLs of files that pip still has to fetch.
    """

    files: tuple[RequirementsFile, ...]
    entries: tuple[Entry, ...]
    named: Names
    faults: tuple[Fault, ...]
    unread: tuple[Fault, ...]
    remote: tuple[str, ...]
    locked: tuple[LockedVersion, ...] = ()


def decode(data: bytes, fallback: str) -> str:
    """Decode a requirements file as pip does; see :func:`encoding_of`.

    :raises ValueError | LookupError: if the bytes do not decode, or the encoding is unknown.
    """
    mark, encoding = encoding_of(data, fallback)
    return data[len(mark) :].decode(encoding)


def encoding_of(data: bytes, fallback: str) -> tuple[bytes, str]:
    """Return the byte order mark and the encoding of a requirements file, as pip does.

    :param fallback: the locale's encoding, for a file that is not UTF-8.
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


def constraint_fault(line: SourceLine) -> Fault | None:
    """Return why pip refuses a line as a constraint, whatever the target; None if it does not."""
    requirement = line.parsed.requirement
    excluding = next((each for each in line.parsed.clauses if each.key == EXCLUDE), None)
    if excluding:
        values = excluding.values
        first = line.parsed.text.rindex(EXCLUDE, 0, values[0].start)
        message, hint = "a constraint cannot have exclude=", "write it in a requirement"
        return line.fault(message, hint, first, values[-1].end, "WT503")
    if not requirement:
        hint = "write it in a requirements file"
        return line.fault("an editable project cannot be a constraint", hint, code="WT502")
    start = line.parsed.text.index(requirement)
    end = start + len(requirement)
    found = _EXTRAS.match(requirement) or _PATH_EXTRAS.match(requirement)
    if found:
        first, last = (start + each for each in found.span("extras"))
        # A comment is kept for its clauses only.
        stop = len(line.parsed.text) if line.parsed.clauses else end
        without = (line.parsed.text[:first] + line.parsed.text[last:stop]).strip()
        hint = f"write {without}, and the extras in a requirement"
        return line.fault("a constraint cannot have extras", hint, first, last, "WT501")
    place = _PLACE.match(requirement)
    if place and not _NAMED_PLACE.search(place[0]) and "${" not in requirement:
        hint = "write it like NAME @ URL"
        return line.fault("a constraint must name a project", hint, start, end, "WT502")
    return None


def read_lines(name: str, text: str) -> Iterator[SourceLine | RefusedLine]:
    """Parse the text of a file, and return each logical line that is not blank."""
    for logical, pieces in _logical_lines(text):
        line = _parse_located(name, logical, pieces, parse_line)
        if isinstance(line, RefusedLine) or line.parsed.kind is not Kind.BLANK:
            yield line


def parse_typed(number: int, text: str) -> SourceLine | RefusedLine:
    """Parse a requirement of the command line; arguments are numbered from 1."""
    return _parse_located(COMMAND_LINE, text, ((0, 0, len(text), number),), parse_argument)


def _parse_located(
    name: str, text: str, pieces: _Pieces, parse: Callable[[str], AnnotatedLine]
) -> SourceLine | RefusedLine:
    try:
        return SourceLine(name, pieces[0][3], parse(text), pieces)
    except AnnotationError as error:
        place = _place(name, text, pieces, error.start, error.end)
        fault = locate(place, error.message, error.hint, error.code)
        return RefusedLine(text, error, fault, pieces)


def _logical_lines(text: str) -> Iterator[tuple[str, _Pieces]]:
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


def _place(name: str, text: str, pieces: _Pieces, start: int, end: int) -> Fault:
    """Return the place of a part of a logical line, in the first physical line of the part."""
    index, _, length, number = pieces[bisect_right(pieces, start, key=itemgetter(0)) - 1]
    end = end or max(len(text.rstrip()), 1)
    width = max(min(end, index + length) - start, 1)
    location = Location(name, number, start - index + 1)
    return Fault("", "", location, _part(text, index, index + length), width)


@lru_cache(maxsize=16)
def _part(text: str, start: int, end: int) -> str:
    """Return a part of a text; cached, since a line with thousands of faults is shared by them."""
    return text[start:end]


def read_inputs(
    arguments: Sequence[str],
    files: Sequence[tuple[str, bool]],
    *,
    read: Read,
    read_nested: Read,
    environment: Callable[[str], str | None],
    fetched: Mapping[str, str] = MappingProxyType({}),
) -> Inputs:
    """Read the requirements of a command line.

    :param files: the values of ``-r`` (False) and ``-c`` (True), in order.
    :param read_nested: reads a file that another file names, which is not trusted.
    :param fetched: the texts of files by URL.
    """
    reader = _Reader(read, read_nested, environment, fetched)
    for name, constraint in files:
        if constraint or not is_lock(name):
            reader.include(name, _NO_DEFAULT, constraint=constraint)
    for number, text in enumerate(arguments, start=1):
        line = parse_typed(number, text)
        if isinstance(line, RefusedLine):
            reader.faults.append(line.fault)
        else:
            reader.add(line, _NO_DEFAULT)
    return Inputs(
        tuple(each for each in reader.files.values() if each is not None),
        tuple(reader.entries),
        tuple(reader.named),
        tuple(dict.fromkeys(reader.faults)),
        tuple(reader.unread),
        tuple(dict.fromkeys(reader.remote)),
        tuple(reader.locked),
    )


@dataclass(frozen=True, slots=True)
class _Default:
    """What applies to a line without clauses; targets are None if the command line decides."""

    targets: Names | None = None
    excluded: tuple[Exclusion, ...] = ()


_NO_DEFAULT = _Default()


@dataclass(slots=True)
class _Reader:
    """Reads the files in pip's order, with the default target of each."""

    read: Read
    read_nested: Read
    environment: Callable[[str], str | None]
    fetched: Mapping[str, str]
    files: dict[str, RequirementsFile | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    named: list[TargetName] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unread: list[Fault] = field(default_factory=list)
    remote: list[str] = field(default_factory=list)
    locked: list[LockedVersion] = field(default_factory=list)
    repeated: int = 0

    def add(self, line: SourceLine, default: _Default, *, constraint: bool = False) -> None:
        """Add a requirement or constraint."""
        targets: Names | None = self._names(line)
        fault = constraint_fault(line) if constraint else None
        if fault:
            self.faults.append(fault)
        excluded = () if constraint else tuple(self._exclusions(line))
        if not targets:
            targets, excluded = default.targets, (*default.excluded, *excluded)
        self.entries.append(Entry(line, targets, constraint, excluded))

    def include(
        self,
        name: str,
        default: _Default,
        *,
        constraint: bool,
        above: tuple[str, ...] = (),
        named_by: SourceLine | None = None,
    ) -> None:
        """Read a file that the command line or another file names, and its nested files."""
        if is_remote(name) and name not in self.fetched:
            self.remote.append(name)
            return
        if is_foreign_lock(name) and not constraint:
            hint = f"write -c {shlex.quote(name)}, and add the requirements"
            self.faults.append(Fault(f"{name} pins versions, but does not request any", hint))
            return
        place = name if is_remote(name) else os.path.abspath(name)  # noqa: PTH100 - as pip writes it
        if place in above:
            return
        known = self.files.get(name)
        self.repeated += 1 + len(known.lines) if known else 0
        if len(above) >= _DEEPEST or self.repeated > _MOST_REPEATED:
            limit = "too often" if self.repeated > _MOST_REPEATED else f"more than {_DEEPEST} deep"
            message = f"{name} is not read: files include each other {limit}"
            self.faults.append(named_by.fault(message) if named_by else Fault(message))
            return
        if name not in self.files:
            self.files[name] = self._load(name, named_by)
        file = self.files[name]
        for line in file.lines if file else ():
            if line.parsed.kind is Kind.DEFAULT:
                # If it names no target, that of the lines before it stays.
                targets = self._names(line) or default.targets
                default = _Default(targets, tuple(self._exclusions(line)))
            elif line.parsed.kind is Kind.OPTION:
                self._include_nested(line, default, (*above, place))
            else:
                self.add(line, default, constraint=constraint)

    def _include_nested(self, line: SourceLine, default: _Default, above: tuple[str, ...]) -> None:
        """Include the file of the first ``-r``, else of the first ``-c``; only pip reads others."""
        try:
            given = CommandLine(split_file_options(line.parsed.options), ())
        except UsageError:
            return
        requirements, constraints = map(given.values, ("--requirement", "--constraint"))
        if not (requirements or constraints):
            return
        path = (requirements or constraints)[0]
        if is_remote(line.file):
            path = urljoin(line.file, path)
        elif not is_remote(path):
            path = os.path.abspath(os.path.join(os.path.dirname(line.file), path))  # noqa: PTH100, PTH118, PTH120 - as pip writes it
        inherited = default if requirements else _NO_DEFAULT
        self.include(path, inherited, constraint=not requirements, above=above, named_by=line)

    def _load(self, name: str, named_by: SourceLine | None) -> RequirementsFile | None:
        if name in self.fetched:
            return self._parse(name, self.fetched[name], repeatable=False)
        trusted = named_by is None and not is_foreign_lock(name)
        try:
            data, repeatable = (self.read if trusted else self.read_nested)(name)
            text = decode(data, locale.getpreferredencoding(do_setlocale=False))
        except RefusedFileError as error:
            # pip would read it without end.
            message = f"cannot read {name}: {error.strerror}"
            self.faults.append(named_by.fault(message) if named_by else Fault(message))
            return None
        except (OSError, ValueError, LookupError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.unread.append(Fault(f"cannot read {name}: {why}"))
            return None
        if "\0" not in text:
            return self._parse(name, text, repeatable=repeatable)
        message = f"cannot read {name}: it has NUL characters, so it is not a text file"
        # pip would read a clause in it as part of a name, and ignore the target.
        hidden = _HIDDEN.search(text.replace("\0", ""))
        hint = "save it in UTF-8; UTF-16 needs a byte order mark"
        (self.faults if hidden else self.unread).append(Fault(message, hint))
        return None

    def _parse(self, name: str, text: str, *, repeatable: bool) -> RequirementsFile:
        if is_foreign_lock(name):
            from wheeltarget.requirements.foreign_locks import read_versions

            locked = read_versions(name, text)
            self.faults += locked.faults
            self.locked += locked.versions
            # pip cannot read the lock itself.
            text, repeatable = locked.text, False
        # If the text between CR and LF is cut, they would become one line end.
        text = re.sub(r"\r(?!\n)", "\n", text)
        for pattern, refuse in ((_PYLOCK, _misplaced_lock), (_OTHER, _foreign_file)):
            found = pattern.match(text)
            if found is not None:
                self.faults.append(refuse(name, text, found))
                return RequirementsFile(name, text, (), repeatable)
        lines = []
        for line in read_lines(name, text):
            if isinstance(line, RefusedLine):
                self.faults.append(line.fault)
            else:
                lines.append(self._expand_option(line))
        return RequirementsFile(name, text, tuple(lines), repeatable)

    def _expand_option(self, line: SourceLine) -> SourceLine:
        """Expand an option line's variables, which may be what makes it an option line."""
        parsed = line.parsed
        expanded = self._expand(f"{parsed.requirement} {parsed.options}").strip()
        if "${" not in parsed.text or not expanded.startswith("-"):
            return line
        kind = Kind.REQUIREMENT if expanded.startswith(("-e", "--ed")) else Kind.OPTION
        if parsed.clauses and kind is Kind.OPTION:
            self.faults.append(line.fault("a clause belongs to a requirement, not to an option"))
        return replace(line, parsed=replace(parsed, kind=kind, requirement="", options=expanded))

    def _names(self, line: SourceLine) -> Names:
        typed = line.file == COMMAND_LINE
        folder = "" if typed else os.path.dirname(line.file)  # noqa: PTH120 - any text
        names = [
            TargetName(clause.key, text.strip(), folder, line.fault("", "", word.start, word.end))
            for clause in line.parsed.clauses
            for word in clause.values
            if clause.key in KEYS
            for text in (word.text if typed else self._expand(word.text)).split(",")
        ]
        self.named += names
        return tuple(dict.fromkeys(names))

    def _exclusions(self, line: SourceLine) -> Iterator[Exclusion]:
        """Yield what the clauses of a line leave out."""
        typed = line.file == COMMAND_LINE
        origin = f"{EXCLUDE}=" if typed else f"{EXCLUDE}= in {line.file}:{line.number}"
        for clause in line.parsed.clauses:
            for word in clause.values if clause.key == EXCLUDE else ():
                for text in (word.text if typed else self._expand(word.text)).split(","):
                    try:
                        yield Exclusion(text.strip(), origin)
                    except InvalidPatternError as error:  # in a variable
                        place = word.start, word.end, "WT021"
                        self.faults.append(line.fault(error.message, error.hint, *place))

    def _expand(self, text: str) -> str:
        """Expand ``${VAR}`` as pip does: an unset or empty variable stays as written."""
        for variable, name in dict.fromkeys(VARIABLE.findall(text)):
            if value := self.environment(name):
                text = text.replace(variable, value)
        return text


def _misplaced_lock(name: str, text: str, found: re.Match[str]) -> Fault:
    base, line = base_name(name), found["line"].rstrip()
    message = f"{base} is a lock, not a requirements or constraints file"
    named = base if is_lock(base) else "pylock.NAME.toml, as locks are called,"
    hint = f"write -r {named} on the command line, without other requirements"
    return Fault(message, hint, _location(name, text, found), line, len(line))


def _foreign_file(name: str, text: str, found: re.Match[str]) -> Fault:
    base, line = base_name(name), found["line"].rstrip()
    hint = "of the locks of other tools, -c reads poetry.lock, uv.lock and Pipfile.lock"
    if base == "pdm.lock":
        hint += "; for this one: pdm export --without-hashes -o constraints.txt"
    message = f"{base} is not a requirements or constraints file"
    return Fault(message, hint, _location(name, text, found), line, len(line))


def _location(name: str, text: str, found: re.Match[str]) -> Location:
    return Location(name, text.count("\n", 0, found.start("line")) + 1)
