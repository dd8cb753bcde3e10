"""Recognise a bundle that an earlier run made of the same, so that it is not made again.

A record in the cache folder is named after the hash of everything that decides about a bundle. It
has the hash of each file that was written. As these files are hashed again, a bundle that was
changed or damaged since is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

import installer

from wheeltarget import __version__
from wheeltarget.cache.run_key import SUFFIX
from wheeltarget.cache.wheel_store import DAY, cache_folder, is_refused, prepare, records_folder
from wheeltarget.commands.bundle.files import BundledFile, ProjectSize
from wheeltarget.commands.invocation import Invocation
from wheeltarget.utils.files import hash_file, write_private
from wheeltarget.utils.system import is_ours

_KEPT = 30 * DAY
"""How many seconds a record is kept; after that, the bundle is made once more."""

_PROGRAMS = (__version__, installer.__version__, sys.version, zlib.ZLIB_RUNTIME_VERSION)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle has: the size of each project, and the notes on making it."""

    projects: tuple[ProjectSize, ...]
    notes: tuple[str, ...]


def locate(invocation: Invocation, *facts: object) -> Path | None:
    """Return the path of the record of a bundle; None if there is no cache.

    :param facts: everything that decides about the bundle; their representations are compared.
    """
    cache = cache_folder(invocation.environment)
    if is_refused(invocation.everything, invocation.settings) or not is_ours(cache):
        return None
    text = repr((_PROGRAMS, os.getcwd(), facts))  # noqa: PTH109 - any text
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return records_folder(cache) / f"bundle-{name}{SUFFIX}"


def find(record: Path | None, outputs: Iterable[Path]) -> Contents | None:
    """Return what a bundle has if all files that would be written are there already."""
    if record is None:
        return None
    try:
        data = json.loads(record.read_bytes())
        if not data["made"] <= time.time() < data["until"]:
            return None
        if data["files"] != {os.path.realpath(each): _hash(each) for each in outputs}:
            return None
        projects = tuple(ProjectSize(*each) for each in data["projects"])
        return Contents(projects, tuple(data["notes"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def keep(
    record: Path | None,
    hashes: Mapping[Path, str],
    contents: Contents,
    own: Iterable[BundledFile],
) -> None:
    """Record a bundle.

    :param hashes: the sha256 of each file that was written.
    :param own: the user's files in it; if one has changed meanwhile, it is unknown what was taken.
    """
    if any(_hash(file.source) != file.sha256 for file in own):
        return
    if record is None or prepare(record.parent.parent):
        return  # the cache folder cannot be written
    now, projects = time.time(), list(map(astuple, contents.projects))
    files = {os.path.realpath(path): sha256 for path, sha256 in hashes.items()}
    data = {"made": now, "until": now + _KEPT, "files": files, "projects": projects}
    with suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        write_private(record, json.dumps({**data, "notes": contents.notes}))


def _hash(path: Path) -> str | None:
    """Return the hash of a file; None if it is not a regular one, or cannot be read."""
    with suppress(OSError):
        return hash_file(path).sha256 if path.is_file() else None
    return None
