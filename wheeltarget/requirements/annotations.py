"""The annotation grammar: the targets that a requirement line names, with their places.

A clause is ``tags=`` or ``target=`` and a comma-separated list. It is written after a ``;`` after
the requirement and its marker, or after a ``#``; on a line of its own the latter sets the default
for the lines below. The rest of the line follows pip's requirements file format and PEP 508.

Misspelled clauses are refused. Except after the requirement's own ``;``, pip would silently ignore
such a clause, and the target would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum

from wheeltarget.errors import AnnotationError
from wheeltarget.targets.names import KEYS

EXAMPLE = "tags=cp312-cp312-manylinux_2_28_x86_64"
_EXAMPLES = {"tags": EXAMPLE, "target": "target=host"}
_ON_AN_OPTION = (
    "a clause belongs to a requirement, not to an option",
    "set a default on a line of its own above: # " + EXAMPLE,
)

TAG = r"(?:cp|py|pp|ip|jy|graalpy)\d\w*+-[\w.]++-[\w.]++"
KEY = r"(?:tags?|targets?)"
_COMMENT_MARK = re.compile(r"(?:(?<=\s)|^)#")
_CLAUSE = re.compile(r"\s*+(?P<key>[A-Za-z][\w-]*)\s*+=(?!=)")
_KNOWN_CLAUSE = re.compile(r"\s*+(?P<key>tags|target)\s*+=(?!=)")
_URL = re.compile(r"\s*+([\w.\[\],\s-]+@\s*+)?[A-Za-z][A-Za-z0-9+.-]+:")
_EDITABLE = re.compile(r"(?:^|\s)(?:-e|--ed)")
_DASH = re.compile(r"(?:^\s*+| )(?=-)")
"""The place before the first option, where the requirement ends."""

_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*+\"""")
_NEAR_CLAUSE = re.compile(rf"\s*+(?P<key>{KEY})\s*+(?:[:=]|$|\w+-\w+-\w)", re.IGNORECASE)
_MISSPELLED = re.compile(
    rf"(?P<lead>[^\w#]*+)(?P<key>{KEY})\s*+(?P<sign>[:=]*+)\s*+(?P<first>[^\s,;]++)\s*+(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_AFTER_TEXT = re.compile(
    rf"(?<![\w.-])(?P<key>{KEY})\s*+=+\s*+(?:{TAG}|host(?![\w-]))", re.IGNORECASE
)
_AMONG_OPTIONS = re.compile(
    rf"(?:\s;\s*+|;\s++)(?P<separate>{KEY})\s*+[:=]|(?<=[;\s])(?P<key>{KEY})\s*+[:=]+\s*+{TAG}",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    rf"(?P<mark>[;#&])\s*+(?:{KEY}\s*+=\s*+{TAG}|(?<!&)target\s*+=[\w./\s,-]++$)", re.IGNORECASE
)


Kind = Enum("Kind", "BLANK DEFAULT OPTION REQUIREMENT")
"""The kind of a logical line of a requirements file."""


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a line, and the index of its first character in the line."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Return the index after its last character."""
        return self.start + len(self.text)

    @property
    def extent(self) -> tuple[int, int]:
        """Return start and end without white space; if blank, those of the ``;`` before it."""
        if not self.text.strip():
            return self.start - 1, self.start
        start = self.start + len(self.text) - len(self.text.lstrip())
        return start, start + len(self.text.strip())


@dataclass(frozen=True, slots=True)
class Clause:
    """A ``tags=…`` or ``target=…`` with at least one value."""

    key: str
    values: tuple[Word, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(value.text for value in self.values)}"


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """A parsed logical line.

    :param text: the line, with its comment.
    :param requirement: the requirement with its marker, for pip; may be empty.
    :param options: the options after the requirement, or the whole option line.
    :param cuts: (start, end) of each part that pip must not see.
    """

    text: str
    kind: Kind
    requirement: str
    options: str
    clauses: tuple[Clause, ...]
    cuts: tuple[tuple[int, int], ...]


def parse_line(text: str) -> AnnotatedLine:
    """Parse a logical line: continuations are joined, and ``${VAR}`` is not expanded yet.

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
        raise AnnotationError(*_ON_AN_OPTION, start, last.end, code="WT013")
    if not remarks and not line.clauses:
        match = _AFTER_TEXT.search(text, len(body))
        if match:
            raise _after_text(nearest_key(match["key"]), match.start("key"), match.end())
    cuts = line.cuts
    if cuts and not line.options:
        # Cut the comment too: alone on a physical line it would end a continuation.
        cuts = ((cuts[0][0], len(text)),)
    return replace(line, clauses=line.clauses + remarks, cuts=cuts)


def parse_argument(text: str) -> AnnotatedLine:
    """Parse a requirement of the command line; raise AnnotationError if a clause is malformed.

    Only a comment that begins with a clause is a comment; pip has no comments there.
    """
    comment = _COMMENT_MARK.search(text)
    if comment and not _KNOWN_CLAUSE.match(text, comment.end()):
        comment = None
    body = text[: comment.start()] if comment else text
    end, clauses = _requirement_clauses(body)
    if comment:
        clauses += tuple(_comment_clauses(text, len(body), own_line=False))
        if not body.strip():
            raise _alone(0, len(text))
    cuts = ((end, len(text)),) if clauses else ()
    requirement = text[:end].strip() if clauses else text
    return AnnotatedLine(text, Kind.REQUIREMENT, requirement, "", clauses, cuts)


def has_clause(text: str) -> bool:
    """Return whether a logical line has a clause, even a malformed one."""
    try:
        return bool(parse_line(text).clauses)
    except AnnotationError:
        return True


def nearest_key(key: str) -> str:
    """Return the key for a misspelled one, a match of :data:`KEY`."""
    return "target" if key.lower().startswith("target") else "tags"


def _parse_body(text: str, body: str) -> AnnotatedLine:
    dash = _DASH.search(body)
    split = dash.end() if dash else len(body)
    arguments, options = body[:split], body[split:]
    # Quoted text holds no clauses.
    visible = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), options)
    editable = _EDITABLE.search(visible) is not None
    _refuse_after_option(arguments, options, visible, editable=editable)
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
            _refuse_misspelled(piece)
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
        if match is not None:
            if not clauses:
                requirement_end = separator
            clauses.append(_clause(piece, match))
            continue
        # pip would read it as an invalid marker.
        near = _NEAR_CLAUSE.match(piece.text)
        if near:
            message = f"{near['key']} is not followed by a single = and a list"
            hint = f"write {nearest_key(near['key'])}=… as in {EXAMPLE}"
            raise AnnotationError(message, hint, *piece.extent, code="WT005")
        if clauses:
            message = "other text comes after a clause"
            hint = "write a marker before the clauses: REQUIREMENT ; MARKER ; tags=…"
            raise AnnotationError(message, hint, *piece.extent, code="WT006")
    requirement = arguments[:requirement_end]
    if clauses and not requirement.strip():
        raise _alone(requirement_end, len(arguments.rstrip()))
    hidden = _IN_URL.search(requirement) if _URL.match(requirement) else None
    if hidden:
        message = f"this {hidden['mark']} is read as part of the URL"
        start = hidden.start()
        end = start + len(hidden[0].rstrip())
        hint = "put a space before it: URL ; tags=…"
        raise AnnotationError(message, hint, start, end, code="WT014")
    return requirement_end, tuple(clauses)


def _alone(start: int, end: int) -> AnnotationError:
    message = "there is no requirement before this clause"
    hint = f"write a default after a # on a line of its own: # {EXAMPLE}"
    return AnnotationError(message, hint, start, end, code="WT007")


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
    key = match["key"]
    start, end, listed_at = (piece.start + each for each in (*match.span("key"), match.end()))
    if key not in KEYS:
        near = get_close_matches(key.lower(), KEYS, n=1, cutoff=0.5)
        hint = f"write {near[0]}=…" if near else "the clauses are tags=… and target=…"
        raise AnnotationError(f"{key}= is not a clause", hint, start, end, code="WT001")
    listed = piece.text[match.end() :]
    if not listed.strip():
        hint = f"write it like {_EXAMPLES[key]}"
        raise AnnotationError(f"{key}= has no values", hint, start, listed_at, code="WT002")
    return Clause(key, tuple(_values(key, listed, listed_at)))


def _values(key: str, listed: str, start: int) -> Iterator[Word]:
    """Parse a list; refuse an empty value, and white space in a tag."""
    for number, text in enumerate(listed.split(",")):
        word = Word(text.strip(), start + len(text) - len(text.lstrip()))
        if not word.text:
            comma = start - 1 if number else start + len(text)
            message = f"a {'tag' if key == 'tags' else 'name'} is missing next to this comma"
            hint = f"write it like {_EXAMPLES[key]}"
            raise AnnotationError(message, hint, comma, comma + 1, code="WT003")
        if key == "tags" and re.search(r"\s", word.text):
            message = f"there is white space in {word.text!r}"
            hint = "separate tags by commas; put a comment after a # of its own"
            raise AnnotationError(message, hint, word.start, word.end, code="WT004")
        yield word
        start += len(text) + 1


def _refuse_misspelled(piece: Word) -> None:
    """Refuse ``# Tags=…``, ``# tags: cp39-…``, ``# prose; tags=…``, but accept prose."""
    match = _MISSPELLED.match(piece.text)
    if match is None:
        return
    key, sign, first = match["key"], match["sign"], match["first"]
    alone = not match["rest"] or match["rest"].startswith(",")
    if re.match(TAG, first, re.IGNORECASE):
        meant = alone or "=" in sign
    else:
        named = sign.count("=") == 1 and nearest_key(key) == "target" and not match["lead"].strip()
        meant = alone and (named or (first == "host" and bool(sign)))
    if not meant:
        return
    start = piece.start + match.start("key")
    end = piece.start + match.end("sign" if sign else "key")
    if key in KEYS and sign == "=":
        raise _after_text(key, start, end)
    message = f"{key}{sign} is not a clause" if sign else f"{key} is not followed by ="
    hint = f"write {nearest_key(key)}=… as in {_EXAMPLES[nearest_key(key)]}"
    raise AnnotationError(message, hint, start, end, code="WT009")


def _after_text(key: str, start: int, end: int) -> AnnotationError:
    message = f"{key}= comes after other text in the comment"
    hint = f"put it after a # of its own: # {key}=…"
    return AnnotationError(message, hint, start, end, code="WT010")


def _refuse_after_option(arguments: str, options: str, visible: str, *, editable: bool) -> None:
    """Refuse a clause after an option, or in the visible (not quoted) part of the options."""
    match = _AMONG_OPTIONS.search(visible)
    if match is None:
        return
    name = match.lastgroup or ""
    key, option = nearest_key(match[name]), options.split(maxsplit=1)[0]
    start = match.start(name)
    meant = visible[start:].partition(" -")[0].rstrip()
    extent = (len(arguments) + start, len(arguments) + start + len(meant))
    if arguments.strip():
        hint = f"write it before the option: REQUIREMENT ; {key}=… {option}"
        raise AnnotationError(f"{key}= comes after an option", hint, *extent, code="WT011")
    if editable:
        message = f"{key}= comes after an editable requirement"
        hint = f"write it after a #: {option} … # {key}=…"
        raise AnnotationError(message, hint, *extent, code="WT012")
    raise AnnotationError(*_ON_AN_OPTION, *extent, code="WT013")
