"""Explanations as text: who asks, release by release why not, and the nearest fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from packaging.version import Version

from wheeltarget.demands import Demand, Release
from wheeltarget.explanation import Explanation

_MOST_GROUPS, _FEWER_GROUPS = 6, 3
_INDENT = "    "
_WIDEST = 60
"""How wide what is to be written may be before what it does is moved; a hash is wider."""


def explanation_lines(explanations: Sequence[Explanation]) -> Iterator[str]:
    """Write why demands could not be met.

    :param explanations: one for each project.
    :returns: lines, without line ends, most of them short enough for 80 columns.
    """
    for explanation in explanations:
        yield from _lines(explanation)


def _lines(explanation: Explanation) -> Iterator[str]:
    yield from _heading(explanation)
    most = _MOST_GROUPS
    if explanation.missing:
        yield f"{_INDENT}no release has a wheel for {explanation.missing}"
        most = _FEWER_GROUPS
    if explanation.admitted and not explanation.demands[0].unlisted:
        yield from _columns(_groups(explanation.admitted, most))
    newest = explanation.newest_fitting
    told = any("newest that fits" in what for _, what in explanation.fixes)
    if newest is not None and not newest.admitted and not told:
        yield f"{_INDENT}the newest that fits is {newest.version}"
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
    written = [len(what) for _, rows in changes for what, _ in rows]
    width = max((length for length in written if length <= _WIDEST), default=0)
    for heading, rows in changes:
        if rows:
            yield f"  {heading}"
            yield from _columns(rows, width)


def _heading(explanation: Explanation) -> Iterator[str]:
    """Say what cannot be had, and who asks for it."""
    demand, *others = explanation.demands
    limit = f", constrained to {demand.constraint}" if demand.constraint else ""
    asked = f"{demand.name}{demand.specifier} {_asker(demand)}{limit}"
    if demand.unlisted:
        yield f"{asked}: hashes are compared, and none is listed for it"
    elif not explanation.releases:
        yield f"{asked}: there is nothing of this name"
        yield from (f"{_INDENT}{place}" for place in explanation.places)
    elif explanation.admitted:
        yield f"{asked}: no file fits {explanation.target}"
        yield from _columns(list(_askers(others)))
    elif others:
        yield f"{demand.project}{limit}: for {explanation.target} no release meets all of these"
        yield from _columns(list(_askers(explanation.demands)))
    else:
        yield f"{asked}: there is no such release"
        versions = [release.version for release in explanation.releases]
        final = [version for version in versions if not version.is_prerelease]
        yield f"{_INDENT}the newest one is {(final or versions)[0]}"


def _askers(demands: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Give what is asked for with who asks; of releases of one project the oldest and newest."""
    for (what, _), group in groupby(demands, key=lambda d: (_what(d), _who(d))):
        same = list(group)
        versions = sorted({d.chain[0][1] for d in same if d.chain}, key=Version)
        asker = _asker(same[0])
        if len(versions) > 1:
            asker = asker.replace(same[0].chain[0][1], f"{versions[0]} to {versions[-1]}", 1)
        yield what, asker


def _what(demand: Demand) -> str:
    return demand.file.rpartition("/")[2] or demand.specifier or "any"


def _who(demand: Demand) -> tuple[str, ...]:
    return tuple(name for name, _ in demand.chain)


def _asker(demand: Demand) -> str:
    """Say who asks, up to the user's line."""
    if not demand.chain:
        return f"({demand.location})" if demand.location else "(asked for)"
    (first, version), *above = demand.chain
    said = f"needed by {first}{' ' if version else ''}{version}"
    said += "".join(f", which {name} needs" for name, _ in above)
    return f"({said}; {demand.location})" if demand.location else f"({said})"


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
    width = width or max((len(left) for left, _ in rows), default=0)
    for left, right in rows:
        if len(left) > max(width, _WIDEST):
            yield f"{_INDENT}{left}"
            yield f"{_INDENT}{_INDENT}{right}"
        else:
            yield f"{_INDENT}{left:<{width}}  {right}".rstrip()
