"""What fits which target, as a table of releases by target."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from string import ascii_uppercase
from typing import TYPE_CHECKING, TextIO

from wheeltarget.errors import COMMAND_LINE
from wheeltarget.nearness import Nearness
from wheeltarget.redaction import redact
from wheeltarget.render import Style, format_size, show_notes
from wheeltarget.render_explanation import fix_lines

if TYPE_CHECKING:
    from packaging.version import Version

    from wheeltarget.answers import Answer, BestFile, Row
    from wheeltarget.demands import Release
    from wheeltarget.explain import ExplainOutcome
    from wheeltarget.explanation import Explanation

_WIDTH, _NARROWEST, _WIDEST = 80, 60, 140
_LEAST_COLUMN, _COLUMN_WITH_TAG = 16, 26
_LEFT = 24
_GAP = "  "
_ESCAPE = re.compile(r"\x1b\[[\d;]*m")
_SHORT_TABLE = 14
_ADMITTED_ROWS = 8
_FIRST_ROWS = 2
_LONGEST_REASON = 90
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    :param text: what stands in it.
    :param kind: how it is set off: ``good``, ``bad``, ``faint``, ``strong`` or not at all.
    """

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table of releases.

    :param versions: its releases, the newest first.
    :param admitted: whether they are asked for.
    :param cells: what each target has of them.
    """

    versions: tuple[Version, ...]
    admitted: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """How things are written.

    :param style: how words are set off.
    :param width: how many columns there are.
    :param every: whether each release has a row of its own, and each requirement a table.
    :param names: a short name for each target, by its label; empty where there is only one.
    """

    style: Style
    width: int
    every: bool
    names: dict[str, str]

    def name(self, answer: Answer) -> str:
        """Give what a target is called in a table."""
        return self.names.get(answer.target, answer.target)

    def paint(self, text: str, kind: str) -> str:
        """Set a text off."""
        paints: dict[str, Callable[[str], str]] = {
            "good": self.style.good,
            "bad": self.style.error,
            "faint": self.style.faint,
            "strong": self.style.strong,
        }
        return paints[kind](text) if kind and text.strip() else text

    def table(self, rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> Iterator[str]:
        """Write rows of cells, each wrapped within its column."""
        for row in rows:
            wrapped = [
                textwrap.wrap(cell.text, width) or [""]
                for cell, width in zip(row, widths, strict=True)
            ]
            for parts in zip_longest(*wrapped, fillvalue=""):
                last = max((n for n, part in enumerate(parts) if part), default=0)
                yield _GAP.join(
                    self.paint(part if n == last else f"{part:<{width}}", cell.kind)
                    for n, (part, cell, width) in enumerate(zip(parts, row, widths, strict=True))
                    if n <= last
                )


def show_explained(
    outcome: ExplainOutcome,
    stdout: TextIO,
    stderr: TextIO,
    *,
    every: bool = False,
    coloured: bool = True,
) -> None:
    """Say what fits which target.

    :param outcome: what was found out.
    :param stdout: for the tables.
    :param stderr: for what could not be found out, and notes.
    :param every: whether to show each release, of every requirement.
    :param coloured: False where no colour is wanted even on a terminal.
    """
    style = Style(stdout, os.environ, coloured=coloured)
    columns = shutil.get_terminal_size((_WIDTH, 24)).columns if stdout.isatty() else _WIDTH
    width = min(max(columns, _NARROWEST), _WIDEST)
    names = {}
    if len(outcome.targets) > 1:
        labels = (label for label, _, _ in outcome.targets)
        names = {label: _letter(number) for number, label in enumerate(labels)}
    page = _Page(style, width, every, names)
    stdout.writelines(f"{redact(line)}\n" for line in _lines(outcome, page))
    stdout.flush()
    word = Style(stderr, os.environ, coloured=coloured).error("error:")
    stderr.writelines(f"{word} {redact(problem)}\n" for problem in outcome.problems)
    show_notes(outcome.notes, stderr, coloured=coloured)


def _letter(number: int) -> str:
    """Give A to Z, then AA and so on."""
    more, last = divmod(number, len(ascii_uppercase))
    return (_letter(more - 1) if more else "") + ascii_uppercase[last]


def _lines(outcome: ExplainOutcome, page: _Page) -> Iterator[str]:
    blocks = []
    if page.names:
        blocks.append([f"{page.style.strong(name)}  {label}" for label, name in page.names.items()])
    if len(outcome.rows) > 1:
        blocks.append(list(_summary(outcome, page)))
    alone = len(outcome.rows) == 1
    blocks += [
        list(_block(row, page, whole=alone or page.every))
        for row in outcome.rows
        if alone or page.every or not row.is_fine
    ]
    for number, block in enumerate(blocks):
        yield from [""] if number else []
        yield from block


def _summary(outcome: ExplainOutcome, page: _Page) -> Iterator[str]:
    """Write a line for each requirement: what each target gets."""
    labels = [label for label, _, _ in outcome.targets]
    table = [
        [_result({each.target: each for each in row.answers}.get(label)) for label in labels]
        for row in outcome.rows
    ]
    first = [Cell(textwrap.shorten(row.requirement, _LONGEST_NAME)) for row in outcome.rows]
    left = max(len(cell.text) for cell in first)
    column = max(len(cell.text) for row in table for cell in row)
    count = max((page.width - left) // (column + len(_GAP)), 1)
    for start in range(0, len(labels), count):
        yield from [""] if start else []
        part = slice(start, start + count)
        head = [Cell(page.names.get(label, label), "strong") for label in labels[part]]
        widths = [left, *([column] * len(head))]
        if page.names:
            yield from page.table([[Cell(""), *head]], widths)
        else:
            yield page.style.strong(f"For {labels[0]}:")
        rows = [
            [name, *cells[part]]
            for name, cells in zip(first, table, strict=True)
            if any(cell != _NOT_ASKED for cell in cells[part])
        ]
        yield from page.table(rows, widths)
    fine = sum(row.is_fine for row in outcome.rows)
    if fine < len(outcome.rows):
        yield ""
        yield f"{fine} of {len(outcome.rows)} requirements can be had by everybody they are for."


_NOT_ASKED = Cell("-", "faint")


def _result(answer: Answer | None) -> Cell:
    """Say in short what a target gets."""
    if answer is None:
        return _NOT_ASKED
    if answer.problem:
        return Cell("not known", "bad")
    if answer.marker:
        return Cell("not needed", "faint")
    if answer.taken:
        return Cell(answer.taken.version, "good")
    return Cell("as named") if answer.is_fine else Cell("nothing fits", "bad")


def _block(row: Row, page: _Page, *, whole: bool) -> Iterator[str]:
    """Write everything about one requirement; or only about the targets that cannot have it."""
    places = [each for each in row.locations if not each.startswith(COMMAND_LINE)]
    place = f" ({', '.join(places)})" if places else ""
    whom = "" if page.names else f" for {row.answers[0].target}"
    yield f"{page.style.strong(row.requirement)}{place}{whom}"
    answers = [answer for answer in row.answers if whole or not answer.is_fine]
    shown = [answer for answer in answers if answer.explanation and answer.explanation.releases]
    column = _COLUMN_WITH_TAG if page.every or len(shown) < 3 else _LEAST_COLUMN
    count = max((page.width - _LEFT) // (column + len(_GAP)), 1)
    for start in range(0, len(shown), count):
        yield from [""] if start else []
        yield from _releases(shown[start : start + count], page)
    for answer in answers:
        yield from _conclusion(answer, row, page)
        if answer.explanation and not answer.is_fine:
            yield from fix_lines(answer.explanation)


def _releases(answers: Sequence[Answer], page: _Page) -> Iterator[str]:
    """Write the table of releases by target."""
    kept = list(_kept(_grouped(answers, every=page.every), answers, every=page.every))
    marked = any(line.admitted for line in kept) and not all(
        line.admitted for line in kept if line.versions
    )
    spans = [_span(line.versions) for line in kept]
    left = max(map(len, spans))
    rest = page.width - left - len(" *") - len(_GAP) * (1 + len(answers))
    widths = [2, left, *([rest // len(answers)] * len(answers))]
    rows = [
        [
            Cell(" *" if marked and line.admitted else "", "strong"),
            _span_cell(line, span),
            *line.cells,
        ]
        for line, span in zip(kept, spans, strict=True)
    ]
    if page.names:
        names = (Cell(page.name(answer), "strong") for answer in answers)
        rows.insert(0, [Cell(""), Cell(""), *names])
    yield from page.table(rows, widths)
    notes = [f"{page.style.strong('*')} asked for"] if marked else []
    if sum(len(line.versions) for line in kept) < len(_versions(answers)):
        notes.append("--all shows every release")
    if notes:
        yield f" {', '.join(notes)}"


def _span_cell(line: _Line, span: str) -> Cell:
    return Cell(span, "" if line.admitted else "faint")


def _span(versions: Sequence[Version]) -> str:
    if len(versions) < 2:
        return str(versions[0]) if versions else "…"
    return f"{versions[-1]} to {versions[0]}"


def _versions(answers: Sequence[Answer]) -> list[Version]:
    """Give every release, the newest first."""
    explanations = [answer.explanation for answer in answers if answer.explanation]
    return sorted({each.version for why in explanations for each in why.releases}, reverse=True)


def _grouped(answers: Sequence[Answer], *, every: bool) -> list[_Line]:
    """Put neighbouring releases together of which the same is to be said."""
    by_target = [
        {release.version: release for release in answer.explanation.releases}
        for answer in answers
        if answer.explanation
    ]
    versions = _versions(answers)
    finals = [version for version in versions if not version.is_prerelease]
    if finals and not every:
        asked = {v for releases in by_target for v, each in releases.items() if each.admitted}
        versions = [v for v in versions if v in asked or not v.is_prerelease]
    lines = []
    for version in versions:
        seen = [releases.get(version) for releases in by_target]
        cells = tuple(
            _cell(release, answer, columns=len(answers), every=every)
            for release, answer in zip(seen, answers, strict=True)
        )
        admitted = any(release.admitted for release in seen if release)
        lines.append(_Line((version,), admitted, cells))
    if every:
        return lines
    return [
        _Line(tuple(v for line in same for v in line.versions), admitted, cells)
        for (admitted, cells), group in groupby(lines, key=lambda line: (line.admitted, line.cells))
        for same in [list(group)]
    ]


def _cell(release: Release | None, answer: Answer, *, columns: int, every: bool) -> Cell:
    """Say what a target has of a release."""
    if release is None:
        return Cell("")
    if release.reason.nearness is not Nearness.FITS:
        text = " ".join(release.reason.text.split())
        short = f"{text[:_LONGEST_REASON].rstrip()}…" if len(text) > _LONGEST_REASON else text
        return Cell(short, "" if release.admitted else "faint")
    file = answer.file_of(str(release.version))
    if file is None or not file.tag or columns > 2:
        return Cell(release.reason.text, "good")
    return Cell(_file(file) if columns == 1 and every else f"fits: {file.tag}", "good")


def _kept(lines: Sequence[_Line], answers: Sequence[Answer], *, every: bool) -> Iterator[_Line]:
    """Leave lines out of a long table that say the least, and say how many."""
    if every or len(lines) <= _SHORT_TABLE:
        yield from lines
        return
    counted = {file.version for each in answers for file in (each.newest, each.taken) if file}
    admitted = [number for number, line in enumerate(lines) if line.admitted]
    kept = {*range(_FIRST_ROWS), *admitted[:_ADMITTED_ROWS]}
    kept |= {
        number for number, line in enumerate(lines) if counted.intersection(map(str, line.versions))
    }
    for is_kept, group in groupby(enumerate(lines), key=lambda each: each[0] in kept):
        found = [line for _, line in group]
        if is_kept:
            yield from found
            continue
        count = sum(len(line.versions) for line in found)
        said = Cell(f"{count} more", "faint")
        yield _Line((), False, (said, *[Cell("")] * (len(answers) - 1)))  # noqa: FBT003 - a row


def _conclusion(answer: Answer, row: Row, page: _Page) -> Iterator[str]:
    """Say what comes of it for one target."""
    name = f"{page.style.strong(page.name(answer))} " if page.names else "The target "
    if answer.marker:
        yield f"  {name}does not need it, for its marker does not hold: {answer.marker}"
    elif answer.problem:
        yield f"  {name}may get it or not: that could not be found out"
    elif answer.explanation is None:
        yield f"  {name}gets it from {answer.url}, and no index is asked"
    elif not answer.explanation.releases:
        yield f"  {name}gets nothing: there is nothing of the name {row.project}"
        yield from (f"    not at {place}" for place in answer.explanation.places)
        if answer.near:
            yield f"    did you mean {' or '.join(answer.near)}?"
    elif answer.taken:
        yield from _with_file(f"{name}gets {answer.taken.version}:", answer.taken, page)
    elif answer.explanation.demands[0].unlisted:
        lacks = (
            "one version has to be named"
            if answer.explanation.demands[0].hashes
            else ("none is listed for it")
        )
        yield f"  {name}gets nothing: hashes are compared, and {lacks}"
    elif answer.newest:
        why = "" if answer.explanation.admitted else f": {_lack(answer.explanation)}"
        said = f"{name}gets nothing{why}; the newest that fits is {answer.newest.version}:"
        yield from _with_file(said, answer.newest, page)
    elif answer.explanation.missing:
        yield f"  {name}gets nothing; no release has a wheel for {answer.explanation.missing}"
    elif not answer.explanation.admitted:
        yield f"  {name}gets nothing: {_lack(answer.explanation)}"
    else:
        yield f"  {name}gets nothing; no release fits"


def _lack(explanation: Explanation) -> str:
    """Say that no release is asked for."""
    demands = explanation.demands
    if len(demands) > 1:
        return "no release meets all that is asked for"
    return (
        "no release meets the constraint" if demands[0].constraint else "there is no such release"
    )


def _with_file(said: str, file: BestFile, page: _Page) -> Iterator[str]:
    whole = f"  {said} {_file(file)}"
    if len(_ESCAPE.sub("", whole)) <= page.width:
        yield whole
    else:
        yield from [f"  {said}", f"    {_file(file)}"]


def _file(file: BestFile) -> str:
    return file.filename + ("" if file.size is None else f" ({format_size(file.size)})")
