"""Replay an unchanged run: link its files from the wheel store without running pip.

If anything is not as expected, nothing is done, and the run is made as usual.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wheeltarget.cache.run_key import WHEELS, cache_home
from wheeltarget.cache.run_records import RecordedRun, find, update_stamps
from wheeltarget.cache.wheel_store import Store
from wheeltarget.commands.download.request import DownloadOutcome, TargetFile
from wheeltarget.errors import DestinationError
from wheeltarget.staging.stage import hold_destination, interruptible, open_stage
from wheeltarget.utils.files import Mark, hash_file, stamp_of
from wheeltarget.utils.system import is_ours


def find_recorded_run(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> RecordedRun | None:
    """Return the cached outcome of a run; None if it is unknown or no longer valid.

    :param arguments: the arguments after ``download``.
    """
    return find(arguments, environment) if is_ours(cache_home(environment)) else None


def replay(run: RecordedRun, environment: Mapping[str, str]) -> DownloadOutcome | None:
    """Place the files of a cached run in the destination.

    :returns: the new outcome; None if nothing was done.
    :raises InterruptedRunError: if a signal came before anything was placed.
    """
    try:
        outcome = DownloadOutcome.from_dict(run.outcome)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # another version wrote it
    hashes = _hashes(outcome, run.destination)
    store = Store(Path(cache_home(environment), WHEELS))
    new = None if hashes is None else _place(hashes, run, store)
    if new is None:
        return None
    update_stamps(run, outcome.files)

    def renewed(files: Iterable[TargetFile]) -> tuple[TargetFile, ...]:
        return tuple(replace(file, new=file.path in new) for file in files)

    targets = tuple(
        replace(each, files=renewed(each.files), tools=renewed(each.tools))
        for each in outcome.targets
    )
    return replace(outcome, targets=targets)


def _hashes(outcome: DownloadOutcome, destination: Path) -> dict[str, str] | None:
    """Return the hash of each file by its name in the destination; None if one is unknown."""
    found = {}
    for file in (file for each in outcome.targets for file in (*each.files, *each.tools)):
        sha256 = dict(file.hashes).get("sha256")
        if file.path is None or sha256 is None:
            return None
        found[file.path.relative_to(destination).as_posix()] = sha256
    return found


def _place(hashes: Mapping[str, str], run: RecordedRun, store: Store) -> set[Path] | None:
    """Link missing files into the destination, all or none; existing files stay.

    :returns: the paths of the linked files; None if one is not in the store, or an existing file
        differs.
    """
    destination = run.destination
    try:
        with interruptible() as interrupts:
            if destination.is_dir():
                # Usually no file is missing, and then no stage is needed.
                with hold_destination(destination):
                    missing = _missing(hashes, run)
                if not missing:
                    return None if missing is None else set()
            with open_stage(destination, watched=False) as stage, stage.hold():
                missing = _missing(hashes, run)
                folder = stage.job_folder(0)
                taken = {name: folder / str(n) for n, name in enumerate(missing or ())}
                if missing is None or not all(
                    store.take(hashes[name], path) for name, path in taken.items()
                ):
                    return None
                interrupts.hold()
                if taken or not destination.exists():
                    stage.place(taken)
                return {destination / name for name in taken}
    except (DestinationError, OSError):
        return None


def _missing(hashes: Mapping[str, str], run: RecordedRun) -> list[str] | None:
    """Return the files missing in the destination; None if an existing one differs."""
    missing = []
    for name, sha256 in hashes.items():
        path = run.destination / name
        if not os.path.lexists(path):
            missing.append(name)
        elif not _is_unchanged(path, run.stamps.get(str(path)), sha256):
            return None
    return missing


def _is_unchanged(path: Path, stamp: Mark | None, sha256: str) -> bool:
    if stamp is not None and stamp_of(path.lstat()) == stamp:
        return True
    return path.is_file() and hash_file(path).sha256 == sha256
