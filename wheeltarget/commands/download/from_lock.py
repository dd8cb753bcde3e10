"""Download from locks: exactly the files that they name, without asking an index.

As in every download, two files of one name must be the same, all files are placed at once, and
existing files stay.

Start-up boundary: what is not needed before files are fetched is imported in functions meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.download.lock_options import Choice, choose, read_locks
from wheeltarget.commands.download.lock_sources import Source, fetch_files
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.lockfile.reader import Pin, Selection, TargetFinder
from wheeltarget.network.downloader import Watch
from wheeltarget.utils.signals import Interrupts, interruptible
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import PlacedFile, Stage, StagedFile

if TYPE_CHECKING:
    # Not needed before files are being fetched.
    from wheeltarget.commands.download.outcome import DownloadOutcome, TargetFile, TargetFiles
    from wheeltarget.targets.target import Target


def _nothing() -> None:
    """Do nothing."""


def download_locked(
    request: DownloadRequest,
    invocation: Invocation | None = None,
    watch: Watch | None = None,
    while_fetching: Callable[[], None] = _nothing,
) -> DownloadOutcome | None:
    """Download the files that locks name.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :param watch: called with the progress.
    :param while_fetching: called once while files are being fetched, if any are.
    :returns: the files of each target; None if there is no lock, or only locks that pip reads for
        this interpreter.
    :raises WheeltargetError: if this fails; the destination is then unchanged.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    given = read_locks(request, invocation)
    if given is None:
        return None
    choice = choose(given, request, TargetFinder(invocation.look_up, _host))
    selections = choice.selections
    destination = (invocation.everything.values("--dest") or (os.curdir,))[-1]
    run = _Run(
        selections,
        _folders(selections, by_target=request.by_target),
        # As pip reads it.
        Path(os.path.realpath(os.path.expanduser(destination))),  # noqa: PTH111
        invocation,
        choice,
        while_fetching,
    )
    run.refuse_clashes()
    if request.dry_run:
        choice.confirm()
        return run.outcome({}, dry_run=True)
    return _deliver(run, request, watch)


def _host() -> Target:
    from wheeltarget.targets import catalog

    return catalog.host()


def _folders(selections: Sequence[Selection], *, by_target: bool) -> tuple[str, ...]:
    if not by_target:
        return ("",) * len(selections)
    from wheeltarget.wheelhouse.merge import folder_names

    return tuple(folder_names([each.label for each in selections]))


def _deliver(run: _Run, request: DownloadRequest, watch: Watch | None) -> DownloadOutcome:
    with interruptible() as interrupts, _open_report(request.report) as keep_report:
        with merge.open_stage(run.destination, folders=run.folders) as stage:
            placed = run.fetch_and_place(stage, interrupts, watch)
        outcome = run.outcome(placed, stage.notes)
        keep_report(outcome)
    return outcome


@contextmanager
def _open_report(path: Path | None) -> Iterator[Callable[[DownloadOutcome], None]]:
    if path is None:
        yield lambda _outcome: None
        return
    from wheeltarget.commands.download.report import open_report

    with open_report(path) as keep_report:
        yield keep_report


@dataclass(frozen=True, slots=True)
class _Run:
    """One download from locks.

    :param selections: the files of each target.
    :param folders: the folder in the destination for each target's files, or an empty string.
    :param choice: the selected files of the locks.
    :param while_fetching: called while files are being fetched.
    """

    selections: tuple[Selection, ...]
    folders: tuple[str, ...]
    destination: Path
    invocation: Invocation
    choice: Choice
    while_fetching: Callable[[], None]

    def _each(self) -> Iterator[tuple[Selection, str, Pin]]:
        for selection, folder in zip(self.selections, self.folders, strict=True):
            for pin in selection.pins:
                yield selection, folder, pin

    def refuse_clashes(self) -> None:
        """Raise ClashError if two files have one name and different contents."""
        seen: dict[str, tuple[StagedFile, str]] = {}
        for selection, folder, pin in self._each():
            file = _staged(Path(pin.file.filename), selection, folder, pin)
            first, claimed = seen.setdefault(file.name, (file, pin.file.sha256))
            if claimed != pin.file.sha256:
                raise merge.clash(first, file)

    def fetch_and_place(
        self, stage: Stage, interrupts: Interrupts, watch: Watch | None
    ) -> Mapping[str, PlacedFile]:
        """Fetch every file to the stage, and place all in the destination."""
        staged: dict[str, StagedFile] = {}
        pins: dict[str, Pin] = {}
        places: dict[str, Path] = {}
        homes = {folder: stage.folder / "files" / (folder or "all") for folder in self.folders}
        for home in homes.values():
            home.mkdir(parents=True)
        for selection, folder, pin in self._each():
            path = homes[folder] / pin.file.filename
            file = _staged(path, selection, folder, pin)
            if file.name not in staged:
                staged[file.name] = file
                pins[str(path)] = pin
                places[str(path)] = self.destination / file.name
        given = self.invocation
        source = Source(given.everything, given.settings, given.environment)
        digests = fetch_files(pins, places, stage, source, self.prepare_destination, watch)
        files = [replace(each, digest=digests[str(each.path)]) for each in staged.values()]
        return merge.merge(stage, [files], begin=interrupts.hold)

    def prepare_destination(self) -> None:
        """Verify the locks and load the modules for the end of the run, while files are fetched."""
        import hashlib  # noqa: F401

        self.choice.confirm()
        import shutil  # noqa: F401

        import wheeltarget.commands.download.outcome  # noqa: F401

        self.while_fetching()

    def outcome(
        self,
        placed: Mapping[str, PlacedFile],
        notes: tuple[str, ...] = (),
        *,
        dry_run: bool = False,
    ) -> DownloadOutcome:
        from wheeltarget.commands.download.outcome import DownloadOutcome

        targets = tuple(self._outcomes(placed))
        return DownloadOutcome(targets, (*self._notes(), *notes), dry_run=dry_run)

    def _outcomes(self, placed: Mapping[str, PlacedFile]) -> Iterator[TargetFiles]:
        from wheeltarget.commands.download.outcome import TargetFiles

        for selection, folder in zip(self.selections, self.folders, strict=True):
            files = tuple(self._file(pin, folder, placed) for pin in selection.pins)
            target = selection.target
            yield TargetFiles(selection.label, target.tags[0], target.python, files)

    def _file(self, pin: Pin, folder: str, placed: Mapping[str, PlacedFile]) -> TargetFile:
        from wheeltarget.commands.download.outcome import TargetFile
        from wheeltarget.resolver.results import RequestedBy

        file = pin.file
        name = f"{folder}/{file.filename}" if folder else file.filename
        known = placed.get(name)
        path = self.destination / name
        pinned = f"{file.project}=={file.version}" if file.version else file.project
        return TargetFile(
            name=file.project,
            version=file.version,
            filename=file.filename,
            url=file.url or Path(os.path.abspath(pin.beside)).as_uri(),  # noqa: PTH100 - no links
            size=file.size if known is None else known.digest.size,
            hashes=(("sha256", file.sha256 if known is None else known.digest.sha256),),
            requested_by=(RequestedBy("", pinned, f"{pin.lock}:{pin.line}:1"),),
            path=path,
            new=not path.is_file() if known is None else known.new,
            requires_python=file.requires_python,
        )

    def _notes(self) -> Iterator[str]:
        if len(self.selections) == 1:
            return
        versions: dict[str, dict[str, list[str]]] = {}
        for selection, _, pin in self._each():
            by_version = versions.setdefault(pin.file.project, {})
            by_version.setdefault(pin.file.version, []).append(selection.label)
        yield from merge.note_differing(versions)


def _staged(path: Path, selection: Selection, folder: str, pin: Pin) -> StagedFile:
    file = pin.file
    return StagedFile(path, file.url or file.path, selection.label, folder)
