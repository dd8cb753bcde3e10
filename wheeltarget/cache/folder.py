"""Find and prepare the cache folder.

It holds wheels by their hash (:mod:`wheeltarget.cache.wheel_store`) and the results of earlier
runs. It belongs to the user, and the options that disable pip's cache disable this one, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.run_key import cache_home, runs_folder
from wheeltarget.utils.permissions import is_ours

if TYPE_CHECKING:
    from wheeltarget.pip_config.options import CommandLine

PRUNED = "pruned"
"""Name of the file whose modification time is that of the last automatic pruning."""

_DAY = 86400.0
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache folder, for programs that make backups: https://bford.info/cachedir/
"""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the cache folder, which need not exist.

    :param environment: the environment's variables.
    :returns: what ``WHEELTARGET_CACHE_DIR`` names, else the system's place for the user's caches.
    """
    return Path(cache_home(environment))


def wheel_folder(cache: Path) -> Path:
    """Return the folder of the wheel store.

    :param cache: the cache folder.
    """
    return cache / "wheels"


def records_folder(cache: Path) -> Path:
    """Return the folder of the records of earlier runs.

    :param cache: the cache folder.
    """
    return Path(runs_folder(str(cache)))


def is_refused(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether the cache is disabled, as pip reads its options.

    :param command: the command line; of ``--no-cache-dir`` and ``--cache-dir`` the last one counts.
    :param settings: pip's configuration; ``no-cache-dir`` counts there with any value.
    """
    refused = bool(settings.get("no-cache-dir"))
    for option in command.options:
        if option.name in {"--no-cache-dir", "--cache-dir"}:
            refused = not option.value
    return refused


def prepare(cache: Path) -> str:
    """Make the cache folder, or explain why it cannot be used.

    :param cache: the cache folder.
    :returns: a note for the user, or an empty string.
    """
    folder = cache
    try:
        if not is_ours(cache):
            # With sudo, root would leave files that the user could not remove.
            return f"the cache folder {cache} belongs to another user; this run does not use it"
        for folder in (cache, wheel_folder(cache)):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                return _cannot_be_written(folder, "Permission denied")
        if not (cache / _TAG).exists():
            (cache / _TAG).write_text(_TAG_TEXT, "ascii")
    except OSError as error:
        return _cannot_be_written(folder, error.strerror or str(error))
    return ""


def _cannot_be_written(folder: Path, why: str) -> str:
    return f"the cache folder {folder} cannot be written: {why}; this run does not use it"


def open_for(
    command: CommandLine, settings: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Path | None, str]:
    """Find the cache folder for a run, made if absent.

    :param command: the command line.
    :param settings: pip's configuration.
    :param environment: the environment's variables.
    :returns: the folder, or None if the cache is disabled or cannot be used, and a note for the
        user in the latter case.
    """
    if is_refused(command, settings):
        return None, ""
    folder = cache_folder(environment)
    why_not = prepare(folder)
    return (None, why_not) if why_not else (folder, "")


def is_due(cache: Path) -> bool:
    """Return whether the last automatic pruning was more than a day ago.

    :param cache: the cache folder.
    """
    try:
        return not 0 <= time.time() - (cache / PRUNED).stat().st_mtime < _DAY
    except OSError:
        return True
