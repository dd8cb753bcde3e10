"""Files and folders of the user's own that are included in a bundle."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from wheeltarget.commands.bundle.unpack import BundledFile
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.utils.files import hash_file

_SKIPPED = "__pycache__"


def included_files(text: str, site: str, outputs: Iterable[Path]) -> Iterator[BundledFile]:
    """Return the files of a path that is to be included.

    A file or folder is placed beside the modules, under its own name; of a folder with a trailing
    slash, only its contents are. Compiled modules are skipped.

    :param text: the path as the user wrote it.
    :param site: the folder of the modules, with a trailing slash if it is not the root.
    :param outputs: the paths that will be written; they cannot be in an included folder.
    :raises UsageError: if the path does not exist, or an output would be in it.
    :raises BundleError: if a file in it is not a regular file, or cannot be read.
    """
    path = Path(text)
    inner = text.endswith(("/", os.sep))
    if path.is_dir():
        folder = path.resolve()
        base = folder if inner else folder.parent
        for output in outputs:
            if output.resolve().is_relative_to(folder):
                raise UsageError(
                    f"{output} would be in {text}, so that the next bundle would include it",
                    "write it to another folder, or include less",
                )
        found = sorted(_walk(folder))
        if not found:
            raise UsageError(f"{text} contains no files to include", "leave --include out")
    elif path.is_file() and not inner:
        base, found = path.resolve().parent, [path.resolve()]
    else:
        raise UsageError(
            f"{text} does not exist, or is not a file or folder", "correct the path of --include"
        )
    for each in found:
        name = each.relative_to(base).as_posix()
        try:
            status = each.lstat()
            if not stat.S_ISREG(status.st_mode):
                what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
                raise BundleError(
                    f"{each} is {what}", "a bundle has regular files only: replace it by a copy"
                )
            digest = hash_file(each).sha256
        except OSError as error:
            raise BundleError(f"cannot read {each}: {error.strerror}") from error
        executable = bool(status.st_mode & stat.S_IXUSR)
        yield BundledFile(site + name, each, text, status.st_size, digest, executable)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        below = list(folder.iterdir())
    except OSError as error:
        raise BundleError(f"cannot read {folder}: {error.strerror}") from error
    for each in below:
        if each.is_dir() and not each.is_symlink():
            if each.name != _SKIPPED:
                yield from _walk(each)
        elif each.suffix != ".pyc":
            yield each
