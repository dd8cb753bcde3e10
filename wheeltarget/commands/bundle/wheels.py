"""The wheels of a lock on the disk: found or fetched, compared with it, and looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.check.locks import read_selections
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock, LockedFile, LockedPackage
from wheeltarget.lockfile.own import is_own
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.utils.hashes import copy_file, hash_file
from wheeltarget.wheelhouse.archive import Flaw
from wheeltarget.wheelhouse.wheel import read_wheel

if TYPE_CHECKING:
    from wheeltarget.lockfile.reader import Selection

_HARMLESS = frozenset({"WC105", "WC111", "WC113", "WC114", "WC117"})
"""Flaws of a wheel with which it can be unpacked all the same, as pip does."""


@dataclass(frozen=True, slots=True)
class LockChoice:
    """Which lock, and for which target it is to be read.

    :param name: its file name.
    :param tags: the values of ``--tags``, for a lock of another tool, which is for many targets.
    :param targets: the values of ``--target``, likewise.
    """

    name: str
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


def read_lock(choice: LockChoice, invocation: Invocation) -> Lock:
    """Read a lock, of wheeltarget or of another tool, for one target.

    :param choice: the lock and the target.
    :param invocation: pip's configuration, the environment, the project.
    :raises WheeltargetError: where it cannot be read, or is for another target, or for none yet.
    """
    name = choice.name
    try:
        data = invocation.files.read_lock(name)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {name}: {why}", "name a lock") from error
    own = is_own(data)
    if not own or choice.tags or choice.targets:
        selections = tuple(read_selections([name], choice.tags, choice.targets, invocation))
        if len(selections) != 1:
            raise UsageError("this is for one target at a time", "name one of them")
        if not own:
            return _chosen(selections[0])
    return model.read(text, name)


def _chosen(selection: Selection) -> Lock:
    """Make a lock for one target of what was chosen for it from the lock of another tool."""
    packages = tuple(
        LockedPackage(
            pin.file.project,
            pin.file.version,
            LockedFile(
                pin.file.filename,
                (("sha256", pin.file.sha256),),
                url=pin.file.url,
                path="" if pin.file.url else pin.file.path,
                size=pin.file.size,
            ),
        )
        for pin in selection.pins
    )
    return Lock(selection.label, selection.target.tags[0], selection.target.python, (), packages)


def take_wheels(
    lock: Lock,
    choice: LockChoice,
    folders: Sequence[str],
    fetched: Path,
    invocation: Invocation,
    ready: Callable[[], None],
) -> tuple[tuple[tuple[LockedPackage, Path], ...], tuple[str, ...]]:
    """Give the wheel of every project, from folders or from where the lock says.

    Wheels of folders are copied: what is unpacked is what was hashed.

    :param lock: the lock.
    :param choice: where it was read from.
    :param folders: folders that have the wheels; without any, they are fetched.
    :param fetched: the folder to fetch or copy them to; it is nobody else's.
    :param invocation: pip's configuration, the environment, the project.
    :param ready: raises where something else is missing here; it is called before anything is
        fetched, but after all has been read that was named.
    :returns: the wheels, each whole, and a sentence for each that has a harmless flaw.
    :raises WheeltargetError: where one is missing, broken, or another one than the lock says.
    """
    sources = [package.file.filename for package in lock.packages if not package.file.is_wheel]
    if sources:
        raise BundleError(
            f"{', '.join(sources)} would have to be built on the target",
            "a bundle is made of wheels: lock with --build-pure, or leave it out",
        )
    for folder in folders:
        _require_readable(folder)
    if not folders:
        ready()
        folders = (str(fetched),)
        _fetch(choice, fetched, invocation)
    wheels = tuple(_find_all(lock, folders, fetched))
    notes = tuple(_check(wheels))
    ready()
    return wheels, notes


def _require_readable(folder: str) -> None:
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise UsageError(
            f"cannot read {folder}: {error.strerror}",
            "name a wheelhouse with --wheels, or leave it out to fetch what the lock names",
        ) from error


def _find_all(
    lock: Lock, folders: Sequence[str], home: Path
) -> Iterator[tuple[LockedPackage, Path]]:
    home.mkdir(exist_ok=True)
    missing = []
    for package in lock.packages:
        path = _find(package, folders, home)
        if path is None:
            missing.append(package.file.filename)
        else:
            yield package, path
    if missing:
        raise BundleError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in "
            f"{', '.join(folders)}, or not what the lock says",
            "leave --wheels out to fetch what the lock names",
        )


def _find(package: LockedPackage, folders: Sequence[str], home: Path) -> Path | None:
    """Find a wheel with the sha256 that a lock has of it, and bring it home."""
    path = home / package.file.filename
    for folder in folders:
        source = Path(folder, package.file.filename)
        if not source.is_file():
            continue
        try:
            digest = hash_file(path) if source == path else copy_file(source, path)
        except OSError as error:
            if source != path and error.filename == str(path):
                raise
            continue  # it cannot be read
        if digest.sha256 == package.file.sha256.lower():
            return path
    return None


def _check(wheels: Sequence[tuple[LockedPackage, Path]]) -> Iterator[str]:
    """Refuse wheels that are not whole, or mean harm; say what else is wrong with them.

    :param wheels: the wheels.
    :returns: a sentence for each wheel that has a flaw with which it can be unpacked.
    :raises BundleError: where one cannot be unpacked; it names all of them.
    """
    refused: list[tuple[Path, Flaw]] = []
    for package, path in wheels:
        flaws = read_wheel(path).flaws
        refused += ((path, flaw) for flaw in flaws if flaw.code not in _HARMLESS)
        harmless = [flaw for flaw in flaws if flaw.code in _HARMLESS]
        if harmless:
            more = f", and {len(harmless) - 1} more like it" if len(harmless) > 1 else ""
            yield f"{package.file.filename}: {harmless[0].code} {harmless[0].message}{more}"
    if refused:
        told = "; ".join(f"{path.name}: {flaw.code} {flaw.message}" for path, flaw in refused)
        raise BundleError(f"not every wheel can be unpacked: {told}", "nothing was written")


def _fetch(choice: LockChoice, folder: Path, invocation: Invocation) -> None:
    """Fetch the files of a lock, and check them against it."""
    words = ("--requirement", choice.name, "--dest", str(folder))
    request = DownloadRequest(words, tags=choice.tags, targets=choice.targets, wants_outcome=True)
    download_locked(request, replace(invocation, command=split_command_line(words)))
