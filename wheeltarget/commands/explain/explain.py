"""The command ``explain``: which releases fit which target, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement

from wheeltarget.commands.explain.results import Row, make_rows
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.prepare import Prepared, note_unused_constraints, prepare
from wheeltarget.errors import DownloadError, Fault, InputError, UsageError
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, is_lock, project_names
from wheeltarget.pip_config.platform_options import target_from_options
from wheeltarget.resolver.pip_runner import list_projects
from wheeltarget.resolver.plan import Job
from wheeltarget.targets import catalog
from wheeltarget.targets.names import HOST_LABEL
from wheeltarget.utils.signals import interruptible

SCHEMA = 1
"""The version of the document that :meth:`ExplainOutcome.as_dict` returns."""

_MAYBE_PATH_OR_URL = re.compile(r"[/\\:@]|^\.")


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """The arguments of ``wheeltarget explain``.

    :param words: pip's own arguments, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param sources: the values of ``--allow-sdist``, each a list with commas.
    :param environment: the environment variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ExplainOutcome:
    """The result of a run.

    :param targets: every target: its label, its best tag, its Python.
    :param rows: every requirement.
    :param notes: one sentence each.
    """

    targets: tuple[tuple[str, str, str], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why requirements could not be checked, each reason once."""
        every = (answer.problem for row in self.rows for answer in row.answers)
        return tuple(dict.fromkeys(filter(None, every)))

    @property
    def exit_code(self) -> int:
        """Return 3 if a requirement could not be checked, 1 if one does not fit, else 0."""
        return 3 if self.problems else int(not all(row.is_fine for row in self.rows))

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
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
    """Find which releases fit, and why the others do not; dependencies are not considered.

    :param request: the arguments.
    :param invocation: what its arguments and pip's configuration say, if they were read before.
    :returns: the result.
    :raises WheeltargetError: if the input is invalid, or pip fails.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    sources = project_names("--allow-sdist", request.sources)
    prepared = prepare(invocation, request.tags, request.targets, sources)
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(faults)
    _refuse_unsupported(prepared)
    jobs = [
        job if job.target else replace(job, target=replace(catalog.host(), label=HOST_LABEL))
        for job in prepared.plan.jobs
    ]
    targets = [job.target for job in jobs if job.target]
    try:
        with interruptible():
            listings = list_projects(jobs, [target.label for target in targets])
    except DownloadError as error:
        unreadable = tuple(dict.fromkeys(fault for job in jobs for fault in _unreadable(job)))
        raise InputError(unreadable) if unreadable else error from error
    return ExplainOutcome(
        tuple((target.label, target.tags[0], target.python) for target in targets),
        make_rows(jobs, listings, catalog.look_up_tag),
        tuple(note_unused_constraints(prepared.plan)),
    )


def _refuse_unsupported(prepared: Prepared) -> None:
    """Refuse options that would have no effect here, or another one than in pip."""
    command = prepared.invocation.everything
    if command.has("--python"):
        raise UsageError(
            "--python is not supported by explain",
            "leave it out, or name that interpreter's environment with --tags or --target",
        )
    for value in command.values("--requirement"):
        if is_lock(value):
            message = f"{value} is a lock, which names its files: there is nothing to explain"
            raise UsageError(message, "name requirements, or a requirements file")
    foreign = sorted({option.name for option in command.options} & ENVIRONMENT_OPTIONS)
    if foreign and any(job.target is None for job in prepared.plan.jobs):
        target = target_from_options(command)
        message = f"{' and '.join(foreign)} would name single tags, not a whole environment"
        raise UsageError(message, f"write --tags {target.label if target else 'TAG'} instead")
    pip_only = {"--group", "--requirements-from-script"}
    requested = [entry for entry in prepared.inputs.entries if not entry.constraint]
    if not requested and not any(option.name in pip_only for option in command.options):
        hint = "for example: wheeltarget explain numpy --tags cp312-cp312-manylinux_2_28_x86_64"
        raise UsageError("no requirements given", hint)


def _unreadable(job: Job) -> Iterator[Fault]:
    """Return a fault for each requirement that pip cannot read."""
    for line in job.lines:
        text = line.parsed.requirement
        if not text or _MAYBE_PATH_OR_URL.search(text):
            continue
        try:
            Requirement(text)
        except InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            start = line.parsed.text.find(text)
            message = f"{text} is not a valid requirement: {why}"
            yield line.fault(message, "", start, start + len(text))
