"""Wheels that ``lock --build-pure`` builds, and keeps beside the locks that name them.

Many backends write the time into a wheel, so one that is built again has another hash. A wheel is
therefore built once for each source: later runs take the one that a lock beside it names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheeltarget.commands.download.download import Builder
from wheeltarget.commands.lock.files import read_text
from wheeltarget.errors import LockError
from wheeltarget.lockfile.model import built_from
from wheeltarget.lockfile.reader import parse_lock
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.utils.files import hash_file, is_archive

FOLDER = "built-wheels"
"""The folder beside the locks that has the wheels."""


@dataclass(frozen=True, slots=True)
class KnownWheels:
    """The built wheels that locks in a folder name.

    :param by_source: each that exists, with its hash, by the sha256 of its source.
    :param claims: by file name, the sha256 that each lock expects, by the lock's file name.
    """

    by_source: dict[str, Path] = field(default_factory=dict)
    claims: dict[str, dict[str, str]] = field(default_factory=dict)


def find_known(folder: Path) -> KnownWheels:
    """Find the built wheels that locks in a folder name."""
    known = KnownWheels()
    for path in sorted(folder.glob("pylock.*.toml")):
        text = read_text(path) or ""
        parsed, _ = parse_lock(str(path), text.encode()) if FOLDER in text else (None, [])
        for file in parsed.files.values() if parsed and parsed.origin else ():
            package = parsed.pylock.packages[int(file.key_path[1])] if parsed else None
            source = built_from(package).rpartition("#sha256=")[2] if package else ""
            if not source:
                continue
            known.claims.setdefault(file.filename, {})[path.name] = file.sha256
            wheel = file.local_path
            if is_archive(wheel) and hash_file(wheel).sha256 == file.sha256:
                known.by_source.setdefault(source, wheel)
    return known


@dataclass(frozen=True, slots=True)
class Built:
    """The results of a run with a wheel for each source that was built.

    :param sources: for each result, by project, the source of its wheel.
    :param wheels: the path of each new wheel, by its name below the folder of the locks.
    """

    results: Sequence[JobResult]
    sources: Sequence[Mapping[str, str]]
    wheels: Mapping[str, Path]


def build_all(
    results: Sequence[JobResult],
    builder: Builder,
    folder: Path,
    known: KnownWheels,
    names: Collection[str],
) -> Built:
    """Replace each source that is to be built by its wheel, which is known or built now.

    :param folder: the absolute path of the folder of the locks.
    :param names: the file names of the locks of this run.
    :raises DownloadError: if a build fails, or a wheel is not pure Python.
    :raises LockError: if a wheel would replace one that another lock names.
    """
    builder.built.update(known.by_source)
    done: list[JobResult] = []
    sources: list[dict[str, str]] = []
    wheels: dict[str, Path] = {}
    for result in results:
        before = {file.name: file for file in result.chosen}
        chosen, mine = [], {}
        for file in builder.replace_sources(result).chosen:
            if file.path == before[file.name].path:
                chosen.append(file)
                continue
            mine[file.name] = _source(before[file.name])
            digest = hash_file(file.path)
            name = file.path.name
            place = folder / FOLDER / name
            for lock, expected in known.claims.get(name, {}).items():
                if lock not in names and expected != digest.sha256:
                    message = f"{lock} names another {name}, built from another source"
                    raise LockError(message, f"lock its target again, too, or delete {lock}")
            if not is_archive(place) or hash_file(place).sha256 != digest.sha256:
                wheels[f"{FOLDER}/{name}"] = file.path
            hashes = (("sha256", digest.sha256),)
            url = place.as_uri()
            chosen.append(replace(file, url=url, hashes=hashes, size=digest.size, uploaded=None))
        done.append(replace(result, chosen=tuple(chosen)))
        sources.append(mine)
    return Built(done, sources, wheels)


def _source(file: ChosenFile) -> str:
    """Return the URL of a source, or its name if it is on this machine, with its hash."""
    place = file.url if file.url.startswith(("http:", "https:")) else file.path.name
    return f"{place}#sha256={dict(file.hashes)['sha256']}"
