"""What a bundle has beside its wheels: files and folders of the user's own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from wheeltarget.commands.bundle.unpack import BundledFile
from wheeltarget.errors import BundleError, UsageError

_PASSED_OVER = ("__pycache__",)


def included_files(text: str, site: str, outputs: Iterable[Path]) -> Iterator[BundledFile]:
    """Give the files of a path that is to be included.

    A file goes to where Python looks for modules, under its own name, and so does a folder; with a
    slash behind it, what is in the folder does. What Python has compiled is passed over.

    :param text: the path as the user wrote it.
    :param site: the folder of the modules, with a slash behind it if it is not the root.
    :param outputs: what is going to be written, which cannot lie in a folder that is included.
    :raises UsageError: where there is nothing of that name, or an output would be in it.
    :raises BundleError: where something in it is a link, or no plain file, or cannot be read.
    """
    path = Path(text)
    inner = text.endswith(("/", os.sep))
    if path.is_dir():
        folder = path.resolve()
        base = folder if inner else folder.parent
        for output in outputs:
            if output.resolve().is_relative_to(folder):
                raise UsageError(
                    f"{output} would lie in {text}, which is included, and the next bundle have it",
                    "write it to another place, or include less",
                )
        found = sorted(_walk(folder))
        if not found:
            raise UsageError(f"there are no files in {text}", "leave --include out")
    elif path.is_file() and not inner:
        base, found = path.resolve().parent, [path.resolve()]
    else:
        raise UsageError(f"{text} is neither a file nor a folder", "--include takes one that is")
    for each in found:
        name = each.relative_to(base).as_posix()
        try:
            status = each.lstat()
            if not stat.S_ISREG(status.st_mode):
                what = "a link" if stat.S_ISLNK(status.st_mode) else "no plain file"
                raise BundleError(f"{each} is {what}", "a bundle has plain files only: copy it")
            with each.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
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
            if each.name not in _PASSED_OVER:
                yield from _walk(each)
        elif each.suffix != ".pyc":
            yield each
