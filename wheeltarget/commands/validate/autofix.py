"""Safe corrections of wrong clauses.

A correction is safe if there is only one possible meaning. Others, such as a newer platform, are
left to the user.

start-up: packaging is loaded only if a marker is in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.annotations import (
    KEY,
    TAG,
    AnnotatedLine,
    Clause,
    Word,
    nearest_key,
    parse_line,
)

_MOST_FAULTS = 20
"""A line with more faults is not fixed."""

_END = r"(?=\s*+(?:$|;|(?<=\s)[#-]))"
_MEANT = re.compile(
    rf"(?P<key>{KEY})\s*+(?P<sign>[:=]*+)\s*+"
    rf"(?:(?P<tags>{TAG}(?:\s*+,\s*+{TAG})*+){_END}|(?P<names>[\w./-]++){_END})",
    re.IGNORECASE,
)
_BLANK_REST = re.compile(r"\s*+\Z")
_LISTED = re.compile(r"\s*+(?:tags|target)\s*+=(?!=)")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A replacement of a part of a text; an insertion starts where it ends.

    :param start: index of its first character.
    :param end: index after the last one.
    :param text: the new text.
    """

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits, which must not overlap."""
    parts, position = [], 0
    for edit in sorted(edits):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def clause_edits(text: str, error: AnnotationError) -> tuple[Edit, ...]:
    """Return the fix of a clause that cannot be parsed; empty if no correction is safe.

    :param text: the logical line.
    """
    first = edits = _edits(text, error)
    for _ in range(_MOST_FAULTS):
        if not edits:
            return ()
        text = apply_edits(text, edits)
        try:
            parse_line(text)
        except AnnotationError as next_error:
            # If a later fault cannot be fixed, nothing is, since the line would then mean something
            # that the user has not read.
            edits = _edits(text, next_error)
        else:
            return first
    return ()


def _edits(text: str, error: AnnotationError) -> tuple[Edit, ...]:
    return tuple(_BY_CODE[error.code](text, error)) if error.code in _BY_CODE else ()


def _respell_key(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write ``tags=`` for ``tag=``, ``Tags=``, ``tags:`` and the like."""
    match = _MEANT.match(text, error.start)
    before = text[: error.start].rstrip()[-1:]
    if match is None or before not in {";", "#"}:
        return
    if match["tags"]:
        yield Edit(match.start(), match.start("tags"), "tags=")
    elif match["sign"] and nearest_key(match["key"]) == "target":
        yield Edit(match.start(), match.start("names"), "target=")


def _separate_by_commas(text: str, error: AnnotationError) -> Iterator[Edit]:
    tags = text[error.start : error.end].split()
    if all(re.fullmatch(TAG, tag, re.IGNORECASE) for tag in tags):
        yield Edit(error.start, error.end, ",".join(tags))


def _put_marker_first(text: str, error: AnnotationError) -> Iterator[Edit]:
    from packaging.markers import InvalidMarker, Marker

    requirement, *pieces = text[: error.start].rstrip()[:-1].split(";")
    if not pieces or "#" in requirement or not all(map(_LISTED.match, pieces)):
        return
    marker = text[error.start : error.end]
    try:
        Marker(marker)
    except InvalidMarker:
        return
    end = len(requirement.rstrip())
    yield Edit(end, end, f" ; {marker}")
    mark = len(requirement) + sum(len(piece) + 1 for piece in pieces)
    yield Edit(len(text[:mark].rstrip()), error.end, "")


def _put_clause_first(text: str, error: AnnotationError) -> Iterator[Edit]:
    mark, clauses = _valid_clauses(text, error)
    if clauses:
        # The first option is after the first space with a dash.
        end = len(text[: text.index(" -")].rstrip())
        yield Edit(end, end, f" ; {clauses}")
        yield Edit(len(text[:mark].rstrip()), error.end, "")


def _move_clause_to_comment(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write the clauses of an editable requirement after a ``#``."""
    mark, clauses = _valid_clauses(text, error)
    if clauses and text[error.end :].lstrip()[:1] in {"", "#"}:
        yield Edit(mark, error.start, "# " if text[mark - 1].isspace() else " # ")


def _valid_clauses(text: str, error: AnnotationError) -> tuple[int, str]:
    """Return the index of the ``;`` before misplaced clauses, and the clauses; empty if invalid."""
    before, clauses = text[: error.start].rstrip(), text[error.start : error.end]
    try:
        line = parse_line(f"_ ; {clauses}")
    except AnnotationError:
        return 0, ""
    are_all = len(line.clauses) == clauses.count(";") + 1 and not line.options
    return len(before) - 1, clauses if before.endswith(";") and are_all else ""


def _separate_url(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write a space between a URL and the clause after it."""
    if text[error.start] == ";":
        yield Edit(error.start, error.start, " ")


_BY_CODE: dict[str, Callable[[str, AnnotationError], Iterator[Edit]]] = {
    "WT001": _respell_key,
    "WT004": _separate_by_commas,
    "WT005": _respell_key,
    "WT006": _put_marker_first,
    "WT009": _respell_key,
    "WT011": _put_clause_first,
    "WT012": _move_clause_to_comment,
    "WT014": _separate_url,
}


def head_of(text: str, clause: Clause) -> tuple[int, int]:
    """Return the index of the ``;`` or ``#`` before a clause of a line, and that of its key."""
    key = text.rindex(clause.key, 0, clause.values[0].start)
    mark = key - 1
    while text[mark].isspace():
        mark -= 1
    return mark, key


def leave_out(line: AnnotatedLine, removed: Collection[Word]) -> dict[Word, tuple[Edit]]:
    """Return how to take some values, but not all, out of their clauses.

    :returns: the edits by value. They can overlap. There is none for a clause in a comment that
        other text follows.
    """
    edits = {}
    before = 0
    for clause in line.clauses:
        values = clause.values
        for number, value in enumerate(values):
            if value not in removed:
                continue
            mark, _ = head_of(line.text, clause)
            if number:
                edits[value] = (Edit(values[number - 1].end, value.end, ""),)
            elif not all(each in removed for each in values):
                edits[value] = (Edit(value.start, values[1].start, ""),)
            elif line.text[mark] == ";":
                edits[value] = (Edit(before, values[-1].end, ""),)
            elif _BLANK_REST.match(line.text, values[-1].end):
                edits[value] = (Edit(len(line.text[:mark].rstrip()), values[-1].end, ""),)
        before = values[-1].end
    return edits


def layout_edits(line: AnnotatedLine) -> tuple[Edit, ...]:
    """Return how to lay out the clauses of a line: ``REQUIREMENT ; tags=TAG,TAG``.

    Spaces before the first ``;`` or ``#`` are kept, since they may align columns.

    :param line: a line of one physical line.
    """
    wanted = []
    before = None
    for clause in line.clauses:
        mark, _ = head_of(line.text, clause)
        if line.text[mark] == ";":
            if before is not None:
                wanted.append(Edit(before, mark, " "))
            elif not line.text[mark - 1].isspace():
                wanted.append(Edit(mark, mark, " "))
        first = clause.values[0].start
        wanted.append(Edit(mark + 1, first, f" {clause.key}="))
        for value, following in zip(clause.values, clause.values[1:], strict=False):
            wanted.append(Edit(value.end, following.start, ","))
        if clause.key == "tags":
            wanted += [
                Edit(value.start, value.end, value.text.lower())
                for value in clause.values
                if value.text.isascii() and "$" not in value.text
            ]
        before = clause.values[-1].end
    return tuple(edit for edit in wanted if line.text[edit.start : edit.end] != edit.text)
