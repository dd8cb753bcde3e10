"""Download: plan, run pip, check the results, place the files in the destination.

start-up: this does not load what downloads from locks.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from packaging.utils import parse_wheel_filename

from wheeltarget.cache.run_records import RunInputs, real_folder
from wheeltarget.cache.wheel_store import open_for, prune_after_run, wheel_folder
from wheeltarget.commands import with_pip
from wheeltarget.commands.download.provenance import FetchedProvenance, fetch_for_results
from wheeltarget.commands.download.request import (
    DownloadOutcome,
    DownloadRequest,
    PlainRun,
    RequestedBy,
    TargetFile,
    TargetFiles,
)
from wheeltarget.commands.download.tools import add_tools, arguments_of, staged_tools
from wheeltarget.commands.download.untargeted import run_untargeted
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.prepare import Prepared, names_target, notes_on, prepare
from wheeltarget.errors import DownloadError, Fault, InputError, UsageError
from wheeltarget.pip_config.options import (
    ENVIRONMENT_OPTIONS,
    FOR_BUILDING,
    WITH_VALUE,
    WITHOUT_VALUE,
    configuration_files,
    is_lock,
    is_remote,
    project_names,
)
from wheeltarget.pip_config.project_indexes import NO_INDEXES, ProjectIndexes
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.parser import VARIABLE, Inputs, SourceLine
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.explanation import explain_failures
from wheeltarget.resolver.index_failures import find_index_failures
from wheeltarget.resolver.pip_runner import (
    JobResult,
    RunOptions,
    build_wheel,
    check_result,
    compare_with_locks,
    refuse_changed,
)
from wheeltarget.resolver.plan import all_options
from wheeltarget.staging.atomic import open_output
from wheeltarget.staging.stage import Interrupts, Stage, interruptible, open_stage
from wheeltarget.targets import catalog
from wheeltarget.targets.leave_outs import read_leave_outs
from wheeltarget.targets.names import (
    HOST,
    HOST_LABEL,
    TargetName,
    is_path,
    project_files,
    user_folder,
)
from wheeltarget.utils.files import Hashes, hash_file, link_or_copy
from wheeltarget.utils.text import json_text
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile, folder_names
from wheeltarget.wheelhouse.provenance import beside_of

_KNOWN = frozenset(
    {
        *("--all-releases", "--only-final", "--pre", "--prefer-binary"),
        *("--no-binary", "--only-binary", "--no-deps", "--only-deps", "--ignore-requires-python"),
        *("--requirement", "--constraint", "--require-hashes", "--no-require-hashes"),
        *("--dest", "--cache-dir", "--exists-action", "--isolated", "--require-virtualenv"),
        *("--index-url", "--extra-index-url", "--trusted-host", "--cert", "--client-cert"),
        *("--proxy", "--no-proxy-env", "--keyring-provider"),
        *("--retries", "--resume-retries", "--timeout"),
        *("--no-color", "--no-input", "--progress-bar", "--quiet"),
        *("--disable-pip-version-check", "--no-python-version-warning"),
    }
)
"""Options whose effect depends on their values and known files only, and that write nothing; others
may read or write files that would not be checked before a replay."""

_OF_OTHER_COMMANDS = frozenset(
    {"break-system-packages", "config-file", "no-warn-script-location", "root-user-action", "user"}
)
"""Settings of pip that do not matter for a download."""


def download(
    request: DownloadRequest, invocation: Invocation | None = None
) -> DownloadOutcome | PlainRun:
    """Download the wheels of every requirement for its targets.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: the files of each target; or, if nothing names a target, that the run is pip's own.
    :raises WheeltargetError: if this fails; the destination is then unchanged.
    """
    from wheeltarget.commands.download.from_lock import download_locked

    invocation = invocation or read_invocation(request.arguments, request.environment)
    locked = download_locked(request, invocation) if invocation.has_locks else None
    return resolve(request, invocation) if locked is None else locked


def resolve(request: DownloadRequest, invocation: Invocation) -> DownloadOutcome | PlainRun:
    """Resolve the requirements and download the files, as :func:`download` does.

    Locks among the requirements files are left to pip.
    """
    began = time.time()
    if invocation.fault is not None and not (
        invocation.defaults(request.tags, request.targets)
        or request.wants_more_than_pip
        or request.index
        or invocation.projects.index_table(invocation.folder)
        or names_target(invocation, request.arguments)
    ):
        return PlainRun()  # pip reports the fault, or knows an option that we do not
    pure = project_names("--build-pure", request.build_pure)
    sources = pure | project_names("--allow-sdist", request.allow_sdist)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    prepared = prepare(
        invocation,
        request.tags,
        request.targets,
        sources,
        leave_outs=leave_outs,
        indexes=request.index,
    )
    inputs, plan, faults = prepared.inputs, prepared.plan, prepared.faults
    if not faults:
        _refuse_misplaced(prepared, sources, adds_pip=request.with_pip)
    if plan.is_plain and not request.wants_more_than_pip and not faults and not inputs.locked:
        return run_untargeted(prepared)
    if inputs.unread or faults:
        raise InputError(_in_order((*inputs.unread, *faults), inputs))
    cache, note = open_for(invocation.command, invocation.settings, invocation.environment)
    with (
        interruptible() as interrupts,
        open_output(request.report) if request.report else nullcontext() as keep_report,
    ):
        store = cache and wheel_folder(cache)
        outcome = _download(prepared, request, pure, store, interrupts)
        if keep_report is not None:
            keep_report(json_text(outcome.as_dict()))
    note = note or prune_after_run(cache, invocation.environment)
    if note:
        return replace(outcome, notes=(*outcome.notes, note))
    if outcome.fresh_until is None or not (
        request.is_repeatable and all(job.target for job in plan.jobs)
    ):
        return outcome
    return replace(outcome, run_inputs=find_run_inputs(prepared, began, outcome.fresh_until))


def _refuse_misplaced(prepared: Prepared, sources: frozenset[str], *, adds_pip: bool) -> None:
    """Refuse options that would have no effect, or not the intended one."""
    has_target = any(job.target for job in prepared.plan.jobs)
    options = prepared.invocation.everything.options
    foreign = [each.name for each in options if each.name in ENVIRONMENT_OPTIONS]
    if adds_pip and foreign and any(job.target is None for job in prepared.plan.jobs):
        raise UsageError(
            f"--with-pip cannot be combined with {foreign[0]}, which does not name a target",
            "name the target with --tags or --target instead",
        )
    if sources and not has_target:
        raise UsageError(
            "--allow-sdist and --build-pure need a target, but no target is named",
            "name one with --tags or --target; without a target, leave them out: pip then takes "
            "source distributions by itself",
        )
    if not prepared.invocation.everything.has("--python"):
        return
    if prepared.plan.indexes:
        raise UsageError(
            "--python cannot be combined with the index of a project: it runs pip in another "
            "interpreter, which does not know it",
            "name the environment of that interpreter with --tags or --target instead",
        )
    if has_target:
        raise UsageError(
            "--python cannot be combined with targets: it runs pip in another interpreter",
            "leave it out, or name the environment of that interpreter as a target",
        )


def _in_order(faults: tuple[Fault, ...], inputs: Inputs) -> tuple[Fault, ...]:
    """Sort faults by file, in the order in which the files were read, and by line."""
    with_place = (fault.location.file for fault in faults if fault.location)
    files = list(dict.fromkeys((*(file.name for file in inputs.files), *with_place)))

    def place(fault: Fault) -> tuple[int, int, int]:
        if fault.location is None:
            return -1, 0, 0
        return files.index(fault.location.file), fault.location.line, fault.location.column

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _download(
    prepared: Prepared,
    request: DownloadRequest,
    pure: frozenset[str],
    store: Path | None,
    interrupts: Interrupts,
) -> DownloadOutcome:
    """Run pip for each target, check the results, and place the files.

    :param pure: the projects of which a wheel is built here.
    :param store: the folder of the wheel store; None to use no store.
    """
    command, dry_run = prepared.invocation.everything, request.dry_run
    labels = _labels(prepared)
    names = tuple(folder_names(labels))
    numbers = select_jobs(labels, names, request.only_jobs)
    plan = prepared.plan.part(numbers)
    labels, names = [labels[n] for n in numbers], tuple(names[n] for n in numbers)
    folders = names if request.by_target else ("",) * len(labels)
    destination = real_folder((command.values("--dest") or (os.curdir,))[-1])
    with open_stage(destination, dry_run=dry_run, folders=folders) as stage:
        options = RunOptions(
            folders,
            request.processes,
            dry_run,
            quiet=dry_run,
            store=store,
            refresh=request.refresh,
            kept=project_names("--allow-sdist", request.allow_sdist) - pure,
        )
        results = pip_runner.run_jobs(plan.jobs, labels, stage, options)
        if any(result.exit_code for result in results):
            raise explain_failures(results, labels, catalog.look_up_tag)
        if prepared.inputs.locked:
            compare_with_locks(results, labels, prepared.inputs.locked)
        hashes = Hashes()
        builder = make_builder(prepared, pure, stage) if pure and not dry_run else None
        if builder:
            results = tuple(map(builder.replace_sources, results))
        built, notes = _fetch_for_building(
            request, prepared, results, labels, options, builder, stage
        )
        every = (*enumerate(results), *built)
        if not dry_run:
            refuse_changed([result for _, result in every], hashes)
        for _, result in every:
            check_result(result, dry_run=dry_run)
        attested = results if request.provenance and not dry_run else ()
        provenance = _keep_provenance(attested, hashes, prepared, stage)
        tools: tuple[JobResult, ...] = ()
        if request.with_pip:
            wanted = map(partial(_wants_pip, pure=pure), results, labels, folders)
            tools = _fetch_tools(tuple(wanted), prepared, stage, options)
        placed: dict[Path, PlacedFile] = {}
        if not dry_run:
            staged = [_staged(result, labels[n], folders[n]) for n, result in every]
            staged += map(staged_tools, tools, labels, folders)
            merged = merge.merge(stage, staged, hashes, begin=interrupts.hold)
            placed = {destination / name: file for name, file in merged.items()}
    targets = []
    for number, (label, folder, name) in enumerate(zip(labels, folders, names, strict=True)):
        target = plan.jobs[number].target
        tag, python = (target.tags[0], target.python) if target else (None, None)
        mine = [result for n, result in every if n == number]
        files = _all_target_files(mine, destination / folder, placed, dry_run=dry_run)
        targets.append(TargetFiles(label, tag, python, files, folder=name))
    if tools:
        targets = list(_with_tools(targets, results, tools, folders, placed, prepared, destination))
    whole, for_pip = not request.only_jobs, not request.with_pip
    notes = (
        *notes_on(plan, results, labels, pure, whole=whole, for_pip=for_pip),
        *notes,
    )
    results = (*results, *tools)
    times = [result.fresh_until for result in results if result.fresh_until is not None]
    failures = find_index_failures([*(result for _, result in every), *tools])
    # What a note of the stage says, or that an index failed, may not hold the next time.
    is_known = len(times) == len(results) and not stage.notes and not failures
    fresh_until = min(times, default=None) if is_known else None
    failed = (failure.describe() for failure in failures)
    notes = (*failed, *notes, *provenance.notes, *stage.notes)
    return DownloadOutcome(
        tuple(targets),
        notes,
        dry_run,
        fresh_until=fresh_until,
        index_failures=failures,
        warnings=provenance.warnings,
    )


def _keep_provenance(
    results: Sequence[JobResult], hashes: Hashes, prepared: Prepared, stage: Stage
) -> FetchedProvenance:
    """Fetch the provenance of files, and put it beside each of them in the stage."""

    def hash_of(file: ChosenFile) -> str:
        return hashes.of(file.path).sha256

    fetched = fetch_for_results(results, hash_of, prepared, stage)
    for file in (file for result in results for file in result.chosen if file.provenance):
        fetched.link_beside(file.path, hash_of(file))
    return fetched


def _fetch_for_building(
    request: DownloadRequest,
    prepared: Prepared,
    results: Sequence[JobResult],
    labels: Sequence[str],
    options: RunOptions,
    builder: Builder | None,
    stage: Stage,
) -> tuple[tuple[tuple[int, JobResult], ...], tuple[str, ...]]:
    """Fetch what kept sources need to be built.

    :returns: the index of a job and a result for its target, for each that was run; and notes.
    """
    if not options.kept:
        return (), ()
    from wheeltarget.commands import build_requirements

    invocation, files = prepared.invocation, prepared.inputs.files
    pure = project_names("--build-pure", request.build_pure)
    sources = build_requirements.SourceRun(
        labels,
        stage,
        options,
        build_requirements.options_for_building(files, invocation.command, invocation.environment),
        invocation.settings,
        options.kept | pure,
        prepared.plan.indexes,
        pure,
        builder.replace_sources if builder else None,
    )
    starts = (build_requirements.sources_of(n, each, pure) for n, each in enumerate(results))
    kept = sources.fetch(itertools.chain(*starts))
    # Sources with the same requirements share a result.
    built = {id(each.result): (each.number, each.result) for each in kept if each.result}
    notes = tuple(build_requirements.note_sources(kept, labels))
    if not request.with_pip:
        every = (*enumerate(results), *built.values())
        old = build_requirements.note_old_pips(kept, every, labels, options.folders)
        notes = (*notes, *old)
    return tuple(built.values()), notes


def _wants_pip(
    result: JobResult, label: str, folder: str, pure: Collection[str]
) -> with_pip.WantsPip:
    """Return what ``--with-pip`` adds for a target.

    :param pure: the projects of which a wheel is built here.
    """
    sources = (file for file in result.chosen if file.path.suffix != ".whl")
    builds = any(file.name not in pure for file in sources)
    return with_pip.WantsPip(result.job.target, label, folder, builds)


def _fetch_tools(
    wanted: tuple[with_pip.WantsPip, ...],
    prepared: Prepared,
    stage: Stage,
    options: pip_runner.RunOptions,
) -> tuple[JobResult, ...]:
    invocation = prepared.invocation
    environment = invocation.environment
    given = with_pip.options_for_pip(prepared.inputs.files, invocation.command, environment)
    options = replace(options, first=len(wanted))
    return with_pip.fetch_pips(
        wanted, stage, options, given, invocation.settings, prepared.plan.indexes
    )


def _with_tools(
    targets: Iterable[TargetFiles],
    results: Sequence[JobResult],
    tools: Sequence[JobResult],
    folders: Sequence[str],
    placed: Mapping[Path, PlacedFile],
    prepared: Prepared,
    destination: Path,
) -> Iterator[TargetFiles]:
    """Yield the files of each target with its tools."""
    inputs = prepared.inputs
    is_constrained = bool(inputs.locked) or any(entry.constraint for entry in inputs.entries)
    for files, result, tool, folder in zip(targets, results, tools, folders, strict=True):
        beside = [each for each, there in zip(results, folders, strict=True) if there == folder]
        arguments = arguments_of(result, beside, is_constrained=is_constrained)
        yield add_tools(files, tool, destination, folder, placed, arguments)


def _labels(prepared: Prepared) -> list[str]:
    """Return the label of each job; pip's platform options describe the one without a target."""
    options = prepared.invocation.everything.options
    foreign = (each.arguments for each in options if each.name in ENVIRONMENT_OPTIONS)
    host = " ".join(itertools.chain(*foreign)) or HOST_LABEL
    return [job.target.label if job.target else host for job in prepared.plan.jobs]


def select_jobs(
    labels: Sequence[str], folders: Sequence[str], only: Collection[str]
) -> tuple[int, ...]:
    """Return the indices of the jobs to run.

    :param only: labels, or names of folders; empty to run every job.
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


def _staged(result: JobResult, label: str, folder: str) -> list[StagedFile]:
    origins = {file.path.name: file.url for file in result.chosen}
    return [
        StagedFile(path, origins.get(path.name, "a local project"), label, folder)
        for path in sorted(result.folder.iterdir())
    ]


def _requester(line: SourceLine) -> RequestedBy:
    text = line.parsed.requirement or line.parsed.options
    return RequestedBy("", text, str(line.fault("").location))


def _all_target_files(
    results: Iterable[JobResult], home: Path, placed: Mapping[Path, PlacedFile], *, dry_run: bool
) -> tuple[TargetFile, ...]:
    """Return the files of all results of one target, each once."""
    files: dict[str, TargetFile] = {}
    for result in results:
        for file in _target_files(result, home, placed, dry_run=dry_run):
            files.setdefault(file.filename, file)
    return tuple(files.values())


def _target_files(
    result: JobResult, home: Path, placed: Mapping[Path, PlacedFile], *, dry_run: bool
) -> Iterator[TargetFile]:
    """Yield the files of one target, which are in this folder."""
    lines = [(name, _requester(line)) for name, line in result.job.named_projects()]
    for file in result.chosen:
        path = home / file.path.name
        typed = lines if None in file.parents or file.requested else ()
        requested_by = [line for name, line in typed if name in {file.name, file.url}]
        requested_by += (RequestedBy(parent) for parent in file.parents if parent is not None)
        found = placed.get(path)
        beside = beside_of(path)
        yield TargetFile.of(
            file,
            found,
            requested_by,
            path if found or dry_run else None,
            new=not path.is_file() if dry_run else found is not None and found.new,
            provenance=beside if beside in placed else None,
        )


def find_run_inputs(prepared: Prepared, began: float, fresh_until: float) -> RunInputs | None:
    """Return what the outcome of a run depends on.

    :param prepared: the run; every job of it was for a target, and only wheels were fetched.
    :param began: when it began, in seconds since the epoch.
    :returns: the inputs, or None if there may be others.
    """
    command = prepared.invocation.everything
    names = {option.name for option in command.options}
    if not names <= _KNOWN or not prepared.invocation.settings.keys() <= _known_settings():
        return None
    files = prepared.inputs.files
    has_lock = any(map(is_lock, command.values("--requirement")))
    if has_lock or not all(file.repeatable and not is_remote(file.name) for file in files):
        return None
    variables = {name for file in files for _, name in VARIABLE.findall(file.text)}
    return RunInputs(
        read=_absolute(file.name for file in files),
        looked_for=_absolute(_looked_for(prepared)),
        variables=tuple(sorted(variables)),
        began=began,
        fresh_until=fresh_until,
        destination=(command.values("--dest") or (os.curdir,))[-1],
    )


def _known_settings() -> frozenset[str]:
    """Return the known keys of pip's configuration: every spelling of a known option."""
    spellings = (each for each in (*WITH_VALUE, *WITHOUT_VALUE) if not _KNOWN.isdisjoint(each))
    return _OF_OTHER_COMMANDS.union(name.removeprefix("--") for each in spellings for name in each)


def _absolute(names: Iterable[str | Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.abspath(name) for name in names))  # noqa: PTH100 - any text


def _looked_for(prepared: Prepared) -> Iterator[str | Path]:
    """Yield every other file that matters, including those that do not exist."""
    invocation = prepared.invocation
    command, environment = invocation.everything, invocation.environment
    yield from configuration_files(environment, isolated=command.has("--isolated"))
    yield from project_files(Path())
    for name in (*prepared.inputs.named, *prepared.defaults):
        if name.key == "target" and name.text != HOST:
            yield from _definitions(name)
    for option in ("--cert", "--client-cert"):
        named = [*command.values(option), invocation.settings.get(option.removeprefix("--"))]
        yield from (os.path.expanduser(name) for name in named if name)  # noqa: PTH111 - any text
    # The library that pip uses for requests reads credentials there.
    own = environment.get("NETRC")
    yield from map(os.path.expanduser, [own] if own else ["~/.netrc", "~/_netrc"])


def _definitions(name: TargetName) -> list[Path]:
    """Return the files that define a target's name."""
    if is_path(name.text):
        return [Path(name.folder, name.text)]
    return [*project_files(Path(name.folder)), user_folder() / f"{name.text}.toml"]


def make_builder(prepared: Prepared, projects: frozenset[str], stage: Stage) -> Builder:
    """Return a builder with the options of a run that also apply to building."""
    given = all_options(prepared.inputs.files, prepared.invocation.everything)
    options = (each.arguments for _, each in given if each.name in FOR_BUILDING)
    return Builder(projects, list(itertools.chain(*options)), stage, prepared.plan.indexes)


@dataclass(frozen=True, slots=True)
class Builder:
    """Build pure Python wheels of some projects on this machine for others; each source once.

    :param options: options for ``pip wheel``.
    :param indexes: the indexes of projects.
    :param built: the wheel by the hash of its source.
    """

    projects: frozenset[str]
    options: Sequence[str]
    stage: Stage
    indexes: ProjectIndexes = NO_INDEXES
    built: dict[str, Path] = field(default_factory=dict)

    def replace_sources(self, result: JobResult) -> JobResult:
        """Replace each source distribution that is to be built by its wheel.

        :raises DownloadError: if the build fails, or the wheel is not pure Python.
        """
        if result.job.target is None:
            return result
        chosen = (self._with_wheel(file, result.folder) for file in result.chosen)
        return replace(result, chosen=tuple(chosen))

    def _with_wheel(self, file: ChosenFile, folder: Path) -> ChosenFile:
        if file.name not in self.projects or file.path.suffix == ".whl":
            return file
        digest = hash_file(file.path).sha256
        if digest not in self.built:
            self.built[digest] = self._build(file, self.stage.folder / "built" / digest)
        wheel = folder / self.built[digest].name
        link_or_copy(self.built[digest], wheel)
        file.path.unlink()
        return replace(file, path=wheel, hashes=(), accepts=(), size=None, provenance=None)

    def _build(self, file: ChosenFile, folder: Path) -> Path:
        folder.mkdir(parents=True)
        what = f"{file.name} {file.version}"
        exit_code = build_wheel(file.path, folder, self.options, self.stage, self.indexes)
        if exit_code:
            raise DownloadError(
                f"pip could not build a wheel for {what}; nothing was saved",
                "see pip's output above",
                exit_code=max(exit_code, 1),
            )
        (wheel,) = folder.iterdir()
        tags = parse_wheel_filename(wheel.name)[3]
        if any((tag.abi, tag.platform) != ("none", "any") for tag in tags):
            raise DownloadError(
                f"{what} is not pure Python: the wheel built here is {wheel.name}, which fits "
                "this machine only",
                f"use --allow-sdist {file.name} to download the source, for the target to build",
            )
        return wheel
