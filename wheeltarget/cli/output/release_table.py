"""The table of releases by target: the best file, or why no file fits."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from wheeltarget.cli.output.text import Style, format_size
from wheeltarget.targets.compatibility import Difference

if TYPE_CHECKING:
    from packaging.version import Version

    from wheeltarget.commands.explain.results import BestFile, TargetResult
    from wheeltarget.resolver.releases import Release

GAP = "  "
"""The space between columns."""

_LEFT = 24
_LEAST_COLUMN, _COLUMN_WITH_TAG = 16, 26
_SHORT_TABLE = 14
_ADMITTED_ROWS = 8
_FIRST_ROWS = 2
_LONGEST_REASON = 90


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    :param text: its text.
    :param kind: its style: ``good``, ``bad``, ``faint``, ``strong`` or empty.
    """

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table of releases.

    :param versions: its releases, the newest first.
    :param admitted: whether the requirement admits them.
    :param cells: the result for each target.
    """

    versions: tuple[Version, ...]
    admitted: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The style and width of the output.

    :param style: the colours.
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

    def _paint(self, text: str, kind: str) -> str:
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
                yield GAP.join(
                    self._paint(part if n == last else f"{part:<{width}}", cell.kind)
                    for n, (part, cell, width) in enumerate(zip(parts, row, widths, strict=True))
                    if n <= last
                )


def release_tables(answers: Sequence[TargetResult], page: Page) -> Iterator[str]:
    """Write tables of releases by target, with as many targets side by side as the width allows.

    :param answers: the result for each target; those without a known release are left out.
    :param page: the style and width.
    :returns: lines, without line ends, none wider than the page.
    """
    answers = [each for each in answers if each.explanation and each.explanation.releases]
    column = _COLUMN_WITH_TAG if page.every or len(answers) < 3 else _LEAST_COLUMN
    count = max((page.width - _LEFT) // (column + len(GAP)), 1)
    for start in range(0, len(answers), count):
        yield from [""] if start else []
        yield from _releases(answers[start : start + count], page)


def _releases(answers: Sequence[TargetResult], page: Page) -> Iterator[str]:
    kept = list(_shortened(_grouped(answers, every=page.every), answers, every=page.every))
    marked = any(line.admitted for line in kept) and not all(
        line.admitted for line in kept if line.versions
    )
    spans = [_span(line.versions) for line in kept]
    left = max(map(len, spans))
    rest = page.width - left - len(" *") - len(GAP) * (1 + len(answers))
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
    notes = [f"{page.style.strong('*')} matches the requirement"] if marked else []
    if sum(len(line.versions) for line in kept) < len(_versions(answers)):
        notes.append("--all shows every release")
    if notes:
        yield f" {'; '.join(notes)}"


def _span_cell(line: _Line, span: str) -> Cell:
    return Cell(span, "" if line.admitted else "faint")


def _span(versions: Sequence[Version]) -> str:
    if len(versions) < 2:
        return str(versions[0]) if versions else "…"
    return f"{versions[-1]} to {versions[0]}"


def _versions(answers: Sequence[TargetResult]) -> list[Version]:
    """Return every release, the newest first."""
    explanations = [answer.explanation for answer in answers if answer.explanation]
    return sorted({each.version for why in explanations for each in why.releases}, reverse=True)


def _grouped(answers: Sequence[TargetResult], *, every: bool) -> list[_Line]:
    """Group neighbouring releases with the same result."""
    by_target = [
        {release.version: release for release in answer.explanation.releases}
        for answer in answers
        if answer.explanation
    ]
    versions = _versions(answers)
    finals = [version for version in versions if not version.is_prerelease]
    if finals and not every:
        admitted = {v for releases in by_target for v, each in releases.items() if each.admitted}
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
        return Cell("")
    if release.reason.difference is not Difference.FITS:
        text = " ".join(release.reason.text.split())
        short = f"{text[:_LONGEST_REASON].rstrip()}…" if len(text) > _LONGEST_REASON else text
        return Cell(short, "" if release.admitted else "faint")
    file = answer.file_of(str(release.version))
    if file is None or not file.tag or columns > 2:
        return Cell(release.reason.text, "good")
    return Cell(file_text(file) if columns == 1 and every else f"fits: {file.tag}", "good")


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
        yield _Line((), False, (more, *[Cell("")] * (len(answers) - 1)))  # noqa: FBT003 - a row


def file_text(file: BestFile) -> str:
    """Return a file's name with its size."""
    return file.filename + ("" if file.size is None else f" ({format_size(file.size)})")
