"""Prepare a command: read each input once, and plan; and the notes on the run of a plan."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from packaging.dependency_groups import resolve_dependency_groups
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.commands.invocation import Invocation
from wheeltarget.commands.own_pip import note_old_pips
from wheeltarget.errors import Fault, Location
from wheeltarget.pip_config.options import (
    ENVIRONMENT_OPTIONS,
    CommandLine,
    Configuration,
    GivenOption,
    base_name,
)
from wheeltarget.pip_config.project_indexes import OPTION as INDEX
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.parser import Inputs
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import LookUp, Plan, make_plan
from wheeltarget.resolver.project_statuses import describe_all
from wheeltarget.targets.exclusions import OPTION
from wheeltarget.targets.leave_outs import (
    ALL_KEPT,
    LeaveOuts,
    note_left_out,
    note_unknown,
    note_unused,
)
from wheeltarget.targets.names import EXCLUDE, TargetName
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import (
    PROJECT_FILE,
    REQUIREMENTS_FILE,
    RefusedFileError,
    read_regular,
    url_path,
)
from wheeltarget.utils.toml import parse_toml, syntax_fault
from wheeltarget.wheelhouse.merge import note_differing, note_same_tags

_NOT_FOR_READING = ENVIRONMENT_OPTIONS | {
    *("--requirement", "--constraint", "--group"),
    *("--requirements-from-script", "--dest", "--python"),
}
"""Options that do not matter for fetching requirements files."""


_GROUP_HINT = "--group PATH/pyproject.toml:GROUP names a group of another project"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a command needs, read and planned.

    :param defaults: the targets of requirements that name none.
    :param found: the target of each name; None for the running interpreter.
    :param faults: the faults of the input; if there are any, the plan must not be run.
    :param grouped: the requirements in the dependency groups that pip reads.
    """

    invocation: Invocation
    defaults: tuple[TargetName, ...]
    inputs: Inputs
    found: Mapping[TargetName, Target | None]
    look_up: LookUp
    plan: Plan
    faults: tuple[Fault, ...]
    grouped: tuple[str, ...] = ()


def prepare(
    invocation: Invocation,
    tags: tuple[str, ...],
    targets: tuple[str, ...],
    sources: frozenset[str] = frozenset(),
    *,
    leave_outs: LeaveOuts = ALL_KEPT,
    indexes: Sequence[str] = (),
    locks: bool = False,
    fetches: bool = True,
) -> Prepared:
    """Read the inputs of a command, and plan it.

    :param sources: the projects that may be source distributions, normalised.
    :param leave_outs: what is left out for every target.
    :param indexes: the values of ``--index``.
    :param locks: whether the chosen files are locked, and must have a hash.
    :param fetches: whether remote requirements files are fetched.
    """
    defaults = invocation.defaults(tags, targets)
    invocation.require_valid()
    project_indexes = invocation.find_indexes(indexes)
    inputs = _read_requirements(invocation, fetches=fetches)
    found: dict[TargetName, Target | None] = {}

    def look_up(key: str, text: str, folder: str) -> Target | None:
        name = TargetName(key, text, folder)
        if name not in found:
            found[name] = invocation.look_up(key, text, folder)
        return found[name]

    inherited = invocation.configuration.options
    plan, faults = make_plan(
        inputs,
        invocation.command,
        look_up,
        defaults,
        sources,
        inherited=inherited,
        locks=locks,
        exists=os.path.exists,
        leave_outs=leave_outs,
        indexes=project_indexes,
    )
    group_faults = _group_faults(invocation.everything, is_plain=plan.is_plain)
    every = (*inputs.faults, *faults, *group_faults)
    grouped = tuple(_grouped(invocation.everything))
    return Prepared(invocation, defaults, inputs, found, look_up, plan, every, grouped)


def _read_requirements(invocation: Invocation, *, fetches: bool) -> Inputs:
    options = [o for o in invocation.everything.options if o.name not in _NOT_FOR_READING]
    arguments = [argument for option in options for argument in option.arguments]
    fetched: dict[str, str] = {}
    failed: dict[str, str] = {}
    while True:
        inputs = invocation.read_inputs(fetched)
        missing = [url for url in inputs.remote if url not in failed]
        if not missing or not fetches:
            # Faults even in a run without a target: pip would wait for them again.
            return replace(inputs, faults=(*inputs.faults, *_faults(inputs.remote, failed)))
        failed |= _refusals(missing)
        missing = [url for url in missing if url not in failed]
        if missing:
            contents = pip_runner.read_remote(arguments, missing)
            fetched |= contents.texts
            failed |= {**dict.fromkeys(missing, "pip could not fetch it"), **contents.reasons}


def _faults(urls: Sequence[str], reasons: Mapping[str, str]) -> list[Fault]:
    return [Fault(f"cannot read {url}: {reasons[url]}") for url in urls if url in reasons]


def _group_faults(command: CommandLine, *, is_plain: bool) -> Iterator[Fault]:
    """Yield a fault for each ``--group`` that does not exist, or whose file cannot be read.

    :param is_plain: whether there is no target, so that pip reports what it can itself.
    """
    groups: dict[str, list[str]] = {}
    for value in command.values("--group"):
        path, _, group = value.rpartition(":")
        groups.setdefault(path or "pyproject.toml", []).append(group)
    for name, wanted in groups.items():
        if base_name(name) != "pyproject.toml":
            continue  # pip refuses it
        text = ""
        try:
            text = read_regular(name, PROJECT_FILE).decode()
            known: Any = parse_toml(text).get("dependency-groups", {})
            missing = [] if is_plain else [each for each in wanted if not _has_group(known, each)]
            for group in dict.fromkeys(missing):
                yield Fault(f"{name} has no dependency group {group!r}", _known_groups(known))
        except RefusedFileError as error:
            yield Fault(f"cannot read {name}: {error.strerror}")
        except OSError as error:
            if not is_plain:
                yield Fault(f"cannot read {name}: {error.strerror}", _GROUP_HINT)
        except UnicodeDecodeError:
            yield Fault("a pyproject.toml has to be UTF-8, but this is not", "", Location(name, 1))
        except ValueError as error:
            yield syntax_fault(name, text, error)


def _has_group(groups: Any, name: str) -> bool:
    """Return whether a table has a group; pip reports a table of another type."""
    names = groups if isinstance(groups, dict) else (name,)
    return canonicalize_name(name) in map(canonicalize_name, names)


def _known_groups(groups: Mapping[str, Any]) -> str:
    return f"it has {', '.join(groups)}" if groups else "add it below [dependency-groups]"


def _grouped(command: CommandLine) -> Iterator[str]:
    """Yield the requirements of each ``--group``; pip reports a group that cannot be read."""
    for value in command.values("--group"):
        path, _, name = value.rpartition(":")
        with suppress(OSError, ValueError, LookupError, TypeError, ExceptionGroup):
            text = read_regular(path or "pyproject.toml", PROJECT_FILE).decode()
            groups: Any = parse_toml(text)["dependency-groups"]
            yield from resolve_dependency_groups(groups, name)


def _refusals(urls: Sequence[str]) -> dict[str, str]:
    """Return the ``file:`` URLs that pip would read without end, and why."""
    refused = {}
    for url in urls:
        if urlsplit(url).scheme.lower() == "file":
            try:
                read_regular(url_path(url), REQUIREMENTS_FILE)
            except (RefusedFileError, IsADirectoryError) as error:
                refused[url] = str(error.strerror)
            except OSError:
                pass  # pip reports it
    return refused


def names_target(invocation: Invocation, arguments: tuple[str, ...]) -> bool:
    """Return whether a command line that cannot be parsed seems to name a target.

    Every argument is read as a requirement and, if it is a file, as a requirements file.
    """
    inherited = [option.value or "" for option in invocation.configuration.options]
    pieces = ((each, each[2:], each.partition("=")[2]) for each in arguments)
    names = dict.fromkeys([*inherited, *(piece for each in pieces for piece in each)])
    files = filter(os.path.isfile, names)
    command = CommandLine(tuple(GivenOption("--requirement", name) for name in files), arguments)
    inputs = replace(invocation, command=command, configuration=Configuration()).read_inputs()
    return bool(inputs.faults) or any(entry.targets is not None for entry in inputs.entries)


def notes_on(
    plan: Plan,
    results: Sequence[JobResult],
    labels: Sequence[str],
    pure: Collection[str],
    *,
    whole: bool = True,
    compares: bool = True,
    for_pip: bool = True,
) -> Iterator[str]:
    """Return notes on a successful run, one sentence each.

    :param pure: the projects of which a wheel is built here, normalised.
    :param whole: whether every job was run; a job that was not may need projects of its own.
    :param compares: whether it matters which versions differ between the targets.
    :param for_pip: whether the pip of each target has to install the files.
    """
    host = "".join(label for job, label in zip(plan.jobs, labels, strict=True) if not job.target)
    for line in plan.untargeted:
        requirement = line.parsed.requirement or line.parsed.options
        yield f"{line.fault('').location}: {requirement} has no target; assuming {host}"
    for option in plan.pip_only:
        yield f"{option} has no target; assuming {host}"
    yield from note_unused_constraints(plan)
    for result, label in zip(results, labels, strict=True):
        left_out = (each.name for each in result.left_out)
        yield from note_left_out(result.job.excluded, left_out, label)
        if plan.leave_outs.is_unknown(result.job.target):
            yield note_unknown(label)
    if whole:
        yield from note_unused_exclusions(results)
        yield from _note_unused_indexes(plan.indexes, results)
    yield from _note_folders(plan.indexes, results)
    yield from describe_all(status for result in results for status in result.statuses)
    chosen = []
    for result, label in zip(results, labels, strict=True):
        for file in result.chosen:
            chosen.append((file.name, file.version, label))
            yield from _file_notes(file, label)
            if result.job.target is not None and file.path.suffix != ".whl":
                yield _source_note(file, label, pure)
    yield from _note_old_pips(results, labels) if for_pip else ()
    yield from note_differing(chosen) if compares else ()
    pairs = [(job.target, label) for job, label in zip(plan.jobs, labels, strict=True)]
    yield from note_same_tags((label, each.tags, each.python) for each, label in pairs if each)
    allowed = frozenset().union(*(job.sources for job in plan.jobs))
    for name in sorted(allowed - {name for name, _, _ in chosen}) if whole else ():
        yield f"nothing needs {name}, whose source was allowed"


def _note_old_pips(results: Sequence[JobResult], labels: Sequence[str]) -> Iterator[str]:
    targets = [(result.job.target, label) for result, label in zip(results, labels, strict=True)]
    return note_old_pips(targets, [[file.path.name for file in r.chosen] for r in results])


def note_unused_exclusions(results: Sequence[JobResult]) -> Iterator[str]:
    """Yield notes on exclusions of the command line and of clauses that leave nothing out."""
    used = set()
    for result in results:
        excluded = result.job.excluded
        used |= {excluded.find(each.name) for each in result.left_out}
        for name in (file.name for file in result.chosen if file.name in excluded):
            used.add(found := excluded.find(name))
            origin = found.origin if found else ""
            why = "a path or URL requests it without its name"
            yield f"{name} stays, though {origin} leaves it out: {why}"
    every = dict.fromkeys(each for result in results for each in result.job.excluded.every)
    asked = (each for each in every if each.origin.startswith((OPTION, f"{EXCLUDE}=")))
    yield from note_unused("nothing needs", (each for each in asked if each not in used))


def _note_unused_indexes(indexes: ProjectIndexes, results: Sequence[JobResult]) -> Iterator[str]:
    """Yield a note for each index of the command line from which no project comes."""
    names = {file.name for result in results for file in result.chosen}
    used = {indexes.find(name) for name in names}
    for each in indexes.every:
        if each.origin == INDEX and each not in used:
            yield f"nothing needs {each.pattern}, whose index {INDEX} names"


def _note_folders(indexes: ProjectIndexes, results: Sequence[JobResult]) -> Iterator[str]:
    """Yield a note for each project that comes from a folder, since no index may be asked."""
    files = {file.name: file for result in results for file in result.chosen if not file.direct}
    for name, file in files.items():
        index = indexes.find(name)
        if index is not None and file.index is None:
            yield f"--no-index: {name} is not from {index.url}, which {index.origin} names"


def note_unused_constraints(plan: Plan) -> Iterator[str]:
    """Return a note for each constraint that applies to no target of a run."""
    for line in plan.unused_constraints:
        constraint = f"the constraint {line.parsed.requirement}"
        yield f"{line.fault('').location}: {constraint} applies to no target of this run"


def _file_notes(file: ChosenFile, label: str) -> Iterator[str]:
    if file.yanked is not None:
        reason = f": {file.yanked}" if file.yanked else ""
        yield f"{file.name} {file.version} for {label} was yanked{reason}"
    if Version(file.version).is_prerelease:
        yield f"{file.name} {file.version} for {label} is a pre-release"


def _source_note(file: ChosenFile, label: str, pure: Collection[str]) -> str:
    if file.name in pure:  # in a dry run, which builds nothing
        return f"{file.path.name} is a source; a pure Python wheel would be built from it here"
    to_build = f"{file.path.name} is a source, to be built on {label}"
    return f"{to_build}; its dependencies are those that its build reports on this machine"
