"""What a pack is made of: the lock of each target, and the files that the locks name.

The locks are those that are named, or those of requirements, made as ``wheeltarget lock`` makes
them. In a pack, each lock names its files by their paths there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from wheeltarget.commands.build_requirements import options_for_building
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.lock_options import EFFECTS, Effect
from wheeltarget.commands.download.locks import (
    note_selections,
    refuse_other_inputs,
    select_files,
)
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import InputFiles, Invocation
from wheeltarget.commands.lock.build import describe_machine, describe_python
from wheeltarget.commands.lock.files import Form, check_names, file_name
from wheeltarget.commands.lock.lock import LockRequest, lock, prepare_lock
from wheeltarget.commands.pack.layout import WHEELS, PackedFile, project_of
from wheeltarget.commands.with_pip import options_for_pip
from wheeltarget.errors import InputError, PackError, UsageError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock, LockedPackage
from wheeltarget.lockfile.reader import PinnedFile
from wheeltarget.lockfile.select import Selection
from wheeltarget.pip_config.options import GivenOption, is_lock, is_own, split_command_line
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.requirements.parser import RequirementsFile
from wheeltarget.targets import catalog
from wheeltarget.targets.leave_outs import LeaveOuts, read_leave_outs
from wheeltarget.targets.target import Target

_REFUSED = (
    ("--dest", "use --output to name the pack"),
    ("--python", "leave it out, or name the environment of that interpreter as a target"),
)
"""Options of pip that have no meaning here, and a hint."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What a pack is made of: requirements, or locks.

    :param arguments: pip's arguments in the order given: options, requirements and locks.
    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param allow_sdist: the projects of which a source distribution is packed if no wheel fits, each
        a comma-separated list.
    :param build_pure: the projects of which a pure Python wheel is built if no wheel fits.
    :param exclude: names and globs of projects to leave out, each a comma-separated list.
    :param skip_provided: whether to leave out what the service of a target provides.
    :param same_versions: whether all targets must have the same version of each project.
    :param allow_index_failures: whether to go on even if an index that could not be read may have
        other releases.
    :param index: the values of ``--index``, each ``NAME=URL``.
    :param processes: how many processes of pip may run at once.
    :param environment: the environment variables; None for those of this process.
    """

    arguments: tuple[str, ...]
    _: KW_ONLY
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    same_versions: bool = False
    allow_index_failures: bool = False
    index: tuple[str, ...] = ()
    processes: int = 1
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The lock of one target, which names files that can be fetched, and the target's name."""

    name: str
    target: Target
    lock: Lock


@dataclass(frozen=True, slots=True)
class Found:
    """What a pack is made of.

    :param sources: the lock of each target.
    :param notes: notes for the user, one sentence each.
    :param for_tools: the options that apply to fetching pip and other tools.
    :param for_building: the options that apply when pip builds.
    :param indexes: the indexes of projects.
    """

    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    for_tools: tuple[GivenOption, ...]
    for_building: tuple[GivenOption, ...]
    indexes: ProjectIndexes


def find_locks(request: SourceRequest, invocation: Invocation, home: Path) -> Found:
    """Read the locks of a request, or lock its requirements.

    :param home: a private folder, in which the locks are written.
    :raises WheeltargetError: if there are both locks and requirements, or none of both, or if
        locking fails.
    """
    invocation.require_valid()
    for option, hint in _REFUSED:
        if invocation.command.has(option):
            raise UsageError(f"pack does not take {option}", hint)
    for name in invocation.command.requirements:
        if name.endswith((".txt", ".toml")) and Path(name).is_file():
            raise UsageError(f"{name} is a file, not a project", f"write -r {name} to read it")
    named = any(map(is_lock, invocation.everything.values("--requirement")))
    found = (_read if named else _lock)(request, invocation, home)
    check_names([each.lock.target for each in found.sources], Form.PYLOCK)
    for each in found.sources:
        _require_findable(each.lock)
    return found


def name_in_pack(label: str) -> str:
    """Return the name of a target in a pack: that of its lock, without what all locks have."""
    return file_name(label, Form.PYLOCK).removeprefix("pylock.").removesuffix(".toml")


def _lock(request: SourceRequest, invocation: Invocation, home: Path) -> Found:
    order = LockRequest(
        request.arguments,
        request.tags,
        request.targets,
        allow_sdist=request.allow_sdist,
        build_pure=request.build_pure,
        exclude=request.exclude,
        skip_provided=request.skip_provided,
        folder=home,
        same_versions=request.same_versions,
        allow_index_failures=request.allow_index_failures,
        index=request.index,
        provenance=True,
        is_kept=False,
        processes=request.processes,
        for_pip=False,
        environment=request.environment,
    )
    prepared = prepare_lock(order, invocation)
    jobs = prepared.plan.jobs
    if any(job.target is None for job in jobs) and None not in prepared.found.values():
        lines = [*prepared.plan.untargeted]
        place = f" ({lines[0].fault('').location})" if lines else ""
        raise UsageError(
            f"a pack needs a target for each requirement, and some have none{place}",
            "name it with --target, such as --target debian-12-python3.11-x86_64; "
            "wheeltarget targets lists the names",
        )
    outcome = lock(order, invocation, prepared)
    sources = tuple(
        _source(job.target or catalog.host(), model.read(path.read_text("utf-8"), str(path)))
        for job, path in zip(jobs, (each.path for each in outcome.files), strict=True)
    )
    indexes = prepared.plan.indexes
    return Found(sources, outcome.notes, *_options(prepared.inputs.files, invocation), indexes)


def _options(
    files: Sequence[RequirementsFile], invocation: Invocation
) -> tuple[tuple[GivenOption, ...], tuple[GivenOption, ...]]:
    """Return the options for fetching tools, and those for building."""
    given = (files, invocation.command, invocation.environment)
    return tuple(options_for_pip(*given)), options_for_building(*given)


def _source(target: Target, found: Lock) -> Source:
    return Source(name_in_pack(found.target), target, found)


def _read(request: SourceRequest, invocation: Invocation, home: Path) -> Found:
    """Read locks, of wheeltarget or of other tools, and write them for each target."""
    for option, value in (
        ("--build-pure", request.build_pure),
        ("--same-versions", request.same_versions),
    ):
        if value:
            message = f"{option} cannot be combined with a lock: nothing is resolved in this run"
            raise UsageError(message, f"leave {option} out, or name requirements instead")
    refuse_other_inputs(invocation)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    order = DownloadRequest(
        request.arguments,
        tags=request.tags,
        targets=request.targets,
        allow_sdist=request.allow_sdist,
        index=request.index,
    )
    indexes = invocation.find_indexes(request.index)
    selections = select_files(order, invocation, leave_outs)
    if selections is None:
        raise UsageError(
            "the locks are not for a single target, so a target is needed to choose files",
            "name one with --tags TAG or --target NAME",
        )
    own = _own_locks(selections, invocation)
    found = tuple(
        _source(each.target, _lock_of(each, own, leave_outs, home)) for each in selections
    )
    home.mkdir(exist_ok=True)
    for each in found:
        (home / f"pylock.{each.name}.toml").write_text(model.write(each.lock), "utf-8")
    notes = tuple(note_selections(selections, leave_outs))
    return Found(found, notes, *_options((), invocation), indexes)


def _own_locks(selections: Iterable[Selection], invocation: Invocation) -> dict[str, Lock]:
    """Return the locks of wheeltarget among those of selections, by their names."""
    names = dict.fromkeys(file.lock for each in selections for file in each.files)
    contents = {name: invocation.files.read_lock(name) for name in names}
    return {
        name: model.read(data.decode(), name) for name, data in contents.items() if is_own(data)
    }


def _lock_of(
    selection: Selection, own: Mapping[str, Lock], leave_outs: LeaveOuts, home: Path
) -> Lock:
    """Make the lock of a selection, with what the locks that it is from say of its files."""
    target, names = selection.target, dict.fromkeys(file.lock for file in selection.files)
    origins = [own[name] for name in names if name in own]
    excluded = set(leave_outs.of(target).patterns)
    kept = {file.project for file in selection.files}
    return Lock(
        selection.label,
        target.tags[0],
        target.environment["python_full_version"],
        tuple(each for found in origins for each in found.inputs),
        tuple(_package(file, own.get(file.lock), kept, home) for file in selection.files),
        describe_machine(target),
        describe_python(target),
        tuple(sorted(excluded.union(*(found.excluded for found in origins)))),
        next((found.pip for found in origins), ""),
    )


def _package(file: PinnedFile, origin: Lock | None, kept: set[str], home: Path) -> LockedPackage:
    path = ""
    if not file.url:
        path = os.path.relpath(os.path.realpath(file.local_path), os.path.realpath(home))
        path = path.replace(os.sep, "/")
    known = {each.name: each for each in origin.packages} if origin else {}
    if found := known.get(file.project):
        needed = tuple(name for name in found.dependencies if name in kept)
        return replace(found, path=path, dependencies=needed)
    if not file.version:
        raise InputError((file.fault(f"the lock has no version of {file.project}", "lock again"),))
    return LockedPackage(
        *(file.project, file.version, file.filename, file.sha256, file.url),
        path=path,
        size=file.size,
        direct=file.is_direct,
        requires_python=_specifiers(file.requires_python),
        uploaded=file.uploaded,
    )


def _specifiers(text: str | None) -> str:
    try:
        return str(SpecifierSet(text or ""))
    except InvalidSpecifier:
        return ""


def _require_findable(found: Lock) -> None:
    """Raise PackError for a file that pip would not find in a folder by its name."""
    for each in found.packages:
        if each.subdirectory or project_of(each.filename) is None:
            what = f"the folder {each.subdirectory} in " if each.subdirectory else ""
            raise PackError(
                f"{each.name} for {found.target} is {what}{each.filename}, which pip cannot find "
                "in a folder by name and version",
                f"build a wheel of it with --build-pure {each.name}, or leave it out",
            )


def in_pack(found: Lock) -> Lock:
    """Return a lock that names its files by their paths in a pack, relative to the lock."""
    packages = (
        replace(each, url="", path=f"../{WHEELS}/{each.filename}", direct=False, built_from="")
        for each in found.packages
    )
    return replace(found, packages=tuple(packages))


def fetch(
    request: SourceRequest,
    invocation: Invocation,
    locks: Iterable[Path],
    folder: Path,
) -> None:
    """Fetch the files of locks into a folder, which is made.

    :raises ClashError: if two targets have different files of one name.
    """
    options = (o for o in invocation.command.options if EFFECTS[o.name] is Effect.FETCHES)
    named = (f"--requirement={path}" for path in locks)
    arguments = (*named, *(text for o in options for text in o.arguments), "--dest", str(folder))
    order = DownloadRequest(
        arguments,
        wants_outcome=True,
        provenance=True,
        index=request.index,
        environment=request.environment,
    )
    beside = replace(
        invocation,
        command=split_command_line(arguments),
        configuration=replace(invocation.configuration, options=()),
        files=InputFiles({}),
    )
    folder.mkdir()
    # What differs between targets was said when the locks were made.
    download_locked(order, beside)


def packed_files(sources: Sequence[Source], folder: Path) -> Iterator[PackedFile]:
    """Yield the file of each name that locks have, with its targets.

    :param folder: has the files.
    """
    targets: dict[str, list[str]] = {}
    packages: dict[str, LockedPackage] = {}
    for source in sources:
        for each in source.lock.packages:
            targets.setdefault(each.filename, []).append(source.name)
            packages.setdefault(each.filename, each)
    for name in sorted(packages):
        each, size = packages[name], (folder / name).stat().st_size
        uploaded = each.uploaded.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if each.uploaded else ""
        facts = (each.name, each.version, tuple(sorted(targets[name])), each.url, uploaded)
        yield PackedFile(name, each.sha256.lower(), size, *facts)
