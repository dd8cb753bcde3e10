"""The wheels of a lock on the disk: found or fetched, compared with it, and looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget import locks
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.wheel_archive import Flaw
from wheeltarget.wheel_file import read_wheel

if TYPE_CHECKING:
    from wheeltarget.locks import Lock, LockedPackage

_HARMLESS = frozenset({"WC105", "WC111", "WC113", "WC114", "WC117"})
"""Flaws of a wheel with which it can be unpacked all the same, as pip does."""


def require(module: str, what: str) -> None:
    """Say how to get what does not come with wheeltarget.

    :param module: the module that has to be there.
    :param what: who needs it, for the message.
    :raises UsageError: where it is not there.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(
            f"{what}, which is not here", "install it with pip install 'wheeltarget[bundle]'"
        )


def read_lock(name: str) -> Lock:
    """Read a lock of wheeltarget.

    :param name: its file name.
    :raises WheeltargetError: where it cannot be read, or is none.
    """
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {name}: {why}", "name a lock of wheeltarget") from error
    return locks.read(text, name)


def wheels_of(
    lock: Lock, name: str, folders: Sequence[str], fetched: Path
) -> Iterator[tuple[LockedPackage, Path]]:
    """Give the wheel of every project, from folders or from where the lock says.

    :param lock: the lock.
    :param name: its file name.
    :param folders: folders that have the wheels; without any, they are fetched.
    :param fetched: the folder to fetch them to.
    :raises WheeltargetError: where one is missing, or is another one than the lock says.
    """
    sources = [package.file.filename for package in lock.packages if not package.file.is_wheel]
    if sources:
        raise BundleError(
            f"{', '.join(sources)} would have to be built on the target",
            "a bundle is made of wheels: lock with --build-pure, or leave it out",
        )
    if not folders:
        folders = (str(fetched),)
        _fetch(name, fetched)
    missing = []
    for package in lock.packages:
        path = _find(package, folders)
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


def _find(package: LockedPackage, folders: Sequence[str]) -> Path | None:
    """Find a wheel with the hashes that a lock has of it."""
    for folder in folders:
        path = Path(folder, package.file.filename)
        if path.is_file() and _has_hashes(path, package.file.hashes):
            return path
    return None


def _has_hashes(path: Path, hashes: Sequence[tuple[str, str]]) -> bool:
    for algorithm, value in hashes:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, algorithm).hexdigest() != value.lower():
                return False
    return True


def check_wheels(wheels: Sequence[tuple[LockedPackage, Path]]) -> Iterator[str]:
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


def _fetch(lock: str, folder: Path) -> None:
    """Fetch the files of a lock, and check them against it."""
    from wheeltarget.api import DownloadRequest, download

    words = ("--requirement", lock, "--dest", str(folder))
    download(DownloadRequest(words, wants_outcome=True))
