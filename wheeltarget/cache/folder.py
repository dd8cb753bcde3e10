"""Find and prepare the cache folder, survey it, and make room in it.

It holds wheels by their hash (:mod:`wheeltarget.cache.wheel_store`) and the results of earlier
runs. It belongs to the user, and the options that disable pip's cache disable this one, too.

Room can be made while other runs use the folder. A wheel that is linked into a wheelhouse stays
there when it is removed here. A run that was about to take it fetches it instead.

Start-up: downloads from a lock load this before the first request, so json is imported only when
records are read.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.run_key import RUNS, SUFFIX, WHEELS, cache_home
from wheeltarget.cache.wheel_store import Store, abandoned
from wheeltarget.errors import CacheError, UsageError
from wheeltarget.utils.files import PART
from wheeltarget.utils.system import is_ours

if TYPE_CHECKING:
    from wheeltarget.pip_config.options import CommandLine

DAY = 86400.0

_LIMIT_VARIABLE = "WHEELTARGET_CACHE_LIMIT"
_DEFAULT_LIMIT = 10 * 1000**3
_PRUNED = "pruned"
"""Name of the file whose modification time is that of the last automatic pruning."""

_TAG = "CACHEDIR.TAG"
_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache folder, for programs that make backups: https://bford.info/cachedir/
"""
_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", start=1)}


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the cache folder, which need not exist."""
    return Path(cache_home(environment))


def wheel_folder(cache: Path) -> Path:
    """Return the folder of the wheel store in a cache folder."""
    return cache / WHEELS


def records_folder(cache: Path) -> Path:
    """Return the folder of the records of earlier runs in a cache folder."""
    return cache / RUNS


def is_refused(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip's options or its configuration disable the cache, as pip reads them."""
    refused = bool(settings.get("no-cache-dir"))
    for option in command.options:
        if option.name in {"--no-cache-dir", "--cache-dir"}:
            refused = not option.value
    return refused


def prepare(cache: Path) -> str:
    """Make the cache folder, or return a note for the user that explains why it cannot be used."""
    folder = cache
    try:
        if not is_ours(cache):
            # With sudo, root would leave files that the user could not remove.
            return f"the cache folder {cache} belongs to another user; this run does not use it"
        for folder in (cache, wheel_folder(cache)):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(1, "Permission denied")
        if not (cache / _TAG).exists():
            (cache / _TAG).write_text(_TAG_TEXT, "ascii")
    except OSError as error:
        why = error.strerror or str(error)
        return f"the cache folder {folder} cannot be written: {why}; this run does not use it"
    return ""


def open_for(
    command: CommandLine, settings: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Path | None, str]:
    """Find the cache folder for a run, and make it if it does not exist.

    :param settings: pip's configuration.
    :returns: the folder, or None if the cache is disabled or cannot be used; and a note for the
        user if it cannot.
    """
    if is_refused(command, settings):
        return None, ""
    folder = cache_folder(environment)
    why_not = prepare(folder)
    return (None if why_not else folder), why_not


@dataclass(frozen=True, slots=True)
class Usage:
    """The content of the cache folder; sizes are in bytes.

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
    """How many wheels, how many bytes of them, and how many recorded runs were removed."""

    wheels: int
    size: int
    runs: int

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        removed = {"wheels": self.wheels, "size": self.size, "runs": self.runs}
        return {"schema": 1, "removed": removed}


def read_size(text: str, where: str) -> int:
    """Read a number of bytes, such as ``500MB`` or ``2 GiB``.

    :param where: the option or variable, for the message.
    """
    found = re.fullmatch(r"\s*(\d{1,30}(?:\.\d+)?)\s*([A-Z]*)\s*", text.upper(), re.ASCII)
    if found is None or found[2] not in _UNITS:
        raise UsageError(f"{where}: {text!r} is not a size", "write it like 500MB or 2.5GB")
    return int(float(found[1]) * _UNITS[found[2]])


def read_days(text: str, where: str) -> float:
    """Read a number of days, such as ``30`` or ``0.5``.

    :param where: the option or variable, for the message.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII) is None:
        raise UsageError(f"{where}: {text!r} is not a number of days", "write it like 30 or 0.5")
    return float(text)


def read_limit(environment: Mapping[str, str]) -> int:
    """Return the size limit of the wheel store in bytes."""
    text = environment.get(_LIMIT_VARIABLE)
    return read_size(text, _LIMIT_VARIABLE) if text else _DEFAULT_LIMIT


@contextlib.contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(f"cannot {what} {error.filename}: {error.strerror}") from error


@_errors("read")
def survey(cache: Path, limit: int) -> Usage:
    """Return what is in a cache folder, which need not exist."""
    sizes = [size for _, size, _ in Store(wheel_folder(cache)).entries()]
    runs = [until > time.time() for _, until in _records(cache)]
    return Usage(cache, len(sizes), sum(sizes), limit, len(runs), sum(runs))


@_errors("read")
def prune(cache: Path, *, limit: int | None = None, max_age: float | None = None) -> Removed:
    """Remove the least recently used wheels, the remains of killed runs, and outdated records.

    :param limit: the size limit of its wheels in bytes; those that were used last stay.
    :param max_age: remove wheels that were not used for so many seconds.
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
    return _remove(cache, removed, [file for file, until in _records(cache) if until <= now])


@_errors("read")
def clear(cache: Path) -> Removed:
    """Remove everything except what other runs are just writing."""
    wheels = [(sha256, size) for sha256, size, _ in Store(wheel_folder(cache)).entries()]
    return _remove(cache, wheels, [file for file, _ in _records(cache)])


def prune_after_run(cache: Path | None, environment: Mapping[str, str]) -> str:
    """Prune the wheel store to its limit after a run, at most once a day; ignore failures.

    :param cache: the cache folder; None if the run did not use it.
    :returns: a note for the user if the limit is not valid, or an empty string.
    """
    if cache is None:
        return ""
    try:
        limit = read_limit(environment)
    except UsageError as error:
        return f"{error.message}; {error.hint}"
    with contextlib.suppress(OSError, CacheError):
        last = cache / _PRUNED
        if not last.exists() or not 0 <= time.time() - last.stat().st_mtime < DAY:
            last.touch()
            prune(cache, limit=limit)
    return ""


def _remove(cache: Path, wheels: list[tuple[str, int]], runs: list[Path]) -> Removed:
    store = Store(wheel_folder(cache))
    with _errors("remove"):
        for sha256, _ in wheels:
            store.remove(sha256)
        for file in (*runs, *abandoned(records_folder(cache), f"*{PART}")):
            file.unlink(missing_ok=True)
        store.sweep()
    return Removed(len(wheels), sum(size for _, size in wheels), len(runs))


def _records(cache: Path) -> Iterator[tuple[Path, float]]:
    """Yield the file of each record of a run, and until when it may be valid."""
    import json

    for file in records_folder(cache).glob(f"*{SUFFIX}"):
        try:
            data = json.loads(file.read_bytes())
            # One from the future is not valid: the clock was wrong when it was made.
            until = float(data["until"]) if data.get("made", 0.0) <= time.time() else 0.0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            until = 0.0
        yield file, until
