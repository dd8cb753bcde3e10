"""The command ``prune``: remove files from a wheelhouse that no lock names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from wheeltarget.commands.check.findings import by_project
from wheeltarget.commands.check.locks import read_selections, sha256_of
from wheeltarget.commands.invocation import proposed_command, read_invocation
from wheeltarget.commands.with_pip import find_tools
from wheeltarget.errors import DestinationError, UsageError
from wheeltarget.lockfile.select import Selection
from wheeltarget.staging.atomic import open_part, remove_leftovers
from wheeltarget.utils.files import copy_file
from wheeltarget.wheelhouse.build_closure import find_build_closure, skim_wheel, source_versions
from wheeltarget.wheelhouse.closure import Available
from wheeltarget.wheelhouse.provenance import beside_of

_OLD = re.compile(r"\.(?:tgz|tar\.bz2)$")
"""The endings of old source distributions, which packaging does not know."""


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """The arguments of ``wheeltarget prune``.

    :param locks: the locks of the files that are needed.
    :param tags: the values of ``--tags``, for locks that are not for one target.
    :param since: the locks of the files that another machine has; if given, nothing is removed.
    :param to: a folder to copy the files to that the other machine lacks, or None.
    """

    place: str
    locks: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    removes: bool = True
    since: tuple[str, ...] = ()
    to: Path | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PruneOutcome:
    """The files that no lock names or another machine lacks; ``done`` if removed or copied."""

    files: tuple[Path, ...]
    size: int
    done: bool


def prune(request: PruneRequest) -> PruneOutcome:
    """Remove files that no lock names, or find files that another machine lacks."""
    folder = Path(request.place)
    if not folder.is_dir():
        raise UsageError(f"{request.place} is not a folder", "name a wheelhouse")
    if request.to is not None and not request.since:
        raise UsageError(
            "--to needs --transfer-since",
            "name the lock of what the other machine has already: --transfer-since LOCK",
        )
    if request.to is not None and not request.removes:
        raise UsageError(
            "--list and --to exclude each other",
            "leave out --to: --transfer-since LOCK alone lists the files",
        )
    remove_leftovers()
    invocation = read_invocation((), request.environment)
    selections = tuple(read_selections(request.locks, request.tags, request.targets, invocation))
    needed = _named(selections)
    there = [each for each in sorted(folder.rglob("*")) if _is_distribution(each.name)]
    if request.since:
        before = read_selections(request.since, request.tags, request.targets, invocation)
        old = {digest for _, digest in _named(before)}
        lacking = {name: digest for name, digest in needed if digest not in old}
        more = _for_building(selections, there, lacking)
        lacking |= {path.name: sha256_of(path) for path in more if path.name not in lacking}
        files = _with_provenance(_find(there, lacking, request))
        if request.to is not None:
            _copy(files, lacking, request.to)
        return PruneOutcome(files, _size(files), request.to is not None)
    names = {name for name, _ in needed}
    names |= {path.name for path in _for_building(selections, there, names)}
    files = _with_provenance(e for e in there if e.is_file() and e.name not in names)
    if files and not names:
        hint = f"check the locks, or delete {request.place} yourself"
        raise DestinationError("the locks name no files; nothing was removed", hint)
    if files and names.isdisjoint(each.name for each in there):
        raise DestinationError(
            f"{request.place} contains no file that the locks name; nothing was removed",
            f"check that it belongs to these locks, or fetch first: {_fetching(request)}",
        )
    builds = any(not file.is_wheel for each in selections for file in each.files)
    tools = find_tools(there, (each.target for each in selections), builds=builds)
    files = tuple(each for each in files if each.name not in tools)
    size = _size(files)
    for path in files if request.removes else ():
        try:
            path.unlink()
        except OSError as error:
            raise DestinationError(f"cannot remove {path}: {error.strerror}") from error
    return PruneOutcome(files, size, request.removes)


def _is_distribution(name: str) -> bool:
    with suppress(InvalidSdistFilename):
        return name.endswith(".whl") or bool(parse_sdist_filename(_OLD.sub(".tar.gz", name)))
    return False


def _with_provenance(files: Iterable[Path]) -> tuple[Path, ...]:
    """Return files, each followed by its provenance if that is beside it."""
    pairs = ((path, beside_of(path)) for path in files)
    return tuple(each for pair in pairs for each in pair if each == pair[0] or each.is_file())


def _named(selections: Iterable[Selection]) -> set[tuple[str, str]]:
    return {(file.filename, file.sha256) for each in selections for file in each.files}


def _for_building(
    selections: Iterable[Selection], there: Sequence[Path], names: Collection[str]
) -> Iterator[Path]:
    """Yield the files that sources among the named files need to be built; no lock names them."""
    if not any(path.name in names and path.suffix != ".whl" for path in there):
        return
    wheels = [wheel for path in there if path.suffix == ".whl" and (wheel := skim_wheel(path))]
    for each in selections:
        mine = {file.filename for file in each.files}.intersection(names)
        sources = [path for path in there if path.name in mine and path.suffix != ".whl"]
        available = Available(each.target, by_project(wheels, each.target), source_versions(there))
        yield from find_build_closure(available, sources, there).used


def _fetching(request: PruneRequest) -> str:
    """Return the command that fetches what the locks name."""
    locks = [text for lock in request.locks for text in ("-r", lock)]
    named = {"tags": request.tags, "targets": request.targets}
    return proposed_command("download", *locks, "-d", request.place, **named)


def _find(
    there: Iterable[Path], lacking: Mapping[str, str], request: PruneRequest
) -> Iterator[Path]:
    left = dict(lacking)
    for path in there:
        if path.name in left and sha256_of(path) == left[path.name]:
            del left[path.name]
            yield path
    if left:
        files = f"{', '.join(sorted(left))} {'is' if len(left) == 1 else 'are'}"
        message = f"{files} missing in {request.place}, or different from what the lock says"
        raise UsageError(message, f"fetch what the lock names first: {_fetching(request)}")


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _copy(files: Sequence[Path], hashes: Mapping[str, str], folder: Path) -> None:
    """Copy files into a folder: either all of them or none; each copy is hashed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Inside the folder, which may be on another disk.
        with open_part(folder / "transfer", folder=True) as part:
            for path in files:
                digest = copy_file(path, part / path.name)
                if hashes.get(path.name, digest.sha256) != digest.sha256:
                    message = f"{path} changed while it was copied"
                    hint = "wait until nothing writes to it, then run this again"
                    raise DestinationError(message, hint)
            for path in files:
                (part / path.name).replace(folder / path.name)
    except OSError as error:
        raise DestinationError(f"cannot write {folder}: {error.strerror}") from error
