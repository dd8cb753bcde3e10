"""Find or fetch the wheels of a lock, compare them with it, check them, and unpack them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile, Layout
from wheeltarget.commands.bundle.unpack import unpack
from wheeltarget.commands.check.locks import read_selections
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.lock_options import EFFECTS, Effect
from wheeltarget.commands.download.locks import note_selections
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation, find_lock
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock, LockedPackage
from wheeltarget.lockfile.reader import parse_lock
from wheeltarget.lockfile.select import Selection
from wheeltarget.pip_config.options import is_own, split_command_line
from wheeltarget.targets.leave_outs import ALL_KEPT, LeaveOuts, read_leave_outs
from wheeltarget.utils.files import copy_file, hash_file, link_or_copy
from wheeltarget.utils.progress import reported
from wheeltarget.wheelhouse.wheel import read_wheel

_HARMLESS = frozenset({"WC105", "WC111", "WC113", "WC114", "WC117"})
"""Flaws with which a wheel can still be unpacked; pip installs it, too."""

Wheels = Sequence[tuple[LockedPackage, Path]]
"""The path of the wheel of each project."""


@dataclass(frozen=True, slots=True)
class LockedRequest:
    """Locks for one target; the wheels are fetched, unless folders that have them are named.

    :param more: further locks for the same tags.
    :param exclude: names and globs of projects to leave out, with what only they need.
    :param skip_provided: whether to leave out what the service of the target provides.
    :param index: the values of ``--index``, each ``NAME=URL``.
    """

    lock: str
    _: KW_ONLY
    more: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    index: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None


def read_lock(request: LockedRequest, invocation: Invocation) -> tuple[Lock, tuple[str, ...]]:
    """Read locks, of wheeltarget or of other tools, which must be for the same tags.

    :returns: the lock, or one with the projects of all and the label of the first, without what is
        left out; and notes on that.
    :raises BundleError: if two locks have different files of a project.
    """
    names = list(dict.fromkeys((request.lock, *request.more)))
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    pairs = [_read_lock(name, request, invocation, leave_outs) for name in names]
    locks = [lock for lock, _ in pairs]
    first, known = locks[0], {package.name: (package, names[0]) for package in locks[0].packages}
    for lock, name in zip(locks[1:], names[1:], strict=True):
        if lock.tag != first.tag:
            message = f"{names[0]} is for {first.tag}, and {name} is for {lock.tag}"
            raise UsageError(message, "make a bundle for each target")
        for package in lock.packages:
            other, where = known.setdefault(package.name, (package, name))
            if other.sha256 != package.sha256:
                message = f"{where} has {other.filename}, but {name} has {package.filename}"
                raise BundleError(message, "lock the requirements of both for one target")
    inputs = tuple(each for lock in locks for each in lock.inputs)
    excluded = tuple(sorted({pattern for lock in locks for pattern in lock.excluded}))
    packages = tuple(each for each, _ in known.values())
    merged = replace(first, packages=packages, inputs=inputs, excluded=excluded)
    selections = [
        replace(each, left_out=each.left_out.without(merged.versions)) for _, each in pairs if each
    ]
    notes = dict.fromkeys(note_selections(selections, leave_outs))
    return merged, (*note_excluded(merged), *notes)


def note_excluded(lock: Lock) -> Iterator[str]:
    """Yield a note on what was left out of a lock when it was made."""
    if lock.excluded:
        yield f"the lock for {lock.target} leaves out {', '.join(lock.excluded)}"


def read_layer(name: str, request: LockedRequest, invocation: Invocation) -> Lock:
    """Read the lock of a layer below the bundle of a request.

    It may be for another target than the request names, which is for the caller to compare.
    """
    lock, _ = _read_lock(name, request, invocation, ALL_KEPT, any_target=True)
    return lock


def note_siblings(
    lock: Lock, request: LockedRequest, invocation: Invocation, layers: Sequence[str] = ()
) -> Iterator[str]:
    """Yield a note for each lock beside the first one that is for the same tags, and has more.

    :param layers: the locks of layers below, which are not meant.
    """
    own = find_lock(request.lock)
    named = {Path(find_lock(each)).name for each in (own, *request.more, *layers)}
    for path in sorted(Path(own).parent.glob("pylock.*.toml")):
        if path.name in named:
            continue
        with suppress(OSError):
            data = invocation.files.read_lock(str(path))
            if lock.tag.encode() not in data:
                continue
            parsed, _ = parse_lock(str(path), data)
            origin = parsed.origin if parsed else None
            if parsed is None or origin is None or origin.tag != lock.tag:
                continue
            lacking = sorted({each.name for each in parsed.pylock.packages} - lock.versions.keys())
            if lacking:
                yield (
                    f"{path} is for the same tags, and this bundle does not have its "
                    f"{', '.join(lacking)}: add -r {shlex.quote(str(path))} if they belong to it"
                )


def _read_lock(
    name: str,
    request: LockedRequest,
    invocation: Invocation,
    leave_outs: LeaveOuts,
    *,
    any_target: bool = False,
) -> tuple[Lock, Selection | None]:
    """Read a lock, which must be for exactly one target.

    :param any_target: whether a lock of wheeltarget may be for another one than the request names.

    :returns: the lock without what is left out, and the selection of its files if that matters.
    """
    name = find_lock(name)
    try:
        data = invocation.files.read_lock(name)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {name}: {why}", "name a lock") from error
    named, beside = (request.tags, request.targets), (request.lock, *request.more)
    places = (request.wheels, beside)
    own = model.read(text, name) if is_own(data) else None
    is_one = any_target or not (request.tags or request.targets)
    if own and is_one and leave_outs == ALL_KEPT:
        return own, None
    selections = tuple(read_selections([name], *named, invocation, *places, leave_outs=leave_outs))
    if len(selections) != 1:
        raise UsageError("a bundle is for one target", "name one target only")
    (selection,) = selections
    lock = own or _lock_of(selection)
    kept = tuple(each for each in lock.packages if each.name not in selection.left_out)
    return replace(lock, packages=kept), selection


def _lock_of(selection: Selection) -> Lock:
    packages = tuple(
        LockedPackage(
            *(file.project, file.version, file.filename, file.sha256, file.url),
            path="" if file.url else file.path,
            size=file.size,
        )
        for file in selection.files
    )
    return Lock(selection.label, selection.target.tags[0], selection.target.python, (), packages)


def take_wheels(
    lock: Lock,
    request: LockedRequest,
    invocation: Invocation,
    folder: Path,
    built: Iterable[Path] = (),
) -> tuple[Wheels, tuple[str, ...]]:
    """Return the wheel of every project, from folders or from the URLs in the lock.

    Wheels in folders are copied, so that the bytes that were hashed are those that are unpacked.

    :param folder: a private folder to fetch or copy the wheels to.
    :param built: wheels that are on this machine, and need not be fetched.
    :returns: the wheels, and a note for each that has a harmless flaw.
    """
    sources = [package.filename for package in lock.packages if not package.is_wheel]
    if sources:
        message = f"the lock names sources, and a bundle needs wheels: {', '.join(sources)}"
        names = ",".join(package.name for package in lock.packages if not package.is_wheel)
        hint = f"lock with --build-pure {names} in place of --allow-sdist, or leave them out"
        raise BundleError(message, hint)
    require_folders(request.wheels)
    folder.mkdir()
    for path in built:
        link_or_copy(path, folder / path.name)
    if not request.wheels:
        _fetch(lock, request, invocation, folder)
    wheels = tuple(_find_all(lock, request.wheels, folder))
    return wheels, tuple(check_wheels([path for _, path in wheels]))


def require_folders(wheels: Iterable[str]) -> None:
    """Raise UsageError if a folder with wheels cannot be read."""
    for each in wheels:
        try:
            os.scandir(each).close()
        except OSError as error:
            message = f"cannot read {each}: {error.strerror}"
            hint = "name a wheelhouse with --wheels, or leave it out to fetch what the lock names"
            raise UsageError(message, hint) from error


def _fetch(lock: Lock, request: LockedRequest, invocation: Invocation, folder: Path) -> None:
    locks = (f"--requirement={name}" for name in (request.lock, *request.more))
    options = (o for o in invocation.command.options if EFFECTS[o.name] is not Effect.OWN)
    arguments = (*locks, *(text for o in options for text in o.arguments), "--dest", str(folder))
    targets = request.targets
    download = DownloadRequest(
        arguments,
        tags=request.tags,
        targets=targets,
        exclude=request.exclude,
        skip_provided=request.skip_provided,
        index=request.index,
        wants_outcome=True,
    )
    invocation = replace(invocation, command=split_command_line(arguments))
    download_locked(download, invocation, lock.versions)


def _find_all(
    lock: Lock, folders: Sequence[str], home: Path
) -> Iterator[tuple[LockedPackage, Path]]:
    places = (str(home), *folders)
    found = [(package, _find(package, places, home)) for package in lock.packages]
    yield from ((package, path) for package, path in found if path is not None)
    if missing := [package.filename for package, path in found if path is None]:
        raise BundleError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing in "
            f"{', '.join(folders) or home}, or different from what the lock says",
            "leave --wheels out to fetch what the lock names",
        )


def _find(package: LockedPackage, folders: Sequence[str], home: Path) -> Path | None:
    """Copy a wheel with the hash in the lock to the private folder, and return its path."""
    path = home / package.filename
    for folder in folders:
        source = Path(folder, package.filename)
        if not source.is_file():
            continue
        try:
            digest = hash_file(path) if source == path else copy_file(source, path)
        except OSError as error:
            if source != path and error.filename == str(path):
                raise
            continue  # it cannot be read
        if digest.sha256 == package.sha256.lower():
            return path
    return None


def check_wheels(wheels: Sequence[Path]) -> Iterator[str]:
    """Return a note for each wheel with a harmless flaw; raises BundleError for all others."""
    refused: list[str] = []
    for path in reported(wheels, "Checking", "wheels"):
        harmless: list[str] = []
        for code, message in read_wheel(path).flaws:
            flaws = harmless if code in _HARMLESS else refused
            flaws.append(f"{path.name}: {code} {message}")
        if harmless:
            more = f", and {len(harmless) - 1} more like it" if len(harmless) > 1 else ""
            yield harmless[0] + more
    if refused:
        message = f"some wheels cannot be unpacked: {'; '.join(refused)}"
        raise BundleError(message, "nothing was written")


def unpack_all(wheels: Wheels, layout: Layout, folder: Path) -> list[BundledFile]:
    """Unpack wheels, which must have passed the checks of :func:`take_wheels`."""
    files: list[BundledFile] = []
    for number, (package, wheel) in enumerate(reported(wheels, "Unpacking", "wheels")):
        place = folder / str(number)
        place.mkdir(parents=True)
        files += unpack(wheel, package.name, layout, place)
    return files
