"""One function for each verb: a request in, an outcome out, nothing printed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.folder import open_for, wheel_folder
from wheeltarget.commands.download.outcome import DownloadOutcome, PlainRun, TargetFile, TargetFiles
from wheeltarget.commands.download.replay_inputs import Run, find_basis
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.prepare import names_target, read_everything
from wheeltarget.commands.validate.codes import CODES
from wheeltarget.errors import Fault, InputError, UsageError
from wheeltarget.pip_config.files import configured_options, configured_settings
from wheeltarget.pip_config.options import (
    FOR_BUILDING,
    FOREIGN,
    CommandLine,
    is_quiet,
    split_command_line,
)
from wheeltarget.requirements.filenames import project_names
from wheeltarget.requirements.loader import Inputs
from wheeltarget.requirements.parser import is_lock
from wheeltarget.resolver.plan import Choices, Job, Plan, Targets, all_options, make_plan
from wheeltarget.resolver.results import Asker
from wheeltarget.targets import catalog, project
from wheeltarget.targets.names import TargetName, typed_targets

if TYPE_CHECKING:
    from wheeltarget.commands.download.untargeted import Foreign
    from wheeltarget.commands.explain.explain import ExplainOutcome, ExplainRequest, explain
    from wheeltarget.commands.lock.lock import LockOutcome, LockRequest, lock
    from wheeltarget.commands.validate.validate import ValidateOutcome, ValidateRequest, validate

__all__ = [
    "CODES",
    "Asker",
    "DownloadOutcome",
    "DownloadRequest",
    "ExplainOutcome",
    "ExplainRequest",
    "LockOutcome",
    "LockRequest",
    "PlainRun",
    "TargetFile",
    "TargetFiles",
    "ValidateOutcome",
    "ValidateRequest",
    "download",
    "explain",
    "lock",
    "validate",
]


def __getattr__(name: str) -> object:
    """Load what a download does not need only where it is asked for."""
    if name in {"ExplainOutcome", "ExplainRequest", "explain"}:
        from wheeltarget.commands.explain import explain

        return getattr(explain, name)
    if name in {"LockOutcome", "LockRequest", "lock"}:
        from wheeltarget.commands.lock import lock as locking

        return getattr(locking, name)
    if name in {"ValidateOutcome", "ValidateRequest", "validate"}:
        from wheeltarget.commands.validate import validate

        return getattr(validate, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def download(request: DownloadRequest) -> DownloadOutcome | PlainRun:
    """Fetch the wheels of every requirement for its targets.

    :param request: what is asked for.
    :returns: what was taken; or, where nothing names a target, that the run is pip's own.
    :raises WheeltargetError: where that cannot be done; the destination is as it was then.
    """
    began = time.time()
    environment = os.environ if request.environment is None else request.environment
    asked = request.dry_run, request.by_target, request.wants_outcome
    ours = any(asked) or bool(request.report or request.only_jobs)
    typed = typed_targets(request.tags, request.targets)
    defaults = typed or project.project_defaults(Path.cwd())
    try:
        command = split_command_line(request.words)
    except UsageError:
        if ours or defaults or names_target(request.words, environment):
            raise
        return PlainRun()  # pip says what is wrong, or knows more options than we do
    isolated = command.has("--isolated")
    inherited = configured_options(environment, isolated=isolated)
    everything = CommandLine((*inherited, *command.options), command.requirements)
    if any(map(is_lock, everything.values("--requirement"))):
        from wheeltarget.commands.download.from_lock import download_locked

        locked = download_locked(request)
        if locked is not None:
            return locked
    inputs = read_everything(everything, environment)
    pure = project_names("--build-pure", request.build_pure)
    sources = pure | project_names("--allow-sdist", request.allow_sdist)
    choices = Choices(defaults, sources, inherited)
    targets = Targets(catalog.look_up, catalog.host)
    plan, faults = make_plan(inputs, command, choices, targets)
    faults = (*inputs.faults, *faults)
    if not faults:
        _refuse_misplaced(plan, sources, everything)
    if plan.is_plain and not ours and not faults and not inputs.locked:
        from wheeltarget.commands.download import untargeted

        quiet = is_quiet(command, configured_settings(environment, isolated=isolated))
        foreign = None if quiet else _foreign(everything, command, inputs, targets)
        return untargeted.run(plan, inputs, command, foreign)
    if inputs.unread or faults:
        raise InputError(_in_order((*inputs.unread, *faults), inputs))
    settings_of_pip = configured_settings(environment, isolated=isolated)
    folder, note = open_for(command, settings_of_pip, environment)
    store = folder and wheel_folder(folder)
    outcome = _deliver(plan, request, everything, inputs, pure, store)
    from wheeltarget.cache.pruning import make_room

    note = note or make_room(folder, environment)
    if note:
        return replace(outcome, notes=(*outcome.notes, note))
    for_targets = all(job.target for job in plan.jobs)
    if outcome.fresh_until is None or not (for_targets and request.is_repeatable):
        return outcome
    run = Run(everything, inputs, defaults, environment, began)
    return replace(outcome, basis=find_basis(run, outcome.fresh_until))


def _refuse_misplaced(plan: Plan, sources: frozenset[str], command: CommandLine) -> None:
    """Refuse options that would play no part, or not the one that is meant."""
    has_target = any(job.target for job in plan.jobs)
    if sources and not has_target:
        raise UsageError(
            "--allow-sdist and --build-pure are for targets, and nothing here names one",
            "without a target pip takes sources by itself; with --tags TAG it is for that one",
        )
    if has_target and command.has("--python"):
        raise UsageError(
            "--python would run pip in another interpreter, where no target is known",
            "leave it out, or name that interpreter's environment as a target",
        )


def _deliver(
    plan: Plan,
    request: DownloadRequest,
    command: CommandLine,
    inputs: Inputs,
    pure: frozenset[str],
    store: Path | None,
) -> DownloadOutcome:
    from wheeltarget.commands.download.download import Delivery, deliver
    from wheeltarget.commands.download.report import open_report
    from wheeltarget.utils.signals import interruptible

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
        outcome = deliver(plan, _labels(plan, command), delivery, interrupts)
        keep_report(outcome)
    return outcome


def _in_order(faults: tuple[Fault, ...], inputs: Inputs) -> tuple[Fault, ...]:
    """Put faults into the order of the input: file by file as they were read, then the rest."""
    met = (fault.location.file for fault in faults if fault.location)
    files = list(dict.fromkeys((*(file.name for file in inputs.files), *met)))

    def place(fault: Fault) -> tuple[int, int, int]:
        if fault.location is None:
            return -1, 0, 0
        return files.index(fault.location.file), fault.location.line, fault.location.column

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _labels(plan: Plan, command: CommandLine) -> list[str]:
    """Say what each job is for; pip's own options may say it of the one without a target."""
    foreign = [
        word for option in command.options if option.name in FOREIGN for word in option.words
    ]
    host = " ".join(foreign) or catalog.HOST_LABEL
    return [job.target.label if job.target else host for job in plan.jobs]


def _foreign(
    everything: CommandLine, command: CommandLine, inputs: Inputs, targets: Targets
) -> Foreign | None:
    """Find the environment that pip's own options name, if they do."""
    if not any(option.name in FOREIGN for option in everything.options):
        return None
    from wheeltarget.commands.download.untargeted import Foreign
    from wheeltarget.pip_config.platform_options import foreign_target

    target = foreign_target(everything, catalog.look_up_tag, targets.host)
    if target is None:
        return None

    def job_for_it() -> Job:
        named = (TargetName("tags", target.label, ""),)
        plan, faults = make_plan(inputs, command, Choices(named), targets)
        if faults:
            raise InputError(faults)
        return plan.jobs[0]

    return Foreign(target, job_for_it)


def _build_words(command: CommandLine, inputs: Inputs) -> Iterator[str]:
    """Give the options that count where a wheel is built: those of the index, mostly."""
    for _, option in all_options(inputs.files, command):
        if option.name in FOR_BUILDING:
            yield from option.words
