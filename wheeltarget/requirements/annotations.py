"""The annotation grammar: the targets that a requirement line names, with their places.

A clause is ``tags=`` or ``target=`` and a comma-separated list. It is written after a ``;`` after
the requirement and its marker, or after a ``#``; on a line of its own the latter sets the default
for the lines below. The rest of the line follows pip's requirements file format and PEP 508.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import NoReturn

from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.clauses import EXAMPLE, EXAMPLES, ON_AN_OPTION, Clause, Word
from wheeltarget.requirements.typos import (
    refuse_after_option,
    refuse_after_text,
    refuse_in_url,
    refuse_misspelled,
    refuse_near_clause,
)
from wheeltarget.targets.names import KEYS

__all__ = [
    "EXAMPLE",
    "KEYS",
    "AnnotatedLine",
    "Clause",
    "Kind",
    "Word",
    "format_line",
    "has_clause",
    "parse_argument",
    "parse_line",
]

_COMMENT_MARK = re.compile(r"(?:(?<=\s)|^)#")
_CLAUSE = re.compile(r"\s*+(?P<key>[A-Za-z][\w-]*)\s*+=(?!=)")
_KNOWN_CLAUSE = re.compile(r"\s*+(?P<key>tags|target)\s*+=(?!=)")
_URL = re.compile(r"\s*+([\w.\[\],\s-]+@\s*+)?[A-Za-z][A-Za-z0-9+.-]+:")
_EDITABLE = re.compile(r"(?:^|\s)(?:-e|--ed)")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*+\"""")


class Kind(Enum):
    """The kind of a logical line of a requirements file."""

    BLANK = "blank"
    DEFAULT = "default"
    OPTION = "option"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """A parsed logical line.

    :param text: the line, with its comment.
    :param kind: its kind.
    :param requirement: the requirement with its marker, for pip; may be empty.
    :param options: the options after the requirement, or the whole option line.
    :param clauses: the clauses in order.
    :param cuts: (start, end) of each part that pip must not see.
    """

    text: str
    kind: Kind
    requirement: str
    options: str
    clauses: tuple[Clause, ...]
    cuts: tuple[tuple[int, int], ...]


def parse_line(text: str) -> AnnotatedLine:
    """Parse a logical line.

    :param text: a line with its continuations joined, without line end, before ``${VAR}`` is
        expanded.
    :returns: the parsed line; without a clause it has no cuts.
    :raises AnnotationError: if a clause is malformed or in the wrong place.
    """
    comment = _COMMENT_MARK.search(text)
    body = text[: comment.start()] if comment else text
    if not body.strip():
        defaults = tuple(_comment_clauses(text, len(body), own_line=True))
        kind = Kind.DEFAULT if defaults else Kind.BLANK
        return AnnotatedLine(text, kind, "", "", defaults, ())
    line = _parse_body(text, body)
    if comment is None:
        return line
    remarks = tuple(_comment_clauses(text, len(body), own_line=False))
    if remarks and line.kind is Kind.OPTION:
        last = remarks[-1].values[-1]
        start = text.rindex(remarks[0].key, 0, remarks[0].values[0].start)
        raise AnnotationError(*ON_AN_OPTION, start, last.end, code="WT013")
    if not remarks and not line.clauses:
        refuse_after_text(text, len(body))
    cuts = line.cuts
    if cuts and not line.options:
        # Cut the comment too: alone on a physical line it would end a continuation.
        cuts = ((cuts[0][0], len(text)),)
    return replace(line, clauses=line.clauses + remarks, cuts=cuts)


def parse_argument(text: str) -> AnnotatedLine:
    """Parse a requirement of the command line, which has no options.

    Only a comment that begins with a clause is a comment; pip has no comments there.

    :param text: the argument.
    :returns: the parsed line.
    :raises AnnotationError: if a clause is malformed.
    """
    comment = _COMMENT_MARK.search(text)
    if comment and not _KNOWN_CLAUSE.match(text, comment.end()):
        comment = None
    body = text[: comment.start()] if comment else text
    end, clauses = _requirement_clauses(body)
    if comment:
        clauses += tuple(_comment_clauses(text, len(body), own_line=False))
        if not body.strip():
            _refuse_alone(0, len(text))
    cuts = ((end, len(text)),) if clauses else ()
    requirement = text[:end].strip() if clauses else text
    return AnnotatedLine(text, Kind.REQUIREMENT, requirement, "", clauses, cuts)


def format_line(requirement: str, clauses: tuple[Clause, ...] = (), options: str = "") -> str:
    """Return a line that :func:`parse_line` parses into these parts.

    :param requirement: the requirement with its marker; empty for an editable one.
    :param clauses: its clauses.
    :param options: per-requirement options, such as ``--hash=…``, or ``-e …``.
    :returns: the line, without line end.
    """
    if not requirement and clauses:
        return f"{options}  # {' ; '.join(map(str, clauses))}"
    annotated = " ; ".join([requirement, *map(str, clauses)])
    return f"{annotated} {options}".strip()


def has_clause(text: str) -> bool:
    """Return whether a logical line has a clause, even a malformed one."""
    try:
        return bool(parse_line(text).clauses)
    except AnnotationError:
        return True


def _parse_body(text: str, body: str) -> AnnotatedLine:
    """Parse the part before the comment."""
    split = _arguments_end(body)
    arguments, options = body[:split], body[split:]
    # Quoted text holds no clauses.
    visible = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), options)
    editable = _EDITABLE.search(visible) is not None
    refuse_after_option(arguments, options, visible, editable=editable)
    if not arguments.strip():
        kind = Kind.REQUIREMENT if editable else Kind.OPTION
        return AnnotatedLine(text, kind, "", options.strip(), (), ())
    end, clauses = _requirement_clauses(arguments)
    if clauses and arguments[end - 1] == "\\":
        # Without the clause, the line would continue in the next one.
        message = "this ; comes directly after a backslash"
        raise AnnotationError(message, "put a space before it", end, end + 1, code="WT008")
    cuts = ((end, len(arguments.rstrip())),) if clauses else ()
    requirement = arguments[:end].strip()
    return AnnotatedLine(text, Kind.REQUIREMENT, requirement, options.strip(), clauses, cuts)


def _arguments_end(body: str) -> int:
    """Return the start of the options: a dash after a space."""
    indent = len(body) - len(body.lstrip())
    if body.startswith("-", indent):
        return indent
    dash = body.find(" -", indent)
    return len(body) if dash < 0 else dash + 1


def _comment_clauses(text: str, start: int, *, own_line: bool) -> Iterator[Clause]:
    """Return the clauses of a comment; on a line of its own it must begin with one."""
    marks = [match.end() for match in _COMMENT_MARK.finditer(text, start)]
    for number, (begin, end) in enumerate(zip(marks, [*marks[1:], len(text) + 1], strict=False)):
        parts = re.finditer(r"[^;]+", text[begin : end - 1])
        pieces = [Word(part[0], begin + part.start()) for part in parts]
        read = 0
        for piece in pieces:
            match = _KNOWN_CLAUSE.match(piece.text)
            if match is None:
                break
            read += 1
            yield _clause(piece, match)
        is_prose = own_line and number == 0 and not read
        for piece in pieces[:1] if is_prose else pieces[read:]:
            refuse_misspelled(piece)
        if is_prose:
            return


def _requirement_clauses(arguments: str) -> tuple[int, tuple[Clause, ...]]:
    """Return the end of the requirement with its marker, and the clauses after it."""
    separators = tuple(_separators(arguments))
    clauses: list[Clause] = []
    requirement_end = len(arguments)
    for separator, end in zip(separators, [*separators[1:], len(arguments)], strict=False):
        piece = Word(arguments[separator + 1 : end], separator + 1)
        match = _CLAUSE.match(piece.text)
        if match is None:
            refuse_near_clause(piece)
            if clauses:
                raise AnnotationError(
                    "text that is not a clause comes after a clause",
                    "write a marker before the clauses: REQUIREMENT ; MARKER ; tags=…",
                    *piece.extent,
                    code="WT006",
                )
            continue
        if not clauses:
            requirement_end = separator
        clauses.append(_clause(piece, match))
    if clauses and not arguments[:requirement_end].strip():
        _refuse_alone(requirement_end, len(arguments.rstrip()))
    if _URL.match(arguments[:requirement_end]):
        refuse_in_url(arguments[:requirement_end])
    return requirement_end, tuple(clauses)


def _refuse_alone(start: int, end: int) -> NoReturn:
    raise AnnotationError(
        "there is no requirement before this clause",
        "write a default after a # on a line of its own: # " + EXAMPLE,
        start,
        end,
        code="WT007",
    )


def _separators(arguments: str) -> Iterator[int]:
    """Return each ``;`` that is neither in a URL nor in a quoted marker string."""
    in_url = bool(_URL.match(arguments))
    in_marker, quote = False, ""
    for match in re.finditer(r"[;'\"]", arguments):
        index, character = match.start(), match[0]
        if quote:
            quote = "" if character == quote else quote
        elif character == ";":
            beside = arguments[max(index - 1, 0) : index] + arguments[index + 1 : index + 2]
            if not in_url or beside.strip() != beside:
                in_url = False
                in_marker = _KNOWN_CLAUSE.match(arguments, index + 1) is None
                yield index
        elif in_marker:
            quote = character


def _clause(piece: Word, match: re.Match[str]) -> Clause:
    """Parse a clause."""
    key = match["key"]
    if key not in KEYS:
        near = get_close_matches(key.lower(), KEYS, n=1, cutoff=0.5)
        raise AnnotationError(
            f"{key}= is not a clause",
            f"write {near[0]}=…" if near else "the clauses are tags=… and target=…",
            piece.start + match.start("key"),
            piece.start + match.end("key"),
            code="WT001",
        )
    listed = piece.text[match.end() :]
    if not listed.strip():
        raise AnnotationError(
            f"{key}= has no values",
            f"write it like {EXAMPLES[key]}",
            piece.start + match.start("key"),
            piece.start + match.end(),
            code="WT002",
        )
    return Clause(key, tuple(_values(key, listed, piece.start + match.end())))


def _values(key: str, listed: str, start: int) -> Iterator[Word]:
    """Parse a list; refuse an empty value, and white space in a tag."""
    for number, text in enumerate(listed.split(",")):
        word = Word(text.strip(), start + len(text) - len(text.lstrip()))
        if not word.text:
            comma = start - 1 if number else start + len(text)
            message = f"a {'tag' if key == 'tags' else 'name'} is missing next to this comma"
            hint = f"write it like {EXAMPLES[key]}"
            raise AnnotationError(message, hint, comma, comma + 1, code="WT003")
        if key == "tags" and re.search(r"\s", word.text):
            raise AnnotationError(
                f"there is white space in {word.text!r}",
                "separate tags by commas; put a comment after a # of its own",
                word.start,
                word.end,
                code="WT004",
            )
        yield word
        start += len(text) + 1
