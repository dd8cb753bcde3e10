"""Download: plan, run pip, check the results, place the files in the destination.

Start-up boundary: pip waits for its job, so what only some runs need is imported in functions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.folder import open_for, wheel_folder
from wheeltarget.commands.download import build_pure as pure
from wheeltarget.commands.download.outcome import (
    DownloadOutcome,
    PlainRun,
    RequestedBy,
    TargetFile,
    TargetFiles,
)
from wheeltarget.commands.download.replay_inputs import find_run_inputs
from wheeltarget.commands.download.report import open_report
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.notes import notes_on
from wheeltarget.commands.prepare import (
    Asked,
    Prepared,
    default_targets,
    names_target,
    prepare,
)
from wheeltarget.errors import Fault, InputError, UsageError
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, FOR_BUILDING, CommandLine
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.filenames import project_names
from wheeltarget.requirements.loader import Inputs
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Choices, Job, Plan, all_options, make_plan
from wheeltarget.resolver.verify import check, compare, refuse_changed, refuse_failures
from wheeltarget.targets import catalog
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.target import Target
from wheeltarget.utils.hashes import Digest, Hashes
from wheeltarget.utils.signals import Interrupts, interruptible
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile, folder_names

if TYPE_CHECKING:
    from wheeltarget.commands.download.untargeted import OtherTarget
    from wheeltarget.requirements.foreign_locks import LockedVersion


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where files go, and how.

    :param destination: the folder for them.
    :param by_target: whether each target has its own folder in it.
    :param dry_run: whether to save no file.
    :param children: how many processes of pip may run at once.
    :param pure: the projects of which a wheel is built here, normalised.
    :param build_words: options for building them.
    :param locked: the versions in locks of other tools, as constraints.
    :param build: returns the target whose best tag is the given one; raises TargetError.
    :param store: the folder of the wheel store; None to use no store.
    :param only: the labels of the jobs to run, or the names of their folders; all if empty.
    :param refresh: whether to ask for index pages again that are fresh in pip's cache.
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
    """Run the jobs of a plan, check the results, and place the files.

    :param plan: the plan.
    :param labels: the label of each job's target.
    :param delivery: where files go, and how.
    :param interrupts: held back while files are placed.
    :returns: the files of each target.
    :raises WheeltargetError: if this fails; the destination is then unchanged.
    """
    names = tuple(folder_names(labels))
    numbers = pick_jobs(labels, names, delivery.only)
    plan = plan.part(numbers)
    labels, names = [labels[n] for n in numbers], tuple(names[n] for n in numbers)
    folders = names if delivery.by_target else ("",) * len(labels)
    with merge.open_stage(delivery.destination, dry_run=delivery.dry_run, folders=folders) as stage:
        options = pip_runner.RunOptions(
            folders,
            delivery.children,
            delivery.dry_run,
            store=delivery.store,
            refresh=delivery.refresh,
        )
        results = pip_runner.run_jobs(plan.jobs, labels, stage, options)
        refuse_failures(results, labels, delivery.build)
        if delivery.locked:
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
    # A note of the stage may not hold the next time, so that run is not cached.
    fresh_until = None if stage.notes else _fresh_until(results)
    return DownloadOutcome(
        targets, (*notes, *stage.notes), delivery.dry_run, fresh_until=fresh_until
    )


def _fresh_until(results: Sequence[JobResult]) -> float | None:
    """Return until when all index pages are fresh; None if that is not known of every job."""
    times = [result.fresh_until for result in results if result.fresh_until is not None]
    return min(times) if times and len(times) == len(results) else None


def pick_jobs(
    labels: Sequence[str], folders: Sequence[str], only: Collection[str]
) -> tuple[int, ...]:
    """Return the jobs to run.

    :param labels: the label of each job's target.
    :param folders: the name of each job's folder.
    :param only: labels, or names of folders; empty to run every job.
    :returns: the indices of these jobs.
    :raises UsageError: if there is no such job.
    """
    unknown = [name for name in only if name not in labels and name not in folders]
    if unknown:
        raise UsageError(
            f"--only-job: there is no job {', '.join(map(repr, unknown))}",
            f"the jobs of this run are: {', '.join(labels)}",
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
        """Return a file's path, whether it is new, and its digest if it was placed."""
        name = f"{self.folder}/{filename}" if self.folder else filename
        if self.delivery.dry_run:
            path = self.delivery.destination / name
            return path, not path.is_file(), None
        file = self.placed.get(name)
        return (file.path, file.new, file.digest) if file else (None, False, None)


def _target_files(result: JobResult, label: str, places: _Places) -> TargetFiles:
    target = result.job.target
    lines = [(name, _requester(line)) for name, line in result.job.named_projects()]
    files = tuple(_target_file(file, places, lines) for file in result.chosen)
    return TargetFiles(
        label,
        target.tags[0] if target else None,
        target.python if target else None,
        files,
    )


def _requester(line: SourceLine) -> RequestedBy:
    text = line.parsed.requirement or line.parsed.options
    return RequestedBy("", text, str(line.fault("").location))


def _target_file(
    file: ChosenFile, places: _Places, lines: Sequence[tuple[str, RequestedBy]]
) -> TargetFile:
    path, new, digest = places.find(file.path.name)
    requested_by = [RequestedBy(project=parent) for parent in file.parents if parent is not None]
    if None in file.parents or file.requested:
        requested_by[:0] = [line for name, line in lines if name in {file.name, file.url}]
    return TargetFile(
        name=file.name,
        version=file.version,
        filename=file.path.name,
        url=file.url,
        size=digest.size if digest else file.size,
        hashes=(("sha256", digest.sha256),) if digest else file.hashes,
        requested_by=tuple(requested_by),
        path=path,
        new=new,
        yanked=file.yanked,
        requires_python=file.requires_python,
    )


def download(
    request: DownloadRequest, invocation: Invocation | None = None
) -> DownloadOutcome | PlainRun:
    """Download the wheels of every requirement for its targets.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: the files of each target; or, if nothing names a target, that the run is pip's own.
    :raises WheeltargetError: if this fails; the destination is then unchanged.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    if invocation.has_locks:
        from wheeltarget.commands.download.from_lock import download_locked

        locked = download_locked(request, invocation)
        if locked is not None:
            return locked
    return resolve(request, invocation)


def resolve(request: DownloadRequest, invocation: Invocation) -> DownloadOutcome | PlainRun:
    """Resolve the requirements and download the files, as :func:`download` does.

    Locks among the requirements files are left to pip.
    """
    began = time.time()
    if invocation.fault is not None and not _is_ours(request, invocation):
        return PlainRun()  # pip reports the fault, or knows an option that we do not
    pure = project_names("--build-pure", request.build_pure)
    sources = pure | project_names("--allow-sdist", request.allow_sdist)
    prepared = prepare(invocation, Asked(request.tags, request.targets, sources))
    inputs, plan, faults = prepared.inputs, prepared.plan, prepared.faults
    if not faults:
        _refuse_misplaced(plan, sources, invocation.everything)
    if plan.is_plain and not request.wants_more_than_pip and not faults and not inputs.locked:
        from wheeltarget.commands.download import untargeted

        foreign = None if invocation.is_quiet else _foreign(prepared)
        return untargeted.run(plan, inputs, invocation.command, foreign)
    if inputs.unread or faults:
        raise InputError(_in_order((*inputs.unread, *faults), inputs))
    environment = invocation.environment
    folder, note = open_for(invocation.command, invocation.settings, environment)
    outcome = _deliver(prepared, request, pure, folder and wheel_folder(folder))
    from wheeltarget.cache.pruning import prune_after_run

    note = note or prune_after_run(folder, environment)
    if note:
        return replace(outcome, notes=(*outcome.notes, note))
    for_targets = all(job.target for job in plan.jobs)
    if outcome.fresh_until is None or not (for_targets and request.is_repeatable):
        return outcome
    return replace(outcome, run_inputs=find_run_inputs(prepared, began, outcome.fresh_until))


def _is_ours(request: DownloadRequest, invocation: Invocation) -> bool:
    """Return whether a command line that we cannot parse is about targets."""
    if default_targets(invocation, request.tags, request.targets) or request.wants_more_than_pip:
        return True
    return names_target(invocation, request.words)


def _refuse_misplaced(plan: Plan, sources: frozenset[str], command: CommandLine) -> None:
    """Refuse options that would have no effect, or not the intended one."""
    has_target = any(job.target for job in plan.jobs)
    if sources and not has_target:
        raise UsageError(
            "--allow-sdist and --build-pure need a target, but no target is named",
            "name one with --tags or --target; without a target, leave them out: pip then takes "
            "source distributions by itself",
        )
    if has_target and command.has("--python"):
        raise UsageError(
            "--python cannot be combined with targets: it runs pip in another interpreter",
            "leave it out, or name the environment of that interpreter as a target",
        )


def _deliver(
    prepared: Prepared, request: DownloadRequest, pure: frozenset[str], store: Path | None
) -> DownloadOutcome:
    command, inputs = prepared.invocation.everything, prepared.inputs
    destination = (command.values("--dest") or (os.curdir,))[-1]
    with interruptible() as interrupts, open_report(request.report) as keep_report:
        delivery = Delivery(
            Path(os.path.realpath(os.path.expanduser(destination))),  # noqa: PTH111 - as pip reads it
            catalog.look_up_tag,
            by_target=request.by_target,
            dry_run=request.dry_run,
            children=request.children,
            pure=pure,
            locked=inputs.locked,
            build_words=tuple(_build_words(command, inputs)),
            store=store,
            refresh=request.refresh,
            only=request.only_jobs,
        )
        outcome = deliver(prepared.plan, _labels(prepared.plan, command), delivery, interrupts)
        keep_report(outcome)
    return outcome


def _in_order(faults: tuple[Fault, ...], inputs: Inputs) -> tuple[Fault, ...]:
    """Sort faults by file, in the order in which the files were read, and by line."""
    met = (fault.location.file for fault in faults if fault.location)
    files = list(dict.fromkeys((*(file.name for file in inputs.files), *met)))

    def place(fault: Fault) -> tuple[int, int, int]:
        if fault.location is None:
            return -1, 0, 0
        return files.index(fault.location.file), fault.location.line, fault.location.column

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _labels(plan: Plan, command: CommandLine) -> list[str]:
    """Return the label of each job; pip's platform options describe the one without a target."""
    foreign = [
        word
        for option in command.options
        if option.name in ENVIRONMENT_OPTIONS
        for word in option.words
    ]
    host = " ".join(foreign) or catalog.HOST_LABEL
    return [job.target.label if job.target else host for job in plan.jobs]


def _foreign(prepared: Prepared) -> OtherTarget | None:
    """Return the environment that pip's platform options name, if any."""
    from wheeltarget.commands.download.untargeted import OtherTarget
    from wheeltarget.pip_config.platform_options import target_from_options

    invocation = prepared.invocation
    target = target_from_options(invocation.everything, catalog.look_up_tag, catalog.host)
    if target is None:
        return None

    def job_for_it() -> Job:
        named = (TargetName("tags", target.label, ""),)
        plan, faults = make_plan(
            prepared.inputs, invocation.command, Choices(named), prepared.look_up
        )
        if faults:
            raise InputError(faults)
        return plan.jobs[0]

    return OtherTarget(target, job_for_it)


def _build_words(command: CommandLine, inputs: Inputs) -> Iterator[str]:
    """Yield the options that matter for building a wheel, such as those of the index."""
    for _, option in all_options(inputs.files, command):
        if option.name in FOR_BUILDING:
            yield from option.words
