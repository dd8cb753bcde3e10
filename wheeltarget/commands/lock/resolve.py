"""Resolve every target of a lock: once, or until each project has one version for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wheeltarget.commands.lock import same_versions
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.explanation import ResolutionError
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.results import JobResult
from wheeltarget.resolver.verify import check, refuse_failures
from wheeltarget.targets import catalog
from wheeltarget.utils.files import hash_file
from wheeltarget.wheelhouse.merge import Stage

_ROUNDS = 100
"""A limit that the search for common versions never reaches."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolve jobs.

    :param labels: the label of each job's target.
    :param stage: where pip works.
    :param children: how many processes of pip may run at once.
    :param store: the folder of the wheel store; None to use no store.
    """

    labels: Sequence[str]
    stage: Stage
    children: int
    store: Path | None = None

    def resolve(self, jobs: Sequence[Job], *, same: bool) -> tuple[JobResult, ...]:
        """Resolve jobs without saving files, and find the hash of every file that has one.

        :param jobs: the jobs.
        :param same: whether each project must have one version for all.
        :returns: the result of each job, in their order.
        :raises WheeltargetError: if this fails.
        """
        results = self._find_same(jobs) if same else self._start(jobs, "all")
        for result in results.values():
            check(result, dry_run=True)
        return tuple(replace(results[i], chosen=_measured(results[i])) for i in range(len(results)))

    def _start(self, jobs: Sequence[Job], name: str) -> dict[int, JobResult]:
        results = self._run(jobs, range(len(jobs)), name)
        refuse_failures(results, self.labels, catalog.look_up_tag)
        return dict(enumerate(results))

    def _find_same(self, jobs: Sequence[Job]) -> dict[int, JobResult]:
        """Find one version of each project for all.

        If no version fits, try again without the locked versions (of differing projects first),
        then of all; then with higher versions of the projects that a target cannot have so low.
        """
        floors: dict[str, str] = {}
        first: same_versions.HeldBackError | None = None
        for number in range(_ROUNDS):
            try:
                return self._level(jobs, floors, f"try-{number}")
            except same_versions.HeldBackError as error:
                kept = {name for job in jobs for name, _ in job.preferred}
                if kept:
                    jobs = [same_versions.freed(job, error.projects & kept or kept) for job in jobs]
                    continue
                first = first or error
                if error.floor is None:
                    raise first from None
                floors |= dict([error.floor])
            except ResolutionError:
                if first is None:
                    raise
                break  # no higher versions fit
        assert first is not None  # noqa: S101 - else the first round has returned
        raise first

    def _run(self, jobs: Sequence[Job], which: Sequence[int], name: str) -> tuple[JobResult, ...]:
        part = self.stage.part(name)
        options = pip_runner.RunOptions(
            ("",) * len(which), self.children, dry_run=True, hashed=True, store=self.store
        )
        labels = [self.labels[i] for i in which]
        return pip_runner.run_jobs([jobs[i] for i in which], labels, part, options)

    def _level(
        self, jobs: Sequence[Job], floors: Mapping[str, str], name: str
    ) -> dict[int, JobResult]:
        """Resolve targets with newer versions than others again, until none has."""
        bounds: dict[str, same_versions.Bound] = {}
        results = self._start([same_versions.bounded(job, {}, floors) for job in jobs], name)
        for number in range(1, _ROUNDS):
            chosen = [(self.labels[i], _versions(results[i])) for i in sorted(results)]
            lower = same_versions.lower(chosen, bounds)
            if lower == bounds:
                break
            bounds = lower
            over = {
                i: exceeded
                for i in sorted(results)
                if (exceeded := same_versions.exceeds(_versions(results[i]), bounds))
            }
            again = [same_versions.bounded(job, bounds, floors) for job in jobs]
            if over:
                new = self._run(again, list(over), f"{name}-{number}")
                for i, result in zip(over, new, strict=True):
                    self._refuse_held_back(i, over[i], result, bounds)
                    results[i] = result
        same_versions.check_same([(self.labels[i], _versions(results[i])) for i in sorted(results)])
        return results

    def _refuse_held_back(
        self,
        number: int,
        exceeded: Sequence[str],
        result: JobResult,
        bounds: Mapping[str, same_versions.Bound],
    ) -> None:
        """Raise HeldBackError if a job failed because of the bounds."""
        if result.exit_code and result.job.target is not None and result.failure is None:
            refuse_failures([result], [self.labels[number]], catalog.look_up_tag)
        if result.exit_code:
            demands = result.failure.demands if result.failure else ()
            raise same_versions.held_back(self.labels[number], exceeded, demands, bounds)


def _versions(result: JobResult) -> dict[str, str]:
    return {file.name: file.version for file in result.chosen}


def _measured(result: JobResult) -> tuple[ChosenFile, ...]:
    """Add the hash and size of fetched and local files."""
    return tuple(map(_measure, result.chosen))


def _measure(file: ChosenFile) -> ChosenFile:
    if file.path.is_file():
        digest = hash_file(file.path)
        return replace(file, hashes=(("sha256", digest.sha256),), size=digest.size)
    url = urlsplit(file.url)
    if file.size is None and url.scheme == "file" and Path(url2pathname(url.path)).is_file():
        return replace(file, size=Path(url2pathname(url.path)).stat().st_size)
    return file
