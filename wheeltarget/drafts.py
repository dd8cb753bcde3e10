"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.errors import DestinationError
from wheeltarget.permissions import permitted


@contextmanager
def open_draft(path: Path) -> Iterator[Callable[[str], None]]:
    """Make sure that a file can be written before there is anything to write.

    A pipe or a device stays what it is, and a link goes on naming its file.

    :param path: where it goes.
    :returns: writes the whole file; without that call the file stays as it was.
    :raises DestinationError: where it cannot be written.
    """
    if path.is_dir():
        raise DestinationError(f"cannot write {path}: it is a folder", "name a file in it")
    try:
        whole = path.is_file() or not path.exists()
        file = Path(os.path.realpath(path)) if whole else path
        _require_folder(path, file.parent if path.is_symlink() else path.parent)
        if whole:
            with tempfile.TemporaryFile(dir=file.parent):
                pass
    except OSError as error:
        raise DestinationError(f"cannot write {path}: {error.strerror}") from error

    def keep(text: str) -> None:
        try:
            _replace(file, text) if whole else file.write_text(text, "utf-8")
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}"
            raise DestinationError(message, "all else is done") from error

    yield keep


def _require_folder(path: Path, folder: Path) -> None:
    """Say which folder is not there; none is made, since nobody asked for that."""
    if not folder.exists():
        raise DestinationError(
            f"cannot write {path}: there is no folder {folder} yet",
            "make it first, or name a file in a folder that is there",
        )
    if not folder.is_dir():
        raise DestinationError(f"cannot write {path}: {folder} is a file, not a folder")


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".wheeltarget-", dir=file.parent)
    draft = Path(name)
    try:
        os.close(handle)
        draft.write_text(text, "utf-8")
        draft.chmod(permitted(0o666))
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
