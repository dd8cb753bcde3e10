"""What is in the cache folder, and making room in it, also beside runs that use it.

A wheel that a wheelhouse has linked stays there when it is removed here. A run that was about to
take one fetches it instead.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.cache.folder import PRUNED, is_due, memory_folder, wheel_folder
from wheeltarget.cache.run_records import drafts, entries
from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import CacheError, UsageError

VARIABLE = "WHEELTARGET_CACHE_LIMIT"
"""The environment variable that says how large the wheel store may get."""

DEFAULT_LIMIT = 10 * 1000**3
"""How large the wheel store may get, in bytes."""

DAY = 86400.0

_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", start=1)}


@dataclass(frozen=True, slots=True)
class Usage:
    """What is in the cache folder.

    :param folder: the folder.
    :param wheels: how many wheels there are.
    :param size: how many bytes they have.
    :param limit: how many they may have.
    :param runs: how many runs are remembered.
    :param current: of how many of them the index pages are still fresh.
    """

    folder: Path
    wheels: int
    size: int
    limit: int
    runs: int
    current: int

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "schema": 1,
            "folder": str(self.folder),
            "wheels": {"count": self.wheels, "size": self.size, "limit": self.limit},
            "runs": {"count": self.runs, "current": self.current},
        }


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed.

    :param wheels: how many wheels.
    :param size: how many bytes they had.
    :param runs: how many remembered runs.
    """

    wheels: int
    size: int
    runs: int

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        removed = {"wheels": self.wheels, "size": self.size, "runs": self.runs}
        return {"schema": 1, "removed": removed}


def read_size(text: str, where: str) -> int:
    """Read a number of bytes, such as ``500MB`` or ``2 GiB``.

    :param text: the text.
    :param where: what says so, for a message.
    :raises UsageError: where it is no size.
    """
    found = re.fullmatch(r"\s*(\d{1,30}(?:\.\d+)?)\s*([A-Z]*)\s*", text.upper(), re.ASCII)
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None:
        raise UsageError(f"{where}: {text!r} is no size", "write it like 500MB or 2.5GB")
    return int(float(found[1]) * unit)


def read_days(text: str, where: str) -> float:
    """Read a number of days, such as ``30`` or ``0.5``.

    :param text: the text.
    :param where: what says so, for a message.
    :raises UsageError: where it is none.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII) is None:
        raise UsageError(f"{where}: {text!r} is no number of days", "write it like 30 or 0.5")
    return float(text)


def read_limit(environment: Mapping[str, str]) -> int:
    """Say how large the wheel store may get, in bytes.

    :param environment: ``WHEELTARGET_CACHE_LIMIT`` counts.
    :raises UsageError: where it is no size.
    """
    text = environment.get(VARIABLE)
    return read_size(text, VARIABLE) if text else DEFAULT_LIMIT


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Say what cannot be read, if anything is."""
    try:
        yield
    except OSError as error:
        raise CacheError(f"cannot read {error.filename}: {error.strerror}") from error


@_readable()
def survey(cache: Path, limit: int) -> Usage:
    """Say what is in a cache folder.

    :param cache: the folder; it need not exist.
    :param limit: how many bytes its wheels may have.
    :raises CacheError: where it cannot be read.
    """
    sizes = [size for _, size, _ in Store(wheel_folder(cache)).entries()]
    runs = [until > time.time() for _, until in entries(memory_folder(cache))]
    return Usage(cache, len(sizes), sum(sizes), limit, len(runs), sum(runs))


@_readable()
def prune(cache: Path, *, limit: int | None = None, max_age: float | None = None) -> Removed:
    """Remove wheels that are used least, what killed runs have left, and runs that hold no more.

    :param cache: the folder; it need not exist.
    :param limit: how many bytes its wheels may have; those that were used last stay.
    :param max_age: after how many seconds without use a wheel is removed.
    :returns: what was removed.
    :raises CacheError: where something cannot be read or removed.
    """
    now = time.time()
    left, removed = 0, []
    # What was used in the future was used while the clock was wrong, nobody knows when.
    wheels = [
        (sha256, size, used if used <= now + DAY else 0.0)
        for sha256, size, used in Store(wheel_folder(cache)).entries()
    ]
    for sha256, size, used in sorted(wheels, key=lambda wheel: -wheel[2]):
        too_old = max_age is not None and now - used > max_age
        if too_old or (limit is not None and left + size > limit):
            removed.append((sha256, size))
        else:
            left += size
    runs = [file for file, until in entries(memory_folder(cache)) if until <= now]
    return _remove(cache, removed, runs)


@_readable()
def clear(cache: Path) -> Removed:
    """Remove everything, but for what other runs are just writing.

    :param cache: the folder; it need not exist.
    :returns: what was removed.
    :raises CacheError: where something cannot be read or removed.
    """
    runs = [file for file, _ in entries(memory_folder(cache))]
    wheels = [(sha256, size) for sha256, size, _ in Store(wheel_folder(cache)).entries()]
    return _remove(cache, wheels, runs)


def prune_now_and_then(cache: Path, limit: int) -> None:
    """Keep the wheel store below its limit, looking once a day; what fails is left for later.

    :param cache: the folder.
    :param limit: how many bytes its wheels may have.
    """
    with contextlib.suppress(OSError, CacheError):
        if is_due(cache):
            (cache / PRUNED).touch()
            prune(cache, limit=limit)


def make_room(cache: Path | None, environment: Mapping[str, str]) -> str:
    """Keep the wheel store below its limit after a run that may have filled it.

    :param cache: the cache folder; None where the run did without.
    :param environment: the environment's variables.
    :returns: a sentence for the user where the limit is none, or nothing.
    """
    if cache is None:
        return ""
    try:
        prune_now_and_then(cache, read_limit(environment))
    except UsageError as error:
        return f"{error.message}; {error.hint}"
    return ""


def _remove(cache: Path, wheels: list[tuple[str, int]], runs: list[Path]) -> Removed:
    store = Store(wheel_folder(cache))
    try:
        for sha256, _ in wheels:
            store.remove(sha256)
        for file in (*runs, *drafts(memory_folder(cache))):
            file.unlink(missing_ok=True)
        store.sweep()
    except OSError as error:
        raise CacheError(f"cannot remove {error.filename}: {error.strerror}") from error
    return Removed(len(wheels), sum(size for _, size in wheels), len(runs))
