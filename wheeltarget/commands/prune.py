"""The command ``prune``: remove files from a wheelhouse that no lock names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from wheeltarget.commands.check.locks import read_selections, sha256_of
from wheeltarget.commands.invocation import Invocation, proposed_command, read_invocation
from wheeltarget.errors import DestinationError, UsageError
from wheeltarget.staging.atomic import open_part, remove_leftovers
from wheeltarget.utils.files import copy_file

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
    needed = _named(request, request.locks, invocation)
    there = [each for each in sorted(folder.rglob("*")) if _is_distribution(each.name)]
    if request.since:
        old = {digest for _, digest in _named(request, request.since, invocation)}
        lacking = {name: digest for name, digest in needed if digest not in old}
        files = tuple(_find(there, lacking, request))
        if request.to is not None:
            _copy(files, lacking, request.to)
        return PruneOutcome(files, _size(files), request.to is not None)
    names = {name for name, _ in needed}
    files = tuple(each for each in there if each.is_file() and each.name not in names)
    if files and not names:
        hint = f"check the locks, or delete {request.place} yourself"
        raise DestinationError("the locks name no files; nothing was removed", hint)
    if files and names.isdisjoint(each.name for each in there):
        raise DestinationError(
            f"{request.place} contains no file that the locks name; nothing was removed",
            f"check that it belongs to these locks, or fetch first: {_fetching(request)}",
        )
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


def _named(
    request: PruneRequest, locks: Iterable[str], invocation: Invocation
) -> set[tuple[str, str]]:
    selections = read_selections(locks, request.tags, request.targets, invocation)
    return {(file.filename, file.sha256) for each in selections for file in each.files}


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
                if copy_file(path, part / path.name).sha256 != hashes[path.name]:
                    message = f"{path} changed while it was copied"
                    hint = "wait until nothing writes to it, then run this again"
                    raise DestinationError(message, hint)
            for path in files:
                (part / path.name).replace(folder / path.name)
    except OSError as error:
        raise DestinationError(f"cannot write {folder}: {error.strerror}") from error
