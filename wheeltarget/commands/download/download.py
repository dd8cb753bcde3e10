"""From a plan to files in the destination: pip run, its answers checked, what it fetched placed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.download import build_pure as pure
from wheeltarget.commands.download.outcome import Asker, DownloadOutcome, TargetFile, TargetFiles
from wheeltarget.errors import UsageError
from wheeltarget.resolver import failure_report, pip_runner
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.resolver.results import ChosenFile, JobResult
from wheeltarget.resolver.verify import refuse_changed
from wheeltarget.targets.target import Target
from wheeltarget.utils.hashes import Digest, Hashes
from wheeltarget.utils.signals import Interrupts
from wheeltarget.wheelhouse import closure, merge
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile

if TYPE_CHECKING:
    from packaging.requirements import Requirement

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
            from wheeltarget.lock_hashes import compare

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


def folder_names(labels: Sequence[str]) -> Iterator[str]:
    """Make a folder's name of each label, no two the same.

    :param labels: what the targets are called.
    """
    taken: set[str] = set()
    for label in labels:
        plain = re.sub(r"[^\w.+-]+", "-", label, flags=re.ASCII).strip(".-") or "target"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.lower())
        yield name


def refuse_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Callable[[str], Target]
) -> None:
    """Say for whom pip failed, and why as far as its resolver knew.

    :param results: what came of each job.
    :param labels: what to call each job's target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :raises UnmetError: where pip failed for any.
    """
    failure_report.refuse_failures(results, labels, build, _asking_lines)


def check(result: JobResult, *, dry_run: bool) -> None:
    """Walk the metadata of what was fetched for a target.

    :param result: what came of its job.
    :param dry_run: whether the files are not there; then what pip read of them counts.
    :raises ClosureError: where something is missing, or not for the target.
    """
    target = result.job.target
    if target is None:
        return
    files = [(file.name, file.path) for file in result.chosen]
    closure.check_fit(target, files, dict(result.job.narrow), result.job.sources)
    said = [
        closure.read_metadata(file.path)
        if file.path.suffix == ".whl" and not dry_run
        else said_by_pip(file)
        for file in result.chosen
    ]
    closure.check_closure(target, roots(result), said)


def said_by_pip(file: ChosenFile) -> closure.WheelMetadata:
    """Give what pip read in a file's metadata."""
    return closure.WheelMetadata(file.name, file.version, file.requires)


def roots(result: JobResult) -> list[Requirement]:
    """Give what the user asked for, as far as its dependencies were to be fetched, too."""
    from packaging.requirements import InvalidRequirement, Requirement

    found: list[Requirement] = []
    if result.dependencies != "all":
        return found
    for line in result.job.lines:
        try:
            found.append(Requirement(line.parsed.requirement))
        except InvalidRequirement:
            continue  # a path or a URL: its project is among those that pip calls requested
    for file in result.chosen:
        if file.requested:
            extras = f"[{','.join(file.extras)}]" if file.extras else ""
            found.append(Requirement(f"{file.name}{extras}"))
    return found


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


def _asking_lines(job: Job) -> Iterator[tuple[str, Asker]]:
    """Give the project, or the place of the project, that each line names, and the line."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in job.lines:
        text = line.parsed.requirement or line.parsed.options
        asker = Asker("", text, str(line.fault("").location))
        try:
            yield canonicalize_name(Requirement(text).name), asker
        except InvalidRequirement:
            yield _place(text), asker


def _place(text: str) -> str:
    """Give the URL of a project that is named by its place alone, as pip has it."""
    option = r"\s*(?:-e|--editable)(?:\s+|=)?"
    place = re.split(r"\s+;|;\s", re.sub(option, "", text, count=1))[0].partition("#")[0]
    place = re.sub(r"\[[\w\s,.-]*\]$", "", place.strip())
    if "://" in place:
        return re.sub(r"(?<=://)[^/\s]+@", "", place)
    return Path(os.path.abspath(place)).as_uri()  # noqa: PTH100 - as pip reads it


def notes_on(
    plan: Plan,
    results: Sequence[JobResult],
    labels: Sequence[str],
    pure: Collection[str],
    *,
    whole: bool = True,
) -> Iterator[str]:
    """Say what somebody should know of a good run.

    :param plan: the plan of the run.
    :param results: what came of each job.
    :param labels: what to call each job's target.
    :param pure: the projects of which a wheel is built here, normalised.
    :param whole: whether every job was run; one that was not may need what no other one does.
    :returns: a sentence for each.
    """
    host = "".join(label for job, label in zip(plan.jobs, labels, strict=True) if not job.target)
    for line in plan.untargeted:
        requirement = line.parsed.requirement or line.parsed.options
        yield f"{line.fault('').location}: {requirement} has no target: taken for {host}"
    for option in plan.opaque:
        yield f"{option} has no target: taken for {host}"
    yield from idle_notes(plan)
    versions: dict[str, dict[str, list[str]]] = {}
    for result, label in zip(results, labels, strict=True):
        for file in result.chosen:
            versions.setdefault(file.name, {}).setdefault(file.version, []).append(label)
            yield from _file_notes(file, label)
            if result.job.target is not None and file.path.suffix != ".whl":
                yield _source_note(file, label, pure)
    yield from differing(versions)
    allowed = frozenset().union(*(job.sources for job in plan.jobs))
    for name in sorted(allowed - versions.keys()) if whole else ():
        yield f"nothing needs {name}, of which a source was allowed"


def differing(versions: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    """Say which projects have different versions for different targets.

    :param versions: by project, the labels of the targets by version.
    :returns: a sentence for each.
    """
    for name, by_version in sorted(versions.items()):
        if len(by_version) > 1:
            each = (f"{version} for {', '.join(who)}" for version, who in by_version.items())
            yield f"{name} differs: {'; '.join(each)}"


def idle_notes(plan: Plan) -> Iterator[str]:
    """Say which constraints are for no target of a run.

    :param plan: the plan of the run.
    :returns: a sentence for each.
    """
    for line in plan.idle:
        place = line.fault("").location
        yield f"{place}: this constraint on {line.parsed.requirement} is for no target of this run"


def _file_notes(file: ChosenFile, label: str) -> Iterator[str]:
    """Say what is not usual about a file."""
    from packaging.version import Version

    if file.yanked is not None:
        reason = f": {file.yanked}" if file.yanked else ""
        yield f"{file.name} {file.version} for {label} was yanked{reason}"
    if Version(file.version).is_prerelease:
        yield f"{file.name} {file.version} for {label} is a pre-release"


def _source_note(file: ChosenFile, label: str, pure: Collection[str]) -> str:
    """Say what becomes of a source; in a dry run none is built."""
    if file.name in pure:
        return f"{file.path.name} is a source, of which a pure Python wheel would be built here"
    return (
        f"{file.path.name} is a source for {label} to build there; what it depends on is as "
        "its build on this machine says"
    )
