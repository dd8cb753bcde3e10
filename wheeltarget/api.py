"""One function for each verb: a request in, an outcome out, nothing printed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget import catalogue, closure, driver, settings, wheelhouse
from wheeltarget.codes import CODES
from wheeltarget.errors import (
    COMMAND_LINE,
    DownloadError,
    Fault,
    InputError,
    Location,
    UsageError,
)
from wheeltarget.inputs import Inputs, read_inputs
from wheeltarget.interrupts import Interrupts, interruptible
from wheeltarget.pip_config import configured_options
from wheeltarget.pip_options import FOREIGN, CommandLine, split_command_line
from wheeltarget.plan import Plan, make_plan
from wheeltarget.requirements import TargetName
from wheeltarget.validate import ValidateOutcome, ValidateRequest, validate
from wheeltarget.wheelhouse import PlacedFile

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = [
    "CODES",
    "DownloadOutcome",
    "DownloadRequest",
    "PlacedFile",
    "PlainRun",
    "TargetFiles",
    "ValidateOutcome",
    "ValidateRequest",
    "download",
    "validate",
]

HOST_LABEL = "this interpreter"


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """What a person asks of ``wheeltarget download``.

    :param words: pip's own words, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param environment: the environment's variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """Everything that one target needs.

    :param label: what the target is called.
    :param files: its files, by name.
    :param projects: the names of the projects, in the order in which pip chose them.
    """

    label: str
    files: tuple[PlacedFile, ...]
    projects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DownloadOutcome:
    """What came of a download.

    :param targets: what was taken for each target.
    :param notes: what somebody should know of it, one sentence each.
    """

    targets: tuple[TargetFiles, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlainRun:
    """A run without any target: it is pip's.

    :param exit_code: what pip ended with, or None where pip is still to be run.
    """

    exit_code: int | None = None


def download(request: DownloadRequest) -> DownloadOutcome | PlainRun:
    """Fetch the wheels of every requirement for its targets.

    :param request: what is asked for.
    :returns: what was taken; or, where nothing names a target, that the run is pip's own.
    :raises WheeltargetError: where that cannot be done; the destination is as it was then.
    """
    environment = os.environ if request.environment is None else request.environment
    try:
        command = split_command_line(request.words)
    except UsageError:
        if _may_name_target(request, environment):
            raise
        return PlainRun()  # pip says what is wrong, or knows more options than we do
    inherited = configured_options(environment, isolated=command.has("--isolated"))
    everything = CommandLine((*inherited, *command.options), command.requirements)
    inputs = _read(everything, environment)
    defaults = _typed_defaults(request) or settings.project_defaults(Path.cwd())
    plan, faults = make_plan(inputs, command, defaults, catalogue.look_up)
    if plan.is_plain and not (inputs.faults or faults):
        return _plain(plan, inputs, command)
    if inputs.faults or inputs.unread or faults:
        raise InputError(_in_order((*inputs.faults, *inputs.unread, *faults), inputs))
    destination = (everything.values("--dest") or (os.curdir,))[-1]
    with interruptible() as interrupts:
        folder = Path(os.path.realpath(os.path.expanduser(destination)))  # noqa: PTH111 - as pip reads it
        return _fetch(plan, _labels(plan, command), folder, interrupts)


def _may_name_target(request: DownloadRequest, environment: Mapping[str, str]) -> bool:
    """Look for a target in words of which not even the options are known.

    Any of them may be a requirement, and any that is a file may be one of requirements.
    """
    if _typed_defaults(request) or settings.project_defaults(Path.cwd()):
        return True
    inherited = [option.value or "" for option in configured_options(environment)]
    pieces = ((word, word[2:], word.partition("=")[2]) for word in request.words)
    names = dict.fromkeys([*inherited, *(piece for each in pieces for piece in each)])
    files = [(name, False) for name in names if os.path.isfile(name)]  # noqa: PTH113 - any text
    inputs = read_inputs(request.words, files, read=_read_file, environment=environment.get)
    return bool(inputs.faults) or any(entry.targets is not None for entry in inputs.entries)


def _in_order(faults: tuple[Fault, ...], inputs: Inputs) -> tuple[Fault, ...]:
    """Put faults into the order of the input: file by file as they were read, then the rest."""
    met = (fault.location.file for fault in faults if fault.location)
    files = list(dict.fromkeys((*(file.name for file in inputs.files), *met)))

    def place(fault: Fault) -> tuple[int, int, int]:
        if fault.location is None:
            return -1, 0, 0
        return files.index(fault.location.file), fault.location.line, fault.location.column

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _read(command: CommandLine, environment: Mapping[str, str]) -> Inputs:
    """Read every requirements and constraints file that the command names."""
    kinds = {"--requirement": False, "--constraint": True}
    files = [
        (option.value, kinds[option.name])
        for option in command.options
        if option.name in kinds and option.value
    ]
    return read_inputs(command.requirements, files, read=_read_file, environment=environment.get)


def _read_file(name: str) -> tuple[bytes, bool]:
    with Path(name).open("rb") as handle:
        return handle.read(), stat.S_ISREG(os.fstat(handle.fileno()).st_mode)


def _typed_defaults(request: DownloadRequest) -> tuple[TargetName, ...]:
    """Give the targets that the command line names for lines without one."""
    names, faults = [], []
    for key, values in (("tags", request.tags), ("target", request.targets)):
        for number, value in enumerate(values, start=1):
            column = 1
            for item in value.split(","):
                lead = len(item) - len(item.lstrip())
                place = Location(COMMAND_LINE, number, column + lead)
                fault = Fault("", "", place, value, max(len(item.strip()), 1))
                if not item.strip():
                    faults.append(replace(fault, message=f"--{key} has an empty entry"))
                names.append(TargetName(key, item.strip(), "", fault))
                column += len(item) + 1
    if faults:
        raise InputError(tuple(faults))
    return tuple(names)


def _plain(plan: Plan, inputs: Inputs, command: CommandLine) -> PlainRun:
    """Leave the run to pip, or, where it cannot read the requirements itself, read them to it.

    It can't where a file was used up by being read, where a clause asks for this interpreter,
    and where a file is yet to be fetched, since that may have clauses.
    """
    (job,) = plan.jobs
    cut = any(entry.line.parsed.cuts for entry in inputs.entries)
    if all(file.repeatable for file in inputs.files) and not inputs.remote and not cut:
        return PlainRun()
    words = [word for option in command.options for word in option.words]
    typed = job.arguments[job.arguments.index("--") :]
    return PlainRun(driver.run_plain(replace(job, arguments=(*words, *typed))))


def _labels(plan: Plan, command: CommandLine) -> list[str]:
    """Say what each job is for; pip's own options may say it of the one without a target."""
    foreign = [
        word for option in command.options if option.name in FOREIGN for word in option.words
    ]
    host = " ".join(foreign) or HOST_LABEL
    return [job.target.label if job.target else host for job in plan.jobs]


def _fetch(
    plan: Plan, labels: Sequence[str], destination: Path, interrupts: Interrupts
) -> DownloadOutcome:
    """Run the jobs, check what came, and place it."""
    with wheelhouse.open_stage(destination) as stage:
        results = driver.run_jobs(plan.jobs, labels, stage)
        _refuse_failures(results, labels)
        for result in results:
            _check(result)
        staged = [
            tuple(_staged(result, label)) for result, label in zip(results, labels, strict=True)
        ]
        with interrupts.held():
            placed = wheelhouse.merge(stage, staged)
    targets = tuple(
        TargetFiles(
            label,
            tuple(placed[file.path.name] for file in files),
            tuple(file.name for file in result.chosen),
        )
        for label, files, result in zip(labels, staged, results, strict=True)
    )
    return DownloadOutcome(targets, tuple(_notes(plan, results, labels)))


def _refuse_failures(results: Sequence[driver.JobResult], labels: Sequence[str]) -> None:
    failed = [
        (label, result.exit_code)
        for label, result in zip(labels, results, strict=True)
        if result.exit_code
    ]
    if failed:
        *others, last = (label for label, _ in failed)
        names = f"{', '.join(others)} and {last}" if others else last
        raise DownloadError(
            f"pip failed for {names}; nothing was saved",
            "what it said is above",
            exit_code=failed[0][1],
        )


def _check(result: driver.JobResult) -> None:
    """Walk the metadata of what was fetched for a target."""
    from packaging.requirements import InvalidRequirement, Requirement

    if result.job.target is None:
        return
    roots: list[Requirement] = []
    if result.dependencies == "all":
        for line in result.job.lines:
            try:
                roots.append(Requirement(line.parsed.requirement))
            except InvalidRequirement:
                continue  # a path or a URL: its project is among those that pip calls requested
        for file in result.chosen:
            if file.requested:
                extras = f"[{','.join(file.extras)}]" if file.extras else ""
                roots.append(Requirement(f"{file.name}{extras}"))
    closure.check_closure(result.job.target, roots, [file.path for file in result.chosen])


def _staged(result: driver.JobResult, label: str) -> Iterator[wheelhouse.StagedFile]:
    origins = {file.path.name: file.url for file in result.chosen}
    for path in sorted(result.folder.iterdir()):
        yield wheelhouse.StagedFile(path, origins.get(path.name, "a local project"), label)


def _notes(plan: Plan, results: Sequence[driver.JobResult], labels: Sequence[str]) -> Iterator[str]:
    """Say what somebody should know of a good run."""
    from packaging.version import Version

    host = "".join(label for job, label in zip(plan.jobs, labels, strict=True) if not job.target)
    for line in plan.untargeted:
        requirement = line.parsed.requirement or line.parsed.options
        yield f"{line.fault('').location}: {requirement} has no target: taken for {host}"
    versions: dict[str, dict[str, list[str]]] = {}
    for result, label in zip(results, labels, strict=True):
        for file in result.chosen:
            versions.setdefault(file.name, {}).setdefault(file.version, []).append(label)
            if file.yanked is not None:
                reason = f": {file.yanked}" if file.yanked else ""
                yield f"{file.name} {file.version} for {label} was yanked{reason}"
            if Version(file.version).is_prerelease:
                yield f"{file.name} {file.version} for {label} is a pre-release"
    for name, by_version in sorted(versions.items()):
        if len(by_version) > 1:
            each = (f"{version} for {', '.join(who)}" for version, who in by_version.items())
            yield f"{name} differs: {'; '.join(each)}"
