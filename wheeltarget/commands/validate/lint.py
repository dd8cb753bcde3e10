"""Check and fix the annotations in a text.

Nothing here reads or writes files, except the function that looks up targets.

start-up: what needs packaging is loaded only if a project is pinned at two versions.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from wheeltarget.commands.validate.autofix import (
    Edit,
    apply_edits,
    clause_edits,
    head_of,
    layout_edits,
    leave_out,
)
from wheeltarget.errors import Fault, Location, TargetError
from wheeltarget.requirements.annotations import Clause, Kind, Word
from wheeltarget.requirements.parser import RefusedLine, SourceLine, read_lines
from wheeltarget.targets.target import Target

LookUp = Callable[[str, str, str], Target | None]
"""Returns the target that (key, text, folder) names; raises TargetError."""

_Name = tuple[str, str]
"""The key of a clause, and one of its values."""

_MOST_ROUNDS = 50
"""A safeguard: each round of fixes leaves less to fix, so they end by themselves."""

_PIN = re.compile(r"===?\s*+([^\s,;()]++)")
_PROJECT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)", re.ASCII)


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


def check_text(name: str, text: str, look_up: LookUp) -> tuple[Finding, ...]:
    """Return what is wrong in the decoded text of a file, in its order."""
    return _Checker(name, look_up).check(text)


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

    def check(self, text: str, *, layout: bool = False) -> tuple[Finding, ...]:
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
            names = tuple(
                (clause.key, word.text) for clause in line.parsed.clauses for word in clause.values
            )
            if line.parsed.kind is Kind.DEFAULT:
                default = names
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
            for word in clause.values:
                found = self._find(clause.key, word.text)
                if isinstance(found, TargetError):
                    edits = _place(self._target_edits(line, clause, word, found), line.pieces)
                    yield _finding(line, word, (found.code, found.message, found.hint), edits)
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
            yield _finding(line, word, ("WT301", message, "remove one of them"), edits)

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
        pins: dict[tuple[str, Target], dict[SourceLine, set[str]]] = defaultdict(dict)
        for line, names in targeted:
            project, versions = _pins(line.parsed.requirement)
            for name in names if versions else ():
                target = self._find(*name)
                if isinstance(target, Target):
                    pins[project, target][line] = versions
        # Requirements are parsed only if two versions are written, since that takes long.
        for (_, target), by_line in pins.items():
            if len(set[str]().union(*by_line.values())) > 1:
                from wheeltarget.resolver.plan import pin_faults

                yield from map(Finding, pin_faults(target, by_line))


def _pins(requirement: str) -> tuple[str, set[str]]:
    """Return the project and the pinned versions, without a full parse."""
    match = _PROJECT.match(requirement)
    if match is None:
        return "", set()
    specifiers = requirement.partition(";")[0]
    return re.sub(r"[-_.]+", "-", match[1]).lower(), set(_PIN.findall(specifiers))


def _finding(
    line: SourceLine, word: Word, what: tuple[str, str, str], edits: tuple[Edit, ...]
) -> Finding:
    """Return a finding at a word, from its code, message and hint."""
    code, message, hint = what
    return Finding(line.fault(message, hint, word.start, word.end, code), edits)


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
