"""Results for each requirement and target, from what pip found; without any I/O."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from wheeltarget.pip_protocol import Asked, Demand, FileFact, FoundFile, FoundProject, JobListing
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver.explanation import Build, Explanation, explain
from wheeltarget.resolver.plan import Job, parse_requirement
from wheeltarget.resolver.releases import Release, judge
from wheeltarget.resolver.suggestions import Suggestion
from wheeltarget.targets.compatibility import Difference
from wheeltarget.targets.names import HOST_LABEL
from wheeltarget.targets.target import Target


@dataclass(frozen=True, slots=True)
class BestFile:
    """The file that pip would select for a release.

    :param version: the release.
    :param filename: the name of the file.
    :param tag: the best of its tags for the target; empty for a source.
    :param url: its URL, without credentials.
    :param size: its size in bytes according to the index, or None.
    :param hashes: (algorithm, value) according to the index.
    """

    version: str
    filename: str
    tag: str
    url: str
    size: int | None
    hashes: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {**asdict(self), "tag": self.tag or None, "hashes": dict(self.hashes)}


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The result of a requirement for one target.

    :param target: the label of the target.
    :param explanation: which releases fit, why the others do not, and suggestions; None if no
        index was asked.
    :param files: the best file of each release that fits, the newest first.
    :param taken: the file that pip would select if nothing else was requested, or None.
    :param near: similar names, if there is no such project.
    :param marker: the marker that is false for the target; else empty.
    :param url: the URL that the requirement itself names; else empty.
    :param problem: why the requirement could not be checked, as a sentence; else empty.
    """

    target: str
    explanation: Explanation | None = None
    files: tuple[BestFile, ...] = ()
    taken: BestFile | None = None
    near: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    problem: str = ""

    @property
    def is_fine(self) -> bool:
        """Return whether the target gets what it needs."""
        return self.result in {"fits", "not-needed", "named"}

    @property
    def newest(self) -> BestFile | None:
        """Return the newest release that fits, whether it is requested or not."""
        newest = self.explanation.newest_fitting if self.explanation else None
        return self.file_of(str(newest.version)) if newest else None

    @property
    def result(self) -> str:
        """Return the result as one of the words in the documentation."""
        if self.problem:
            return "unknown"
        if self.marker:
            return "not-needed"
        if self.url and not self.explanation:
            return "named"
        return "fits" if self.taken else "misses"

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        why = self.explanation
        return {
            "target": self.target,
            "result": self.result,
            "taken": self.taken and self.taken.as_dict(),
            "newest": self.newest and self.newest.as_dict(),
            "releases": [self._release(release) for release in why.releases] if why else [],
            "fixes": _suggestions(why.suggestions) if why and not self.is_fine else [],
            "sources": _suggestions(why.sources) if why and not self.is_fine else [],
            "missing": (why.missing or None) if why else None,
            "marker": self.marker or None,
            "url": self.url or None,
            "places": list(why.places) if why else [],
            "near": list(self.near),
            "problem": self.problem or None,
        }

    def _release(self, release: Release) -> dict[str, object]:
        version, difference = str(release.version), release.reason.difference
        file = self.file_of(version)
        return {
            "version": version,
            "admitted": release.admitted,
            "fits": difference is Difference.FITS,
            "reason": difference.name.lower().replace("_", "-"),
            "text": release.reason.text,
            "file": file and file.as_dict(),
        }

    def file_of(self, version: str) -> BestFile | None:
        """Return the best file of a release; None if no file fits."""
        return next((file for file in self.files if file.version == version), None)


def _suggestions(suggestions: Iterable[Suggestion]) -> list[dict[str, str]]:
    return [{"write": what, "effect": effect} for what, effect in suggestions]


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement, and its result for each target.

    :param requirement: the requirement as written; several on one project are merged.
    :param project: the project, normalised; empty if it is not known.
    :param locations: the location of each line of a file.
    :param answers: one for each of its targets.
    """

    requirement: str
    project: str
    locations: tuple[str, ...]
    answers: tuple[TargetResult, ...]

    @property
    def is_fine(self) -> bool:
        """Return whether every target gets what it needs."""
        return all(answer.is_fine for answer in self.answers)

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "requirement": self.requirement,
            "project": self.project or None,
            "locations": list(self.locations),
            "targets": [answer.as_dict() for answer in self.answers],
        }


def make_rows(jobs: Sequence[Job], listings: Sequence[JobListing], build: Build) -> tuple[Row, ...]:
    """Group the results of all targets by requirement, in the order of the first target's lines.

    :param jobs: the jobs, each with its target.
    :param listings: the listing of each job.
    """
    rows: dict[tuple[str, str, int], Row] = {}
    for job, listing in zip(jobs, listings, strict=True):
        times: Counter[tuple[str, str]] = Counter()
        for group in _groups(job, listing):
            what = group.text, group.project
            key = (*what, times[what])
            times[what] += 1
            row = rows.get(key, Row(*what, (), ()))
            rows[key] = replace(
                row,
                locations=tuple(dict.fromkeys((*row.locations, *group.locations))),
                answers=(*row.answers, _result(group, job, listing, build)),
            )
    return tuple(rows.values())


class _Found(NamedTuple):
    """A requirement as pip reads it, and its line; None for one of a dependency group."""

    asked: Asked
    line: SourceLine | None

    @property
    def location(self) -> str:
        return str(self.line.fault("").location) if self.line else ""


class _Group(NamedTuple):
    """The requirements on one project for one target, which may be several lines."""

    text: str
    project: str
    found: tuple[_Found, ...]

    @property
    def locations(self) -> Iterator[str]:
        return (each.location for each in self.found if each.line)


def _groups(job: Job, listing: JobListing) -> Iterator[_Group]:
    """Yield the requirements of a target, in the order of its lines."""
    order = {line: number for number, line in enumerate(job.lines)}
    matched = _matched(job, listing.requirements)
    matched.sort(key=lambda each: order[each.line] if each.line else len(order))
    by_project: dict[object, list[_Found]] = {}
    for number, each in enumerate(matched):
        alone = not each.asked.needed or each.asked.url
        by_project.setdefault(number if alone else each.asked.project, []).append(each)
    for same in by_project.values():
        asked = same[0].asked
        text = _text(same[0])
        if len(same) > 1:
            specifiers = dict.fromkeys(each.asked.specifier for each in same)
            text = asked.name + ",".join(filter(None, specifiers))
        yield _Group(text, asked.project, tuple(same))


def _matched(job: Job, requirements: Iterable[Asked]) -> list[_Found]:
    """Find the line of each requirement that pip has read."""
    left = [(line, parse_requirement(line)) for line in job.lines]
    found = []
    for asked in requirements:
        scores = []
        for _, requirement in left:
            if requirement is None or requirement.url:
                scores.append(int(bool(asked.url)))
            elif asked.url or canonicalize_name(requirement.name) != asked.project:
                scores.append(0)
            else:
                same = str(requirement.specifier) == asked.specifier
                scores.append(1 + same + (str(requirement.marker or "") == asked.marker))
        best = max(scores, default=0)
        found.append(_Found(asked, left.pop(scores.index(best))[0] if best else None))
    return found


def _text(found: _Found) -> str:
    """Return a requirement as the user wrote it, without its marker."""
    asked, line = found
    if asked.url:
        return asked.name or asked.url
    if line is None:
        return f"{asked.name}{asked.specifier}"
    return re.split(r"\s*;", line.parsed.requirement, maxsplit=1)[0].strip()


def _result(group: _Group, job: Job, listing: JobListing, build: Build) -> TargetResult:
    assert job.target is not None  # noqa: S101 - `explain` has given every job one
    label, asked = job.target.label, group.found[0].asked
    if asked.problem:
        return TargetResult(label, problem=asked.problem)
    if not asked.needed:
        return TargetResult(label, marker=asked.marker)
    if asked.url:
        return _result_by_filename(group.found[0], job.target, build)
    found = dict(listing.projects)[group.project]
    if found.problem:
        return TargetResult(label, problem=f"{group.text}: {found.problem}")
    tags = dict(job.allowed_tags).get(group.project)
    target = replace(job.target, tags=tags) if tags else job.target
    result = _explained(_demands(group, listing), found, target, build)
    if label == HOST_LABEL and result.explanation:
        sources = tuple(_sources_here(result.explanation))
        result = replace(result, explanation=replace(result.explanation, sources=sources))
    return replace(result, near=tuple(get_close_matches(group.project, found.neighbours)))


def _demands(group: _Group, listing: JobListing) -> tuple[Demand, ...]:
    limits = [each for each in listing.constraints if each.project == group.project]
    constraint = ",".join(dict.fromkeys(each.specifier for each in limits if each.specifier))
    hashes = tuple(dict.fromkeys(pair for each in limits for pair in each.hashes))
    demands = []
    for each in group.found:
        asked, allowed = each.asked, each.asked.hashes or hashes
        is_pinned = asked.specifier.startswith("==") and "," not in asked.specifier
        demand = Demand(asked.project, asked.name, asked.specifier, constraint, allowed)
        lacks_hash = listing.hashed and not (is_pinned and allowed)
        demands.append(replace(demand, location=each.location, lacks_hash=lacks_hash))
    return tuple(demands)


def _explained(
    demands: tuple[Demand, ...], found: FoundProject, target: Target, build: Build
) -> TargetResult:
    why = explain(demands, [file.fact for file in found.files], target, build, found.places)
    # pip admits a pre-release that fits only if no final release does.
    releases = tuple(
        replace(release, admitted=str(release.version) in found.applicable)
        if release.reason.difference is Difference.FITS
        else release
        for release in why.releases
    )
    lacks_hash = any(demand.lacks_hash for demand in demands)
    files = [_best_file(file, target) for file in found.files if file.best_of is not None]
    by_version = {file.version: file for file in files}
    fitting = (str(r.version) for r in releases if r.reason.difference is Difference.FITS)
    return TargetResult(
        target.label,
        replace(why, releases=releases),
        tuple(by_version[version] for version in fitting if version in by_version),
        next((file for file in files if file.url == found.taken and not lacks_hash), None),
    )


def _sources_here(why: Explanation) -> Iterator[Suggestion]:
    """Suggest the option with which pip builds a source for the running interpreter."""
    for release in why.admitted:
        if release.reason.difference is Difference.SOURCE:
            yield f"--no-binary {why.demands[0].project}", f"builds {release.version} from source"
            return


def _best_file(file: FoundFile, target: Target) -> BestFile:
    filename, tag = file.fact.filename, ""
    if filename.endswith(".whl"):
        tags = set(map(str, parse_wheel_filename(filename)[3]))
        tag = next((each for each in target.tags if each in tags), "")
    return BestFile(file.best_of or "", filename, tag, file.url, file.size, file.fact.hashes)


def _result_by_filename(found: _Found, target: Target, build: Build) -> TargetResult:
    """Return the result of a requirement that names a URL, by the name of its file."""
    asked = found.asked
    filename = unquote(asked.url.rpartition("/")[2])
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return TargetResult(target.label, url=asked.url)
    demand = Demand(project, asked.name or project, "", location=found.location)
    fact = FileFact(filename, "candidate")
    file = FoundFile(fact, asked.url, best_of=str(version))
    fits = judge(fact, frozenset(), target).difference is Difference.FITS
    listed = FoundProject((file,), asked.url if fits else None, frozenset({str(version)}))
    return replace(_explained((demand,), listed, target, build), url=asked.url)
