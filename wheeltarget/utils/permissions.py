"""Modes of new files, and whether root may use a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def permitted(mode: int) -> int:
    """Return a mode without the bits of the process's umask.

    :param mode: such as ``0o666`` for a file, or ``0o777`` for a folder or a program.
    """
    # Not 0, so that a file that another thread creates meanwhile is not open to everyone.
    mask = os.umask(0o077)
    os.umask(mask)
    return mode & ~mask


def is_ours(folder: Path) -> bool:
    """Return whether root can trust a folder: it must not belong to another user.

    :param folder: the folder; it need not exist.
    :returns: True for every user but root.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return True
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.stat().st_uid == 0
