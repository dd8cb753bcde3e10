"""A run without any target: pip's own, and what somebody should know of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wheeltarget.commands.download.outcome import PlainRun
from wheeltarget.commands.notes import idle_notes
from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import CommandLine
from wheeltarget.requirements.loader import Inputs
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.resolver.results import JobResult
from wheeltarget.resolver.verify import roots, said_by_pip
from wheeltarget.staging.temporary import temporary_home
from wheeltarget.targets.target import Target
from wheeltarget.utils.signals import interruptible
from wheeltarget.wheelhouse import closure, merge


@dataclass(frozen=True, slots=True)
class Foreign:
    """The other environment that pip's own options name.

    :param target: what it is in full.
    :param job_for_it: gives the job that would take the same requirements for it.
    """

    target: Target
    job_for_it: Callable[[], Job]


def run(plan: Plan, inputs: Inputs, command: CommandLine, foreign: Foreign | None) -> PlainRun:
    """Leave the run to pip, or, where it cannot read the requirements itself, read them to it.

    It can't where a file was used up by being read or by being fetched, where a clause asks for
    this interpreter, and where a constraint is for others.

    :param plan: what was decided; it has one job.
    :param inputs: what was asked for.
    :param command: pip's own options, as given.
    :param foreign: the environment that they name; None where nothing is to be said of it.
    :returns: pip's exit code, or None where pip is still to be run, in this process's place.
    """
    (job,) = plan.jobs
    cut = any(entry.line.parsed.cuts for entry in inputs.entries)
    # A constraint that the default of its file gives to other targets has nothing to cut.
    read_to_pip = cut or bool(plan.idle) or not all(file.repeatable for file in inputs.files)
    if not read_to_pip and foreign is None:
        return PlainRun()
    words = [word for option in command.options for word in option.words]
    typed = job.arguments[job.arguments.index("--") :]
    files = job.files if read_to_pip else ()
    whole = replace(job, arguments=(*words, *typed), files=files)
    exit_code, result = pip_runner.run_plain(whole, observed=foreign is not None)
    if exit_code:
        return PlainRun(exit_code)
    missing = _missing(result, foreign) if foreign and result else ()
    return PlainRun(exit_code, (*idle_notes(plan), *missing))


def _missing(result: JobResult, foreign: Foreign) -> tuple[str, ...]:
    """Say what the environment needs beside what pip has fetched for it."""
    try:
        holes = closure.find_holes(
            foreign.target,
            roots(result),
            {file.name: said_by_pip(file) for file in result.chosen},
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
    return (f"{needs}; `--tags {foreign.target.label}` brings {it}",)


def _needed(foreign: Foreign) -> set[str]:
    """Ask pip what the environment needs in all, without fetching it."""
    nowhere = temporary_home() / "wheeltarget"
    job = foreign.job_for_it()
    with interruptible(), merge.open_stage(nowhere, dry_run=True) as stage:
        options = pip_runner.RunOptions(("",), dry_run=True, silent=True)
        (result,) = pip_runner.run_jobs([job], [foreign.target.label], stage, options)
    return {file.name for file in result.chosen}


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
