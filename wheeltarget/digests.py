"""The hashes of files, each computed once in a run."""

from __future__ import annotations

from pathlib import Path


class Hashes:
    """Compute each file's hash once, however many names it has."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def sha256(self, path: Path) -> str:
        """Give a file's sha256, in hexadecimal.

        :param path: the file; it must not be written to any more.
        :raises OSError: where it cannot be read.
        """
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in self._known or not status.st_ino:
            import hashlib

            with path.open("rb") as handle:
                self._known[key] = hashlib.file_digest(handle, "sha256").hexdigest()
        return self._known[key]
