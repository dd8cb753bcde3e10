"""Write a bundle as a folder or an archive, reproducibly.

All files have the same time and one of two modes, and an archive is sorted. Compressed data depends
on the version of zlib: two machines make the same archive if they have the same zlib, or if nothing
is compressed.
"""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.staging.atomic import open_part
from wheeltarget.utils.files import permitted

_EARLIEST, _LATEST = 315532800, 4354819198
"""1980-01-01 and 2107-12-31, between which the times in a zip archive have to be."""

_MOST_DIGITS = 1000
"""Python refuses to convert much longer numbers."""

_FILE, _PROGRAM = 0o100644, 0o100755
_BLOCK = 1 << 20


def source_date(environment: Mapping[str, str]) -> int:
    """Return the time of every file of a bundle, in seconds since 1970.

    :param environment: the environment; ``SOURCE_DATE_EPOCH`` is read (reproducible-builds.org).
        Without it, the time is the earliest in a zip archive.
    :raises UsageError: if the variable is not a number.
    """
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return _EARLIEST
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {text!r}", "it must be a number of seconds since 1970"
        )
    return min(max(int(text), _EARLIEST), _LATEST)


def write_archive(
    path: Path, files: Sequence[BundledFile], moment: int, *, compressed: bool
) -> None:
    """Write a zip archive, whole or not at all.

    :param path: its path; an existing file is replaced.
    :param moment: the time of each file, in seconds since 1970.
    """
    path = Path(os.path.realpath(path))
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    try:
        with open_part(path) as part:
            with part.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
                for file in files:
                    member = zipfile.ZipInfo(file.name, time.gmtime(moment)[:6])
                    member.create_system = 3  # the same on every system
                    member.external_attr = (_PROGRAM if file.executable else _FILE) << 16
                    member.compress_type = method
                    member.file_size = file.size
                    with file.source.open("rb") as source, archive.open(member, "w") as target:
                        shutil.copyfileobj(source, target, _BLOCK)
            part.chmod(permitted(0o666))
            part.replace(path)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}") from error


def write_folder(path: Path, files: Iterable[BundledFile], moment: int) -> None:
    """Write a folder, whole or not at all.

    :param path: its path; it must not exist, or be an empty folder.
    :param moment: the time of each file, in seconds since 1970.
    :raises BundleError: if it cannot be written, or exists.
    """
    path = Path(os.path.realpath(path))
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise BundleError(
                f"{path} already exists", "remove it, or name another folder with --output"
            )
        with open_part(path, folder=True) as part:
            for file in files:
                place = part / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.source, place)
                place.chmod((_PROGRAM if file.executable else _FILE) & 0o777)
                os.utime(place, (moment, moment))
            for folder in (part, *(each for each in part.rglob("*") if each.is_dir())):
                folder.chmod(permitted(0o777))
                os.utime(folder, (moment, moment))
            part.replace(path)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}") from error
