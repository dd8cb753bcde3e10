"""Modes of new files, and whether root may use a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def permitted(mode: int) -> int:
    """Give what is left of a mode once the process's mask is taken away.

    :param mode: such as ``0o666`` for a file, and ``0o777`` for a folder or a program.
    """
    # Never 0 meanwhile, so that no other thread's file is open to everyone.
    mask = os.umask(0o077)
    os.umask(mask)
    return mode & ~mask


def is_ours(folder: Path) -> bool:
    """Tell whether root may use a folder: not a user's, who could put anything there.

    :param folder: the folder; it need not exist.
    :returns: True for everybody but root.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return True
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.stat().st_uid == 0
