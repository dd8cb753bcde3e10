"""Patches for files of an earlier job, the destination or the wheel store: pip does not fetch them.

The store has wheels whose hash the index lists. If it fails, pip fetches them. Only a trial run of
pip proves these patches.
"""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Any

from pip._internal.operations import prepare

from wheeltarget.errors import HashMismatchError
from wheeltarget.pip_child.job import CurrentJob, JobState, replaces
from wheeltarget.pip_child.links import normalize_name
from wheeltarget.pip_child.patches.messages import silenced
from wheeltarget.utils.files import link_or_copy

try:
    from pip._vendor.cachecontrol.adapter import CacheControlAdapter
except ImportError:
    CacheControlAdapter = None

_DESTINATION = "the destination"


def patch_existing(current: CurrentJob) -> None:
    """Use files that exist already instead of fetching them."""

    @replaces(prepare, "_check_download_dir")
    def check(original: Any, link: Any, download_dir: str, *rest: Any, **named: Any) -> Any:
        is_here = download_dir == current.job.order.folder
        source = _provide(current, link, Path(download_dir)) if is_here else ""
        # pip would log a path in the destination, where other files are not yet.
        is_new = source not in {"", _DESTINATION}
        with silenced(prepare.logger) if is_new else contextlib.nullcontext():
            found = original(link, download_dir, *rest, **named)
        if source == _DESTINATION and found is None:
            current.run.refused.add(link.filename)
        return found

    @replaces(CacheControlAdapter, "build_response", optional=True)
    def build(original: Any, self: Any, request: Any, raw: Any, *rest: Any, **named: Any) -> Any:
        # Wheels that go to the store, as those with a listed hash do, stay out of pip's own cache.
        path = request.url.partition("#")[0].partition("?")[0]
        is_wheel = request.method == "GET" and path.endswith(".whl") and raw.status == 200
        is_kept_here = current.run.store is not None and request.url not in current.run.unhashed
        if rest or named or not is_kept_here or not is_wheel:
            return original(self, request, raw, *rest, **named)
        built = super(CacheControlAdapter, self).build_response(request, raw)
        built.from_cache = False
        return built


def _provide(current: CurrentJob, link: Any, folder: Path) -> str:
    """Put a file into the job's folder, and return where it comes from; empty if nowhere."""
    run, path, url = current.run, folder / link.filename, link.url_without_fragment
    if path.exists():
        return ""
    if "sha256" not in link._hashes:
        run.unhashed.add(url)
    earlier = run.fetched.get(url)
    existing = Path(current.job.order.destination, link.filename)
    take = current.place_wheel or functools.partial(_take_stored, current)
    if earlier is not None and earlier.is_file():
        link_or_copy(earlier, path)
        source = "an earlier job"
    elif (
        existing.is_file()
        and link.filename not in run.refused
        and not _may_be_another(current.job, link)
    ):
        link_or_copy(existing, path)
        source = _DESTINATION
    else:
        source = "the store" if take(link, path) else ""
    current.job.linked += [path] if source else []
    return source


def _may_be_another(job: JobState, link: Any) -> bool:
    """Return whether a file of the same name may be another index's, without a hash to tell."""
    name, _, rest = link.filename.partition("-") if link.is_wheel else link.filename.rpartition("-")
    return not link.has_hash and bool(rest) and job.index_of(normalize_name(name)) is not None


def _take_stored(current: CurrentJob, link: Any, path: Path) -> bool:
    """Take a wheel from the store, verify its hash, and return whether it is there now."""
    store = None if current.job.order.dry_run else current.run.store
    if store is None or not link.is_wheel or link.hash_name != "sha256":
        return False
    with contextlib.suppress(OSError):
        if store.take(link.hash, path) is not None:
            prepare.logger.info("Using cached %s", link.filename)
            return True
    return False


def store_chosen(current: CurrentJob) -> None:
    """Add the job's chosen wheels to the store, and remove linked files that were not chosen."""
    job, store = current.job, current.run.store
    chosen = {file.path: dict(file.hashes).get("sha256", "") for file in job.chosen}
    for path in set(job.linked) - chosen.keys():
        path.unlink(missing_ok=True)  # pip chose another file
    if store is None or job.order.dry_run:
        return
    for path, sha256 in chosen.items():
        if sha256 and path.suffix == ".whl" and path.is_file():
            # A file from the destination may have another hash.
            with contextlib.suppress(OSError, HashMismatchError):
                store.add(sha256, path)
