"""Explanations as text: who asks, release by release why not, and the nearest fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from packaging.version import Version

from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.demands import Release
from wheeltarget.resolver.explanation import Explanation

_MOST_GROUPS, _FEWER_GROUPS = 6, 3
_MOST_ASKERS = 3
_INDENT = "    "
_WIDEST = 60
"""How wide what is to be written may be before what it does is moved; a hash is wider."""


def explanation_lines(explanations: Sequence[Explanation]) -> Iterator[str]:
    """Write why demands could not be met.

    :param explanations: one for each project.
    :returns: lines, without line ends, most of them short enough for 80 columns.
    """
    told: dict[tuple[str, ...], list[str]] = {}
    for explanation in explanations:
        told.setdefault(tuple(_lines(explanation)), []).append(explanation.target)
    several = len({explanation.target for explanation in explanations}) > 1
    for (heading, *lines), targets in told.items():
        yield heading
        if several and targets[0] not in heading:
            yield f"{_INDENT}for {', '.join(targets)}"
        yield from lines


def _lines(explanation: Explanation) -> Iterator[str]:
    yield from _heading(explanation)
    if not explanation.demands[0].unlisted:
        yield from _releases(explanation)
    yield from fix_lines(explanation)


def fix_lines(explanation: Explanation) -> Iterator[str]:
    """Write what would do.

    :param explanation: the explanation.
    :returns: lines, without line ends; none where nothing would.
    """
    changes = (
        ("one of these lets a file fit:", explanation.fixes),
        ("from source, which was not tried:", explanation.sources),
    )
    width = _width([row for _, rows in changes for row in rows])
    for heading, rows in changes:
        if rows:
            yield f"  {heading if len(rows) > 1 else heading.replace('one of these', 'this')}"
            yield from _columns(rows, width)


def _releases(explanation: Explanation) -> Iterator[str]:
    """Say of the releases that are asked for why they do not fit, and which one would."""
    admitted = explanation.admitted
    missing = explanation.missing if len(explanation.releases) > 1 else ""
    if missing:
        yield f"{_INDENT}no release has a wheel for {missing}"
    if admitted:
        yield from _columns(_groups(admitted, _FEWER_GROUPS if missing else _MOST_GROUPS))
    newest = explanation.newest_fitting
    told = any("newest that fits" in what for _, what in explanation.fixes)
    contradicted = not admitted and len(explanation.demands) > 1
    if newest is not None and not newest.admitted and not told and not contradicted:
        yield f"{_INDENT}the newest that fits is {newest.version}"


def _heading(explanation: Explanation) -> Iterator[str]:
    """Say what cannot be had, and who asks for it."""
    demand, *others = explanation.demands
    limit = f", constrained to {demand.constraint}" if demand.constraint else ""
    if others and not explanation.admitted:
        yield f"{demand.project}{limit}: for {explanation.target} no release meets all of these"
        yield from _columns(list(_askers(explanation.demands)))
        return
    place = f" ({demand.location})" if demand.location and not demand.chain else ""
    yield f"{demand.name}{demand.specifier}{place}{limit}: {_trouble(explanation)}"
    if demand.chain:
        yield f"{_INDENT}{_way(demand, demand.chain[0][1])}"
    if not explanation.releases:
        yield from (f"{_INDENT}not at {place}" for place in explanation.places)
    elif not explanation.admitted and not demand.constraint:
        versions = [release.version for release in explanation.releases]
        final = [version for version in versions if not version.is_prerelease]
        yield f"{_INDENT}the newest one is {(final or versions)[0]}"
    yield from _columns(list(_askers(others)))


def _trouble(explanation: Explanation) -> str:
    """Say in a few words what is wrong."""
    demand = explanation.demands[0]
    if demand.unlisted:
        return "hashes are compared, and none is listed for it"
    if not explanation.releases:
        return "there is nothing of this name"
    if explanation.admitted:
        return f"no file fits {explanation.target}"
    return "no release meets both" if demand.constraint else "there is no such release"


def _askers(demands: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Give what is asked for with who asks; of many releases of one project the newest is told."""
    by_way: dict[tuple[str, ...], list[Demand]] = {}
    for number, demand in enumerate(demands):
        way = tuple(name for name, _ in demand.chain) or (f"line {number}",)
        by_way.setdefault(way, []).append(demand)
    for same in by_way.values():
        rows = list(_rows(same))
        few = len(rows) <= _MOST_ASKERS
        yield from rows if few else rows[:1]
        if not few:
            left = [demand for demand in same if _what(demand) != rows[0][0]]
            yield "others", _asker(left[0], _versions(left))


def _rows(demands: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Put those together that ask for the same by the same way."""
    for what, group in groupby(demands, key=_what):
        same = list(group)
        yield what, _asker(same[0], _versions(same))


def _versions(demands: Sequence[Demand]) -> str:
    """Give the versions of the project that asks, the oldest to the newest."""
    versions = sorted({Version(d.chain[0][1]) for d in demands if d.chain and d.chain[0][1]})
    return _span(versions[::-1]) if versions else ""


def _what(demand: Demand) -> str:
    return demand.file.rpartition("/")[2] or demand.specifier or "any"


def _asker(demand: Demand, versions: str) -> str:
    """Say who asks, behind what is asked for."""
    return f"({_way(demand, versions)})" if demand.chain else f"({demand.location or 'asked for'})"


def _way(demand: Demand, versions: str) -> str:
    """Say by which way something is needed, up to the user's line."""
    (first, _), *above = demand.chain
    said = f"needed by {first}{' ' if versions else ''}{versions}"
    said += "".join(f", which {name} needs" for name, _ in above)
    return f"{said}; {demand.location}" if demand.location else said


def _groups(releases: Sequence[Release], most: int) -> list[tuple[str, str]]:
    """Put neighbours with the same reason together; of many groups the newest are told."""
    groups = [
        (reason, [release.version for release in group])
        for reason, group in groupby(releases, key=lambda release: release.reason.text)
    ]
    told = groups if len(groups) <= most + 1 else groups[:most]
    rows = [(_span(versions), reason) for reason, versions in told]
    left = [version for _, versions in groups[len(told) :] for version in versions]
    return [*rows, (_span(left), "fits no better")] if left else rows


def _span(versions: Sequence[Version]) -> str:
    newest, oldest = versions[0], versions[-1]
    return str(newest) if len(versions) == 1 else f"{oldest} to {newest}"


def _columns(rows: Sequence[tuple[str, str]], width: int = 0) -> Iterator[str]:
    width = width or _width(rows)
    for left, right in rows:
        if len(left) > _WIDEST:
            yield f"{_INDENT}{left}"
            yield f"{_INDENT}{_INDENT}{right}"
        else:
            yield f"{_INDENT}{left:<{width}}  {right}".rstrip()


def _width(rows: Sequence[tuple[str, str]]) -> int:
    return max((len(left) for left, _ in rows if len(left) <= _WIDEST), default=0)
