"""Lock in this process, against a local index."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tests.support.index import LocalIndex
from wheeltarget.commands.lock.files import LockOutcome
from wheeltarget.commands.lock.lock import LockRequest, lock
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock

OLD = "cp36-cp36m-manylinux2014_x86_64"
NEW = "cp312-cp312-manylinux_2_28_x86_64"
BOTH = f"{OLD},{NEW}"


def make(index: LocalIndex, *arguments: str, **asked: Any) -> LockOutcome:
    """Lock, in the working directory.

    :param arguments: pip's arguments, except those for the index.
    :param asked: the other parts of the request.
    """
    return lock(LockRequest(("--no-cache-dir", *index.pip_args(), *arguments), **asked))


def read(label: str, folder: Path = Path()) -> Lock:
    """Read the lock of a target.

    :param label: what it is called, without a dot.
    :param folder: where the lock is.
    """
    name = f"pylock.{label}.toml"
    return model.read((folder / name).read_text("utf-8"), name)


def data(label: str, folder: Path = Path()) -> dict[str, Any]:
    """Read the lock of a target as the TOML that it is."""
    return tomllib.loads((folder / f"pylock.{label}.toml").read_text("utf-8"))


def versions(label: str, folder: Path = Path()) -> dict[str, str]:
    """Return the versions that the lock of a target has."""
    return read(label, folder).versions
