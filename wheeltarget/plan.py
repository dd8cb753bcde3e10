"""The decision: which requirements go to pip for which target, and in which words.

Nothing here reads or writes; what is wrong with the input comes back as faults.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from wheeltarget.annotations import Kind
from wheeltarget.errors import COMMAND_LINE, Fault, TargetError
from wheeltarget.inputs import Entry, Inputs
from wheeltarget.pip_options import FOREIGN, CommandLine, GivenOption
from wheeltarget.plan_faults import constraint_faults, foreign_faults, pin_faults
from wheeltarget.requirements import (
    RequirementsFile,
    SourceLine,
    TargetName,
    includes_remote,
    is_lock,
    is_remote,
    locate,
)
from wheeltarget.targets import Target

_OPAQUE = frozenset({"--group", "--requirements-from-script"})


@dataclass(frozen=True, slots=True)
class Job:
    """What pip has to resolve for one target, all at once.

    :param target: the target, or None for the running interpreter.
    :param arguments: words for ``pip download``, without the destination.
    :param files: (name, content) of every requirements and constraints file, as this target
        sees it; every line keeps its number.
    :param lines: the requirement lines that belong to it.
    """

    target: Target | None
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every job of a run.

    :param jobs: one for each distinct target, in the order in which they are first named.
    :param untargeted: the lines that are resolved for this interpreter while others are not.
    """

    jobs: tuple[Job, ...]
    untargeted: tuple[SourceLine, ...]

    @property
    def is_plain(self) -> bool:
        """Tell whether there is no target at all, so that pip itself can do it."""
        return all(job.target is None for job in self.jobs)


def make_plan(
    inputs: Inputs,
    command: CommandLine,
    defaults: tuple[TargetName, ...],
    look_up: Callable[[str, str, str], Target | None],
) -> tuple[Plan, tuple[Fault, ...]]:
    """Decide which requirements go to pip for which target.

    :param inputs: what was asked for.
    :param command: pip's own options, as given.
    :param defaults: what lines without a clause and without a file's default are for; empty for
        the running interpreter.
    :param look_up: finds the target that (key, text, folder) names; raises TargetError.
    :returns: the plan, and the faults that forbid it; with faults the plan is not to be run.
    """
    found, faults = _look_up_all((*inputs.named, *defaults), look_up)
    ends = tuple(dict.fromkeys(found[name] for name in defaults if name in found)) or (None,)
    wanted: dict[Target | None, list[Entry]] = defaultdict(list)
    for entry in inputs.entries:
        if entry.constraint:
            continue
        names = entry.targets
        targets = ends if names is None else tuple(found[name] for name in names if name in found)
        for target in dict.fromkeys(targets):
            wanted[target].append(entry)
    opaque = tuple(o for o in command.options if _is_opaque(o))
    for target in ends if opaque or not wanted else ():
        wanted.setdefault(target, [])
    faults += constraint_faults(inputs.entries)
    for target, entries in wanted.items():
        if target is not None:
            lines = tuple(dict.fromkeys(entry.line for entry in entries))
            faults += foreign_faults(target, lines, inputs.files, command)
            faults += pin_faults(target, lines)
    constraints = {entry.line for entry in inputs.entries if entry.constraint}
    jobs = tuple(
        _job(target, entries, (inputs.files, constraints), command, takes_opaque=target in ends)
        for target, entries in wanted.items()
    )
    mixed = len(wanted) > 1 and None in wanted
    implicit = [e.line for e in wanted[None] if e.targets is None and not defaults] if mixed else ()
    return Plan(jobs, tuple(dict.fromkeys(implicit))), tuple(dict.fromkeys(faults))


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
    name = option.value or ""
    return option.name == "--requirement" and (is_lock(name) or is_remote(name))


def _job(
    target: Target | None,
    entries: Sequence[Entry],
    read: tuple[Sequence[RequirementsFile], set[SourceLine]],
    command: CommandLine,
    *,
    takes_opaque: bool,
) -> Job:
    """Put together what pip is given for one target."""
    files, constraints = read
    lines = tuple(dict.fromkeys(entry.line for entry in entries))
    words = [
        word
        for option in command.options
        if _goes_to(option, target, takes_opaque=takes_opaque)
        for word in option.words
    ]
    if target is not None:
        words += _target_words(target)
    typed = [line.parsed.requirement for line in lines if line.file == COMMAND_LINE]
    mine = constraints.union(lines)
    contents = tuple((file.name, content_for(file, mine)) for file in files)
    return Job(target, (*words, "--", *typed), contents, lines)


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


def content_for(file: RequirementsFile, mine: set[SourceLine]) -> str:
    """Write a file as one target sees it: clauses gone, lines of other targets blank.

    :param file: the file that was read.
    :param mine: the lines that belong to the target.
    :returns: a text with as many lines; the same text where nothing had to go.
    """
    remote = {line for line in file.lines if includes_remote(line)}
    doomed: list[tuple[int, int]] = []
    for line in file.lines:
        if line in mine:
            for start, end in line.parsed.cuts:
                doomed += line.offsets(start, end)
        elif line.parsed.kind is Kind.REQUIREMENT or line in remote:
            doomed += line.offsets(0, len(line.parsed.text))
    text, position = [], 0
    for start, end in doomed:
        text.append(file.text[position:start])
        position = end
    return "".join([*text, file.text[position:]])
