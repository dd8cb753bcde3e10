"""From a plan to files in the destination: pip run, its answers checked, what it fetched placed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.download import build_pure as pure
from wheeltarget.commands.download.outcome import DownloadOutcome, TargetFile, TargetFiles
from wheeltarget.commands.notes import notes_on
from wheeltarget.errors import UsageError
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Plan
from wheeltarget.resolver.results import Asker, ChosenFile, JobResult
from wheeltarget.resolver.verify import _asking_lines, check, refuse_changed, refuse_failures
from wheeltarget.targets.target import Target
from wheeltarget.utils.hashes import Digest, Hashes
from wheeltarget.utils.signals import Interrupts
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile, folder_names

if TYPE_CHECKING:
    from wheeltarget.requirements.foreign_locks import LockedVersion


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where files go, and how.

    :param destination: the folder for them.
    :param by_target: whether each target has a folder of its own in it.
    :param dry_run: whether only to say what would be fetched.
    :param children: how many of pip's processes may run at once.
    :param pure: the projects of which a wheel is built here, normalised.
    :param build_words: options for building them.
    :param locked: the versions that the locks of other tools name, as constraints.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :param store: the folder of the wheel store; None to do without.
    :param only: the labels of the jobs to run, or the names of their folders; all if empty.
    :param refresh: whether index pages that are fresh in pip's cache are asked for again.
    """

    destination: Path
    build: Callable[[str], Target]
    by_target: bool = False
    dry_run: bool = False
    children: int = 1
    pure: frozenset[str] = frozenset()
    build_words: tuple[str, ...] = ()
    locked: tuple[LockedVersion, ...] = ()
    store: Path | None = None
    refresh: bool = False
    only: tuple[str, ...] = ()


def deliver(
    plan: Plan, labels: Sequence[str], delivery: Delivery, interrupts: Interrupts
) -> DownloadOutcome:
    """Run the jobs of a plan, check what came, and place it.

    :param plan: the plan.
    :param labels: what to call each job's target.
    :param delivery: where to, and how.
    :param interrupts: held back from when files are placed.
    :returns: what was taken.
    :raises WheeltargetError: where that cannot be done; the destination is as it was then.
    """
    names = tuple(folder_names(labels))
    numbers = pick_jobs(labels, names, delivery.only)
    plan = plan.part(numbers)
    labels, names = [labels[n] for n in numbers], tuple(names[n] for n in numbers)
    folders = names if delivery.by_target else ("",) * len(labels)
    with merge.open_stage(delivery.destination, dry_run=delivery.dry_run, folders=folders) as stage:
        manner = pip_runner.Manner(
            folders,
            delivery.children,
            delivery.dry_run,
            store=delivery.store,
            refresh=delivery.refresh,
        )
        results = pip_runner.run_jobs(plan.jobs, labels, stage, manner)
        refuse_failures(results, labels, delivery.build)
        if delivery.locked:
            from wheeltarget.resolver.verify import compare

            compare(results, labels, delivery.locked)
        if delivery.pure and not delivery.dry_run:
            builder = pure.Builder(delivery.pure, delivery.build_words, stage)
            results = tuple(builder.replace_sources(result) for result in results)
        hashes = Hashes()
        if not delivery.dry_run:
            refuse_changed(results, hashes)
        for result in results:
            check(result, dry_run=delivery.dry_run)
        staged = [
            tuple(_staged(result, label, folder))
            for result, label, folder in zip(results, labels, folders, strict=True)
        ]
        placed: Mapping[str, PlacedFile] = {}
        if not delivery.dry_run:
            placed = merge.merge(stage, staged, hashes, begin=interrupts.hold)
    targets = tuple(
        replace(_target_files(result, label, _Places(delivery, folder, placed)), folder=name)
        for result, label, folder, name in zip(results, labels, folders, names, strict=True)
    )
    notes = tuple(notes_on(plan, results, labels, delivery.pure, whole=not delivery.only))
    # What is wrong beside the destination may be put right, so that run is not remembered.
    fresh_until = None if stage.notes else _fresh_until(results)
    return DownloadOutcome(
        targets, (*notes, *stage.notes), delivery.dry_run, fresh_until=fresh_until
    )


def _fresh_until(results: Sequence[JobResult]) -> float | None:
    """Say until when what the index pages of all jobs say holds, where that is known of each."""
    times = [result.fresh_until for result in results if result.fresh_until is not None]
    return min(times) if times and len(times) == len(results) else None


def pick_jobs(
    labels: Sequence[str], folders: Sequence[str], only: Collection[str]
) -> tuple[int, ...]:
    """Find the jobs that are to be run.

    :param labels: what the targets of all jobs are called.
    :param folders: what their folders are called.
    :param only: labels, or names of folders; every job is run if there are none.
    :returns: the places of these jobs, counted from 0.
    :raises UsageError: where one names no job.
    """
    unknown = [name for name in only if name not in labels and name not in folders]
    if unknown:
        raise UsageError(
            f"--only-job {', '.join(unknown)}: this run has no such job",
            f"its jobs are: {', '.join(labels)}",
        )
    pairs = enumerate(zip(labels, folders, strict=True))
    return tuple(n for n, names in pairs if not only or any(name in only for name in names))


def _staged(result: JobResult, label: str, folder: str) -> Iterator[StagedFile]:
    origins = {file.path.name: file.url for file in result.chosen}
    for path in sorted(result.folder.iterdir()):
        yield StagedFile(path, origins.get(path.name, "a local project"), label, folder)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the files of one target are."""

    delivery: Delivery
    folder: str
    placed: Mapping[str, PlacedFile]

    def find(self, filename: str) -> tuple[Path | None, bool, Digest | None]:
        """Give a file's path, whether it is new, and what was computed of it if it was placed."""
        name = f"{self.folder}/{filename}" if self.folder else filename
        if self.delivery.dry_run:
            path = self.delivery.destination / name
            return path, not path.is_file(), None
        file = self.placed.get(name)
        return (file.path, file.new, file.digest) if file else (None, False, None)


def _target_files(result: JobResult, label: str, places: _Places) -> TargetFiles:
    target = result.job.target
    lines = tuple(_asking_lines(result.job))
    files = tuple(_target_file(file, places, lines) for file in result.chosen)
    return TargetFiles(
        label,
        target.tags[0] if target else None,
        target.python if target else None,
        files,
    )


def _target_file(
    file: ChosenFile, places: _Places, lines: Sequence[tuple[str, Asker]]
) -> TargetFile:
    path, new, digest = places.find(file.path.name)
    mine = [asker for name, asker in lines if name in {file.name, file.url}]
    askers = [asker for asker in mine if None in file.parents or file.requested]
    askers += [Asker(project=parent) for parent in file.parents if parent is not None]
    return TargetFile(
        name=file.name,
        version=file.version,
        filename=file.path.name,
        url=file.url,
        size=digest.size if digest else file.size,
        hashes=(("sha256", digest.sha256),) if digest else file.hashes,
        requested_by=tuple(askers),
        path=path,
        new=new,
        yanked=file.yanked,
        requires_python=file.requires_python,
    )
