"""A run without any target: pip's own, and notes on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wheeltarget.commands.download.outcome import PlainRun
from wheeltarget.commands.prepare import note_unused_constraints
from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import CommandLine
from wheeltarget.requirements.loader import Inputs
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.resolver.results import JobResult
from wheeltarget.resolver.verify import metadata_from_pip, roots
from wheeltarget.staging.temporary import temporary_home
from wheeltarget.targets.target import Target
from wheeltarget.utils.signals import interruptible
from wheeltarget.wheelhouse import closure, merge


@dataclass(frozen=True, slots=True)
class OtherTarget:
    """The environment that pip's platform options name.

    :param target: the environment.
    :param job_for_it: returns the job for the same requirements and this environment.
    """

    target: Target
    job_for_it: Callable[[], Job]


def run(plan: Plan, inputs: Inputs, command: CommandLine, foreign: OtherTarget | None) -> PlainRun:
    """Leave the run to pip, or pass it the contents of the files if it cannot read them itself.

    It cannot if a file is a pipe or was fetched, if a clause names this interpreter, or if a
    constraint is for other targets only.

    :param plan: the plan, with one job.
    :param inputs: the requirements.
    :param command: pip's own options, as given.
    :param foreign: the environment that they name; None for no note on it.
    :returns: pip's exit code, or None if pip is still to be run in place of this process.
    """
    (job,) = plan.jobs
    cut = any(entry.line.parsed.cuts for entry in inputs.entries)
    # A constraint with the default target of its file has no clause to remove.
    read_to_pip = cut or bool(plan.idle) or not all(file.repeatable for file in inputs.files)
    if not read_to_pip and foreign is None:
        return PlainRun()
    options = [argument for option in command.options for argument in option.words]
    typed = job.arguments[job.arguments.index("--") :]
    files = job.files if read_to_pip else ()
    whole = replace(job, arguments=(*options, *typed), files=files)
    exit_code, result = pip_runner.run_plain(whole, observed=foreign is not None)
    if exit_code:
        return PlainRun(exit_code)
    missing = _missing(result, foreign) if foreign and result else ()
    return PlainRun(exit_code, (*note_unused_constraints(plan), *missing))


def _missing(result: JobResult, foreign: OtherTarget) -> tuple[str, ...]:
    """Return a note on the projects that the environment needs and pip did not download."""
    try:
        holes = closure.find_missing_requirements(
            foreign.target,
            roots(result),
            {file.name: metadata_from_pip(file) for file in result.chosen},
        )
        if not holes:
            return ()
        names = _needed(foreign) - {file.name for file in result.chosen}
    except WheeltargetError:
        return ()
    if not names:
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name

        names = {canonicalize_name(Requirement(hole.requirement).name) for hole in holes}
    python = foreign.target.environment["python_version"]
    it = "them" if len(names) > 1 else "it"
    needs = f"Python {python} also needs {_listed(sorted(names))}"
    return (f"{needs}; use `--tags {foreign.target.label}` to download {it}",)


def _needed(foreign: OtherTarget) -> set[str]:
    """Return all projects that the environment needs, resolved by pip in a dry run."""
    nowhere = temporary_home() / "wheeltarget"
    job = foreign.job_for_it()
    with interruptible(), merge.open_stage(nowhere, dry_run=True) as stage:
        options = pip_runner.RunOptions(("",), dry_run=True, silent=True)
        (result,) = pip_runner.run_jobs([job], [foreign.target.label], stage, options)
    return {file.name for file in result.chosen}


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
