"""Use of the wheel store in pip's process, for wheels whose hash the index lists.

An error of the store ends nothing: pip fetches what it cannot provide.
"""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.pip_child.job import CurrentJob

_OK = 200


def take(store: Store | None, link: Any, path: Path) -> bool:
    """Take the wheel of a link from the store.

    :param store: the store, or None.
    :param link: pip's link.
    :param path: the path for it, which must not exist.
    :returns: whether the wheel is there now, with its hash verified.
    """
    if store is None or not link.is_wheel or link.hash_name != "sha256":
        return False
    with contextlib.suppress(OSError):
        return store.take(link.hash, path) is not None
    return False


def store_chosen(current: CurrentJob) -> None:
    """Add the job's chosen wheels to the store, and remove linked files that were not chosen.

    :param current: the current job, for which pip has fetched.
    """
    job, store = current.job, current.run.store
    chosen = {file.path: dict(file.hashes).get("sha256", "") for file in job.chosen}
    for path in job.linked:
        if path not in chosen:
            path.unlink(missing_ok=True)  # pip chose another file
    if store is None or job.order.dry_run:
        return
    for path, sha256 in chosen.items():
        if sha256 and path.suffix == ".whl" and path.is_file():
            # A file from the destination may have another hash.
            with contextlib.suppress(OSError, HashMismatchError):
                store.add(sha256, path)


def patch_copies(current: CurrentJob) -> bool:
    """Keep wheels that go to the store out of pip's own cache.

    Wheels that are already in pip's cache are still used, and so are those without a listed hash,
    which do not go to the store.

    :returns: whether pip's cache could be patched.
    """
    try:
        from pip._vendor.cachecontrol.adapter import CacheControlAdapter

        plain = CacheControlAdapter.__mro__[1].build_response
        original_build = CacheControlAdapter.build_response
    except (ImportError, AttributeError):
        return False

    @functools.wraps(original_build)
    def build_response(self: Any, request: Any, response: Any, *rest: Any, **named: Any) -> Any:
        is_kept_here = current.run.store is not None and request.url not in current.run.unhashed
        if rest or named or not is_kept_here or not _is_wheel(request, response):
            return original_build(self, request, response, *rest, **named)
        built = plain(self, request, response)
        built.from_cache = False
        return built

    CacheControlAdapter.build_response = build_response
    return True


def _is_wheel(request: Any, response: Any) -> bool:
    """Return whether the response is a whole wheel."""
    path = request.url.partition("#")[0].partition("?")[0]
    return bool(request.method == "GET" and path.endswith(".whl") and response.status == _OK)
