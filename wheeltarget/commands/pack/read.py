"""Read a pack, a folder or an archive, without unpacking it, and find what no pack may have.

Nothing in it is trusted: links are not followed, and no more is kept than the small files.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from wheeltarget.commands.pack.layout import (
    EARLIER,
    INDEX,
    LOCKS,
    MANIFEST,
    PACK,
    REMOVED,
    REQUIREMENTS,
    find_foldings,
    name_problem,
)
from wheeltarget.commands.pack.write import archive_ending
from wheeltarget.errors import UsageError
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.wheelhouse.archive import (
    DAMAGE,
    check_headers,
    check_members,
    describe_bomb,
    describe_damage,
    refuse_large_directory,
)

UNREADABLE, MISSING, CHANGED, ADDED = "WC701", "WC702", "WC703", "WC704"
UNSAFE, DAMAGED, CONTRADICTING = "WC705", "WC706", "WC707"

_BLOCK = 1 << 20
_DAMAGE = (*DAMAGE, tarfile.TarError, zlib.error, EOFError)

Report = Callable[[str, str, str], None]
"""Takes a finding: its code, the path in the pack or an empty string, and what is wrong."""


@dataclass(slots=True)
class Contents:
    """The files of a pack, as far as they could be read.

    :param hashes: the sha256 of each file, by its path in the pack.
    :param texts: the content of each small file.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, stream: IO[bytes]) -> None:
        """Read a file."""
        digest, kept, left = hashlib.sha256(), [], _is_text(name) * LOCK_FILE.size
        while block := stream.read(_BLOCK):
            digest.update(block)
            if left > 0:
                kept.append(block[:left])
                left -= len(block)
        self.hashes[name] = digest.hexdigest()
        if _is_text(name) and left >= 0:
            self.texts[name] = b"".join(kept)


def _is_text(name: str) -> bool:
    if name in {PACK, MANIFEST, EARLIER, REMOVED}:
        return True
    return name.startswith((f"{LOCKS}/", f"{REQUIREMENTS}/", f"{INDEX}/"))


def read_contents(path: Path, report: Report) -> Contents:
    """Read every file of a pack.

    :raises UsageError: if there is neither a folder nor an archive.
    """
    contents = Contents()
    if path.is_dir():
        _read_folder(path, "", contents, report)
    elif path.is_file() and archive_ending(path):
        _read_archive(path, contents, report)
    else:
        what = "is neither a folder nor an archive" if path.exists() else "does not exist"
        raise UsageError(
            f"{path} {what}", "name a pack: a folder, or a file that ends in .zip or .tar.gz"
        )
    for name, first in find_foldings(contents.hashes).items():
        report(UNSAFE, name, f"its name differs from {first} only by case or by Unicode form")
    return contents


def _read_folder(root: Path, inner: str, contents: Contents, report: Report) -> None:
    try:
        with os.scandir(root / inner) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        report(UNREADABLE, inner, f"the folder cannot be read: {error.strerror}")
        return
    for entry in found:
        name = f"{inner}/{entry.name}" if inner else entry.name
        if problem := name_problem(name):
            report(UNSAFE, name, f"its name {problem}")
        elif entry.is_symlink():
            report(UNSAFE, name, "it is a symbolic link")
        elif entry.is_dir(follow_symlinks=False):
            _read_folder(root, name, contents, report)
        elif not entry.is_file(follow_symlinks=False):
            report(UNSAFE, name, "it is neither a file nor a folder")
        else:
            try:
                with _open_plain(root / name) as stream:
                    contents.add(name, stream)
            except OSError as error:
                report(UNREADABLE, name, f"it cannot be read: {error.strerror}")


def _open_plain(path: Path) -> BinaryIO:
    """Open a file that is not a link, even if it has become one meanwhile."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    stream = os.fdopen(os.open(path, flags | getattr(os, "O_NONBLOCK", 0)), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(0, "it is not a regular file")
    return stream


def _read_archive(path: Path, contents: Contents, report: Report) -> None:
    is_zip = archive_ending(path) == ".zip"
    tops: set[str] = set()
    try:
        with path.open("rb") as stream:
            members = _zip_members(stream, report) if is_zip else _tar_members(stream, report)
            for name, open_member in members:
                if problem := name_problem(name):
                    report(UNSAFE, name, f"its name {problem}")
                    continue
                top, _, own = name.partition("/")
                tops.add(top)
                if not own or len(tops) > 1:
                    report(UNSAFE, name, "it is not below the one folder of the archive")
                elif own in contents.hashes:
                    report(UNSAFE, own, "the archive has it twice")
                elif not _read_member(own, open_member, contents, report) and not is_zip:
                    return
    except _DAMAGE as error:
        report(UNREADABLE, "", f"the archive is damaged: {describe_damage(error)}")


def _read_member(
    name: str, open_member: Callable[[], IO[bytes]], contents: Contents, report: Report
) -> bool:
    try:
        with open_member() as member:
            contents.add(name, member)
    except _DAMAGE as error:
        report(UNREADABLE, name, f"it cannot be read: {describe_damage(error)}")
        return False
    return True


_Members = Iterator[tuple[str, Callable[[], IO[bytes]]]]


def _zip_members(stream: BinaryIO, report: Report) -> _Members:
    refuse_large_directory(stream)
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        for flaw in (*check_members(members, windows=True), *check_headers(stream, members)):
            report(UNSAFE, "", flaw.message)
        if what := describe_bomb(members):
            report(UNREADABLE, "", what)
            return
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if not member.is_dir() and kind in {0, stat.S_IFREG}:
                yield member.filename, lambda member=member: archive.open(member)  # type: ignore[misc]


def _tar_members(stream: BinaryIO, report: Report) -> _Members:
    with gzip.GzipFile(fileobj=stream) as unpacked:
        with tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                if member.isreg():
                    yield member.name, lambda member=member: _extract(archive, member)  # type: ignore[misc]
                elif not member.isdir():
                    report(UNSAFE, member.name, "it is a link or a special file")
        # What follows has its place in the checksum, too.
        while rest := unpacked.read(_BLOCK):
            if rest.strip(b"\0"):
                report(UNSAFE, "", "there is more after the end of the archive")
                return


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(member)
    assert found is not None  # noqa: S101 - it is a regular file
    return found
