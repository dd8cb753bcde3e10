"""What a pack has beside what is locked: a pip for each target, and what builds sources there.

Their versions are not locked: a pack names them with their hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheeltarget.cache.wheel_store import open_for, wheel_folder
from wheeltarget.commands.build_requirements import SourceRun, note_sources
from wheeltarget.commands.invocation import Invocation
from wheeltarget.commands.pack.layout import PackedFile
from wheeltarget.commands.pack.resolve import Found, SourceRequest
from wheeltarget.commands.with_pip import WantsPip, fetch_pips, find_pip
from wheeltarget.errors import ClashError
from wheeltarget.pip_config.options import project_names
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult, RunOptions, check_result, refuse_changed
from wheeltarget.staging.stage import open_stage
from wheeltarget.utils.files import Digest, Hashes, hash_file, link_or_copy

_WITHOUT = "leave the pips out with --no-pip"


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of the targets.

    :param pips: the file name of the pip of each target, by the target's name.
    :param files: every file, with its targets.
    :param notes: notes for the user, one sentence each.
    """

    pips: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[PackedFile] = ()
    notes: tuple[str, ...] = ()


def fetch_tools(
    found: Found, invocation: Invocation, processes: int, folder: Path, home: Path
) -> Tools:
    """Fetch the tools of each target.

    :param folder: where the files of the locks are, and those of the tools are put.
    :param home: a private folder on the same file system.
    :raises ClashError: if a file of the locks has the same name, and is another one.
    """
    wanted = [
        WantsPip(
            each.target, each.lock.target, "", not all(file.is_wheel for file in each.lock.packages)
        )
        for each in found.sources
    ]
    options = _run_options(found, invocation, processes)
    with open_stage(home / "tools", watched=False) as stage:
        results = fetch_pips(
            *(wanted, stage, options, found.for_tools, invocation.settings, found.indexes),
            remedy=_WITHOUT,
        )
        names = [source.name for source in found.sources]
        pips = {name: find_pip(each) for name, each in zip(names, results, strict=True)}
        files = _pack_all(zip(names, results, strict=True), folder)
    return Tools(pips, files)


def fetch_for_building(
    found: Found, invocation: Invocation, request: SourceRequest, folder: Path, home: Path
) -> Tools:
    """Fetch what the sources of the locks need to be built on their targets.

    :param folder: where the files of the locks are, and those are put.
    :param home: a private folder on the same file system.
    :raises WheeltargetError: if a source cannot be read, or something it needs is not available.
    """
    packages = [
        (number, source.target, each)
        for number, source in enumerate(found.sources)
        for each in source.lock.packages
        if not each.is_wheel
    ]
    if not packages:
        return Tools()
    labels = [source.lock.target for source in found.sources]
    options = _run_options(found, invocation, request.processes)
    own = frozenset(each.name for _, _, each in packages)
    allowed = own | project_names("--allow-sdist", request.allow_sdist)
    with open_stage(home / "builds", watched=False) as stage:
        run = SourceRun(
            labels,
            stage,
            options,
            found.for_building,
            invocation.settings,
            allowed,
            found.indexes,
        )
        kept = run.fetch((n, target, folder / each.filename) for n, target, each in packages)
        built = [(found.sources[e.number].name, e.result) for e in kept if e.result]
        refuse_changed([result for _, result in built], Hashes())
        for _, result in built:
            check_result(result, dry_run=False)
        files = _pack_all(built, folder)
    return Tools({}, files, tuple(note_sources(kept, labels)))


def _run_options(found: Found, invocation: Invocation, processes: int) -> RunOptions:
    cache, _ = open_for(invocation.everything, invocation.settings, invocation.environment)
    store = wheel_folder(cache) if cache else None
    return RunOptions(("",) * len(found.sources), processes, store=store, quiet=True)


def _pack_all(results: Iterable[tuple[str, JobResult]], folder: Path) -> tuple[PackedFile, ...]:
    """Put the files of results, each for a target, beside those of the locks."""
    files: dict[str, PackedFile] = {}
    for target, result in results:
        for each in result.chosen:
            file = _packed(each, result, target, folder)
            known = files.get(file.name, file)
            targets = tuple(sorted({*known.targets, *file.targets}))
            files[file.name] = replace(known, targets=targets)
    return tuple(files.values())


def _packed(each: ChosenFile, result: JobResult, target: str, folder: Path) -> PackedFile:
    """Put a file beside those of the locks, and describe it."""
    place = folder / each.path.name
    digest = hash_file(result.folder / each.path.name)
    if place.exists():
        _refuse_other(place, digest)
    else:
        link_or_copy(result.folder / each.path.name, place)
    name = each.path.name
    return PackedFile(
        name, digest.sha256, digest.size, each.name, each.version, (target,), each.url
    )


def _refuse_other(place: Path, digest: Digest) -> None:
    if hash_file(place) != digest:
        raise ClashError(
            f"{place.name} is two different files: one of the requirements, and one of the tools",
            "take all files of a project from one place, such as one index",
        )
