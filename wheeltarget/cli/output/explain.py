"""Results of ``explain`` as text: a line for each requirement, and tables of releases.

A table of releases has a column for each target, with the best file, or why no file fits.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from string import ascii_uppercase

from packaging.version import Version

from wheeltarget.cli.output.explanation import NO_HASH, span, suggestion_lines
from wheeltarget.cli.output.text import Style, format_size, show_json, show_lines, show_notes
from wheeltarget.commands.explain import BestFile, ExplainOutcome, Row, TargetResult
from wheeltarget.errors import COMMAND_LINE
from wheeltarget.resolver.explanation import Explanation, Release
from wheeltarget.targets.compatibility import Difference
from wheeltarget.utils.text import redact

_GAP = "  "
_WIDTH, _NARROWEST, _WIDEST = 80, 60, 140
_LEFT, _LEAST_COLUMN, _COLUMN_WITH_TAG = 24, 16, 26
_LONGEST_NAME, _LONGEST_REASON = 40, 90
_SHORT_TABLE, _FIRST_ROWS, _ADMITTED_ROWS = 14, 2, 8
_ESCAPE = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, and its colour as :meth:`Style.paint` has it."""

    text: str
    kind: str = ""


_EMPTY, _NOT_REQUESTED = Cell(""), Cell("-", "faint")


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table of releases: versions, the newest first, and a cell for each target."""

    versions: tuple[Version, ...]
    admitted: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The style and width of the output.

    :param width: the number of columns.
    :param every: whether each release has a row of its own, and each requirement a table.
    :param names: a short name for each target, by its label; empty if there is only one target.
    """

    style: Style
    width: int
    every: bool
    names: dict[str, str]

    def name(self, answer: TargetResult) -> str:
        """Return the name of a target in a table."""
        return self.names.get(answer.target, answer.target)

    def strong(self, text: str) -> str:
        """Return text in bold."""
        return self.style.paint("strong", text)

    def table(self, rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> Iterator[str]:
        """Write rows of cells, each wrapped within its column."""
        for row in rows:
            wrapped = [
                textwrap.wrap(cell.text, width) or [""]
                for cell, width in zip(row, widths, strict=True)
            ]
            for parts in zip_longest(*wrapped, fillvalue=""):
                last = max((n for n, part in enumerate(parts) if part), default=0)
                padding = (*widths[:last], 0)
                yield _GAP.join(
                    self.style.paint(cell.kind if part else "", f"{part:<{width}}")
                    for part, cell, width in zip(parts, row, padding, strict=False)
                )


def show_explained(
    outcome: ExplainOutcome, *, as_json: bool, every: bool = False, coloured: bool = True
) -> None:
    """Write which releases fit which target, and errors and notes.

    :param every: whether to show every release of every requirement.
    """
    if as_json:
        show_json(outcome.as_dict())
    else:
        columns = shutil.get_terminal_size((_WIDTH, 24)).columns
        width = min(max(columns if sys.stdout.isatty() else _WIDTH, _NARROWEST), _WIDEST)
        labels = [label for label, _, _ in outcome.targets]
        names = {label: _letter(number) for number, label in enumerate(labels)}
        style = Style(sys.stdout, coloured=coloured)
        page = Page(style, width, every, names if len(labels) > 1 else {})
        show_lines(_lines(outcome, page))
    mark = Style(sys.stderr, coloured=coloured).paint("error", "error:")
    sys.stderr.writelines(f"{mark} {redact(problem)}\n" for problem in outcome.problems)
    show_notes(outcome.notes, coloured=coloured)


def _letter(number: int) -> str:
    """Return A to Z, then AA and so on."""
    more, last = divmod(number, len(ascii_uppercase))
    return (_letter(more - 1) if more else "") + ascii_uppercase[last]


def _lines(outcome: ExplainOutcome, page: Page) -> Iterator[str]:
    blocks = []
    if page.names:
        blocks.append([f"{page.strong(name)}  {label}" for label, name in page.names.items()])
    if len(outcome.rows) > 1:
        blocks.append(list(_summary(outcome, page)))
    whole = page.every or len(outcome.rows) == 1
    blocks += [
        list(_block(row, page, whole=whole))
        for row in outcome.rows
        if whole or any(answer.result == "misses" for answer in row.answers)
    ]
    for number, block in enumerate(blocks):
        yield from [""] if number else []
        yield from block


def _summary(outcome: ExplainOutcome, page: Page) -> Iterator[str]:
    """Write a line for each requirement with the result for each target."""
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
            yield from page.table([[_EMPTY, *head]], widths)
        else:
            yield page.strong(f"For {labels[0]}:")
        rows = ([name, *cells[part]] for name, cells in zip(first, table, strict=True))
        requested = [row for row in rows if {*row[1:]} != {_NOT_REQUESTED}]
        yield from page.table(requested, widths)
    fine = sum(row.is_fine for row in outcome.rows)
    if fine < len(outcome.rows):
        yield ""
        yield f"{fine} of {len(outcome.rows)} requirements are available for all their targets."


def _result(answer: TargetResult | None) -> Cell:
    if answer is None:
        return _NOT_REQUESTED
    if answer.problem:
        return Cell("not known", "error")
    if answer.marker:
        return Cell("not needed", "faint")
    if answer.left_out_by:
        return Cell("left out", "faint")
    if answer.taken:
        return Cell(answer.taken.version, "good")
    return Cell("from its URL") if answer.is_fine else Cell("nothing fits", "error")


def _block(row: Row, page: Page, *, whole: bool) -> Iterator[str]:
    """Write the results of one requirement: all of them, or only the failures."""
    places = [each for each in row.locations if not each.startswith(COMMAND_LINE)]
    place = f" ({', '.join(places)})" if places else ""
    target = "" if page.names else f" for {row.answers[0].target}"
    yield f"{page.strong(row.requirement)}{place}{target}"
    answers = [answer for answer in row.answers if whole or not answer.is_fine]
    yield from release_tables(answers, page)
    for answer in answers:
        yield from _conclusion(answer, row, page)
        if answer.explanation and not answer.is_fine:
            yield from suggestion_lines(answer.explanation)


def _conclusion(answer: TargetResult, row: Row, page: Page) -> Iterator[str]:
    """Write the result for one target."""
    name = f"{page.strong(page.name(answer))} " if page.names else "The target "
    why = answer.explanation
    if answer.marker:
        yield f"  {name}does not need it, because its marker is false: {answer.marker}"
    elif answer.left_out_by:
        yield f"  {name}does not get it, because {answer.left_out_by} leaves it out"
    elif answer.problem:
        yield f"  {name}could not be checked; see the error"
    elif why is None:
        yield f"  {name}gets it directly from {answer.url}"
    elif answer.taken:
        yield from _with_file(f"{name}gets {answer.taken.version}", answer.taken, page)
    else:
        newest = None if why.demands[0].lacks_hash else answer.newest
        fitting = f"; the newest that fits is {newest.version}" if newest else ""
        cause = _cause(why, row)
        text = f"{name}gets nothing{': ' if cause else ''}{cause}{fitting}"
        yield from _with_file(text, newest, page)
        yield from (f"    not found at {place}" for place in why.places)
        yield from [f"    did you mean {' or '.join(answer.near)}?"] if answer.near else []


def _cause(why: Explanation, row: Row) -> str:
    """Return why the target gets nothing; empty if the table of releases says it."""
    demand, *others = why.demands
    if not why.releases:
        return f"there is no project {row.project}"
    if demand.lacks_hash:
        pin = "hashes are required, so its version must be pinned with =="
        return pin if demand.hashes else NO_HASH
    if not why.admitted and others:
        return "no release satisfies all its requirements"
    if not why.admitted:
        return f"there is no such release{' within the constraint' if demand.constraint else ''}"
    if why.missing:
        return f"no release has a wheel for {why.missing}"
    return "" if why.newest_fitting else "no release fits"


def _with_file(text: str, file: BestFile | None, page: Page) -> Iterator[str]:
    """Write a sentence, and a file behind it or in the next line."""
    whole = f"  {text}: {_file_text(file)}" if file else f"  {text}"
    if file is None or len(_ESCAPE.sub("", whole)) <= page.width:
        yield whole
    else:
        yield from [f"  {text}:", f"    {_file_text(file)}"]


def release_tables(answers: Sequence[TargetResult], page: Page) -> Iterator[str]:
    """Write tables of releases by target, with as many targets side by side as the width allows."""
    answers = [each for each in answers if each.explanation and each.explanation.releases]
    column = _COLUMN_WITH_TAG if page.every or len(answers) < 3 else _LEAST_COLUMN
    count = max((page.width - _LEFT) // (column + len(_GAP)), 1)
    for start in range(0, len(answers), count):
        yield from [""] if start else []
        yield from _releases(answers[start : start + count], page)


def _releases(answers: Sequence[TargetResult], page: Page) -> Iterator[str]:
    kept = list(_shortened(_grouped(answers, every=page.every), answers, every=page.every))
    admitted = {line.admitted for line in kept if line.versions}
    marked = admitted == {True, False}
    spans = [span(line.versions) if line.versions else "…" for line in kept]
    left = max(map(len, spans))
    rest = page.width - left - len(" *") - len(_GAP) * (1 + len(answers))
    widths = [2, left, *([rest // len(answers)] * len(answers))]
    rows = [
        [
            Cell(" *" if marked and line.admitted else "", "strong"),
            Cell(versions, "" if line.admitted else "faint"),
            *line.cells,
        ]
        for line, versions in zip(kept, spans, strict=True)
    ]
    if page.names:
        names = (Cell(page.name(answer), "strong") for answer in answers)
        rows.insert(0, [_EMPTY, _EMPTY, *names])
    yield from page.table(rows, widths)
    notes = [f"{page.strong('*')} matches the requirement"] if marked else []
    if sum(len(line.versions) for line in kept) < len(_versions(answers)):
        notes.append("--all shows every release")
    if notes:
        yield f" {'; '.join(notes)}"


def _versions(answers: Sequence[TargetResult]) -> list[Version]:
    """Return every release, the newest first."""
    explanations = [answer.explanation for answer in answers if answer.explanation]
    return sorted({each.version for why in explanations for each in why.releases}, reverse=True)


def _grouped(answers: Sequence[TargetResult], *, every: bool) -> list[_Line]:
    """Group neighbouring releases with the same result."""
    found = [answer.explanation.releases for answer in answers if answer.explanation]
    by_target = [{each.version: each for each in releases} for releases in found]
    versions = _versions(answers)
    if not (every or all(version.is_prerelease for version in versions)):
        admitted = {each.version for releases in found for each in releases if each.admitted}
        versions = [v for v in versions if v in admitted or not v.is_prerelease]
    lines = []
    for version in versions:
        seen = [releases.get(version) for releases in by_target]
        cells = tuple(
            _cell(release, answer, columns=len(answers), every=every)
            for release, answer in zip(seen, answers, strict=True)
        )
        lines.append(_Line((version,), any(each.admitted for each in seen if each), cells))
    if every:
        return lines
    return [
        _Line(tuple(v for line in group for v in line.versions), *key)
        for key, group in groupby(lines, key=lambda line: (line.admitted, line.cells))
    ]


def _cell(release: Release | None, answer: TargetResult, *, columns: int, every: bool) -> Cell:
    """Return the result of a release for a target."""
    if release is None:
        return _EMPTY
    if release.reason.difference is not Difference.FITS:
        text = " ".join(release.reason.text.split())
        short = f"{text[:_LONGEST_REASON].rstrip()}…" if len(text) > _LONGEST_REASON else text
        return Cell(short, "" if release.admitted else "faint")
    file = answer.file_of(str(release.version))
    if file is None or not file.tag or columns > 2:
        return Cell(release.reason.text, "good")
    return Cell(_file_text(file) if columns == 1 and every else f"fits: {file.tag}", "good")


def _shortened(
    lines: Sequence[_Line], answers: Sequence[TargetResult], *, every: bool
) -> Iterator[_Line]:
    """Replace the least useful lines of a long table by their number."""
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
        more = Cell(f"{count} more", "faint")
        yield _Line((), False, (more, *[_EMPTY] * (len(answers) - 1)))  # noqa: FBT003 - a row


def _file_text(file: BestFile) -> str:
    return file.filename + ("" if file.size is None else f" ({format_size(file.size)})")
