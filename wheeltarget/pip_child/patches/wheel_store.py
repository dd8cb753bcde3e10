"""The wheel store as pip's process uses it: for wheels whose hash the index says.

Nothing fails for want of a store: what cannot be taken from it is fetched, and what cannot be put
into it is not there the next time.
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
    """Take the wheel behind a link from the store.

    :param store: the store, or None.
    :param link: pip's link.
    :param path: where to; nothing may be there.
    :returns: whether it is there now, with its hash.
    """
    if store is None or not link.is_wheel or link.hash_name != "sha256":
        return False
    with contextlib.suppress(OSError):
        return store.take(link.hash, path) is not None
    return False


def settle(current: CurrentJob) -> None:
    """Keep what was chosen for the job, and drop what was brought for nothing.

    :param current: the job; pip has chosen and fetched.
    """
    job, store = current.job, current.run.store
    chosen = {file.path: dict(file.hashes).get("sha256", "") for file in job.chosen}
    for path in job.linked:
        if path not in chosen:
            path.unlink(missing_ok=True)  # pip looked at it and took another
    if store is None or job.order.dry_run:
        return
    for path, sha256 in chosen.items():
        if sha256 and path.suffix == ".whl" and path.is_file():
            # What was in the destination before may be another file.
            with contextlib.suppress(OSError, HashMismatchError):
                store.add(sha256, path)


def patch_copies(current: CurrentJob) -> bool:
    """Let pip's own cache not keep a second copy of the wheels that go to the store.

    Wheels that are in pip's cache already are used as ever, and so are those of which the index
    does not say the hash, which do not go to the store.

    :returns: whether pip has such a cache where it was expected; without, nothing is changed.
    """
    try:
        from pip._vendor.cachecontrol.adapter import CacheControlAdapter

        plain = CacheControlAdapter.__mro__[1].build_response
        build_here = CacheControlAdapter.build_response
    except (ImportError, AttributeError):
        return False

    @functools.wraps(build_here)
    def build_response(self: Any, request: Any, response: Any, *rest: Any, **named: Any) -> Any:
        is_kept_here = current.run.store is not None and request.url not in current.run.unhashed
        if rest or named or not is_kept_here or not _is_wheel(request, response):
            return build_here(self, request, response, *rest, **named)
        built = plain(self, request, response)
        built.from_cache = False
        return built

    CacheControlAdapter.build_response = build_response
    return True


def _is_wheel(request: Any, response: Any) -> bool:
    """Return whether a whole wheel comes over the network."""
    path = request.url.partition("#")[0].partition("?")[0]
    return bool(request.method == "GET" and path.endswith(".whl") and response.status == _OK)
