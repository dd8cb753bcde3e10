"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.errors import DestinationError


@contextmanager
def open_draft(path: Path) -> Iterator[Callable[[str], None]]:
    """Make sure that a file can be written before there is anything to write.

    :param path: where it goes.
    :returns: writes the whole file; without that call the file stays as it was.
    :raises DestinationError: where it cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent, text=True)
    except OSError as error:
        raise DestinationError(f"cannot write {path}: {error.strerror}") from error
    draft = Path(name)

    def keep(text: str) -> None:
        draft.write_text(text, "utf-8")
        draft.chmod(0o666 & ~_umask())
        draft.replace(path)

    try:
        os.close(handle)
        yield keep
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
