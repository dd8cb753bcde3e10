"""Explanations as text: what was requested, why each release does not fit, and suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from packaging.version import Version

from wheeltarget.pip_protocol import Backtracking, Demand, HashMismatch
from wheeltarget.resolver.explanation import Explanation, Release

_MOST_GROUPS, _FEWER_GROUPS, _MOST_REQUESTS = 6, 3, 3
_INDENT = "    "
_WIDEST = 44
"""How wide the first column may be; a wider cell, such as a hash, gets a line of its own."""

NO_HASH = "hashes are required, but this requirement has none"


def explanation_lines(explanations: Sequence[Explanation]) -> Iterator[str]:
    """Write why requirements could not be met; what is the same for several targets, once."""
    by_text: dict[tuple[str, ...], list[str]] = {}
    for explanation in explanations:
        by_text.setdefault(tuple(_lines(explanation)), []).append(explanation.target.label)
    several = len({explanation.target.label for explanation in explanations}) > 1
    for (heading, *lines), targets in by_text.items():
        yield heading
        if several and targets[0] not in heading:
            yield f"{_INDENT}for {', '.join(targets)}"
        yield from lines


def backtracking_lines(tried: Sequence[tuple[str, Backtracking]]) -> Iterator[str]:
    """Write how often pip went back for each target, and which requirements were the reason."""
    for label, each in tried:
        projects = f"{each.projects} project{'s' * (each.projects > 1)}"
        heading = f"pip tried {each.versions} versions of {projects} for {label}"
        if not each.rivals:
            yield f"{heading}, {each.tried_most[1]} of them of {each.tried_most[0]}"
            continue
        yield heading
        rows = [_rival(demand) for demand in each.rivals]
        first = each.rivals[0]
        rows += [(f"{first.project}{first.constraint}", "(constraint)")] * bool(first.constraint)
        these = "this" if len(rows) == 1 else "these"
        these = these if each.is_alone else f"requirements such as {these}"
        what = f"no version satisfies {these}" if len(rows) == 1 else f"{these} exclude each other"
        yield f"{_INDENT}most often, {each.times} times, {what}:"
        yield from _columns(rows)


def _rival(demand: Demand) -> tuple[str, str]:
    name = demand.name if demand.project else "Python "
    return f"{name}{demand.specifier}", _requested_by([demand])


def _lines(explanation: Explanation) -> Iterator[str]:
    yield from _heading(explanation)
    if explanation.mismatch is not None:
        yield from _mismatch(explanation.mismatch)
        return
    if not explanation.lacks_only_hash:
        yield from _releases(explanation)
    yield from suggestion_lines(explanation)


def _mismatch(mismatch: HashMismatch) -> Iterator[str]:
    """Write where a file with a wrong hash is from, both hashes, and what may be the reason."""
    kind = "index" if mismatch.index else "file"
    rows = [(kind, mismatch.index or mismatch.file)]
    rows += [("expected", f"{name}:{value}") for name, value in mismatch.allowed]
    rows += [("got", f"{name}:{value}") for name, value in mismatch.found]
    yield from _columns(rows)
    if not mismatch.index:
        yield "  if the file was replaced on purpose, write its new hash; else do not use it"
    else:
        wheel = "the wheel was not read; " if mismatch.is_metadata else ""
        yield f"  {wheel}try again with --no-cache-dir, then report this to the index"


def suggestion_lines(explanation: Explanation) -> Iterator[str]:
    """Write the suggestions of an explanation, if there are any."""
    suggestions, sources = explanation.suggestions, explanation.sources
    width = _width([*suggestions, *sources])
    if suggestions:
        yield f"  to fix it, use{' one of these' * (len(suggestions) > 1)}:"
        yield from _columns(suggestions, width)
    if sources:
        yield "  from source (not tried):"
        yield from _columns(sources, width)


def _releases(explanation: Explanation) -> Iterator[str]:
    """Write why the requested releases do not fit, and the newest one that does."""
    admitted = explanation.admitted
    missing = explanation.missing if len(explanation.releases) > 1 else ""
    if missing:
        yield f"{_INDENT}no release has a wheel for {missing}"
    if admitted:
        yield from _columns(_groups(admitted, _FEWER_GROUPS if missing else _MOST_GROUPS))
    newest = explanation.newest_fitting
    is_suggested = any("newest that fits" in what for _, what in explanation.suggestions)
    is_conflict = not admitted and len(explanation.demands) > 1
    if newest is not None and not (newest.admitted or is_suggested or is_conflict):
        yield f"{_INDENT}the newest that fits is {newest.version}"


def _heading(explanation: Explanation) -> Iterator[str]:
    """Write what is wrong, and what requests the project."""
    demand, *others = explanation.demands
    limit = f", constrained to {demand.constraint}" if demand.constraint else ""
    if others and not explanation.admitted:
        label = explanation.target.label
        yield f"{demand.project}{limit}: no release satisfies all of these for {label}"
        yield from _columns(list(_requests(explanation.demands)))
        return
    place = f" ({demand.location})" if demand.location and not demand.chain else ""
    yield f"{demand.name}{demand.specifier}{place}{limit}: {_problem(explanation)}"
    if demand.chain:
        yield f"{_INDENT}{_chain(demand, demand.chain[0][1])}"
    if explanation.mismatch is not None:
        return
    if not explanation.releases:
        yield from (f"{_INDENT}not found at {place}" for place in explanation.places)
    elif not explanation.admitted and not demand.constraint:
        versions = [release.version for release in explanation.releases]
        final = [version for version in versions if not version.is_prerelease]
        yield f"{_INDENT}the newest release is {(final or versions)[0]}"
    yield from _columns(list(_requests(others)))


def _problem(explanation: Explanation) -> str:
    demand = explanation.demands[0]
    if (mismatch := explanation.mismatch) is not None:
        whose = "that its index lists" if mismatch.index else "that is required"
        name = mismatch.file.rpartition("/")[2]
        what = f"the metadata file {name}" if mismatch.is_metadata else name
        return f"{what} does not have the hash {whose}"
    if explanation.lacks_only_hash:
        return NO_HASH
    if not explanation.releases:
        return "there is no such project"
    if explanation.admitted:
        return f"no file fits {explanation.target.label}"
    return "no release satisfies both" if demand.constraint else "there is no such release"


def _requests(demands: Sequence[Demand]) -> Iterator[tuple[str, str]]:
    """Return what is requested and by what; of many releases of a project, only the newest."""
    by_chain: dict[tuple[str, ...], list[Demand]] = {}
    for number, demand in enumerate(demands):
        chain = tuple(name for name, _ in demand.chain) or (f"line {number}",)
        by_chain.setdefault(chain, []).append(demand)
    for same in by_chain.values():
        groups = [(text, list(group)) for text, group in groupby(same, key=_requested)]
        if len(groups) > _MOST_REQUESTS:
            newest = groups[0][0]
            others = [demand for demand in same if _requested(demand) != newest]
            groups = [groups[0], ("others", others)]
        yield from ((text, _requested_by(group)) for text, group in groups)


def _requested(demand: Demand) -> str:
    return demand.file.rpartition("/")[2] or demand.specifier or "any"


def _requested_by(demands: Sequence[Demand]) -> str:
    first = demands[0]
    if not first.chain:
        return f"({first.location or 'requested'})"
    # of the requesting project
    found = {Version(each.chain[0][1]) for each in demands if each.chain and each.chain[0][1]}
    versions = sorted(found, reverse=True)
    return f"({_chain(first, span(versions) if versions else '')})"


def _chain(demand: Demand, versions: str) -> str:
    """Return what needs the project, up to the user's line."""
    (first, _), *above = demand.chain
    text = f"needed by {first}{' ' if versions else ''}{versions}"
    text += "".join(f", which {name} needs" for name, _ in above)
    return f"{text}; {demand.location}" if demand.location else text


def _groups(releases: Sequence[Release], most: int) -> list[tuple[str, str]]:
    """Group neighbours with the same reason; of many groups, show only the newest."""
    groups = [
        (reason, [release.version for release in group])
        for reason, group in groupby(releases, key=lambda release: release.reason.text)
    ]
    shown = groups if len(groups) <= most + 1 else groups[:most]
    rows = [(span(versions), reason) for reason, versions in shown]
    left = [version for _, versions in groups[len(shown) :] for version in versions]
    return [*rows, (span(left), "does not fit either")] if left else rows


def span(versions: Sequence[Version]) -> str:
    """Return ``OLDEST to NEWEST``; the newest version is the first."""
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
