"""Make something once for all workers of pytest-xdist, which share it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_PATIENCE = 180.0


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that all workers of this session have in common.

    :param factory: pytest's ``tmp_path_factory``.
    :param name: the name of the folder, which is created if it does not exist.
    """
    base = factory.getbasetemp()
    # A worker of pytest-xdist has a folder of its own below the one of the session.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


def make_once(ready: Path, make: Callable[[Path], None], *, patience: float = _PATIENCE) -> Path:
    """Make a folder unless a worker has or is about to; then wait for it.

    :param ready: the folder, which appears when it is complete.
    :param make: makes it at the path that it is given, from which it is renamed.
    :param patience: seconds to wait for the worker that began.
    :returns: the folder.
    :raises TimeoutError: if the worker that began did not end.
    """
    claim = ready.with_name(f"{ready.name}.claim")
    deadline = time.monotonic() + patience
    while not ready.exists():
        try:
            claim.mkdir()
        except FileExistsError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{ready.name} is claimed and never made") from None
            time.sleep(0.05)
            continue
        try:
            # The claim may be free because it was made in the meantime.
            if not ready.exists():
                make(claim / ready.name)
                claim.joinpath(ready.name).rename(ready)
        finally:
            shutil.rmtree(claim)
    return ready
