"""Results of ``explain`` as text: a line for each requirement, and tables of releases."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from string import ascii_uppercase
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.explanation import NO_HASH, suggestion_lines
from wheeltarget.cli.output.release_table import GAP, Cell, Page, file_text, release_tables
from wheeltarget.cli.output.text import Style, show_notes
from wheeltarget.errors import COMMAND_LINE
from wheeltarget.utils.redact import redact

if TYPE_CHECKING:
    from wheeltarget.commands.explain.explain import ExplainOutcome
    from wheeltarget.commands.explain.results import BestFile, Row, TargetResult
    from wheeltarget.resolver.explanation import Explanation

_WIDTH, _NARROWEST, _WIDEST = 80, 60, 140
_ESCAPE = re.compile(r"\x1b\[[\d;]*m")
_LONGEST_NAME = 40


def show_explained(
    outcome: ExplainOutcome,
    stdout: TextIO,
    *,
    every: bool = False,
    coloured: bool = True,
) -> None:
    """Write which releases fit which target.

    :param outcome: the result.
    :param stdout: where to write.
    :param every: whether to show every release of every requirement.
    :param coloured: False to write no colour even on a terminal.
    """
    style = Style(stdout, os.environ, coloured=coloured)
    columns = shutil.get_terminal_size((_WIDTH, 24)).columns if stdout.isatty() else _WIDTH
    width = min(max(columns, _NARROWEST), _WIDEST)
    names = {}
    if len(outcome.targets) > 1:
        labels = (label for label, _, _ in outcome.targets)
        names = {label: _letter(number) for number, label in enumerate(labels)}
    page = Page(style, width, every, names)
    stdout.writelines(f"{redact(line)}\n" for line in _lines(outcome, page))
    stdout.flush()


def show_problems(outcome: ExplainOutcome, stderr: TextIO, *, coloured: bool = True) -> None:
    """Write errors and notes.

    :param outcome: the result.
    :param stderr: where to write.
    :param coloured: False to write no colour even on a terminal.
    """
    word = Style(stderr, os.environ, coloured=coloured).error("error:")
    stderr.writelines(f"{word} {redact(problem)}\n" for problem in outcome.problems)
    show_notes(outcome.notes, stderr, coloured=coloured)


def _letter(number: int) -> str:
    """Return A to Z, then AA and so on."""
    more, last = divmod(number, len(ascii_uppercase))
    return (_letter(more - 1) if more else "") + ascii_uppercase[last]


def _lines(outcome: ExplainOutcome, page: Page) -> Iterator[str]:
    blocks = []
    if page.names:
        blocks.append([f"{page.style.strong(name)}  {label}" for label, name in page.names.items()])
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
    count = max((page.width - left) // (column + len(GAP)), 1)
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
            if any(cell != _NOT_REQUESTED for cell in cells[part])
        ]
        yield from page.table(rows, widths)
    fine = sum(row.is_fine for row in outcome.rows)
    if fine < len(outcome.rows):
        yield ""
        yield f"{fine} of {len(outcome.rows)} requirements are available for all their targets."


_NOT_REQUESTED = Cell("-", "faint")


def _result(answer: TargetResult | None) -> Cell:
    if answer is None:
        return _NOT_REQUESTED
    if answer.problem:
        return Cell("not known", "bad")
    if answer.marker:
        return Cell("not needed", "faint")
    if answer.taken:
        return Cell(answer.taken.version, "good")
    return Cell("from its URL") if answer.is_fine else Cell("nothing fits", "bad")


def _block(row: Row, page: Page, *, whole: bool) -> Iterator[str]:
    """Write the results of one requirement: all of them, or only the failures."""
    places = [each for each in row.locations if not each.startswith(COMMAND_LINE)]
    place = f" ({', '.join(places)})" if places else ""
    target = "" if page.names else f" for {row.answers[0].target}"
    yield f"{page.style.strong(row.requirement)}{place}{target}"
    answers = [answer for answer in row.answers if whole or not answer.is_fine]
    yield from release_tables(answers, page)
    for answer in answers:
        yield from _conclusion(answer, row, page)
        if answer.explanation and not answer.is_fine:
            yield from suggestion_lines(answer.explanation)


def _conclusion(answer: TargetResult, row: Row, page: Page) -> Iterator[str]:
    """Write the result for one target."""
    name = f"{page.style.strong(page.name(answer))} " if page.names else "The target "
    why = answer.explanation
    if answer.marker:
        yield f"  {name}does not need it, because its marker is false: {answer.marker}"
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
        if demand.hashes:
            return "hashes are required, so its version must be pinned with =="
        return NO_HASH
    if not why.admitted and others:
        return "no release satisfies all its requirements"
    if not why.admitted:
        return f"there is no such release{' within the constraint' if demand.constraint else ''}"
    if why.missing:
        return f"no release has a wheel for {why.missing}"
    return "" if why.newest_fitting else "no release fits"


def _with_file(text: str, file: BestFile | None, page: Page) -> Iterator[str]:
    """Write a sentence, and a file behind it or in the next line."""
    whole = f"  {text}: {file_text(file)}" if file else f"  {text}"
    if file is None or len(_ESCAPE.sub("", whole)) <= page.width:
        yield whole
    else:
        yield from [f"  {text}:", f"    {file_text(file)}"]
