"""Which releases of what is asked for fit which target, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheeltarget.commands.explain.answers import Row, make_rows
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.notes import idle_notes
from wheeltarget.commands.prepare import Asked, Prepared, prepare
from wheeltarget.errors import DownloadError, Fault, InputError, UsageError
from wheeltarget.pip_config.options import FOREIGN
from wheeltarget.pip_config.platform_options import foreign_target
from wheeltarget.pip_protocol import JobListing
from wheeltarget.requirements.filenames import project_names
from wheeltarget.requirements.parser import is_lock
from wheeltarget.resolver import index_query
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.targets import catalog
from wheeltarget.utils.signals import interruptible

SCHEMA = 1
"""The version of the form that :meth:`ExplainOutcome.as_dict` gives."""

_FOR_PIP_TO_READ = re.compile(r"[/\\:@]|^\.")
"""What makes a requirement a place, or may do so."""


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What a person asks of ``wheeltarget explain``.

    :param words: pip's own words, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param sources: the projects of which a source would do, each a list with commas.
    :param environment: the environment's variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ExplainOutcome:
    """What was found out.

    :param targets: every target: its label, its best tag, its Python.
    :param rows: every requirement.
    :param notes: what somebody should know of it, one sentence each.
    """

    targets: tuple[tuple[str, str, str], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what could not be found out, each once."""
        every = (answer.problem for row in self.rows for answer in row.answers)
        return tuple(dict.fromkeys(filter(None, every)))

    @property
    def exit_code(self) -> int:
        """Give 3 where something could not be found out, 1 where something does not fit, else 0."""
        return 3 if self.problems else int(not all(row.is_fine for row in self.rows))

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "schema": SCHEMA,
            "targets": [
                {"label": label, "tag": tag, "python": python}
                for label, tag, python in self.targets
            ],
            "requirements": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def explain(request: ExplainRequest, invocation: Invocation | None = None) -> ExplainOutcome:
    """Find out which releases fit, and why the others do not.

    Dependencies are not looked at.

    :param request: what is asked for.
    :param invocation: what its arguments and pip's configuration say, if they were read before.
    :returns: what was found out.
    :raises WheeltargetError: where nothing can be found out.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    sources = project_names("--allow-sdist", request.sources)
    prepared = prepare(invocation, Asked(request.tags, request.targets, sources))
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(faults)
    _refuse_misplaced(prepared)
    plan = prepared.plan
    jobs = tuple(_targeted(job) for job in plan.jobs)
    labels = [job.target.label if job.target else "" for job in jobs]
    try:
        with interruptible():
            listings = index_query.list_projects(jobs, labels)
    except DownloadError as error:
        unreadable = tuple(dict.fromkeys(fault for job in jobs for fault in _unreadable(job)))
        raise InputError(unreadable) if unreadable else error from error
    return _outcome(jobs, listings, plan)


def _targeted(job: Job) -> Job:
    """Give a job for the running interpreter the target that this is."""
    if job.target is not None:
        return job
    return replace(job, target=replace(catalog.host(), label=catalog.HOST_LABEL))


def _refuse_misplaced(prepared: Prepared) -> None:
    """Refuse what would have no effect, or not the one that is meant."""
    command = prepared.invocation.everything
    if command.has("--python"):
        raise UsageError(
            "--python would run pip in another interpreter, of which nothing is known",
            "leave it out, or name that interpreter's environment as a target",
        )
    for value in command.values("--requirement"):
        if is_lock(value):
            message = f"{value} is a lock: it names its files, and there is nothing to explain"
            raise UsageError(message, "name requirements, or a file of them")
    foreign = sorted({option.name for option in command.options} & FOREIGN)
    if foreign and any(job.target is None for job in prepared.plan.jobs):
        target = foreign_target(command, catalog.look_up_tag, catalog.host)
        message = f"{' and '.join(foreign)} would name single tags, not an environment"
        raise UsageError(message, f"write --tags {target.label if target else 'TAG'} instead")
    opaque = {"--group", "--requirements-from-script"}
    asked = [entry for entry in prepared.inputs.entries if not entry.constraint]
    if not asked and not any(option.name in opaque for option in command.options):
        hint = "write it like wheeltarget explain numpy --tags cp312-cp312-manylinux_2_28_x86_64"
        raise UsageError("there is no requirement to explain", hint)


def _unreadable(job: Job) -> Iterator[Fault]:
    """Point at requirements that pip cannot read."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in job.lines:
        text = line.parsed.requirement
        if not text or _FOR_PIP_TO_READ.search(text):
            continue
        try:
            Requirement(text)
        except InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            start = line.parsed.text.find(text)
            yield line.fault(f"{text} is no requirement: {why}", "", start, start + len(text))


def _outcome(jobs: Sequence[Job], listings: Sequence[JobListing], plan: Plan) -> ExplainOutcome:
    targets = (job.target for job in jobs if job.target)
    return ExplainOutcome(
        tuple((target.label, target.tags[0], target.python) for target in targets),
        make_rows(jobs, listings, catalog.look_up_tag),
        tuple(idle_notes(plan)),
    )
