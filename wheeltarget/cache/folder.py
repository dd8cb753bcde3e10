"""The cache folder: where it is, whether a run may use it, and whether it can.

It holds wheels by their hash (:mod:`wheeltarget.cache.wheel_store`) and what earlier runs came to.
It is the user's own, and whoever refuses pip's cache refuses this one, too.
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
"""Name of the file whose time of change says when there was made room without being asked to."""

_DAY = 86400.0
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache folder, for programs that make backups: https://bford.info/cachedir/
"""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Say where the cache folder is; it need not exist.

    :param environment: the environment's variables.
    :returns: what ``WHEELTARGET_CACHE_DIR`` names, else the system's place for the user's caches.
    """
    return Path(cache_home(environment))


def wheel_folder(cache: Path) -> Path:
    """Say where in a cache folder the wheel store is.

    :param cache: the cache folder.
    """
    return cache / "wheels"


def memory_folder(cache: Path) -> Path:
    """Say where in a cache folder it is kept what earlier runs came to.

    :param cache: the cache folder.
    """
    return Path(runs_folder(str(cache)))


def is_refused(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Tell whether a run is to do without a cache, as pip reads its options.

    :param command: the command line; of ``--no-cache-dir`` and ``--cache-dir`` the last one counts.
    :param settings: pip's configuration; there ``no-cache-dir`` counts whatever it says.
    """
    refused = bool(settings.get("no-cache-dir"))
    for option in command.options:
        if option.name in {"--no-cache-dir", "--cache-dir"}:
            refused = not option.value
    return refused


def prepare(cache: Path) -> str:
    """Make the cache folder, or say why there can be none.

    :param cache: where it is to be.
    :returns: a sentence for the user, or nothing.
    """
    folder = cache
    try:
        if not is_ours(cache):
            # With sudo, root would leave files that the user could not remove.
            return f"the cache folder {cache} belongs to somebody else; this run does without"
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
    return f"the cache folder {folder} cannot be written: {why}; this run does without"


def open_for(
    command: CommandLine, settings: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Path | None, str]:
    """Find the cache folder for a run, made if absent.

    :param command: the command line.
    :param settings: pip's configuration.
    :param environment: the environment's variables.
    :returns: the folder, or None where the run is to do without; and a sentence for the user where
        that is not what he wants.
    """
    if is_refused(command, settings):
        return None, ""
    folder = cache_folder(environment)
    why_not = prepare(folder)
    return (None, why_not) if why_not else (folder, "")


def is_due(cache: Path) -> bool:
    """Tell whether nobody has made room in the cache folder for a day, without being asked to.

    :param cache: the cache folder.
    """
    try:
        return not 0 <= time.time() - (cache / PRUNED).stat().st_mtime < _DAY
    except OSError:
        return True
