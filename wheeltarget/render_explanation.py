"""Explanations as text: who asks, release by release why not, and the nearest fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from packaging.version import Version

from wheeltarget.demands import Demand, Release
from wheeltarget.explanation import Explanation

_MOST_GROUPS = 6
_INDENT = "    "


def explanation_lines(explanations: Sequence[Explanation]) -> Iterator[str]:
    """Write why demands could not be met.

    :param explanations: one for each project.
    :returns: lines, without line ends, most of them short enough for 80 columns.
    """
    for explanation in explanations:
        yield from _lines(explanation)


def _lines(explanation: Explanation) -> Iterator[str]:
    name = explanation.demands[0].name
    if not explanation.releases:
        yield f"{name}: nothing of this name is known here"
        yield from (f"{_INDENT}{_asker(demand)}" for demand in explanation.demands)
        return
    if not explanation.admitted:
        yield from _conflict(explanation)
    else:
        demand = explanation.demands[0]
        limit = f", constrained to {demand.constraint}" if demand.constraint else ""
        yield f"{name}{demand.specifier} {_asker(demand)}{limit}: no file fits {explanation.target}"
        yield from _columns(_groups(explanation.admitted))
    newest = explanation.newest_fitting
    if newest is not None and not newest.admitted:
        yield f"{_INDENT}the newest that fits is {newest.version}"
    if explanation.fixes:
        yield "  each of these would do:"
        yield from _columns(explanation.fixes)


def _conflict(explanation: Explanation) -> Iterator[str]:
    """Write demands that no release meets."""
    name = explanation.demands[0].name
    if len(explanation.demands) == 1:
        demand = explanation.demands[0]
        yield f"{name}{demand.specifier} {_asker(demand)}: there is no such release"
        yield f"{_INDENT}the newest one is {explanation.releases[0].version}"
        return
    yield f"{name}: for {explanation.target} no release meets all of these"
    yield from _columns(list(_askers(explanation.demands)))


def _askers(demands: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Give each specifier with who asks; of releases of one project the oldest and the newest."""
    for (specifier, _), group in groupby(demands, key=lambda d: (d.specifier, _who(d))):
        same = list(group)
        versions = sorted({d.chain[0][1] for d in same if d.chain}, key=Version)
        asker = _asker(same[0])
        if len(versions) > 1:
            asker = asker.replace(same[0].chain[0][1], f"{versions[0]} to {versions[-1]}", 1)
        yield specifier or "any", asker


def _who(demand: Demand) -> tuple[str, ...]:
    return tuple(name for name, _ in demand.chain)


def _asker(demand: Demand) -> str:
    """Say who asks, up to the user's line."""
    if not demand.chain:
        return f"({demand.location})" if demand.location else "(asked for)"
    (first, version), *above = demand.chain
    through = "".join(f", which {name} needs" for name, _ in above)
    return f"(needed by {first}{' ' if version else ''}{version}{through})"


def _groups(releases: Sequence[Release]) -> list[tuple[str, str]]:
    """Put neighbours with the same reason together."""
    rows = []
    for reason, group in groupby(releases, key=lambda release: release.reason.text):
        versions = [release.version for release in group]
        span = str(versions[0])
        if len(versions) > 1:
            span = f"{versions[-1]} to {versions[0]}"
        rows.append((span, reason))
    more = len(rows) - _MOST_GROUPS
    return [*rows[:_MOST_GROUPS], (f"and {more} more", "")] if more > 0 else rows


def _columns(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(left) for left, _ in rows), default=0)
    for left, right in rows:
        yield f"{_INDENT}{left:<{width}}  {right}".rstrip()
