"""Hard links, which save a copy if the file system has them."""

from __future__ import annotations

import os
from pathlib import Path


def link(source: Path, path: Path) -> bool:
    """Link a file to a second name.

    :param source: the file; a symbolic link is not followed on every system.
    :param path: the second name.
    :returns: False if that is not possible: another file system, too many links, another user's
        file, a file that is gone, or something that exists at the path.
    """
    try:
        os.link(source, path)
    except OSError:
        return False
    return True


def link_or_copy(source: Path, path: Path) -> None:
    """Link a file to a second name, or copy it.

    :param source: the file; symbolic links are followed.
    :param path: the second name, or the copy.
    :raises OSError: if it cannot be copied either.
    """
    if not link(source.resolve(), path):
        import shutil  # not loaded otherwise in a download from a lock

        shutil.copyfile(source, path)
