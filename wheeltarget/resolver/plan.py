"""Decide which requirements go to pip for which target, and with which arguments.

Nothing here reads or writes; errors in the input are returned as faults.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheeltarget.errors import COMMAND_LINE, Fault, TargetError, locate
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, CommandLine, GivenOption
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.filenames import is_lock
from wheeltarget.requirements.parser import Entry, Inputs, RequirementsFile, SourceLine
from wheeltarget.resolver.checks import file_options, foreign_faults, pin_faults
from wheeltarget.resolver.constraints import Constraints, constraints_for
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.target import Target

_OPAQUE = frozenset({"--group", "--requirements-from-script"})


@dataclass(frozen=True, slots=True)
class Job:
    """What pip has to resolve for one target, all at once.

    :param target: the target, or None for the running interpreter.
    :param arguments: arguments for ``pip download``, without the destination.
    :param files: (name, content) of every requirements and constraints file, as this target
        sees it; every line keeps its number.
    :param lines: the requirement lines that belong to it.
    :param allowed_tags: (project, tags) for each project for which constraints allow fewer wheels.
    :param sources: the projects whose source distributions are allowed, normalised.
    :param preferred: (project, version) for each version to try before all others.
    """

    target: Target | None
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    lines: tuple[SourceLine, ...]
    allowed_tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sources: frozenset[str] = frozenset()
    preferred: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All jobs of a run.

    :param jobs: one for each distinct target, in the order in which they are first named.
    :param untargeted: the lines that are resolved for this interpreter while others are not.
    :param idle: the constraints whose clause matches no target of the run.
    :param pip_only: the options whose requirements only pip reads, for this interpreter as well.
    """

    jobs: tuple[Job, ...]
    untargeted: tuple[SourceLine, ...]
    idle: tuple[SourceLine, ...] = ()
    pip_only: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether there is no target at all, so that plain pip can run."""
        return all(job.target is None and not job.allowed_tags for job in self.jobs)

    def part(self, numbers: Sequence[int]) -> Plan:
        """Return the plan with some of the jobs.

        :param numbers: the indexes of the jobs.
        """
        jobs = tuple(self.jobs[number] for number in numbers)
        if any(job.target is None for job in jobs):
            return replace(self, jobs=jobs)
        return replace(self, jobs=jobs, untargeted=(), pip_only=())


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of wheeltarget's own options and settings.

    :param defaults: the targets of lines without a clause and without a file's default; empty for
        the running interpreter.
    :param sources: the projects whose sources are allowed for a target, normalised.
    :param inherited: the options of pip's configuration, which apply to every job.
    :param locks: whether the result is locked, so that every file needs a hash.
    """

    defaults: tuple[TargetName, ...] = ()
    sources: frozenset[str] = frozenset()
    inherited: tuple[GivenOption, ...] = ()
    locks: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """The functions that return targets.

    :param look_up: returns the target that (key, text, folder) names, None for the running
        interpreter; raises TargetError.
    :param host: returns the running interpreter as a target; called only if needed.
    """

    look_up: Callable[[str, str, str], Target | None]
    host: Callable[[], Target]


def make_plan(
    inputs: Inputs, command: CommandLine, choices: Choices, targets: Targets
) -> tuple[Plan, tuple[Fault, ...]]:
    """Decide which requirements go to pip for which target.

    :param inputs: the requirements and constraints.
    :param command: pip's own options, as given.
    :param choices: our own options.
    :param targets: the functions that return targets.
    :returns: the plan, and the faults; with faults the plan must not be run.
    """
    defaults = choices.defaults
    found, faults = _look_up_all((*inputs.named, *defaults), targets.look_up)
    default_targets = tuple(dict.fromkeys(found[name] for name in defaults if name in found)) or (
        None,
    )
    pip_only = [option for option in command.options if _only_pip_reads(option)]
    by_target = _by_target(inputs.entries, found, default_targets, pip_only=bool(pip_only))
    options = all_options(inputs.files, command)
    if set(by_target) != set(default_targets):
        faults += (_inherited_fault(each) for each in choices.inherited if _only_pip_reads(each))
    for target, entries in by_target.items():
        if target is not None:
            lines = tuple(dict.fromkeys(entry.line for entry in entries))
            faults += foreign_faults(target, lines, options, choices.sources, locks=choices.locks)
            faults += pin_faults(target, lines)
    constraints = _constraints(by_target, inputs.entries, found, targets.host)
    jobs = tuple(
        _with_options(
            _job(target, entries, inputs.files, constraints[target]),
            command,
            choices.sources,
            takes_pip_only=target in default_targets,
        )
        for target, entries in by_target.items()
    )
    mixed = None in by_target and len(by_target) > 1 and not defaults
    implicit = [each.line for each in by_target[None] if each.targets is None] if mixed else ()
    unread = [" ".join(option.words) for option in pip_only if mixed]
    used = {line for each in constraints.values() for line in each.lines}
    idle = (e.line for e in inputs.entries if e.constraint and e.targets and e.line not in used)
    plan = Plan(jobs, tuple(dict.fromkeys(implicit)), tuple(dict.fromkeys(idle)), tuple(unread))
    return plan, tuple(dict.fromkeys(faults))


def _by_target(
    entries: Sequence[Entry],
    found: Mapping[TargetName, Target | None],
    default_targets: tuple[Target | None, ...],
    *,
    pip_only: bool,
) -> dict[Target | None, list[Entry]]:
    """Group the requirements by target."""
    by_target: dict[Target | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.constraint:
            continue
        targets = default_targets
        if entry.targets is not None:
            targets = tuple(found[name] for name in entry.targets if name in found)
        for target in dict.fromkeys(targets):
            by_target[target].append(entry)
    for target in default_targets if pip_only or not by_target else ():
        by_target.setdefault(target, [])
    return by_target


def _constraints(
    targets: Iterable[Target | None],
    entries: Sequence[Entry],
    found: Mapping[TargetName, Target | None],
    host: Callable[[], Target],
) -> dict[Target | None, Constraints]:
    """Return the constraints for each target."""
    if all(entry.targets is None for entry in entries if entry.constraint):
        everywhere = Constraints(frozenset(e.line for e in entries if e.constraint), ())
        return dict.fromkeys(targets, everywhere)
    named = {name: target or host() for name, target in found.items()}
    return {target: constraints_for(target or host(), entries, named) for target in targets}


def all_options(
    files: Sequence[RequirementsFile], command: CommandLine
) -> list[tuple[SourceLine | None, GivenOption]]:
    """Return every option of a run; those of files apply to all lines.

    :param files: the files that were read.
    :param command: pip's own options, as given.
    :returns: each option, with its line if it is from a file.
    """
    options: list[tuple[SourceLine | None, GivenOption]] = [(None, o) for o in command.options]
    for file in files:
        for line in file.lines:
            if line.parsed.options:
                options += ((line, option) for option in file_options(line))
    return options


def _look_up_all(
    names: Iterable[TargetName], look_up: Callable[[str, str, str], Target | None]
) -> tuple[dict[TargetName, Target | None], list[Fault]]:
    """Look up every named target; return the targets, and faults for invalid names."""
    found: dict[TargetName, Target | None] = {}
    refused: dict[TargetName, TargetError] = {}
    faults = []
    for name in names:
        if name not in found and name not in refused:
            try:
                found[name] = look_up(name.key, name.text, name.folder)
            except TargetError as error:
                refused[name] = error
        if name in refused:
            refusal = refused[name]
            faults.append(locate(name.fault, refusal.message, refusal.hint, refusal.code))
    return found, faults


def _only_pip_reads(option: GivenOption) -> bool:
    """Return whether an option has requirements that only pip reads."""
    if option.name in _OPAQUE:
        return True
    return option.name == "--requirement" and is_lock(option.value or "")


def _inherited_fault(option: GivenOption) -> Fault:
    text = " ".join(option.words)
    return Fault(
        f"{text} in pip's configuration would apply to every target",
        f"write {text} on the command line instead, to apply it to lines without a target",
    )


def _job(
    target: Target | None,
    entries: Sequence[Entry],
    files: Sequence[RequirementsFile],
    constraints: Constraints,
) -> Job:
    """Return the job for one target, without options."""
    lines = tuple(dict.fromkeys(entry.line for entry in entries))
    requirements = [line.parsed.requirement for line in lines if line.file == COMMAND_LINE]
    mine = constraints.lines.union(lines)
    contents = tuple((file.name, content_for(file, mine)) for file in files)
    return Job(target, ("--", *requirements), contents, lines, constraints.allowed_tags)


def _with_options(
    job: Job, command: CommandLine, sources: frozenset[str], *, takes_pip_only: bool
) -> Job:
    """Add the options before a job's requirements."""
    options = [
        argument
        for option in command.options
        if _applies_to(option, job.target, takes_pip_only=takes_pip_only)
        for argument in option.words
    ]
    if job.target is None:
        return replace(job, arguments=(*options, *job.arguments))
    options += _target_options(job.target)
    return replace(job, arguments=(*options, *job.arguments), sources=sources)


def _applies_to(option: GivenOption, target: Target | None, *, takes_pip_only: bool) -> bool:
    """Return whether an option of the command line is for a target."""
    if option.name == "--dest" or (target is not None and option.name in ENVIRONMENT_OPTIONS):
        return False
    return takes_pip_only or not _only_pip_reads(option)


def _target_options(target: Target) -> Iterator[str]:
    """Return pip's own options for a target; the child adds the complete tags."""
    interpreter, abi, platform = target.tags[0].split("-")
    yield f"--python-version={target.python}"
    yield f"--implementation={re.sub(r'[0-9]+$', '', interpreter)}"
    yield f"--abi={abi}"
    yield f"--platform={platform}"
    # A source distribution would be built for this machine, not for the target.
    yield "--only-binary=:all:"
    # pip would show its note once for each target.
    yield "--disable-pip-version-check"


def content_for(file: RequirementsFile, mine: Collection[SourceLine]) -> str:
    """Return the content of a file for one target: without clauses and lines of other targets.

    :param file: the file that was read.
    :param mine: the lines that belong to the target.
    :returns: a text with the same number of lines.
    """
    cuts: list[tuple[int, int]] = []
    for line in file.lines:
        if line in mine:
            for start, end in line.parsed.cuts:
                cuts += line.offsets(start, end)
        elif line.parsed.kind is Kind.REQUIREMENT:
            cuts += line.offsets(0, len(line.parsed.text))
    text, position = [], 0
    for start, end in cuts:
        text.append(file.text[position:start])
        position = end
    return "".join([*text, file.text[position:]])
