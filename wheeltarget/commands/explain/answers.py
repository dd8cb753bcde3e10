"""Results for each requirement and target, from what pip found; without any I/O."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wheeltarget.pip_protocol import Asked, Demand, FileFact, FoundFile, FoundProject, JobListing
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver import explanation
from wheeltarget.resolver.checks import parse_requirement
from wheeltarget.resolver.demands import Release, judge
from wheeltarget.resolver.explanation import Explanation
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.suggestions import Suggestion
from wheeltarget.targets.compatibility import Difference
from wheeltarget.targets.names import HOST_LABEL
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Build = Callable[[str], Target]


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
        return {
            "version": self.version,
            "filename": self.filename,
            "tag": self.tag or None,
            "url": self.url,
            "size": self.size,
            "hashes": dict(self.hashes),
        }


@dataclass(frozen=True, slots=True)
class Answer:
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
        version = str(release.version)
        file = self.file_of(version)
        return {
            "version": version,
            "admitted": release.admitted,
            "fits": release.reason.difference is Difference.FITS,
            "reason": release.reason.difference.name.lower().replace("_", "-"),
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
    answers: tuple[Answer, ...]

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
    """Group the results of all targets by requirement.

    :param jobs: the jobs, each with its target.
    :param listings: the listing of each job.
    :param build: returns the target with a given best tag; raises TargetError.
    :returns: the requirements, in the order in which they are first requested.
    """
    rows: dict[tuple[str, str, int], list[tuple[tuple[str, ...], Answer]]] = {}
    for job, listing in zip(jobs, listings, strict=True):
        times: Counter[tuple[str, str]] = Counter()
        for question in _questions(job, listing):
            what = question.text, question.project
            answer = _answer(question, job, listing, build)
            rows.setdefault((*what, times[what]), []).append((question.locations, answer))
            times[what] += 1
    return tuple(
        Row(
            text,
            project,
            tuple(dict.fromkeys(each for places, _ in found for each in places)),
            tuple(answer for _, answer in found),
        )
        for (text, project, _), found in rows.items()
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """The requirements on one project for one target, which may be several lines."""

    text: str
    project: str
    asked: tuple[tuple[Asked, SourceLine | None], ...]

    @property
    def locations(self) -> tuple[str, ...]:
        return tuple(str(line.fault("").location) for _, line in self.asked if line)


def _questions(job: Job, listing: JobListing) -> Iterator[_Question]:
    """Return the requirements of a target, in the order of its lines."""
    found = _matched(job, listing.requirements)
    order = {line: number for number, line in enumerate(job.lines)}
    found.sort(key=lambda each: order[each[1]] if each[1] else len(order))
    for asked, line in found:
        if not asked.needed or asked.url:
            yield _Question(_text(asked, line), asked.project, ((asked, line),))
            continue
        same = tuple(
            each
            for each in found
            if each[0].project == asked.project and each[0].needed and not each[0].url
        )
        if same[0] == (asked, line):
            specifiers = dict.fromkeys(each.specifier for each, _ in same if each.specifier)
            text = _text(asked, line) if len(same) == 1 else asked.name + ",".join(specifiers)
            yield _Question(text, asked.project, same)


def _matched(job: Job, requirements: Iterable[Asked]) -> list[tuple[Asked, SourceLine | None]]:
    """Find the line of each requirement that pip has read; None for one of a dependency group."""
    from packaging.utils import canonicalize_name

    left = [(line, parse_requirement(line)) for line in job.lines]
    found: list[tuple[Asked, SourceLine | None]] = []
    for asked in requirements:

        def similarity(each: tuple[SourceLine, Requirement | None], asked: Asked = asked) -> int:
            requirement = each[1]
            if requirement is None or requirement.url:
                return int(bool(asked.url))
            if asked.url or canonicalize_name(requirement.name) != asked.project:
                return 0
            same = str(requirement.specifier) == asked.specifier
            return 1 + same + (str(requirement.marker or "") == asked.marker)

        best = max(left, key=similarity, default=None)
        if best is None or not similarity(best):
            found.append((asked, None))
        else:
            left.remove(best)
            found.append((asked, best[0]))
    return found


def _text(asked: Asked, line: SourceLine | None) -> str:
    """Return a requirement as the user wrote it, without its marker."""
    if line is None or asked.url:
        return asked.name or asked.url if asked.url else f"{asked.name}{asked.specifier}"
    return re.split(r"\s*;", line.parsed.requirement, maxsplit=1)[0].strip()


def _answer(question: _Question, job: Job, listing: JobListing, build: Build) -> Answer:
    assert job.target is not None  # noqa: S101 - `explain` has given every job one
    label = job.target.label
    asked, _ = question.asked[0]
    if asked.problem:
        return Answer(label, problem=asked.problem)
    if not asked.needed:
        return Answer(label, marker=asked.marker)
    if asked.url:
        return _answer_by_filename(question, job.target, build)
    found = dict(listing.projects)[question.project]
    if found.problem:
        return Answer(label, problem=f"{question.text}: {found.problem}")
    tags = dict(job.allowed_tags).get(question.project)
    target = replace(job.target, tags=tags) if tags else job.target
    near = get_close_matches(question.project, found.neighbours)
    answer = _explained(_demands(question, listing), found, target, build)
    if label == HOST_LABEL and answer.explanation:
        sources = tuple(_sources_here(answer.explanation))
        answer = replace(answer, explanation=replace(answer.explanation, sources=sources))
    return replace(answer, near=tuple(near))


def _demands(question: _Question, listing: JobListing) -> tuple[Demand, ...]:
    limits = [each for each in listing.constraints if each.project == question.project]
    constraint = ",".join(dict.fromkeys(each.specifier for each in limits if each.specifier))
    hashes = tuple(dict.fromkeys(pair for each in limits for pair in each.hashes))
    return tuple(
        Demand(
            project=asked.project,
            name=asked.name,
            specifier=asked.specifier,
            constraint=constraint,
            hashes=asked.hashes or hashes,
            location=str(line.fault("").location) if line else "",
            lacks_hash=listing.hashed and not (_is_pinned(asked) and (asked.hashes or hashes)),
        )
        for asked, line in question.asked
    )


def _is_pinned(asked: Asked) -> bool:
    return asked.specifier.startswith("==") and "," not in asked.specifier


def _explained(
    demands: tuple[Demand, ...], found: FoundProject, target: Target, build: Build
) -> Answer:
    facts = [file.fact for file in found.files]
    why = explanation.explain(demands, facts, target, build, found.places)
    releases = tuple(_as_pip_admits(release, found.applicable) for release in why.releases)
    why = replace(why, releases=releases)
    lacks_hash = any(demand.lacks_hash for demand in demands)
    files = [_best_file(file, target) for file in found.files if file.best_of is not None]
    fitting = [
        str(release.version)
        for release in why.releases
        if release.reason.difference is Difference.FITS
    ]
    by_version = {file.version: file for file in files}
    taken = next((file for file in files if file.url == found.taken and not lacks_hash), None)
    return Answer(
        target.label,
        why,
        tuple(by_version[version] for version in fitting if version in by_version),
        taken,
    )


def _sources_here(why: Explanation) -> Iterator[Suggestion]:
    """Suggest the option with which pip builds a source for the running interpreter."""
    for release in why.admitted:
        if release.reason.difference is Difference.SOURCE:
            yield f"--no-binary {why.demands[0].project}", f"builds {release.version} from source"
            return


def _as_pip_admits(release: Release, applicable: Collection[str]) -> Release:
    """Admit a release that fits only if pip would: not a pre-release if a final one fits."""
    if release.reason.difference is not Difference.FITS:
        return release
    return replace(release, admitted=str(release.version) in applicable)


def _best_file(file: FoundFile, target: Target) -> BestFile:
    from packaging.utils import parse_wheel_filename

    filename, tag = file.fact.filename, ""
    if filename.endswith(".whl"):
        tags = set(map(str, parse_wheel_filename(filename)[3]))
        tag = next((each for each in target.tags if each in tags), "")
    version = file.best_of or ""
    return BestFile(version, filename, tag, file.url, file.size, file.fact.hashes)


def _answer_by_filename(question: _Question, target: Target, build: Build) -> Answer:
    """Return the result of a requirement that names a URL, by the name of its file."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    asked, line = question.asked[0]
    filename = unquote(asked.url.rpartition("/")[2])
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return Answer(target.label, url=asked.url)
    location = str(line.fault("").location) if line else ""
    demand = Demand(project, asked.name or project, "", location=location)
    fact = FileFact(filename, "candidate")
    file = FoundFile(fact, asked.url, best_of=str(version))
    fits = judge(fact, frozenset(), target).difference is Difference.FITS
    found = FoundProject((file,), asked.url if fits else None, frozenset({str(version)}))
    answer = _explained((demand,), found, target, build)
    return replace(answer, url=asked.url)
