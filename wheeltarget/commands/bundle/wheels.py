"""Find or fetch the wheels of a lock, compare them with it, and check them."""

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
from wheeltarget.lockfile.model import Lock, LockedPackage
from wheeltarget.lockfile.own import is_own
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.utils.hashes import copy_file, hash_file
from wheeltarget.wheelhouse.archive import Flaw
from wheeltarget.wheelhouse.wheel import read_wheel

if TYPE_CHECKING:
    from wheeltarget.lockfile.reader import Selection

_HARMLESS = frozenset({"WC105", "WC111", "WC113", "WC114", "WC117"})
"""Flaws with which a wheel can still be unpacked; pip installs it, too."""


@dataclass(frozen=True, slots=True)
class LockChoice:
    """A lock, and the target to read it for.

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
    :param invocation: pip's configuration, the environment and the project's settings.
    :raises WheeltargetError: if it cannot be read, or is not for exactly one of these targets.
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
            raise UsageError("a bundle is for one target", "name one target only")
        if not own:
            return _lock_of(selections[0])
    return model.read(text, name)


def _lock_of(selection: Selection) -> Lock:
    """Return a lock for one target from the selection of another tool's lock."""
    packages = tuple(
        LockedPackage(
            file.project,
            file.version,
            file.filename,
            file.sha256,
            url=file.url,
            path="" if file.url else file.path,
            size=file.size,
        )
        for file in selection.files
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
    """Return the wheel of every project, from folders or from the URLs in the lock.

    Wheels in folders are copied, so that the bytes that were hashed are those that are unpacked.

    :param lock: the lock.
    :param choice: the file that it was read from, and the target.
    :param folders: folders that have the wheels; without any, the wheels are fetched.
    :param fetched: a private folder to fetch or copy the wheels to.
    :param invocation: pip's configuration, the environment and the project's settings.
    :param ready: raises an error if a tool is missing; called before anything is fetched.
    :returns: the wheels, and a note for each that has a harmless flaw.
    :raises WheeltargetError: if a wheel is missing, broken, or not the one in the lock.
    """
    sources = [package.filename for package in lock.packages if not package.is_wheel]
    if sources:
        raise BundleError(
            f"the lock names sources, and a bundle needs wheels: {', '.join(sources)}",
            "lock with --build-pure, or leave these projects out",
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
            missing.append(package.filename)
        else:
            yield package, path
    if missing:
        raise BundleError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing in "
            f"{', '.join(folders)}, or different from what the lock says",
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


def _check(wheels: Sequence[tuple[LockedPackage, Path]]) -> Iterator[str]:
    """Return a note for each wheel with a harmless flaw.

    :raises BundleError: if wheels are broken or dangerous; the error names all of them.
    """
    refused: list[tuple[Path, Flaw]] = []
    for package, path in wheels:
        flaws = read_wheel(path).flaws
        refused += ((path, flaw) for flaw in flaws if flaw.code not in _HARMLESS)
        harmless = [flaw for flaw in flaws if flaw.code in _HARMLESS]
        if harmless:
            more = f", and {len(harmless) - 1} more like it" if len(harmless) > 1 else ""
            yield f"{package.filename}: {harmless[0].code} {harmless[0].message}{more}"
    if refused:
        reasons = "; ".join(f"{path.name}: {flaw.code} {flaw.message}" for path, flaw in refused)
        raise BundleError(f"some wheels cannot be unpacked: {reasons}", "nothing was written")


def _fetch(choice: LockChoice, folder: Path, invocation: Invocation) -> None:
    """Fetch the files of a lock, and check them against it."""
    arguments = ("--requirement", choice.name, "--dest", str(folder))
    request = DownloadRequest(
        arguments, tags=choice.tags, targets=choice.targets, wants_outcome=True
    )
    download_locked(request, replace(invocation, command=split_command_line(arguments)))
