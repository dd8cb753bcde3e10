"""Survey the cache folder and make room in it, also while other runs use it.

A wheel that is linked into a wheelhouse stays there when it is removed here. A run that was about
to take it fetches it instead.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.cache.folder import PRUNED, is_due, records_folder, wheel_folder
from wheeltarget.cache.run_records import drafts, entries
from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import CacheError, UsageError

VARIABLE = "WHEELTARGET_CACHE_LIMIT"
"""The environment variable with the size limit of the wheel store."""

DEFAULT_LIMIT = 10 * 1000**3
"""The size limit of the wheel store in bytes."""

DAY = 86400.0

_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", start=1)}


@dataclass(frozen=True, slots=True)
class Usage:
    """The content of the cache folder.

    :param folder: the folder.
    :param wheels: the number of wheels.
    :param size: their size in bytes.
    :param limit: the limit of that size.
    :param runs: the number of recorded runs.
    :param current: the number of those whose index pages are still fresh.
    """

    folder: Path
    wheels: int
    size: int
    limit: int
    runs: int
    current: int

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "schema": 1,
            "folder": str(self.folder),
            "wheels": {"count": self.wheels, "size": self.size, "limit": self.limit},
            "runs": {"count": self.runs, "current": self.current},
        }


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed.

    :param wheels: the number of wheels.
    :param size: their size in bytes.
    :param runs: the number of recorded runs.
    """

    wheels: int
    size: int
    runs: int

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        removed = {"wheels": self.wheels, "size": self.size, "runs": self.runs}
        return {"schema": 1, "removed": removed}


def read_size(text: str, where: str) -> int:
    """Read a number of bytes, such as ``500MB`` or ``2 GiB``.

    :param text: the text.
    :param where: the option or variable, for the message.
    :raises UsageError: if it is not a size.
    """
    found = re.fullmatch(r"\s*(\d{1,30}(?:\.\d+)?)\s*([A-Z]*)\s*", text.upper(), re.ASCII)
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None:
        raise UsageError(f"{where}: {text!r} is not a size", "write it like 500MB or 2.5GB")
    return int(float(found[1]) * unit)


def read_days(text: str, where: str) -> float:
    """Read a number of days, such as ``30`` or ``0.5``.

    :param text: the text.
    :param where: the option or variable, for the message.
    :raises UsageError: if it is not a number of days.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII) is None:
        raise UsageError(f"{where}: {text!r} is not a number of days", "write it like 30 or 0.5")
    return float(text)


def read_limit(environment: Mapping[str, str]) -> int:
    """Return the size limit of the wheel store in bytes.

    :param environment: the environment's variables.
    :raises UsageError: if ``WHEELTARGET_CACHE_LIMIT`` is not a size.
    """
    text = environment.get(VARIABLE)
    return read_size(text, VARIABLE) if text else DEFAULT_LIMIT


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Raise CacheError if something cannot be read."""
    try:
        yield
    except OSError as error:
        raise CacheError(f"cannot read {error.filename}: {error.strerror}") from error


@_readable()
def survey(cache: Path, limit: int) -> Usage:
    """Return what is in a cache folder.

    :param cache: the folder; it need not exist.
    :param limit: the size limit of its wheels in bytes.
    :raises CacheError: if it cannot be read.
    """
    sizes = [size for _, size, _ in Store(wheel_folder(cache)).entries()]
    runs = [until > time.time() for _, until in entries(records_folder(cache))]
    return Usage(cache, len(sizes), sum(sizes), limit, len(runs), sum(runs))


@_readable()
def prune(cache: Path, *, limit: int | None = None, max_age: float | None = None) -> Removed:
    """Remove the least recently used wheels, the remains of killed runs, and outdated records.

    :param cache: the folder; it need not exist.
    :param limit: the size limit of its wheels in bytes; those that were used last stay.
    :param max_age: remove wheels that were not used for so many seconds.
    :returns: what was removed.
    :raises CacheError: if something cannot be read or removed.
    """
    now = time.time()
    kept, removed = 0, []
    # A time in the future is from a wrong clock; the real one is unknown.
    wheels = [
        (sha256, size, used if used <= now + DAY else 0.0)
        for sha256, size, used in Store(wheel_folder(cache)).entries()
    ]
    for sha256, size, used in sorted(wheels, key=lambda wheel: -wheel[2]):
        too_old = max_age is not None and now - used > max_age
        if too_old or (limit is not None and kept + size > limit):
            removed.append((sha256, size))
        else:
            kept += size
    runs = [file for file, until in entries(records_folder(cache)) if until <= now]
    return _remove(cache, removed, runs)


@_readable()
def clear(cache: Path) -> Removed:
    """Remove everything except what other runs are just writing.

    :param cache: the folder; it need not exist.
    :returns: what was removed.
    :raises CacheError: if something cannot be read or removed.
    """
    runs = [file for file, _ in entries(records_folder(cache))]
    wheels = [(sha256, size) for sha256, size, _ in Store(wheel_folder(cache)).entries()]
    return _remove(cache, wheels, runs)


def prune_now_and_then(cache: Path, limit: int) -> None:
    """Prune the wheel store to its limit, at most once a day; ignore failures.

    :param cache: the folder.
    :param limit: the size limit of its wheels in bytes.
    """
    with contextlib.suppress(OSError, CacheError):
        if is_due(cache):
            (cache / PRUNED).touch()
            prune(cache, limit=limit)


def prune_after_run(cache: Path | None, environment: Mapping[str, str]) -> str:
    """Prune the wheel store to its limit after a run that may have filled it.

    :param cache: the cache folder; None if the run did not use it.
    :param environment: the environment's variables.
    :returns: a note for the user if the limit is not valid, or an empty string.
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
        for file in (*runs, *drafts(records_folder(cache))):
            file.unlink(missing_ok=True)
        store.sweep()
    except OSError as error:
        raise CacheError(f"cannot remove {error.filename}: {error.strerror}") from error
    return Removed(len(wheels), sum(size for _, size in wheels), len(runs))
