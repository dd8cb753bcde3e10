"""The decision: which requirements go to pip for which target, and in which words.

Nothing here reads or writes; what is wrong with the input comes back as faults.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheeltarget.errors import COMMAND_LINE, Fault, TargetError, locate
from wheeltarget.pip_config.options import FOREIGN, CommandLine, GivenOption
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.loader import Entry, Inputs
from wheeltarget.requirements.parser import RequirementsFile, SourceLine, is_lock
from wheeltarget.resolver.checks import file_options, foreign_faults, pin_faults
from wheeltarget.resolver.constraints import Constraints, constraints_for
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.target import Target

_OPAQUE = frozenset({"--group", "--requirements-from-script"})


@dataclass(frozen=True, slots=True)
class Job:
    """What pip has to resolve for one target, all at once.

    :param target: the target, or None for the running interpreter.
    :param arguments: words for ``pip download``, without the destination.
    :param files: (name, content) of every requirements and constraints file, as this target
        sees it; every line keeps its number.
    :param lines: the requirement lines that belong to it.
    :param narrow: (project, tags) for each project of which constraints leave fewer wheels.
    :param sources: the projects of which source distributions are taken, normalised.
    :param prefer: (project, version) for each version to try before all others.
    """

    target: Target | None
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    lines: tuple[SourceLine, ...]
    narrow: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sources: frozenset[str] = frozenset()
    prefer: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Every job of a run.

    :param jobs: one for each distinct target, in the order in which they are first named.
    :param untargeted: the lines that are resolved for this interpreter while others are not.
    :param idle: the constraints whose clause is for no target of the run.
    :param opaque: the options whose requirements only pip reads, likewise for this interpreter.
    """

    jobs: tuple[Job, ...]
    untargeted: tuple[SourceLine, ...]
    idle: tuple[SourceLine, ...] = ()
    opaque: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Tell whether there is no target at all, so that pip itself can do it."""
        return all(job.target is None and not job.narrow for job in self.jobs)

    def part(self, numbers: Sequence[int]) -> Plan:
        """Give the plan of a run that does some of the jobs.

        :param numbers: the places of these jobs, counted from 0.
        """
        jobs = tuple(self.jobs[number] for number in numbers)
        if any(job.target is None for job in jobs):
            return replace(self, jobs=jobs)
        return replace(self, jobs=jobs, untargeted=(), opaque=())


@dataclass(frozen=True, slots=True)
class Choices:
    """What wheeltarget's own options and settings say.

    :param defaults: what lines without a clause and without a file's default are for; empty for
        the running interpreter.
    :param sources: the projects of which sources are taken for a target, normalised.
    :param inherited: the options of pip's configuration, which pip takes in every job.
    :param locks: whether what is chosen is to be locked, and has to have a hash.
    """

    defaults: tuple[TargetName, ...] = ()
    sources: frozenset[str] = frozenset()
    inherited: tuple[GivenOption, ...] = ()
    locks: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """Where targets come from.

    :param look_up: finds the target that (key, text, folder) names, None for the running
        interpreter; raises TargetError.
    :param host: describes the running interpreter; asked only where it matters.
    """

    look_up: Callable[[str, str, str], Target | None]
    host: Callable[[], Target]


def make_plan(
    inputs: Inputs, command: CommandLine, choices: Choices, targets: Targets
) -> tuple[Plan, tuple[Fault, ...]]:
    """Decide which requirements go to pip for which target.

    :param inputs: what was asked for.
    :param command: pip's own options, as given.
    :param choices: our own options.
    :param targets: where targets come from.
    :returns: the plan, and the faults that forbid it; with faults the plan is not to be run.
    """
    defaults = choices.defaults
    found, faults = _look_up_all((*inputs.named, *defaults), targets.look_up)
    ends = tuple(dict.fromkeys(found[name] for name in defaults if name in found)) or (None,)
    opaque = [option for option in command.options if _is_opaque(option)]
    wanted = _wanted(inputs.entries, found, ends, opaque=bool(opaque))
    options = all_options(inputs.files, command)
    if set(wanted) != set(ends):
        faults += (_astray(option) for option in choices.inherited if _is_opaque(option))
    for target, entries in wanted.items():
        if target is not None:
            lines = tuple(dict.fromkeys(entry.line for entry in entries))
            faults += foreign_faults(target, lines, options, choices.sources, locks=choices.locks)
            faults += pin_faults(target, lines)
    constraints = _constraints(wanted, inputs.entries, found, targets.host)
    jobs = tuple(
        _with_options(
            _job(target, entries, inputs.files, constraints[target]),
            command,
            choices.sources,
            takes_opaque=target in ends,
        )
        for target, entries in wanted.items()
    )
    mixed = len(wanted) > 1 and None in wanted
    implicit = [e.line for e in wanted[None] if e.targets is None and not defaults] if mixed else ()
    unread = [" ".join(o.words) for o in opaque if mixed and not defaults]
    held = {line for each in constraints.values() for line in each.lines}
    idle = (e.line for e in inputs.entries if e.constraint and e.targets and e.line not in held)
    plan = Plan(jobs, tuple(dict.fromkeys(implicit)), tuple(dict.fromkeys(idle)), tuple(unread))
    return plan, tuple(dict.fromkeys(faults))


def _wanted(
    entries: Sequence[Entry],
    found: Mapping[TargetName, Target | None],
    ends: tuple[Target | None, ...],
    *,
    opaque: bool,
) -> dict[Target | None, list[Entry]]:
    """Sort the requirements by target."""
    wanted: dict[Target | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.constraint:
            continue
        names = entry.targets
        targets = ends if names is None else tuple(found[name] for name in names if name in found)
        for target in dict.fromkeys(targets):
            wanted[target].append(entry)
    for target in ends if opaque or not wanted else ():
        wanted.setdefault(target, [])
    return wanted


def _constraints(
    wanted: Iterable[Target | None],
    entries: Sequence[Entry],
    found: Mapping[TargetName, Target | None],
    host: Callable[[], Target],
) -> dict[Target | None, Constraints]:
    """Say what the constraints come to for each target."""
    if all(entry.targets is None for entry in entries if entry.constraint):
        everywhere = Constraints(frozenset(e.line for e in entries if e.constraint), ())
        return dict.fromkeys(wanted, everywhere)
    named = {name: target or host() for name, target in found.items()}
    return {target: constraints_for(target or host(), entries, named) for target in wanted}


def all_options(
    files: Sequence[RequirementsFile], command: CommandLine
) -> list[tuple[SourceLine | None, GivenOption]]:
    """Give every option of a run; those of files hold for every line.

    :param files: the files that were read.
    :param command: pip's own options, as given.
    :returns: each option, with the line of a file it stands in.
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
    """Look up every target that is named anywhere, and say which are none."""
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
            why = refused[name]
            faults.append(locate(name.fault, why.message, why.hint, why.code))
    return found, faults


def _is_opaque(option: GivenOption) -> bool:
    """Tell whether pip reads requirements from here that have no clauses."""
    if option.name in _OPAQUE:
        return True
    return option.name == "--requirement" and is_lock(option.value or "")


def _astray(option: GivenOption) -> Fault:
    """Refuse an option of the configuration whose requirements are not for every target."""
    words = " ".join(option.words)
    return Fault(
        f"{words} of pip's configuration would go to every target",
        f"write {words} on the command line instead, for the lines without a target",
    )


def _job(
    target: Target | None,
    entries: Sequence[Entry],
    files: Sequence[RequirementsFile],
    constraints: Constraints,
) -> Job:
    """Put together what pip is given for one target, but for the options."""
    lines = tuple(dict.fromkeys(entry.line for entry in entries))
    typed = [line.parsed.requirement for line in lines if line.file == COMMAND_LINE]
    mine = constraints.lines.union(lines)
    contents = tuple((file.name, content_for(file, mine)) for file in files)
    return Job(target, ("--", *typed), contents, lines, constraints.narrow)


def _with_options(
    job: Job, command: CommandLine, sources: frozenset[str], *, takes_opaque: bool
) -> Job:
    """Put the options for its target before a job's requirements."""
    words = [
        word
        for option in command.options
        if _goes_to(option, job.target, takes_opaque=takes_opaque)
        for word in option.words
    ]
    if job.target is None:
        return replace(job, arguments=(*words, *job.arguments))
    words += _target_words(job.target)
    return replace(job, arguments=(*words, *job.arguments), sources=sources)


def _goes_to(option: GivenOption, target: Target | None, *, takes_opaque: bool) -> bool:
    """Tell whether an option of the command line is for this target."""
    if option.name == "--dest" or (target is not None and option.name in FOREIGN):
        return False
    return takes_opaque or not _is_opaque(option)


def _target_words(target: Target) -> Iterator[str]:
    """Say the target in pip's own options; the child gives pip the tags in full."""
    interpreter, abi, platform = target.tags[0].split("-")
    yield f"--python-version={target.python}"
    yield f"--implementation={re.sub(r'[0-9]+$', '', interpreter)}"
    yield f"--abi={abi}"
    yield f"--platform={platform}"
    # A source distribution would be built for this machine, not for the target.
    yield "--only-binary=:all:"
    # It would be said once for each target.
    yield "--disable-pip-version-check"


def content_for(file: RequirementsFile, mine: Collection[SourceLine]) -> str:
    """Write a file as one target sees it: clauses gone, lines of other targets blank.

    :param file: the file that was read.
    :param mine: the lines that belong to the target.
    :returns: a text with as many lines; the same text where nothing had to go.
    """
    doomed: list[tuple[int, int]] = []
    for line in file.lines:
        if line in mine:
            for start, end in line.parsed.cuts:
                doomed += line.offsets(start, end)
        elif line.parsed.kind is Kind.REQUIREMENT:
            doomed += line.offsets(0, len(line.parsed.text))
    text, position = [], 0
    for start, end in doomed:
        text.append(file.text[position:start])
        position = end
    return "".join([*text, file.text[position:]])
