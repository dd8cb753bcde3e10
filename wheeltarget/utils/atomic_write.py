"""Write private files so that they exist whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"
"""The suffix of the temporary name under which a file is written."""


def write_private(path: Path, text: str) -> None:
    """Write a file that only its user can read, whole or not at all.

    :param path: the file; its folder has to exist.
    :param text: the whole text.
    :raises OSError: if it cannot be written.
    """
    part = path.with_name(f"{os.urandom(8).hex()}{PART}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
