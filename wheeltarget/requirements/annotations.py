"""The annotation grammar: the targets that a requirement line names, with their places.

A clause is ``tags=``, ``target=`` or ``exclude=`` and a comma-separated list. It is written after a
``;`` after the requirement and its marker, or after a ``#``; on a line of its own the latter sets
the default for the lines below. The rest of the line follows pip's requirements file format and
PEP 508.

Misspelled clauses are refused. Except after the requirement's own ``;``, pip would silently ignore
such a clause, and the target would be lost.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum

from wheeltarget.errors import AnnotationError
from wheeltarget.targets.exclusions import Exclusion, InvalidPatternError
from wheeltarget.targets.names import CLAUSES, EXCLUDE

EXAMPLE = "tags=cp312-cp312-manylinux_2_28_x86_64"
_EXAMPLES = {"tags": EXAMPLE, "target": "target=host", EXCLUDE: "exclude=boto3,nvidia-*"}
_ON_AN_OPTION = (
    "a clause belongs to a requirement, not to an option",
    "set a default on a line of its own above: # " + EXAMPLE,
)

TAG = r"(?:cp|py|pp|ip|jy|graalpy)\d\w*+-[\w.]++-[\w.]++"
KEY = r"(?:tags?|targets?|excludes?)"
_COMMENT_MARK = re.compile(r"(?:(?<=\s)|^)#")
_CLAUSE = re.compile(r"\s*+(?P<key>[A-Za-z][\w-]*)\s*+=(?!=)")
_NO_REQUIREMENT = "WT007"
_ALONE = re.compile(r"\b(tags|target|exclude)\s*+=\s*+([^\s;#]++)")
_KNOWN_CLAUSE = re.compile(r"\s*+(?P<key>tags|target|exclude)\s*+=(?!=)")
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
_WITHOUT_MARK = re.compile(
    rf"(?<![\w./\\-])(?P<key>{KEY})(?:\s*+=(?!=)|\s*+[:=]*+\s*+{TAG})", re.IGNORECASE
)
"""A clause in a requirement or marker, neither of which has a single ``=``."""

_AFTER_PATH = re.compile(
    rf"(?<=\s)(?P<key>{KEY})\s*+[:=]++\s*+(?:{TAG}|host(?![\w-]))", re.IGNORECASE
)
_IN_LIST = re.compile(rf"[\s,](?P<key>{KEY})\s*+=(?!=)", re.IGNORECASE)
_LISTED_TAGS = rf"{TAG}(?:\s*+,\s*+{TAG})*+"
_TAGS_ALONE = re.compile(rf"\s*+(?P<tags>{_LISTED_TAGS})\s*+$", re.IGNORECASE)
_TAGS_AFTER_NAME = re.compile(rf"\s*+[^\s;/]++\s++(?P<tags>{_LISTED_TAGS})\s*+$", re.IGNORECASE)
_QUOTED_CLAUSE = re.compile(rf"\s*+(?P<quoted>(['\"`])\s*+{KEY}\s*+=.*\2)\s*+$", re.IGNORECASE)
_QUOTED_LIST = {
    "tags": re.compile(r"\s*+(?P<quoted>['\"`(\[{<].*['\"`)\]}>])\s*+$", re.DOTALL),
    **dict.fromkeys(
        ("target", EXCLUDE), re.compile(r"\s*+(?P<quoted>(['\"`]).*\2)\s*+$", re.DOTALL)
    ),
}
_AS_OPTION = re.compile(rf"(?:^|\s)--?(?P<key>{KEY})(?=[\s=]|$)", re.IGNORECASE)
_IN_URL = re.compile(
    rf"(?P<mark>[;#&])\s*+(?:{KEY}\s*+=\s*+{TAG}|(?<!&)(?:target|exclude)\s*+=[\w./\s,*?-]++$)",
    re.IGNORECASE,
)


LOOKALIKES = {
    **{ord(full): chr(ord(full) - 0xFEE0) for full in map(chr, range(0xFF01, 0xFF5F))},
    **dict.fromkeys(map(ord, "\u037e\ufe14\ufe54\u061b"), ";"),
    **dict.fromkeys(map(ord, "\u3001\ufe10\ufe50\uff64\u060c\u201a"), ","),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201b\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033"), '"'),
    **dict.fromkeys(map(ord, "\ufe66\ua78a"), "="),
    ord("\ufe5f"): "#",
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), " "),
}
"""Characters that look like those of a clause, or that cannot be seen, and what is meant."""

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
    """A ``tags=…``, ``target=…`` or ``exclude=…`` with at least one value."""

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
    _refuse_lookalikes(text, _parse_line)
    return _parse_line(text)


def _parse_line(text: str) -> AnnotatedLine:
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
    if remarks and line.requirement:
        _refuse_blank_pieces(body[: len(body) - len(line.options)])
    cuts = line.cuts
    if cuts and not line.options:
        # Cut the comment too: alone on a physical line it would end a continuation.
        cuts = ((cuts[0][0], len(text)),)
    return replace(line, clauses=line.clauses + remarks, cuts=cuts)


def parse_argument(text: str) -> AnnotatedLine:
    """Parse a requirement of the command line; raise AnnotationError if a clause is malformed.

    Only a comment that begins with a clause is a comment; pip has no comments there.
    """
    _refuse_lookalikes(text, _parse_argument)
    try:
        return _parse_argument(text)
    except AnnotationError as error:
        found = _ALONE.findall(text) if error.code == _NO_REQUIREMENT else ()
        if not found:
            raise
        # A command line has no defaults, but options.
        options = " ".join(f"--{key} {shlex.quote(value)}" for key, value in found)
        hint = f"for all requirements without a clause, write {options}"
        raise AnnotationError(
            error.message, hint, error.start, error.end, code=error.code
        ) from error


def _parse_argument(text: str) -> AnnotatedLine:
    comment = _COMMENT_MARK.search(text)
    if comment and not _KNOWN_CLAUSE.match(text, comment.end()):
        comment = None
    body = text[: comment.start()] if comment else text
    end, clauses = _requirement_clauses(body)
    if comment:
        clauses += tuple(_comment_clauses(text, len(body), own_line=False))
        if not body.strip():
            raise _alone(0, len(text))
        _refuse_blank_pieces(body)
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
    return next((each for each in ("target", EXCLUDE) if key.lower().startswith(each)), "tags")


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
        pieces = [Word(part[0], begin + part.start()) for part in parts if part[0].strip()]
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
        if not piece.text.strip():
            continue
        match = _CLAUSE.match(piece.text)
        if match is not None:
            if not clauses:
                requirement_end = separator
            clauses.append(_clause(piece, match))
            continue
        _refuse_instead_of_clause(piece)
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
    _refuse_without_mark(requirement, next(iter(separators), requirement_end))
    if clauses:
        _refuse_blank_pieces(arguments)
    return requirement_end, tuple(clauses)


def _alone(start: int, end: int) -> AnnotationError:
    message = "there is no requirement before this clause"
    hint = f"write a default after a # on a line of its own: # {EXAMPLE}"
    return AnnotationError(message, hint, start, end, code="WT007")


def _refuse_without_mark(requirement: str, marker: int) -> None:
    """Refuse a clause without a ``;`` or ``#`` before it, and tags without ``tags=``.

    :param requirement: a requirement with its marker.
    :param marker: the index of the ``;`` before the marker.
    """
    comment = _COMMENT_MARK.search(requirement)  # on the command line
    text = requirement[: comment.start()] if comment else requirement
    head, quoted = text[:marker], text[marker:]
    # Quoted text of a marker holds no clauses.
    text = head + re.sub(r"'[^']*'|\"[^\"]*\"", lambda found: "_" * len(found[0]), quoted)
    match = _WITHOUT_MARK.search(text)
    if match and re.search(r"[/\\]", text[: match.start()]):
        match = _AFTER_PATH.search(text)
    if match:
        key, start = nearest_key(match["key"]), match.start("key")
        end = len((head if start < marker else text).rstrip())
        if not text[:start].strip():
            raise _alone(start, end)
        raise _unmarked(key, start, end)
    bare = _TAGS_AFTER_NAME.match(text)
    if bare:
        raise _without_key(*bare.span("tags"))


def _refuse_instead_of_clause(piece: Word) -> None:
    """Refuse a misspelled clause after a ``;``, which pip would read as an invalid marker."""
    near = _NEAR_CLAUSE.match(piece.text)
    if near:
        message = f"{near['key']} is not followed by a single = and a list"
        key = nearest_key(near["key"])
        hint = f"write {key}=… as in {_EXAMPLES[key]}"
        raise AnnotationError(message, hint, *piece.extent, code="WT005")
    _refuse_quoted(_QUOTED_CLAUSE.match(piece.text), "clause", piece.start)
    bare = _TAGS_ALONE.match(piece.text)
    if bare:
        raise _without_key(*(piece.start + each for each in bare.span("tags")))


def _unmarked(key: str, start: int, end: int) -> AnnotationError:
    message = f"there is no ; or # directly before {key}="
    hint = f"write a ; before it: REQUIREMENT ; {key}=…"
    return AnnotationError(message, hint, start, end, code="WT015")


def _without_key(start: int, end: int) -> AnnotationError:
    message = "there is no tags= before this tag"
    return AnnotationError(message, "write REQUIREMENT ; tags=…", start, end, code="WT020")


def _refuse_quoted(match: re.Match[str] | None, what: str, offset: int) -> None:
    """Refuse a match whose group ``quoted`` is a clause or a list in quotes."""
    if match:
        start, end = (offset + each for each in match.span("quoted"))
        message = f"the {what} is in quotes or brackets"
        raise AnnotationError(message, "leave them out", start, end, code="WT017")


def _refuse_blank_pieces(arguments: str) -> None:
    """Refuse a ``;`` with nothing between it and the next one, or the end."""
    separators = tuple(_separators(arguments))
    for start, end in zip(separators, [*separators[1:], len(arguments)], strict=False):
        if not arguments[start + 1 : end].strip():
            message = "there is nothing after this ;"
            raise AnnotationError(message, "leave it out", start, start + 1, code="WT018")


def _refuse_lookalikes(text: str, parse: Callable[[str], AnnotatedLine]) -> None:
    """Refuse a clause with a character that only looks like the right one, or is invisible."""
    plain = text if text.isascii() else text.translate(LOOKALIKES)
    if plain == text:
        return
    wrong = [index for index, each in enumerate(text) if each != plain[index]]
    try:
        places = set(_clause_places(parse(plain)))
    except AnnotationError as error:
        places = set(range(error.start, error.end))
    start = next((index for index in wrong if index in places), None)
    if start is None:
        return
    character, meant = text[start], plain[start]
    code = f"U+{ord(character):04X}"
    if meant == " ":
        message, hint = f"there is an invisible character here, {code}", "remove it"
    else:
        message, hint = f"this looks like {meant} but is {code}", f"write {meant}"
    raise AnnotationError(message, hint, start, start + 1, code="WT016")


def _clause_places(line: AnnotatedLine) -> Iterator[int]:
    """Return the index of each character of the clauses, except those of names, and around them."""
    text = line.text
    for clause in line.clauses:
        mark = _before_space(text, text.rindex(clause.key, 0, clause.values[0].start)) - 1
        start, end = _before_space(text, mark), clause.values[-1].end
        while end < len(text) and text[end] in " \t;,":
            end += 1
        hidden = clause.values if clause.key == "target" else ()
        names = {index for value in hidden for index in range(value.start, value.end)}
        yield from (index for index in range(start, end) if index not in names)


def _before_space(text: str, index: int) -> int:
    while index > 0 and text[index - 1].isspace():
        index -= 1
    return index


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
    if key not in CLAUSES:
        near = get_close_matches(key.lower(), CLAUSES, n=1, cutoff=0.5)
        hint = f"write {near[0]}=…" if near else "the clauses are tags=…, target=… and exclude=…"
        raise AnnotationError(f"{key}= is not a clause", hint, start, end, code="WT001")
    listed = piece.text[match.end() :]
    if not listed.strip():
        hint = f"write it like {_EXAMPLES[key]}"
        raise AnnotationError(f"{key}= has no values", hint, start, listed_at, code="WT002")
    another = _IN_LIST.search(listed)
    if another:
        found = listed_at + another.start("key")
        raise _unmarked(nearest_key(another["key"]), found, piece.start + len(piece.text.rstrip()))
    _refuse_quoted(_QUOTED_LIST[key].match(listed), "list", listed_at)
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
        if key == EXCLUDE and "${" not in word.text:
            try:
                Exclusion(word.text)
            except InvalidPatternError as error:
                place = word.start, word.end
                raise AnnotationError(error.message, error.hint, *place, code="WT021") from error
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
        named = sign.count("=") == 1 and nearest_key(key) != "tags" and not match["lead"].strip()
        meant = alone and (named or (first == "host" and bool(sign)))
    if not meant:
        return
    start = piece.start + match.start("key")
    end = piece.start + match.end("sign" if sign else "key")
    if key in CLAUSES and sign == "=":
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
    written = _AS_OPTION.search(visible)
    if written:
        key = nearest_key(written["key"])
        start = len(arguments) + written.start("key")
        message = f"{key} is written like an option"
        hint = f"write it like REQUIREMENT ; {key}=…, or as a default: # {key}=…"
        end = start + len(visible[written.start("key") :].partition(" -")[0].rstrip())
        raise AnnotationError(message, hint, start, end, code="WT019")
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
