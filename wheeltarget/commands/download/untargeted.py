"""A run without any target: pip's own, and notes on it."""

from __future__ import annotations

from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wheeltarget.commands.download.request import PlainRun
from wheeltarget.commands.prepare import Prepared, note_unused_constraints
from wheeltarget.errors import InputError, WheeltargetError
from wheeltarget.pip_config.platform_options import target_from_options
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult, roots
from wheeltarget.resolver.plan import make_plan
from wheeltarget.staging.atomic import temporary_home
from wheeltarget.staging.stage import interruptible, open_stage
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse import closure


def run_untargeted(prepared: Prepared) -> PlainRun:
    """Leave the run to pip, or pass it the contents of the files if it cannot read them itself.

    It cannot if a file is a pipe or was fetched, if a clause names this interpreter, or if a
    constraint is for other targets only. Nor does it know that a project has an index of its own.

    :param prepared: the run, with one job.
    """
    invocation, inputs, plan = prepared.invocation, prepared.inputs, prepared.plan
    (job,) = plan.jobs
    cut = any(entry.line.parsed.cuts for entry in inputs.entries)
    # A constraint with the default target of its file has no clause to remove.
    passed = (
        cut or bool(plan.unused_constraints) or not all(file.repeatable for file in inputs.files)
    )
    passed = passed or bool(plan.indexes)
    foreign = None
    if not invocation.is_quiet:
        foreign = target_from_options(invocation.everything)
    if not passed and foreign is None:
        return PlainRun()
    options = [argument for option in invocation.command.options for argument in option.arguments]
    typed = job.arguments[job.arguments.index("--") :]
    whole = replace(job, arguments=(*options, *typed), files=job.files if passed else ())
    exit_code, result = pip_runner.run_plain(whole, observed=foreign is not None)
    if exit_code:
        return PlainRun(exit_code)
    missing = _missing(prepared, result, foreign) if foreign and result else ()
    return PlainRun(exit_code, (*note_unused_constraints(plan), *missing))


def _missing(prepared: Prepared, result: JobResult, target: Target) -> tuple[str, ...]:
    """Return a note on the projects that a target needs and pip did not download.

    :param target: the environment that pip's platform options name.
    """
    try:
        missing = closure.find_missing_requirements(target, roots(result), result.chosen)
        if not missing:
            return ()
        names = _needed(prepared, target) - {file.name for file in result.chosen}
    except WheeltargetError:
        return ()
    names = names or {canonicalize_name(Requirement(each.requirement).name) for each in missing}
    *others, last = sorted(names)
    listed = f"{', '.join(others)} and {last}" if others else last
    needs = f"Python {target.environment['python_version']} also needs {listed}"
    it = "them" if others else "it"
    return (f"{needs}; use `--tags {target.label}` to download {it}",)


def _needed(prepared: Prepared, target: Target) -> set[str]:
    """Return all projects that a target needs, resolved by pip in a dry run."""
    command, name = prepared.invocation.command, TargetName("tags", target.label, "")
    plan, faults = make_plan(
        prepared.inputs, command, prepared.look_up, [name], indexes=prepared.plan.indexes
    )
    if faults:
        raise InputError(faults)
    nowhere = temporary_home() / "wheeltarget"
    with interruptible(), open_stage(nowhere, dry_run=True) as stage:
        options = pip_runner.RunOptions(("",), dry_run=True, silent=True)
        (result,) = pip_runner.run_jobs(plan.jobs[:1], [target.label], stage, options)
    return {file.name for file in result.chosen}
