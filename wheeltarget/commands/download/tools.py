"""What ``--with-pip`` adds to a download: pip for each target, and the command that starts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheeltarget.cache.wheel_store import open_for, wheel_folder
from wheeltarget.commands.download.request import (
    DownloadRequest,
    RequestedBy,
    TargetFile,
    TargetFiles,
)
from wheeltarget.commands.invocation import Invocation
from wheeltarget.commands.with_pip import (
    BUILD_TOOLS,
    PIP,
    WantsPip,
    fetch_pips,
    find_pip,
    options_for_pip,
    start_command,
)
from wheeltarget.lockfile.select import Selection
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult, RunOptions
from wheeltarget.resolver.plan import is_excluded, is_needed, parse_requirement
from wheeltarget.staging.stage import Stage
from wheeltarget.targets.catalog import host
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.merge import PlacedFile, StagedFile

OPTION = "--with-pip"


def fetch_for_locks(
    selections: Sequence[Selection],
    folders: Sequence[str],
    request: DownloadRequest,
    invocation: Invocation,
    stage: Stage,
) -> tuple[JobResult, ...]:
    """Fetch the tools for each target of a download from locks.

    :param selections: what the locks have for each target.
    :param folders: the folder of each target in the destination, or an empty string.
    :returns: the result for each target.
    :raises WheeltargetError: if there is no pip for a target; see :func:`fetch_pips`.
    """
    wanted = [
        WantsPip(each.target, each.label, folder, not all(file.is_wheel for file in each.files))
        for each, folder in zip(selections, folders, strict=True)
    ]
    settings, environment = invocation.settings, invocation.environment
    cache, _ = open_for(invocation.everything, settings, environment)
    options = RunOptions(
        (),
        request.processes,
        request.dry_run,
        store=wheel_folder(cache) if cache else None,
        refresh=request.refresh,
    )
    given = options_for_pip((), invocation.command, environment)
    indexes = invocation.find_indexes(request.index)
    return fetch_pips(wanted, stage, options, given, settings, indexes)


def staged_tools(result: JobResult, label: str, folder: str) -> list[StagedFile]:
    """Return the fetched tools of one target as files to place."""
    origins = {file.path.name: file.url for file in result.chosen}
    return [
        StagedFile(path, origins.get(path.name, OPTION), label, folder)
        for path in sorted(result.folder.iterdir())
    ]


def add_tools(
    files: TargetFiles,
    result: JobResult,
    destination: Path,
    folder: str,
    placed: Mapping[Path, PlacedFile],
    arguments: Sequence[str],
) -> TargetFiles:
    """Add the tools of a target to its files, and the command that installs with them.

    :param destination: the folder for all files, as an absolute path.
    :param folder: the folder of the target in it, or an empty string.
    :param placed: the files that were placed, by path; empty in a dry run.
    :param arguments: what is installed, as arguments of ``pip install``.
    """
    tools = tuple(_tool(file, destination / folder, placed) for file in result.chosen)
    home = "." if destination == Path.cwd() else destination.name
    home = f"{home}/{folder}" if folder else home
    builds = any(not each.filename.endswith(".whl") for each in files.files)
    pip, target = find_pip(result), result.job.target
    command = start_command(pip, home, arguments, target, builds=builds)
    return replace(files, tools=tools, install=command)


def _tool(file: ChosenFile, home: Path, placed: Mapping[Path, PlacedFile]) -> TargetFile:
    path = home / file.path.name
    found = placed.get(path)
    requested_by = [RequestedBy(parent) for parent in file.parents if parent is not None]
    if file.name in {PIP, *BUILD_TOOLS}:
        requested_by.insert(0, RequestedBy("", file.name, OPTION))
    is_new = found.new if found else not path.is_file()
    return TargetFile.of(file, found, requested_by, path, new=is_new)


def pinned(files: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the arguments of ``pip install`` for exactly these projects and versions."""
    pins = (f"{name}=={version}" if version else name for name, version in files)
    return ("--no-deps", *sorted(dict.fromkeys(pins)))


def arguments_of(
    result: JobResult, beside: Iterable[JobResult], *, is_constrained: bool
) -> tuple[str, ...]:
    """Return the arguments of ``pip install`` that install on a target what was chosen for it.

    These are the requirements that the user asked for. They are the chosen versions instead if the
    requirements alone may lead to others, or to projects that are not there.

    :param beside: the results whose files are in the same folder.
    :param is_constrained: whether constraints apply to the run.
    """
    chosen = [(file.name, file.version) for file in result.chosen]
    versions = {(file.name, file.version) for each in beside for file in each.chosen}
    names = {name for name, _ in chosen}
    differs = len([1 for name, _ in versions if name in names]) > len(names)
    if is_constrained or differs or result.left_out or result.dependencies != "all":
        return pinned(chosen)
    requested = dict(_requested(result))
    direct = (file for file in result.chosen if file.requested and file.name not in requested)
    arguments = (
        *requested.values(),
        *(f"{_with_extras(file.name, file.extras)}=={file.version}" for file in direct),
    )
    return arguments or pinned(chosen)


def _requested(result: JobResult) -> Iterator[tuple[str, str]]:
    """Yield each project that the user's lines name, and its requirement without a marker.

    The pip for Python 2.7 takes only one requirement on a project.
    """
    found: dict[str, list[Requirement]] = {}
    target: Target = result.job.target or host()
    for line in result.job.lines:
        requirement = parse_requirement(line)
        if requirement is None or requirement.url or is_excluded(line, result.job.excluded):
            continue
        if is_needed(line, target):
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    for name, requirements in found.items():
        extras = frozenset().union(*(each.extras for each in requirements))
        specifier = SpecifierSet()
        for each in requirements:
            specifier &= each.specifier
        yield name, f"{_with_extras(requirements[0].name, extras)}{specifier}"


def _with_extras(name: str, extras: Iterable[str]) -> str:
    return f"{name}[{','.join(sorted(extras))}]" if extras else name
