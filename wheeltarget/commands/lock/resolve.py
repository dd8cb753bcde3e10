"""Resolve every target of a lock: once, or until each project has one version for all.

If targets have different versions of a project, the lowest becomes the upper bound for all, and
targets with a higher one are resolved again with it as a constraint. That can lower other versions,
so it is repeated until no project differs. If a target cannot have a version that low, everything
is resolved again with a floor above it. Bounds only fall, floors only rise, and a project has a
finite number of versions, so this ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import Version

from wheeltarget.errors import LockError
from wheeltarget.pip_protocol import ChosenFile, PageFailure
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.explanation import ResolutionError, explain_failures
from wheeltarget.resolver.pip_runner import JobResult, check_result
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.stage import Stage
from wheeltarget.targets import catalog
from wheeltarget.utils.files import hash_file, url_path
from wheeltarget.wheelhouse.merge import differing

_CONSTRAINTS = "same-versions"
"""The name of the constraints file in pip's messages."""

Versions = Mapping[str, str]
"""The version of each project, by its normalised name."""

Chosen = Sequence[tuple[str, Versions]]
"""The label of each target, and its versions."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The highest version of a project that a target may have.

    :param version: the version, without a local part.
    :param label: the target that has this version.
    """

    version: str
    label: str


class NoCommonVersionError(LockError):
    """No version of a project fits all targets.

    :param projects: the projects that have no common version, or may have none.
    :param floor: the project that a target cannot have so low, and that version; None if that is
        not the reason.
    """

    def __init__(
        self, message: str, hint: str, projects: Iterable[str], floor: tuple[str, str] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.projects = frozenset(projects)
        self.floor = floor


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolve jobs.

    :param labels: the label of each job's target.
    :param store: the folder of the wheel store; None to use no store.
    :param kept: the projects whose sources are fetched.
    """

    labels: Sequence[str]
    stage: Stage
    processes: int
    store: Path | None = None
    kept: frozenset[str] = frozenset()

    def resolve(self, jobs: Sequence[Job], *, same: bool) -> list[JobResult]:
        """Resolve jobs without saving files, and find the hash of every file that has one.

        :param same: whether each project must have one version for all.
        """
        results = self._find_same(jobs) if same else self._resolve(jobs, "all")
        for result in results:
            check_result(result, dry_run=True)
        return [replace(result, chosen=tuple(map(_with_hash, result.chosen))) for result in results]

    def _resolve(self, jobs: Sequence[Job], name: str) -> list[JobResult]:
        results = self._run(jobs, self.labels, name)
        if any(result.exit_code for result in results):
            raise explain_failures(results, self.labels, catalog.look_up_tag)
        return list(results)

    def _run(self, jobs: Sequence[Job], labels: Sequence[str], name: str) -> tuple[JobResult, ...]:
        options = pip_runner.RunOptions(
            ("",) * len(jobs),
            self.processes,
            dry_run=True,
            hashed=True,
            quiet=True,
            store=self.store,
            kept=self.kept,
        )
        return pip_runner.run_jobs(jobs, labels, self.stage.part(name), options)

    def _find_same(self, jobs: Sequence[Job]) -> list[JobResult]:
        """Find one version of each project for all.

        If no version fits, try again without the locked versions (of differing projects first),
        then of all; then with higher versions of the projects that a target cannot have so low.
        """
        floors: dict[str, str] = {}
        first: NoCommonVersionError | None = None
        number = 0
        while True:
            number += 1
            try:
                return self._lower_until_same(jobs, floors, f"try-{number}")
            except NoCommonVersionError as error:
                kept = {name for job in jobs for name, _ in job.preferred}
                if kept:
                    jobs = [_without_preferred(job, error.projects & kept or kept) for job in jobs]
                    continue
                first = first or error
                if error.floor is None:
                    raise first from None
                floors |= [error.floor]
            except ResolutionError:
                if first is None:
                    raise
                raise first from None  # no higher versions fit

    def _lower_until_same(
        self, jobs: Sequence[Job], floors: Versions, name: str
    ) -> list[JobResult]:
        """Resolve targets with newer versions than others again, until none has."""
        bounds: dict[str, Bound] = {}
        results = self._resolve([_bounded(job, {}, floors) for job in jobs], name)
        for number in itertools.count(1):
            chosen = [
                (label, {file.name: file.version for file in result.chosen})
                for label, result in zip(self.labels, results, strict=True)
            ]
            before, bounds = bounds, lower_bounds(chosen, bounds)
            if before == bounds:
                check_same(chosen)
                break
            too_high = {
                i: projects
                for i, (_, versions) in enumerate(chosen)
                if (projects := projects_above(versions, bounds))
            }
            if too_high:
                again = [_bounded(jobs[i], bounds, floors) for i in too_high]
                labels = [f"{self.labels[i]}, to have the same versions" for i in too_high]
                new = self._run(again, labels, f"{name}-{number}")
                for (i, projects), result in zip(too_high.items(), new, strict=True):
                    _refuse_failure(self.labels[i], projects, result, bounds)
                    results[i] = with_failures(result, results[i].page_failures, bounds)
        return results


def _refuse_failure(
    label: str, too_high: Sequence[str], result: JobResult, bounds: Mapping[str, Bound]
) -> None:
    """Raise an error if a job failed; NoCommonVersionError if the bounds are the reason.

    :param too_high: the projects of which it had newer versions.
    """
    if not result.exit_code:
        return
    if result.job.target is not None and result.failure is None:
        raise explain_failures([result], [label], catalog.look_up_tag)
    demands = result.failure.demands if result.failure else ()
    conflicting = [demand.project for demand in demands if demand.project in too_high]
    name = (conflicting or list(too_high))[0]
    bound = bounds[name]
    raise NoCommonVersionError(
        f"no version of {name} fits all targets: {bound.label} cannot have a newer one than "
        f"{bound.version}, and {label} needs a newer one",
        f"lock {bound.label} separately, change the requirements, or leave --same-versions out",
        bounds,
        (name, bound.version),
    )


def _differing(chosen: Chosen) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield each project with different versions, and the labels by version."""
    return differing((*item, label) for label, versions in chosen for item in versions.items())


def lower_bounds(chosen: Chosen, bounds: Mapping[str, Bound]) -> dict[str, Bound]:
    """Return the bounds, lowered to the lowest version that a target has."""
    new = dict(bounds)
    for name, by_version in _differing(chosen):
        lowest = min(by_version, key=Version)
        bound = Bound(Version(lowest).public, by_version[lowest][0])
        if name not in new or Version(bound.version) < Version(new[name].version):
            new[name] = bound
    return new


def projects_above(versions: Versions, bounds: Mapping[str, Bound]) -> list[str]:
    """Return the projects of which a target has a newer version than the bounds allow."""
    return [
        name
        for name, bound in sorted(bounds.items())
        if name in versions and Version(Version(versions[name]).public) > Version(bound.version)
    ]


def with_failures(
    result: JobResult, before: Iterable[PageFailure], bounds: Mapping[str, Bound]
) -> JobResult:
    """Return the result of a repeated job with the earlier failures that still matter.

    :param before: the index pages that could not be read before; without them, a version may have
        been lower, and then a bound.
    """
    chosen = {file.name for file in result.chosen}
    kept = (each for each in before if each.project in bounds or each.project not in chosen)
    failures = dict.fromkeys((*kept, *result.page_failures))
    return replace(result, page_failures=tuple(failures))


def _bounded(job: Job, bounds: Mapping[str, Bound], floors: Versions) -> Job:
    """Return a job with the bounds, and the floors that versions must be above, as constraints."""
    if not bounds and not floors:
        return job
    lines = [f"{name}<={bound.version}\n" for name, bound in sorted(bounds.items())]
    lines += [f"{name}>{version}\n" for name, version in sorted(floors.items())]
    return replace(
        job,
        arguments=(f"--constraint={_CONSTRAINTS}", *job.arguments),
        files=(*job.files, (_CONSTRAINTS, "".join(lines))),
    )


def _without_preferred(job: Job, projects: Iterable[str]) -> Job:
    return replace(job, preferred=tuple(each for each in job.preferred if each[0] not in projects))


def check_same(chosen: Chosen) -> None:
    """Raise NoCommonVersionError if versions differ, which they still can in their local parts."""
    for name, by_version in _differing(chosen):
        each = "; ".join(f"{version} for {', '.join(who)}" for version, who in by_version.items())
        raise NoCommonVersionError(
            f"no version of {name} fits all targets: {each}",
            "these are different builds of one release; leave --same-versions out",
            [name],
        )


def _with_hash(file: ChosenFile) -> ChosenFile:
    """Add the hash and size of a fetched file, or the size of a local one."""
    if file.path.is_file():
        digest = hash_file(file.path)
        return replace(file, hashes=(("sha256", digest.sha256),), size=digest.size)
    if file.size is None and urlsplit(file.url).scheme == "file":
        path = Path(url_path(file.url))
        return replace(file, size=path.stat().st_size if path.is_file() else None)
    return file
