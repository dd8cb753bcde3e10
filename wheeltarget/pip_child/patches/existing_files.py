"""Patch of the check for existing files: link them into the job's folder, do not fetch them.

Only a trial run of pip proves it; see :mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, rebind
from wheeltarget.pip_child.patches.log_messages import silenced
from wheeltarget.pip_child.patches.wheel_store import take


def patch_existing(current: CurrentJob) -> None:
    """Use files that exist already instead of fetching them."""
    from pip._internal.operations import prepare

    original_check = prepare._check_download_dir

    @functools.wraps(original_check)
    def check_download_dir(link: Any, download_dir: str, *rest: Any, **named: Any) -> str | None:
        found: str | None
        is_here = download_dir == current.job.order.folder
        source = _provide(current, link, Path(download_dir)) if is_here else ""
        if source in {"an earlier job", "the store"}:
            # pip would log a path in the destination, where the file is not yet.
            with silenced(prepare.logger):
                found = original_check(link, download_dir, *rest, **named)
            return found
        found = original_check(link, download_dir, *rest, **named)
        if source == "the destination" and found is None:
            current.run.refused.add(link.filename)
        return found

    rebind("_check_download_dir", original_check, check_download_dir)


def _provide(current: CurrentJob, link: Any, folder: Path) -> str:
    """Put a file into the job's folder, and return where it comes from; empty if nowhere."""
    path = folder / link.filename
    if path.exists():
        return ""
    if "sha256" not in link._hashes:
        current.run.unhashed.add(link.url_without_fragment)
    source = _link_or_take(current, link, path)
    if source:
        current.job.linked.append(path)
    return source


def _link_or_take(current: CurrentJob, link: Any, path: Path) -> str:
    earlier = current.run.fetched.get(link.url_without_fragment)
    if earlier is not None and earlier.is_file():
        link_or_copy(earlier, path)
        return "an earlier job"
    existing = Path(current.job.order.destination, link.filename)
    if existing.is_file() and link.filename not in current.run.refused:
        link_or_copy(existing, path)
        return "the destination"
    return "the store" if _take_stored(current, link, path) else ""


def _take_stored(current: CurrentJob, link: Any, path: Path) -> bool:
    """Take a file from the store; if it is being prefetched, wait for it."""
    from pip._internal.operations import prepare

    if current.place_wheel is not None:
        return current.place_wheel(link, path)
    if current.job.order.dry_run or not take(current.run.store, link, path):
        return False
    prepare.logger.info("Using cached %s", link.filename)
    return True


def link_or_copy(source: Path, path: Path) -> None:
    """Link a file to a second path, or copy it if that fails."""
    try:
        path.hardlink_to(source.resolve())
    except OSError:
        shutil.copy(source, path)
