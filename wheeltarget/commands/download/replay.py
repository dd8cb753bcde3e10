"""An unchanged run once more: its files linked from the wheel store, pip not asked.

Where the least thing is other than expected, nothing is done, and the run goes its usual way, which
decides again and says what is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.folder import cache_folder, wheel_folder
from wheeltarget.cache.run_records import find, mark_again
from wheeltarget.commands.download.outcome import DownloadOutcome, TargetFile
from wheeltarget.errors import DestinationError
from wheeltarget.utils.hashes import hash_file, mark_of
from wheeltarget.utils.permissions import is_ours

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import Remembered
    from wheeltarget.cache.wheel_store import Store
    from wheeltarget.utils.hashes import Mark


def recall(words: Sequence[str], environment: Mapping[str, str]) -> Remembered | None:
    """Find what would come of a run now, if it is known.

    :param words: what stands behind ``download``.
    :param environment: the environment's variables.
    :returns: what came of it before; None where it would have to be run.
    """
    return find(words, environment) if is_ours(cache_folder(environment)) else None


def deliver(remembered: Remembered, environment: Mapping[str, str]) -> DownloadOutcome | None:
    """Let the files of a run that is remembered be in the destination.

    :param remembered: what came of it before.
    :param environment: the environment's variables.
    :returns: what came of it now; None where nothing was done.
    :raises InterruptedRunError: where a signal came before anything was placed.
    """
    wheels = wheel_folder(cache_folder(environment))
    try:
        outcome = DownloadOutcome.from_dict(remembered.outcome)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # it is not as this version writes it
    hashes = _hashes(outcome, remembered.destination)
    new = None if hashes is None else _place(hashes, remembered, wheels)
    if new is None:
        return None
    mark_again(remembered, outcome.files)
    targets = tuple(
        replace(target, files=tuple(replace(file, new=file.path in new) for file in target.files))
        for target in outcome.targets
    )
    return replace(outcome, targets=targets)


def _hashes(outcome: DownloadOutcome, destination: Path) -> dict[str, str] | None:
    """Give the hash of each file by its name in the destination, if all of them are known."""
    found = {}
    for file in _files(outcome):
        sha256 = dict(file.hashes).get("sha256")
        if file.path is None or sha256 is None:
            return None
        found[file.path.relative_to(destination).as_posix()] = sha256
    return found


def _files(outcome: DownloadOutcome) -> list[TargetFile]:
    return [file for target in outcome.targets for file in target.files]


def _place(hashes: Mapping[str, str], remembered: Remembered, wheels: Path) -> set[Path] | None:
    """Link what is missing into the destination, all or nothing.

    What is linked is hashed. A file that is there stays, and is hashed unless its mark says that
    nobody has touched it since the run that is remembered.

    :returns: the paths of those files; None if one cannot be had, or another is in its place.
    """
    from wheeltarget.cache.wheel_store import Store
    from wheeltarget.utils.signals import interruptible
    from wheeltarget.wheelhouse.merge import open_stage, settled

    store, destination = Store(wheels), remembered.destination
    try:
        with interruptible() as interrupts:
            if destination.is_dir():
                # Mostly all is there, and then no stage is needed.
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


def _absent(hashes: Mapping[str, str], remembered: Remembered) -> list[str] | None:
    """List the files that are not in the destination; None if another is in the place of one."""
    absent = []
    for name, sha256 in hashes.items():
        there = remembered.destination / name
        if not os.path.lexists(there):
            absent.append(name)
        elif not _is_it(there, remembered.marks.get(str(there)), sha256):
            return None
    return absent


def _take(
    names: Sequence[str], hashes: Mapping[str, str], store: Store, folder: Path
) -> dict[str, Path] | None:
    """Take files from the store into a folder; None if one cannot be had."""
    taken = {}
    for number, name in enumerate(names):
        taken[name] = folder / str(number)
        if not store.take(hashes[name], taken[name]):
            return None
    return taken


def _is_it(path: Path, mark: Mark | None, sha256: str) -> bool:
    """Tell whether a file is as a run left it, or else has a hash."""
    if mark is not None and mark_of(path.lstat()) == mark:
        return True
    return path.is_file() and hash_file(path).sha256 == sha256
