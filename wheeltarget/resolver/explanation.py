"""Explain why no file of a project fits a target, release by release, from what pip found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from wheeltarget.errors import DownloadError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.releases import Release, files_by_version, judge_releases, newest_fitting
from wheeltarget.resolver.suggestions import Situation, Suggestion, find_sources, find_suggestions
from wheeltarget.targets.compatibility import Difference, missing_everywhere
from wheeltarget.targets.target import Target

Build = Callable[[str], Target]
"""Returns the target with a given best tag; raises TargetError."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the demands on a project cannot be met, and what to change.

    :param target: the label of the target.
    :param releases: every release, the newest first.
    :param suggestions: single changes, each tried on the files of the project; the smallest first.
    :param sources: options that allow a source; whether it can be built was not tried.
    :param missing: the part of the target that no wheel of any release is for; may be empty.
    :param places: the URLs that were searched, if nothing was found.
    """

    demands: tuple[Demand, ...]
    target: str
    releases: tuple[Release, ...]
    suggestions: tuple[Suggestion, ...]
    sources: tuple[Suggestion, ...] = ()
    missing: str = ""
    places: tuple[str, ...] = ()

    @property
    def admitted(self) -> tuple[Release, ...]:
        """Return the releases that every demand admits."""
        return tuple(release for release in self.releases if release.admitted)

    @property
    def is_innocent(self) -> bool:
        """Return whether an admitted release fits, so that the cause is another project."""
        lacks_hash = any(demand.lacks_hash for demand in self.demands)
        fits = any(release.reason.difference is Difference.FITS for release in self.admitted)
        return fits and not lacks_hash

    @property
    def newest_fitting(self) -> Release | None:
        """Return the newest release that fits, whether admitted or not."""
        return newest_fitting(self.releases)


class ResolutionError(DownloadError):
    """pip found no set of files that meets every demand."""

    explanations: tuple[Explanation, ...] = ()
    """One for each project; may be empty. The messages are pip's output on what has none."""


def explain(
    demands: tuple[Demand, ...],
    files: Iterable[FileFact],
    target: Target,
    build: Build,
    places: Iterable[str] = (),
) -> Explanation:
    """Explain why no file of a project meets the demands on it.

    :param demands: the demands on one project, at least one.
    :param files: every file of the project that pip has seen.
    :param places: the URLs that were searched for the project.
    """
    by_version = files_by_version(files)
    releases = judge_releases(demands, by_version, target)
    situation = Situation(demands, releases, by_version, target, build)
    names = (file.filename for some in by_version.values() for file in some)
    return Explanation(
        demands,
        target.label,
        releases,
        tuple(dict.fromkeys(find_suggestions(situation))),
        tuple(find_sources(situation)),
        missing_everywhere((name for name in names if name.endswith(".whl")), target),
        () if releases else tuple(places),
    )


def explain_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Build
) -> ResolutionError:
    """Return the error for jobs for which pip failed, with a reason as far as pip knows one.

    :param labels: the name of each job's target in messages.
    """
    failed = [pair for pair in zip(labels, results, strict=True) if pair[1].exit_code]
    *others, last = (label for label, _ in failed)
    names = f"{', '.join(others)} and {last}" if others else last
    explained = [(result, tuple(_explain_job(result, build))) for _, result in failed]
    explanations = tuple(each for _, some in explained for each in some)
    unseen = [name for r, _ in explained if r.failure for name in r.failure.unseen]
    hint = f"not checked yet: {', '.join(dict.fromkeys(unseen))}" if unseen else ""
    error = ResolutionError(
        f"pip failed for {names}; nothing was saved",
        hint if explanations else "see pip's output above",
        exit_code=failed[0][1].exit_code,
        messages=tuple(text for r, some in explained if not some for text in r.messages),
    )
    error.explanations = explanations
    return error


def _explain_job(result: JobResult, build: Build) -> Iterator[Explanation]:
    """Explain every project at fault."""
    target, failure = result.job.target, result.failure
    if target is None or failure is None:
        return
    lines = list(result.job.named_projects())
    files, places = dict(failure.files), dict(failure.places)
    # A demand without a project is on Python, and pip's own message says so.
    for project in filter(None, dict.fromkeys(demand.project for demand in failure.demands)):
        demands = dict.fromkeys(
            _placed(demand, lines) for demand in failure.demands if demand.project == project
        )
        seen, rebuild = _as_constrained(target, project, result.job, build)
        found = explain(
            _distinct(demands), files.get(project, ()), seen, rebuild, places.get(project, ())
        )
        if not found.is_innocent:
            yield found


def _as_constrained(target: Target, project: str, job: Job, build: Build) -> tuple[Target, Build]:
    """Return a target with the tags that constraints leave a project, and a function for others.

    Another target would not help then, so the function always returns the same.
    """
    tags = dict(job.allowed_tags).get(project)
    if tags is None:
        return target, build
    seen = replace(target, label=f"{target.label}, narrowed by a constraint", tags=tags)
    return seen, lambda _text: seen


def _distinct(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Return one of each group of demands that differ in their extras only: the longest."""
    longest: dict[Demand, Demand] = {}
    for demand in sorted(demands, key=lambda each: -len(each.name)):
        longest.setdefault(replace(demand, name=""), demand)
    return tuple(demand for demand in demands if demand in longest.values())


def _placed(demand: Demand, lines: Sequence[tuple[str, SourceLine]]) -> Demand:
    """Return a demand with the location of the user's line that it comes from."""
    root = demand.chain[-1][0].partition("[")[0] if demand.chain else demand.project
    mine = [line for name, line in lines if name in {root, demand.file}]
    same = [line for line in mine if not demand.chain and _has_specifier(line, demand)]
    place = next((str(line.fault("").location) for line in (*same, *mine)), "")
    return replace(demand, location=place)


def _has_specifier(line: SourceLine, demand: Demand) -> bool:
    """Return whether a line, of several on one project, has the specifier of a demand."""
    try:
        return Requirement(line.parsed.requirement).specifier == SpecifierSet(demand.specifier)
    except (InvalidRequirement, InvalidSpecifier):
        return True
