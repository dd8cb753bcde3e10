"""Download from locks: exactly the files that they name, without asking an index.

Each file comes from the cheapest source: the destination, the wheel store, the folder of the lock,
a plain connection and, for the rest, pip's own session. As in every download, two files of one name
must be the same, all files are placed at once, and existing files stay.

Start-up: what only some downloads need is imported in functions.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.wheel_store import Store, open_for, prune_after_run, wheel_folder
from wheeltarget.commands.download.fetch import fetch_with_pip, find_network
from wheeltarget.commands.download.lock_options import read_rules
from wheeltarget.commands.download.locks import note_selections, select_files
from wheeltarget.commands.download.request import (
    DownloadOutcome,
    DownloadRequest,
    RequestedBy,
    TargetFile,
    TargetFiles,
)
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.own_pip import note_old_pips
from wheeltarget.errors import Fault, HashMismatchError, InputError
from wheeltarget.lockfile.reader import PinnedFile
from wheeltarget.lockfile.select import Selection
from wheeltarget.network.downloader import Fetched, fetch_plain
from wheeltarget.network.policy import Network, has_other_index
from wheeltarget.pip_config.options import project_names
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.staging.atomic import open_output
from wheeltarget.staging.stage import Stage, interruptible, open_stage
from wheeltarget.targets.leave_outs import read_leave_outs
from wheeltarget.utils.files import Digest, FileToFetch, copy_file, hash_file, is_archive, link
from wheeltarget.utils.progress import reported
from wheeltarget.utils.text import json_text
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import (
    PlacedFile,
    StagedFile,
    folder_names,
    note_differing,
    note_same_tags,
)
from wheeltarget.wheelhouse.provenance import beside_of

if TYPE_CHECKING:
    from wheeltarget.resolver.pip_runner import JobResult

_ANOTHER = "the file has changed since it was locked; if that is intended, lock again"
_BROKEN = "the connection broke repeatedly; try again later, or raise --resume-retries"
_UNREACHABLE = "if another index has the file, name it with --index-url"
_GONE = "it no longer exists there; lock again, or name an index that has it with --index-url"
_HINTS = {
    401: "pip has no valid credentials for it; see pip's documentation on authentication",
    403: "access is forbidden; check the credentials that pip uses for it",
    404: _GONE,
    410: _GONE,
}


def download_locked(
    request: DownloadRequest,
    invocation: Invocation | None = None,
    projects: Container[str] | None = None,
) -> DownloadOutcome | None:
    """Download the files that locks name.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :param projects: the names of the projects that are wanted; None for all.
    :returns: the files of each target; None if there is no lock, or only locks that pip reads for
        this interpreter.
    :raises WheeltargetError: if this fails; the destination is then unchanged.
    """
    invocation = invocation or read_invocation(request.arguments, request.environment)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    selections = select_files(request, invocation, leave_outs)
    if selections is None:
        return None
    if projects is not None:
        selections = tuple(
            replace(each, files=tuple(file for file in each.files if file.project in projects))
            for each in selections
        )
    _refuse_by_rules(selections, request, invocation)
    labels = [each.label for each in selections]
    folders = tuple(folder_names(labels)) if request.by_target else ("",) * len(labels)
    wanted = _wanted(selections, folders)
    notes = tuple(note_selections(selections, leave_outs))
    if not request.with_pip:
        names = [[file.filename for file in each.files] for each in selections]
        pairs = ((each.target, each.label) for each in selections)
        notes = (*notes, *note_old_pips(pairs, names))
    destination = (invocation.everything.values("--dest") or (os.curdir,))[-1]
    # As pip reads it.
    home = Path(os.path.realpath(os.path.expanduser(destination)))  # noqa: PTH111
    homes = [home / folder for folder in folders]
    tools: tuple[JobResult, ...] = ()
    if request.dry_run:
        outcome = replace(_outcome(selections, homes, {}, notes), dry_run=True)
        if not request.with_pip:
            return outcome
        with interruptible(), open_stage(home, dry_run=True) as stage:
            tools = _fetch_tools(selections, folders, request, invocation, stage)
        return _with_tools(outcome, tools, home, folders, {})
    with (
        interruptible() as interrupts,
        open_output(request.report) if request.report else nullcontext() as keep_report,
    ):
        with open_stage(home, folders=folders) as stage:
            staged = [_fetch(wanted, stage, invocation, request.index)]
            warnings: tuple[str, ...] = ()
            if request.provenance:
                beside, about, warnings = _fetch_provenance(wanted, staged[0], stage, invocation)
                staged.append(beside)
                notes = (*notes, *about)
            if request.with_pip:
                tools = _fetch_tools(selections, folders, request, invocation, stage)
                staged += _staged_tools(tools, labels, folders)
            merged = merge.merge(stage, staged, begin=interrupts.hold)
        placed = {home / name: file for name, file in merged.items()}
        notes = (*notes, *_note_builds(selections, homes), *stage.notes)
        outcome = replace(_outcome(selections, homes, placed, notes), warnings=warnings)
        if tools:
            outcome = _with_tools(outcome, tools, home, folders, placed)
        if keep_report is not None:
            keep_report(json_text(outcome.as_dict()))
    return outcome


def _note_builds(selections: Sequence[Selection], homes: Sequence[Path]) -> Iterator[str]:
    """Yield notes on what the sources of locks still need to be built, which no lock names."""
    for selection, home in zip(selections, homes, strict=True):
        sources = [home / f.filename for f in selection.files if not f.filename.endswith(".whl")]
        if sources:
            from wheeltarget.commands.build_requirements import note_lacking

            yield from note_lacking(selection.target, selection.label, sources, home)


def _fetch_tools(
    selections: Sequence[Selection],
    folders: Sequence[str],
    request: DownloadRequest,
    invocation: Invocation,
    stage: Stage,
) -> tuple[JobResult, ...]:
    from wheeltarget.commands.download.tools import fetch_for_locks

    return fetch_for_locks(selections, folders, request, invocation, stage)


def _staged_tools(
    tools: Sequence[JobResult], labels: Sequence[str], folders: Sequence[str]
) -> Iterator[list[StagedFile]]:
    from wheeltarget.commands.download.tools import staged_tools

    return map(staged_tools, tools, labels, folders)


def _with_tools(
    outcome: DownloadOutcome,
    tools: Sequence[JobResult],
    home: Path,
    folders: Sequence[str],
    placed: Mapping[Path, PlacedFile],
) -> DownloadOutcome:
    """Add the tools of each target to an outcome; what is installed are the locked versions."""
    from wheeltarget.commands.download.tools import add_tools, pinned

    targets = (
        add_tools(each, tool, home, folder, placed, pinned((f.name, f.version) for f in each.files))
        for each, tool, folder in zip(outcome.targets, tools, folders, strict=True)
    )
    return replace(outcome, targets=tuple(targets))


def _refuse_by_rules(
    selections: Sequence[Selection], request: DownloadRequest, invocation: Invocation
) -> None:
    """Raise InputError if a file breaks a rule of pip's options, or an index is wrong."""
    if request.index:  # otherwise they are read if a file is gone
        invocation.find_indexes(request.index)
    sources = project_names("--allow-sdist", request.allow_sdist)
    now = datetime.now(UTC)
    rules = read_rules(invocation.command, invocation.settings, now, sources)
    faults = (fault for each in selections for fault in rules.faults(each.files))
    if found := tuple(dict.fromkeys(faults)):
        raise InputError(found)


def _wanted(
    selections: Sequence[Selection], folders: Sequence[str]
) -> dict[str, tuple[StagedFile, PinnedFile]]:
    """Return each file by its name in the destination; raise ClashError if two have one name."""
    wanted: dict[str, tuple[StagedFile, PinnedFile]] = {}
    for selection, folder in zip(selections, folders, strict=True):
        for pinned in selection.files:
            path, origin = Path(pinned.filename), pinned.url or pinned.path
            file = StagedFile(path, origin, selection.label, folder)
            first, known = wanted.setdefault(file.name, (file, pinned))
            if known.sha256 != pinned.sha256:
                raise merge.clash(first, file)
    return wanted


def _outcome(
    selections: Sequence[Selection],
    homes: Sequence[Path],
    placed: Mapping[Path, PlacedFile],
    notes: Sequence[str] = (),
) -> DownloadOutcome:
    """Return the outcome of a run that has placed these files in the homes of the targets."""
    targets = []
    chosen: list[tuple[str, str, str]] = []
    for selection, home in zip(selections, homes, strict=True):
        label, target = selection.label, selection.target
        files = tuple(_target_file(file, home / file.filename, placed) for file in selection.files)
        targets.append(TargetFiles(label, target.tags[0], target.python, files))
        chosen += ((file.name, file.version, label) for file in files)
    pairs = ((each.label, each.target.tags, each.target.python) for each in selections)
    notes = (*note_differing(chosen), *note_same_tags(pairs), *notes)
    return DownloadOutcome(tuple(targets), notes)


def _target_file(file: PinnedFile, path: Path, placed: Mapping[Path, PlacedFile]) -> TargetFile:
    known = placed.get(path)
    pinned = f"{file.project}=={file.version}" if file.version else file.project
    return TargetFile(
        name=file.project,
        version=file.version,
        filename=file.filename,
        url=file.url or Path(os.path.abspath(file.local_path)).as_uri(),  # noqa: PTH100 - no links
        size=known.digest.size if known else file.size,
        hashes=(("sha256", known.digest.sha256 if known else file.sha256),),
        requested_by=(RequestedBy("", pinned, f"{file.lock}:{file.line}:1"),),
        path=path,
        new=known.new if known else not path.is_file(),
        requires_python=file.requires_python,
        provenance=beside if (beside := beside_of(path)) in placed else None,
    )


def _with_local_provenance(file: PinnedFile) -> PinnedFile:
    """Prefer the provenance beside a local file, as in a pack, to the one of the index."""
    if file.url or not (beside := beside_of(file.local_path)).is_file():
        return file
    return replace(file, provenance=beside.resolve().as_uri())


def _fetch_provenance(
    wanted: Mapping[str, tuple[StagedFile, PinnedFile]],
    staged: Sequence[StagedFile],
    stage: Stage,
    invocation: Invocation,
) -> tuple[list[StagedFile], tuple[str, ...], tuple[str, ...]]:
    """Fetch the provenance of files beside them; return what was fetched, notes, and warnings."""
    from wheeltarget.commands.download.provenance import (
        AttestedFile,
        fetch_provenance,
        note_without,
    )

    pinned = {name: _with_local_provenance(file) for name, (_, file) in wanted.items()}
    files = (
        AttestedFile(file.filename, file.sha256, file.provenance, file.url or file.provenance)
        for file in pinned.values()
        if file.provenance
    )
    fetched = fetch_provenance(files, invocation.everything, invocation, stage)
    beside = [
        replace(each, path=path, origin=pinned[each.name].provenance, digest=None)
        for each in staged
        if (path := fetched.link_beside(each.path, pinned[each.name].sha256))
    ]
    without = [file.filename for file in pinned.values() if not file.provenance]
    notes = (*fetched.notes, *note_without(list(dict.fromkeys(without))))
    return beside, notes, fetched.warnings


def _fetch(
    wanted: Mapping[str, tuple[StagedFile, PinnedFile]],
    stage: Stage,
    invocation: Invocation,
    indexes: Sequence[str],
) -> list[StagedFile]:
    """Fetch every file to the stage, and return it with its computed digest.

    :param wanted: the files by their names in the destination, where they may exist already.
    :param indexes: the values of ``--index``.
    :raises InputError: if files cannot be fetched, or do not match their lock; with every fault.
    :raises DownloadError: if pip fails.
    """
    settings, environment = invocation.settings, invocation.environment
    cache, _ = open_for(invocation.everything, settings, environment)
    store = Store(wheel_folder(cache)) if cache else None
    files = stage.folder / "files"
    staged = {
        name: replace(file, path=files / (file.folder or "all") / file.path)
        for name, (file, _) in wanted.items()
    }
    pinned = {str(staged[name].path): file for name, (_, file) in wanted.items()}
    for folder in {file.path.parent for file in staged.values()}:
        folder.mkdir(parents=True)
    faults: list[Fault] = []
    left: list[FileToFetch] = []
    digests: dict[str, Digest] = {}
    named = tuple(zip(wanted, pinned.items(), strict=True))
    for name, (path, file) in reported(named, "Looking for"):
        order = FileToFetch(file.url, file.filename, file.project, file.sha256, file.size, path)
        digest = _take_local(order, file, stage.destination / name, store)
        if digest is not None:
            digests[path] = digest
            faults += _size_faults(file, digest)
        elif order.url:
            left.append(order)
        else:
            message = f"{file.path} does not exist, or does not have the hash in the lock"
            faults.append(_fault(file, message, "put the file there, or lock again"))
    network = find_network(invocation.everything, invocation)
    fetched = fetch_plain(left, network, store)
    faults += (_changed(pinned[order.path], error.message) for order, error in fetched.wrong)
    faults += (_unfetched(pinned[order.path], why, _BROKEN) for order, why in fetched.broken)
    if fetched.left and not faults:
        own = invocation.find_indexes(indexes)
        faults += _ask_pip(fetched, pinned, stage, invocation, store, network, own)
    if faults:
        raise InputError(tuple(sorted(faults, key=_place)))
    if cache is not None and left:
        prune_after_run(cache, environment)
    digests |= fetched.digests
    return [replace(file, digest=digests[str(file.path)]) for file in staged.values()]


def _take_local(
    order: FileToFetch, file: PinnedFile, place: Path, store: Store | None
) -> Digest | None:
    """Take a file from its place in the destination, the store, or the folder of the lock."""
    digest = _place_file(order, place)
    if digest is None and store is not None:
        digest = store.take(order.sha256, Path(order.path))
    if digest is None and not order.url:
        digest = _place_file(order, file.local_path, linked=False)
    return digest


def _place_file(order: FileToFetch, place: Path, *, linked: bool = True) -> Digest | None:
    """Link or copy a file that is on this machine already, if it has the right hash.

    :param place: where it may be.
    :param linked: whether to make a hard link, if possible, instead of a copy.
    :returns: the digest of the file at its new place; None if it is not the right file.
    :raises OSError: if it cannot be read or written.
    """
    if not is_archive(place):
        return None
    path = Path(order.path)
    is_linked = linked and link(place.resolve(), path)
    digest = hash_file(path) if is_linked else copy_file(place, path)
    if digest.sha256 != order.sha256:
        path.unlink()
        return None
    return digest


def _size_faults(file: PinnedFile, digest: Digest) -> Iterator[Fault]:
    if file.size not in {None, digest.size}:
        message = f"the lock has a size of {file.size} bytes, but the file has {digest.size}"
        yield _fault(file, message, "the lock was edited or is damaged; lock again")


def _ask_pip(
    fetched: Fetched,
    pinned: Mapping[str, PinnedFile],
    stage: Stage,
    invocation: Invocation,
    store: Store | None,
    network: Network,
    indexes: ProjectIndexes,
) -> list[Fault]:
    command = invocation.everything
    failures = fetch_with_pip(
        fetched,
        command,
        network,
        stage,
        store,
        elsewhere=has_other_index(command, invocation.settings),
        indexes=indexes.pairs,
    )
    orders = {order.path: order for order in fetched.left}
    faults = []
    for failure in failures:
        file = pinned[orders.pop(failure.path).path]
        if failure.kind == "content":
            faults.append(_changed(file, failure.text))
        else:
            hint = _HINTS.get(failure.code, "" if failure.code else _UNREACHABLE)
            faults.append(_unfetched(file, failure.text, hint))
    for path, order in orders.items():
        # The hash is not left to the other process.
        digest = fetched.digests[path] = hash_file(Path(path))
        if digest.sha256 != order.sha256:
            error = HashMismatchError(order.sha256, digest.sha256)
            faults.append(_changed(pinned[path], error.message))
    return faults


def _changed(file: PinnedFile, why: str) -> Fault:
    return _fault(file, f"{file.url} is not the locked file: {why}", _ANOTHER)


def _unfetched(file: PinnedFile, why: object, hint: str) -> Fault:
    return _fault(file, f"cannot fetch {file.url}: {why}", hint)


def _fault(file: PinnedFile, message: str, hint: str) -> Fault:
    return file.fault(f"{file.project} {file.version}: {message}".replace(" :", ":"), hint)


def _place(fault: Fault) -> tuple[str, int]:
    return (fault.location.file, fault.location.line) if fault.location else ("", 0)
