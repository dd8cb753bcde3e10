"""Wheels that are prefetched into the store."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from pip._internal.models.link import Link

from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool
from wheeltarget.pip_child.prefetch.session import SharedSession
from wheeltarget.pip_child.prefetch.wheels import Wheels
from wheeltarget.pip_child.progress import Transfers


@pytest.mark.parametrize("is_temporary", [False, True])
def test_store_without_room_is_filled_no_further(tmp_path: Path, *, is_temporary: bool) -> None:
    """A file that is left to pip is not fetched twice."""
    asked: list[str] = []

    def get(url: str, **_named: object) -> object:
        asked.append(url)
        return SimpleNamespace(status_code=200, reason="", headers={}, close=lambda: None)

    def write(_sha256: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pool = Pool(1, 1)
    sessions = SharedSession(pool, lambda: None)
    sessions.session = SimpleNamespace(get=get, auth=None)
    transfers = Transfers()
    wheels = Wheels(sessions, Store(tmp_path), transfers, is_temporary=is_temporary)
    wheels.store.writing = write  # type: ignore[method-assign, assignment]
    links = [Link(f"http://h/{name}-1-py3-none-any.whl#sha256={'0' * 64}") for name in "abc"]
    tasks = [wheels.fetch(link, 0) for link in links]
    assert all(task is not None and isinstance(task.wait(), LeftToPip) for task in tasks)
    pool.stop(1)
    assert transfers.progress() is None
    # Where it is pip's own folder that is full, pip is to say so of each file.
    assert (len(asked), wheels.is_full) == ((3, False) if is_temporary else (1, True))
