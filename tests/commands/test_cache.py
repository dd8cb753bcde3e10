"""The functions for the cache, which need no command line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wheeltarget.cache.wheel_store import CacheRemoved, wheel_folder
from wheeltarget.commands.cache import cache_clear, cache_info, cache_prune
from wheeltarget.errors import UsageError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a cache with two wheels, the second used ten days ago."""
    for number, days in (("1", 0), ("2", 10)):
        wheel = wheel_folder(tmp_path) / (number * 2) / (number * 62)
        wheel.parent.mkdir(parents=True, exist_ok=True)
        wheel.write_bytes(b"12345")
        used = time.time() - days * 86400
        os.utime(wheel, (used, used))
    return {"WHEELTARGET_CACHE_DIR": str(tmp_path), "WHEELTARGET_CACHE_LIMIT": "7"}


def test_contents(environment: dict[str, str]) -> None:
    usage = cache_info(environment)
    assert (usage.wheels, usage.size, usage.limit) == (2, 10, 7)


@pytest.mark.parametrize(
    ("max_age", "max_size", "removed"),
    [(None, None, 1), (5, None, 1), (20, None, 0), (None, 10, 0), (None, 0, 2), (20, 5, 1)],
)
def test_pruned(
    environment: dict[str, str], max_age: float | None, max_size: int | None, removed: int
) -> None:
    expected = CacheRemoved(removed, removed * 5, 0)
    assert cache_prune(max_age, max_size, environment) == expected
    assert cache_info(environment).wheels == 2 - removed


def test_cleared(environment: dict[str, str]) -> None:
    assert cache_clear(environment) == CacheRemoved(2, 10, 0)
    assert cache_clear(environment) == CacheRemoved(0, 0, 0)


def test_a_wrong_limit_is_refused(environment: dict[str, str]) -> None:
    environment["WHEELTARGET_CACHE_LIMIT"] = "much"
    with pytest.raises(UsageError, match="WHEELTARGET_CACHE_LIMIT: 'much' is not a size"):
        cache_prune(environment=environment)
