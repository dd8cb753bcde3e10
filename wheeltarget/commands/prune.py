"""The verb ``prune``: a wheelhouse cut down to what locks name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.check.locks import read_selections, sha256_of
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.errors import DestinationError, UsageError
from wheeltarget.staging.atomic import open_part
from wheeltarget.utils.hashes import copy_file

_OLD_SOURCES = (".tgz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """What a person asks of ``wheeltarget prune``.

    :param place: the wheelhouse.
    :param locks: the locks of what is needed.
    :param tags: the values of ``--tags``, for locks that are not for one target.
    :param targets: the values of ``--target``, likewise.
    :param removes: whether to remove files, not only to list them.
    :param since: the locks of what is there already where the files are to go; where there are
        some, nothing is removed.
    :param to: a folder to copy what is lacking there to, or None.
    :param environment: the environment's variables.
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
    """What came of it.

    :param files: the files that no lock names, or, with ``since``, those that are lacking there.
    :param size: how many bytes they have.
    :param done: whether they were removed, or copied.
    """

    files: tuple[Path, ...]
    size: int
    done: bool


def prune(request: PruneRequest) -> PruneOutcome:
    """Remove what no lock names, or find what a machine lacks that has other locks.

    :param request: what is asked for.
    :returns: the files that it is about.
    :raises WheeltargetError: where a lock is wrong, nothing of the locks is in the wheelhouse, a
        file to be copied is missing or is another one, or files cannot be removed or copied;
        nothing is removed then but what the error names.
    """
    _check(request)
    invocation = read_invocation((), request.environment)
    needed = _named(request, request.locks, invocation)
    folder = Path(request.place)
    there = [each for each in sorted(folder.rglob("*")) if _is_distribution(each.name)]
    if request.since:
        old = {digest for _, digest in _named(request, request.since, invocation)}
        lacking = {name: digest for name, digest in needed if digest not in old}
        files = tuple(_find(there, lacking, request.place))
        if request.to is not None:
            _copy(files, lacking, request.to)
        return PruneOutcome(files, _size(files), request.to is not None)
    names = {name for name, _ in needed}
    files = tuple(each for each in there if each.is_file() and each.name not in names)
    if files and names and names.isdisjoint(each.name for each in there):
        raise DestinationError(
            f"no file that the locks name is in {request.place}; nothing was removed",
            "is this the wheelhouse of these locks? fetch first: wheeltarget download -r LOCK",
        )
    size = _size(files)
    if request.removes:
        _remove(files)
    return PruneOutcome(files, size, request.removes)


def _is_distribution(name: str) -> bool:
    """Tell a wheel or a source from another archive, such as a bundle or a backup."""
    from packaging.utils import InvalidSdistFilename, parse_sdist_filename

    for ending in _OLD_SOURCES:
        if name.endswith(ending):
            name = f"{name.removesuffix(ending)}.tar.gz"
    if name.endswith(".whl"):
        return True
    try:
        return bool(parse_sdist_filename(name))
    except InvalidSdistFilename:
        return False


def _check(request: PruneRequest) -> None:
    if not Path(request.place).is_dir():
        raise UsageError(f"{request.place} is no folder", "name a wheelhouse")
    if request.to is not None and not request.since:
        raise UsageError(
            "--to is for what another machine lacks", "say what it has with --transfer-since LOCK"
        )


def _named(
    request: PruneRequest, locks: Iterable[str], invocation: Invocation
) -> set[tuple[str, str]]:
    """Give the name and the hash of every file that locks name."""
    selections = read_selections(locks, request.tags, request.targets, invocation)
    return {(pin.file.filename, pin.file.sha256) for each in selections for pin in each.pins}


def _find(there: Iterable[Path], lacking: Mapping[str, str], place: str) -> Iterator[Path]:
    """Find the files in the wheelhouse, each with the hash that the lock says."""
    left = dict(lacking)
    for path in there:
        if path.name in left and sha256_of(path) == left[path.name]:
            del left[path.name]
            yield path
    if left:
        raise UsageError(
            f"{', '.join(sorted(left))} {'is' if len(left) == 1 else 'are'} not in {place}, or "
            "not what the lock says",
            "fetch what the lock names first: wheeltarget download -r LOCK",
        )


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _remove(files: Iterable[Path]) -> None:
    for path in files:
        try:
            path.unlink()
        except OSError as error:
            raise DestinationError(f"cannot remove {path}: {error.strerror}") from error


def _copy(files: Sequence[Path], hashes: Mapping[str, str], folder: Path) -> None:
    """Copy files into a folder, each whole or not at all, and none before all have been read.

    Each copy is hashed, too.

    :raises DestinationError: if the folder cannot be written, or a file was changed meanwhile.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Within the folder, which may be another disk's.
        with open_part(folder / "transfer", folder=True) as part:
            for path in files:
                if copy_file(path, part / path.name).sha256 != hashes[path.name]:
                    raise DestinationError(
                        f"{path} was changed while it was copied",
                        "wait until nothing writes to it, and run this again",
                    )
            for path in files:
                (part / path.name).replace(folder / path.name)
    except OSError as error:
        raise DestinationError(f"cannot write {folder}: {error.strerror}") from error
