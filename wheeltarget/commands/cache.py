"""The command ``cache``: show the cache of wheels and earlier runs, and remove parts of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wheeltarget.cache import wheel_store
from wheeltarget.cache.wheel_store import CacheRemoved, CacheUsage


def cache_info(environment: Mapping[str, str] = os.environ) -> CacheUsage:
    """Return the contents and the size of the cache folder; raises CacheError."""
    folder = wheel_store.cache_folder(environment)
    return wheel_store.survey(folder, wheel_store.read_limit(environment))


def cache_prune(
    max_age: float | None = None,
    max_size: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> CacheRemoved:
    """Remove the least recently used wheels and metadata, and outdated runs.

    :param max_age: remove wheels and metadata that were not used for so many days.
    :param max_size: the limit in bytes; if neither is given, that of ``WHEELTARGET_CACHE_LIMIT``.
    :raises CacheError: if something cannot be read or removed.
    """
    if max_size is None and max_age is None:
        max_size = wheel_store.read_limit(environment)
    seconds = None if max_age is None else max_age * wheel_store.DAY
    return wheel_store.prune(wheel_store.cache_folder(environment), limit=max_size, max_age=seconds)


def cache_clear(environment: Mapping[str, str] = os.environ) -> CacheRemoved:
    """Remove everything except what other runs are just writing; raises CacheError."""
    return wheel_store.clear(wheel_store.cache_folder(environment))
