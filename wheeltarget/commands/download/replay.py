"""Replay an unchanged run: link its files from the wheel store without running pip.

If anything is not as expected, nothing is done, and the run is made as usual.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.run_key import WHEELS, cache_home
from wheeltarget.cache.run_records import find, update_stamps
from wheeltarget.commands.download.outcome import DownloadOutcome, TargetFile
from wheeltarget.errors import DestinationError
from wheeltarget.utils.files import Mark, hash_file, stamp_of
from wheeltarget.utils.user_folders import is_ours

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import RecordedRun
    from wheeltarget.cache.wheel_store import Store


def find_recorded_run(words: Sequence[str], environment: Mapping[str, str]) -> RecordedRun | None:
    """Return the cached outcome of a run, if it is still valid.

    :param words: the arguments after ``download``.
    :param environment: the environment variables.
    :returns: the cached outcome; None if it is not known.
    """
    return find(words, environment) if is_ours(cache_home(environment)) else None


def deliver(remembered: RecordedRun, environment: Mapping[str, str]) -> DownloadOutcome | None:
    """Place the files of a cached run in the destination.

    :param remembered: the cached outcome.
    :param environment: the environment variables.
    :returns: the new outcome; None if nothing was done.
    :raises InterruptedRunError: if a signal came before anything was placed.
    """
    wheels = Path(cache_home(environment), WHEELS)
    try:
        outcome = DownloadOutcome.from_dict(remembered.outcome)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # another version wrote it
    hashes = _hashes(outcome, remembered.destination)
    new = None if hashes is None else _place(hashes, remembered, wheels)
    if new is None:
        return None
    update_stamps(remembered, outcome.files)
    targets = tuple(
        replace(target, files=tuple(replace(file, new=file.path in new) for file in target.files))
        for target in outcome.targets
    )
    return replace(outcome, targets=targets)


def _hashes(outcome: DownloadOutcome, destination: Path) -> dict[str, str] | None:
    """Return the hash of each file by its name in the destination; None if one is unknown."""
    found = {}
    for file in _files(outcome):
        sha256 = dict(file.hashes).get("sha256")
        if file.path is None or sha256 is None:
            return None
        found[file.path.relative_to(destination).as_posix()] = sha256
    return found


def _files(outcome: DownloadOutcome) -> list[TargetFile]:
    return [file for target in outcome.targets for file in target.files]


def _place(hashes: Mapping[str, str], remembered: RecordedRun, wheels: Path) -> set[Path] | None:
    """Link missing files into the destination, all or none.

    Linked files are hashed. Existing files stay, and are hashed unless their mark shows that they
    are unchanged since the cached run.

    :returns: the paths of the linked files; None if one is not in the store, or an existing file
        differs.
    """
    from wheeltarget.cache.wheel_store import Store
    from wheeltarget.utils.signals import interruptible
    from wheeltarget.wheelhouse.merge import open_stage, settled

    store, destination = Store(wheels), remembered.destination
    try:
        with interruptible() as interrupts:
            if destination.is_dir():
                # Usually no file is missing, and then no stage is needed.
                with settled(destination):
                    absent = _absent(hashes, remembered)
                if not absent:
                    return None if absent is None else set()
            with open_stage(destination, watched=False) as stage, stage.hold():
                absent = _absent(hashes, remembered)
                folder = stage.job_folder(0)
                missing = None if absent is None else _take(absent, hashes, store, folder)
                if missing is None:
                    return None
                interrupts.hold()
                if missing or not destination.exists():
                    stage.place(missing)
                return {destination / name for name in missing}
    except (DestinationError, OSError):
        return None


def _absent(hashes: Mapping[str, str], remembered: RecordedRun) -> list[str] | None:
    """Return the files missing in the destination; None if an existing one differs."""
    absent = []
    for name, sha256 in hashes.items():
        there = remembered.destination / name
        if not os.path.lexists(there):
            absent.append(name)
        elif not _is_unchanged(there, remembered.stamps.get(str(there)), sha256):
            return None
    return absent


def _take(
    names: Sequence[str], hashes: Mapping[str, str], store: Store, folder: Path
) -> dict[str, Path] | None:
    """Link files from the store to a folder; return None if one is missing."""
    taken = {}
    for number, name in enumerate(names):
        taken[name] = folder / str(number)
        if not store.take(hashes[name], taken[name]):
            return None
    return taken


def _is_unchanged(path: Path, mark: Mark | None, sha256: str) -> bool:
    """Return whether a file has its mark, or else its hash."""
    if mark is not None and stamp_of(path.lstat()) == mark:
        return True
    return path.is_file() and hash_file(path).sha256 == sha256
