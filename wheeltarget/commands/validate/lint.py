"""Check and fix the annotations in a text.

A fix is safe if there is only one possible meaning. Others, such as a newer platform, are left to
the user. Nothing here reads or writes files, except the function that looks up targets.

start-up: packaging is loaded only if a project is pinned at two versions, a marker is in the wrong
place, or a ``;`` is missing.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from wheeltarget.errors import AnnotationError, Fault, Location, TargetError
from wheeltarget.requirements.annotations import (
    KEY,
    LOOKALIKES,
    TAG,
    AnnotatedLine,
    Clause,
    Kind,
    Word,
    nearest_key,
    parse_line,
)
from wheeltarget.requirements.parser import (
    RefusedLine,
    SourceLine,
    constraint_fault,
    read_lines,
)
from wheeltarget.targets.names import KEYS
from wheeltarget.targets.target import Target

LookUp = Callable[[str, str, str], Target | None]
"""Returns the target that (key, text, folder) names; raises TargetError."""

_Name = tuple[str, str]
"""The key of a clause, and one of its values."""

_MOST_ROUNDS = 50
"""A safeguard: each round of fixes leaves less to fix, so they end by themselves."""

_MOST_FAULTS = 20
"""A line with more faults is not fixed."""

_END = r"(?=\s*+(?:$|;|(?<=\s)[#-]))"
_MEANT = re.compile(
    rf"(?P<key>{KEY})\s*+(?P<sign>[:=]*+)\s*+"
    rf"(?:(?P<tags>{TAG}(?:\s*+,\s*+{TAG})*+){_END}|(?P<names>[\w./-]++){_END})",
    re.IGNORECASE,
)
_OPTION_KEY = re.compile(rf"(?P<key>{KEY})(?:\s*+=|\s++)\s*+(?=\S)", re.IGNORECASE)
_LISTED = re.compile(r"\s*+(?:tags|target|exclude)\s*+=(?!=)")
_PIN = re.compile(r"===?\s*+([^\s,;()]++)")
_PROJECT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A replacement of the characters from ``start`` to before ``end``; an insertion has none."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault in a file, and its fix.

    :param fault: the fault; it has a code.
    :param edits: the fix, in the file's text; empty if no fix is safe.
    """

    fault: Fault
    edits: tuple[Edit, ...] = ()

    @property
    def fixable(self) -> bool:
        """Return whether there is a safe fix."""
        return bool(self.edits)

    @property
    def location(self) -> Location:
        """Return the place of the fault."""
        assert self.fault.location is not None  # noqa: S101 - every finding is in a line
        return self.fault.location


def check_text(
    name: str,
    text: str,
    look_up: LookUp,
    *,
    constraints: bool = False,
    is_sorted: bool = False,
) -> tuple[Finding, ...]:
    """Return what is wrong in the decoded text of a file, in its order.

    :param constraints: whether it is a constraints file, in which pip refuses some lines.
    :param is_sorted: whether a hook of pre-commit sorts its lines.
    """
    checker = _Checker(name, look_up)
    return checker.check(text, constraints=constraints, is_sorted=is_sorted)


def fix_text(name: str, text: str, look_up: LookUp) -> tuple[str, tuple[Finding, ...]]:
    """Apply the safe fixes, and lay out the clauses.

    :returns: the new text, with as many lines, and the fixed findings; the place of a finding that
        appeared only after another fix is that in the line at that time.
    """
    checker = _Checker(name, look_up)
    fixed: list[Finding] = []
    for _ in range(_MOST_ROUNDS):
        chosen = list(_without_overlaps(checker.check(text, layout=True)))
        text = apply_edits(text, (edit for finding in chosen for edit in finding.edits))
        fixed += chosen
        if not chosen:
            break
    return text, tuple(sorted(fixed, key=lambda finding: finding.location.line))


def _without_overlaps(findings: Iterable[Finding]) -> Iterator[Finding]:
    position = 0
    for finding in findings:
        if finding.edits and min(finding.edits).start >= position:
            yield finding
            position = max(edit.end for edit in finding.edits)


class _Checker:
    """Check a file, perhaps several times, and look up each target once."""

    def __init__(self, name: str, look_up: LookUp) -> None:
        self._name = name
        self._look_up = look_up
        self._known: dict[_Name, Target | TargetError | None] = {}

    def check(
        self,
        text: str,
        *,
        layout: bool = False,
        constraints: bool = False,
        is_sorted: bool = False,
    ) -> tuple[Finding, ...]:
        """Return the findings; with ``layout``, also those about layout."""
        findings: list[Finding] = []
        targeted: list[tuple[SourceLine, tuple[_Name, ...]]] = []
        default: tuple[_Name, ...] = ()
        for line in read_lines(self._name, text):
            if isinstance(line, RefusedLine):
                edits = _place(clause_edits(line.text, line.error), line.pieces)
                findings.append(Finding(line.fault, edits))
                if line.text.lstrip().startswith("#"):
                    default = ()  # the intended default is not known
                continue
            found = tuple(self._line_findings(line)) if line.parsed.clauses else ()
            findings += found
            if layout and len(line.pieces) == 1 and not any(each.edits for each in found):
                findings += _layout_finding(line)
            if constraints and line.parsed.kind is Kind.REQUIREMENT:
                fault = constraint_fault(line)
                findings += [Finding(fault)] if fault else []
            names = tuple(
                (clause.key, word.text)
                for clause in line.parsed.clauses
                for word in clause.values
                if clause.key in KEYS
            )
            if line.parsed.kind is Kind.DEFAULT:
                findings += [_sorted_finding(line)] if is_sorted else []
                default = names or default  # exclude= alone keeps it
            elif line.parsed.kind is Kind.REQUIREMENT and (names or default):
                targeted.append((line, names or default))
        findings += self._pin_findings(targeted)
        return tuple(sorted(findings, key=lambda finding: finding.location))

    def _find(self, key: str, text: str) -> Target | TargetError | None:
        """Look up a target; return None for a value with a variable, which is not known yet."""
        if "${" in text:
            return None
        if (key, text) not in self._known:
            folder = os.path.dirname(self._name)  # noqa: PTH120 - as pip has it
            try:
                self._known[key, text] = self._look_up(key, text, folder)
            except TargetError as error:
                self._known[key, text] = error
        return self._known[key, text]

    def _line_findings(self, line: SourceLine) -> Iterator[Finding]:
        seen: dict[object, Word] = {}
        twice: dict[Word, Word] = {}
        for clause in line.parsed.clauses:
            for word in clause.values if clause.key in KEYS else ():
                found = self._find(clause.key, word.text)
                if isinstance(found, TargetError):
                    edits = _place(self._target_edits(line, clause, word, found), line.pieces)
                    place = word.start, word.end
                    yield Finding(line.fault(found.message, found.hint, *place, found.code), edits)
                    continue
                # Target files with the same content but different names may differ later.
                same: object = (clause.key, word.text)
                if clause.key == "tags" and found is not None:
                    same = found
                first = seen.setdefault(same, word)
                if first is not word:
                    twice[word] = first
        edits_by_word = leave_out(line.parsed, twice)
        for word, first in twice.items():
            message = f"{word.text} is named twice"
            if word.text.lower() != first.text.lower():
                message = f"{word.text} is the same environment as {first.text}"
            edits = _place(edits_by_word.get(word, ()), line.pieces)
            fault = line.fault(message, "remove one of them", word.start, word.end, "WT301")
            yield Finding(fault, edits)

    def _target_edits(
        self, line: SourceLine, clause: Clause, word: Word, error: TargetError
    ) -> tuple[Edit, ...]:
        """Return the fix of a value that does not name a target."""
        if clause.key == "tags":
            tag = self._correction(error)
            return (Edit(word.start, word.end, tag),) if tag else ()
        if all(isinstance(self._find("tags", each.text), Target) for each in clause.values):
            _, key = head_of(line.parsed.text, clause)
            return (Edit(key, clause.values[0].start, "tags="),)
        return ()

    def _correction(self, error: TargetError) -> str:
        """Return the valid tag that safe corrections lead to, or an empty text."""
        tried: set[str] = set()
        while error.instead and error.instead not in tried:
            tried.add(error.instead)
            found = self._find("tags", error.instead)
            if not isinstance(found, TargetError):
                return error.instead
            error = found
        return ""

    def _pin_findings(
        self, targeted: Sequence[tuple[SourceLine, tuple[_Name, ...]]]
    ) -> Iterator[Finding]:
        """Find projects at two versions for one target."""
        pins: dict[tuple[str, Target], list[tuple[SourceLine, set[str]]]] = defaultdict(list)
        for line, names in targeted:
            project, versions = _pins(line.parsed.requirement)
            for name in dict.fromkeys(names) if versions else ():
                target = self._find(*name)
                if isinstance(target, Target):
                    pins[project, target].append((line, versions))
        # Requirements are parsed only if two versions are written, since that takes long.
        for (_, target), pinned in pins.items():
            if len(set[str]().union(*(versions for _, versions in pinned))) > 1:
                from wheeltarget.resolver.plan import pin_faults

                yield from map(Finding, pin_faults(target, dict(pinned)))


def _pins(requirement: str) -> tuple[str, set[str]]:
    """Return the project and the pinned versions, without a full parse."""
    match = _PROJECT.match(requirement)
    if match is None:
        return "", set()
    specifiers = requirement.partition(";")[0]
    return re.sub(r"[-_.]+", "-", match[1]).lower(), set(_PIN.findall(specifiers))


def _sorted_finding(line: SourceLine) -> Finding:
    message = (
        "requirements-txt-fixer, in .pre-commit-config.yaml, sorts lines away from this default"
    )
    hint = "write the clause in each line, or exclude this file from that hook"
    _, key = head_of(line.parsed.text, line.parsed.clauses[0])
    end = line.parsed.clauses[-1].values[-1].end
    return Finding(line.fault(message, hint, key, end, "WT601"))


def _layout_finding(line: SourceLine) -> Iterator[Finding]:
    edits = _place(layout_edits(line.parsed), line.pieces)
    if edits:
        message = "the clause is not laid out as --fix writes it"
        start = line.parsed.clauses[0].values[0].start
        yield Finding(line.fault(message, "", start, start + 1, "WT401"), edits)


def _place(edits: Iterable[Edit], pieces: Sequence[tuple[int, int, int, int]]) -> tuple[Edit, ...]:
    """Convert edits of a logical line to edits of the text; none if one spans two lines."""
    placed = []
    for edit in edits:
        # An insertion belongs to the character before it.
        first = edit.start - 1 if edit.start == edit.end and edit.start else edit.start
        index, offset, length, _ = pieces[bisect_right(pieces, first, key=itemgetter(0)) - 1]
        if max(first + 1, edit.end) > index + length:
            return ()
        shift = offset - index
        placed.append(Edit(edit.start + shift, edit.end + shift, edit.text))
    return tuple(placed)


# Edits


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits, which must not overlap."""
    parts, position = [], 0
    for edit in sorted(edits):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def clause_edits(text: str, error: AnnotationError) -> tuple[Edit, ...]:
    """Return the fix of a clause, of a logical line, that cannot be parsed; empty if none is safe.

    If a later fault of the line cannot be fixed, nothing is, since the line would then mean
    something that the user has not read.
    """
    first = edits = _edits(text, error)
    for _ in range(_MOST_FAULTS):
        if not edits:
            break
        text = apply_edits(text, edits)
        try:
            parse_line(text)
        except AnnotationError as next_error:
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
    elif match["sign"] and (key := nearest_key(match["key"])) != "tags":
        yield Edit(match.start(), match.start("names"), f"{key}=")


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


def _separate_clause(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write the missing ``;`` before a clause, or a space before its ``#``."""
    before = text[: error.start].rstrip(" \t\v\f\xa0,:|#")
    if _ends_well(before):
        mark = "#" if "#" in text[len(before) : error.start] else ";"
        yield Edit(len(before), error.start, f" {mark} ")


def _add_key(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write ``tags=`` before a tag, and the ``;`` if it is missing, too."""
    before = text[: error.start].rstrip()
    requirement = before.removesuffix(";").rstrip()
    if _ends_well(requirement):
        yield Edit(len(requirement), error.start, " ; tags=")


def _ends_well(text: str) -> bool:
    """Return whether a clause can follow: a requirement, perhaps with clauses, or a default."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        line = parse_line(text)
        if line.kind is not Kind.DEFAULT:
            Requirement(line.requirement)
    except (AnnotationError, InvalidRequirement):
        return False
    return not line.options


def _replace_lookalike(text: str, error: AnnotationError) -> Iterator[Edit]:
    yield Edit(error.start, error.end, LOOKALIKES[ord(text[error.start])].strip())


def _leave_out_quotes(text: str, error: AnnotationError) -> Iterator[Edit]:
    quoted = text[error.start : error.end]
    if "$" not in quoted:
        yield Edit(error.start, error.end, re.sub(r"""['"`()\[\]{}<>]""", "", quoted).strip())


def _leave_out_separator(text: str, error: AnnotationError) -> Iterator[Edit]:
    yield Edit(len(text[: error.start].rstrip()), error.end, "")


def _write_as_clause(text: str, error: AnnotationError) -> Iterator[Edit]:
    """Write ``; tags=…`` after a requirement, or ``# tags=…`` on a line of its own."""
    before = text[: error.start].rstrip("-")
    match = _OPTION_KEY.match(text, error.start)
    if match and (not before.strip() or _ends_well(before)):
        mark = ";" if before.strip() else "#"
        yield Edit(len(before), match.end(), f"{mark} {nearest_key(match['key'])}=")


_BY_CODE: dict[str, Callable[[str, AnnotationError], Iterator[Edit]]] = {
    "WT001": _respell_key,
    "WT004": _separate_by_commas,
    "WT005": _respell_key,
    "WT006": _put_marker_first,
    "WT009": _respell_key,
    "WT011": _put_clause_first,
    "WT012": _move_clause_to_comment,
    "WT014": _separate_url,
    "WT015": _separate_clause,
    "WT016": _replace_lookalike,
    "WT017": _leave_out_quotes,
    "WT018": _leave_out_separator,
    "WT019": _write_as_clause,
    "WT020": _add_key,
}


def head_of(text: str, clause: Clause) -> tuple[int, int]:
    """Return the index of the ``;`` or ``#`` before a clause of a line, and that of its key.

    If a comment begins with ``;``, its ``#`` counts.
    """
    key = text.rindex(clause.key, 0, clause.values[0].start)
    mark = key - 1
    while text[mark].isspace():
        mark -= 1
    comment = mark
    while comment > 0 and (text[comment].isspace() or text[comment] == ";"):
        comment -= 1
    begins_comment = text[comment] == "#" and (not comment or text[comment - 1].isspace())
    return comment if begins_comment else mark, key


def leave_out(line: AnnotatedLine, removed: Collection[Word]) -> dict[Word, tuple[Edit]]:
    """Return how to take some values, but not all, out of their clauses.

    :returns: the edits by value, which can overlap; a clause in a comment has no edit if other
        text follows.
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
            elif not line.text[values[-1].end :].strip():
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
