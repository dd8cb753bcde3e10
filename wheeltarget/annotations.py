"""The annotation grammar: which targets a requirement line names, with the place of each word.

A clause is ``tags=`` or ``target=`` and a comma-separated list. It stands behind a ``;`` after
the requirement and its marker, or behind a ``#``; on a line of its own the latter sets the
default for the lines below. What is around it is read as pip's requirements file format and the
dependency specifiers page (PEP 508) have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from wheeltarget.errors import AnnotationError

KEYS = ("tags", "target")
EXAMPLE = "tags=cp312-cp312-manylinux_2_28_x86_64"

_COMMENT_MARK = re.compile(r"(?:(?<=\s)|^)#")
_CLAUSE = re.compile(r"\s*(?P<key>[A-Za-z][\w-]*)\s*=(?!=)")
_KNOWN_CLAUSE = re.compile(r"\s*(?P<key>tags|target)\s*=(?!=)")
_NEAR_CLAUSE = re.compile(r"\s*(?P<key>tags|target)\b\s*(?:[:=]|$|\w+-\w+-\w)", re.IGNORECASE)
_MISPLACED = re.compile(r";\s*(tags|target)\s*=(?!=)")
_EDITABLE = re.compile(r"-e|--e(d(i(t(a(b(l(e)?)?)?)?)?)?)?(=|\s|$)")
_URL = re.compile(r"\s*([\w.\[\], -]+@\s*)?[A-Za-z][A-Za-z0-9+.-]+:")
_TAG_SHAPED = re.compile(r";\s*tags\s*=\s*\w+-[\w.]+-[\w.]+\s*(,|$)")


class Kind(Enum):
    """What a logical line of a requirements file is."""

    BLANK = "blank"
    DEFAULT = "default"
    OPTION = "option"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the line.

    :param text: the piece, without the white space around it.
    :param start: index of its first character in the line, from 0.
    """

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Clause:
    """One ``tags=…`` or ``target=…``.

    :param key: one of :data:`KEYS`.
    :param values: what is listed, at least one.
    """

    key: str
    values: tuple[Word, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(value.text for value in self.values)}"


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """One logical line, taken apart.

    :param text: the line as it was given, its comment included.
    :param kind: what it is.
    :param requirement: the requirement with its marker, as it goes to pip; may be empty.
    :param options: what stands behind the requirement, or the whole of an option line.
    :param clauses: the clauses in the order of the line.
    :param cuts: (start, end) of each piece that pip must not see.
    """

    text: str
    kind: Kind
    requirement: str
    options: str
    clauses: tuple[Clause, ...]
    cuts: tuple[tuple[int, int], ...]


def parse_line(text: str) -> AnnotatedLine:
    """Take one logical line apart.

    :param text: a line with its continuations joined, without line end, before ``${VAR}`` is
        expanded.
    :returns: the parts; a line without a clause has neither clauses nor cuts.
    :raises AnnotationError: where a clause is malformed or stands in the wrong place.
    """
    comment = _COMMENT_MARK.search(text)
    body = text[: comment.start()] if comment else text
    own_line = not body.strip()
    remarks = tuple(_comment_clauses(text, len(body), own_line=own_line)) if comment else ()
    if own_line:
        kind = Kind.DEFAULT if remarks else Kind.BLANK
        return AnnotatedLine(text, kind, "", "", remarks, ())
    arguments = _arguments_end(body)
    options = body[arguments:].strip()
    if not body[:arguments].strip():
        return _option_line(text, body, options, remarks)
    _refuse_clause_among_options(body, arguments)
    requirement_end, clauses = _requirement_clauses(body[:arguments])
    cuts = ((requirement_end, len(body[:arguments].rstrip())),) if clauses else ()
    requirement = body[:requirement_end].strip()
    return AnnotatedLine(text, Kind.REQUIREMENT, requirement, options, clauses + remarks, cuts)


def parse_argument(text: str) -> AnnotatedLine:
    """Take one requirement of a command line apart, where no comment and no option can follow.

    :param text: the argument as it was given.
    :returns: the parts.
    :raises AnnotationError: where a clause is malformed.
    """
    end, clauses = _requirement_clauses(text)
    cuts = ((end, len(text)),) if clauses else ()
    requirement = text[:end].strip() if clauses else text
    return AnnotatedLine(text, Kind.REQUIREMENT, requirement, "", clauses, cuts)


def format_line(requirement: str, clauses: tuple[Clause, ...] = (), options: str = "") -> str:
    """Write a requirement with its clauses, so that :func:`parse_line` gives them back.

    :param requirement: the requirement with its marker.
    :param clauses: what to write behind it.
    :param options: per-requirement options, such as ``--hash=…``.
    :returns: the line, without line end.
    """
    annotated = " ; ".join([requirement, *map(str, clauses)])
    return f"{annotated} {options}" if options else annotated


def has_clause(text: str) -> bool:
    """Tell whether a logical line has a clause, well-formed or not."""
    try:
        return bool(parse_line(text).clauses)
    except AnnotationError:
        return True


def _arguments_end(body: str) -> int:
    """Find where the options begin: at the first word with a dash, words parted by blanks."""
    if body.lstrip().startswith("-"):
        return len(body) - len(body.lstrip())
    dash = body.find(" -", len(body) - len(body.lstrip()))
    return len(body) if dash < 0 else dash + 1


def _option_line(text: str, body: str, options: str, remarks: tuple[Clause, ...]) -> AnnotatedLine:
    """Read a line that begins with an option; only an editable requirement takes a clause."""
    misplaced = _MISPLACED.search(body)
    if _EDITABLE.match(options) and not misplaced:
        return AnnotatedLine(text, Kind.REQUIREMENT, "", options, remarks, ())
    if misplaced or remarks:
        start = misplaced.start(1) if misplaced else remarks[0].values[0].start
        raise AnnotationError(
            "a clause belongs to a requirement, not to an option",
            "set a default on a line of its own above: # " + EXAMPLE,
            start,
            len(body.rstrip()) if misplaced else start + len(remarks[0].values[0].text),
        )
    return AnnotatedLine(text, Kind.OPTION, "", options, (), ())


def _refuse_clause_among_options(body: str, arguments: int) -> None:
    misplaced = _MISPLACED.search(body, arguments)
    if misplaced:
        raise AnnotationError(
            f"{misplaced[1]}= stands behind an option",
            f"write it before the option: REQUIREMENT ; {misplaced[1]}=… {body[arguments:].split()[0]}",
            misplaced.start(1),
            len(body.rstrip()),
        )


def _comment_clauses(text: str, start: int, *, own_line: bool) -> Iterator[Clause]:
    """Find the clauses of a comment; on a line of its own it has to begin with one."""
    marks = [match.end() for match in _COMMENT_MARK.finditer(text, start)]
    for number, (begin, end) in enumerate(zip(marks, [*marks[1:], len(text) + 1], strict=True)):
        segment = text[begin : end - 1]
        found = False
        for piece in _pieces(segment, begin):
            match = _KNOWN_CLAUSE.match(piece.text)
            if match is None:
                break
            found = True
            yield _clause(piece, match)
        if own_line and number == 0 and not found:
            return


def _pieces(segment: str, begin: int) -> Iterator[Word]:
    for piece in re.finditer(r"[^;]+", segment):
        yield Word(piece[0], begin + piece.start())


def _requirement_clauses(arguments: str) -> tuple[int, tuple[Clause, ...]]:
    """Find where the requirement and its marker end, and the clauses behind."""
    separators = tuple(_separators(arguments))
    clauses: list[Clause] = []
    requirement_end = len(arguments)
    for separator, end in zip(separators, [*separators[1:], len(arguments)], strict=False):
        piece = Word(arguments[separator + 1 : end], separator + 1)
        match = _CLAUSE.match(piece.text)
        if match is None:
            _refuse_near_clause(piece)
            if clauses:
                raise AnnotationError(
                    "something that is no clause stands behind a clause",
                    "a marker stands before it: REQUIREMENT ; MARKER ; tags=…",
                    *_extent(piece),
                )
            continue
        if not clauses:
            requirement_end = separator
        clauses.append(_clause(piece, match))
    _refuse_clause_in_url(arguments[:requirement_end])
    return requirement_end, tuple(clauses)


def _separators(arguments: str) -> Iterator[int]:
    """Find each ``;`` that stands neither in a URL nor in a quoted marker string."""
    in_url = bool(_URL.match(arguments))
    quote = ""
    for index, character in enumerate(arguments):
        if quote:
            quote = "" if character == quote else quote
        elif character == ";":
            before, after = arguments[index - 1 : index], arguments[index + 1 : index + 2]
            if not in_url or before.isspace() or after.isspace():
                in_url = False
                yield index
        elif character in "'\"" and not in_url and ";" in arguments[:index]:
            quote = character


def _refuse_near_clause(piece: Word) -> None:
    """Refuse what was meant as a clause and is none, such as ``tags: cp39-…``."""
    match = _NEAR_CLAUSE.match(piece.text)
    if match:
        raise AnnotationError(
            f"{match['key']} is not followed by a single = and a list",
            f"write {match['key'].lower()}=… as in {EXAMPLE}",
            *_extent(piece),
        )


def _refuse_clause_in_url(requirement: str) -> None:
    match = _TAG_SHAPED.search(requirement)
    if match and _URL.match(requirement):
        raise AnnotationError(
            "this ; is taken as part of the URL",
            "put a blank before it: URL ; tags=…",
            match.start(),
            match.end(),
        )


def _extent(piece: Word) -> tuple[int, int]:
    """Give start and end of a piece without the white space around it."""
    start = piece.start + len(piece.text) - len(piece.text.lstrip())
    return start, max(start + len(piece.text.strip()), start + 1)


def _clause(piece: Word, match: re.Match[str]) -> Clause:
    """Read the list of a clause."""
    key = match["key"]
    if key not in KEYS:
        near = get_close_matches(key.lower(), KEYS, n=1, cutoff=0.5)
        raise AnnotationError(
            f"{key}= is no clause",
            f"write {near[0]}=…" if near else "the clauses are tags=… and target=…",
            piece.start + match.start("key"),
            piece.start + match.end("key"),
        )
    values = []
    start = match.end()
    for text in piece.text[start:].split(","):
        lead = len(text) - len(text.lstrip())
        word = Word(text.strip(), piece.start + start + lead)
        _check_value(key, word, only=text == piece.text[match.end() :])
        values.append(word)
        start += len(text) + 1
    return Clause(key, tuple(values))


def _check_value(key: str, word: Word, *, only: bool) -> None:
    """Refuse an empty value, and white space in a tag."""
    what, example = ("tag", EXAMPLE) if key == "tags" else ("name", "target=host")
    if not word.text:
        message = f"{key}= lists nothing" if only else f"a {what} is missing beside this comma"
        raise AnnotationError(message, f"write it like {example}", word.start, word.start + 1)
    if key == "tags" and re.search(r"\s", word.text):
        raise AnnotationError(
            f"there is white space in {word.text!r}",
            "tags are parted by commas; a comment goes behind a # of its own",
            word.start,
            word.start + len(word.text),
        )
