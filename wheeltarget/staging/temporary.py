"""Folders for temporary files, and the error if they cannot be written.

Python takes the first folder that it can write a file to: the one that ``TMPDIR`` names, then those
of the system, then the working directory. It may be full nevertheless a moment later.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.errors import TemporaryFilesError, WheeltargetError
from wheeltarget.staging.atomic import hidden_folder

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors of writing to an open file."""

_HINT = "set TMPDIR to a folder that can be written and has room"


def temporary_home() -> Path:
    """Return the folder for temporary files; raise TemporaryFilesError if none can be written."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        # It names all those that were tried.
        why = (error.strerror or str(error)).replace("No usable", "no usable", 1)
        raise TemporaryFilesError(f"cannot write temporary files: {why}", _HINT) from error


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Make a folder for temporary files, and remove it and what killed runs have left of others.

    :param name: its purpose, which becomes part of its name.
    :raises TemporaryFilesError: if it, or something in it, cannot be written.
    """
    home = temporary_home()
    with explained(home), hidden_folder(home, f"wheeltarget-{name}") as folder, explained(folder):
        yield folder


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """Turn an error of writing temporary files into a TemporaryFilesError.

    An error without a file name is one of writing to an open file. Code in the block that writes to
    another place must therefore raise an error of wheeltarget's own.

    :param folder: their folder; the default one if None.
    """
    try:
        yield
    except OSError as error:
        named = [each for each in (error.filename, error.filename2) if each is not None]
        there = folder or temporary_home()
        if any(_is_below(each, there) for each in named) or (not named and error.errno in _NO_ROOM):
            raise cannot_write(error, folder) from error
        raise
    except WheeltargetError as error:
        # A file there was named as any destination.
        cause = error.__cause__
        if isinstance(cause, OSError) and folder and str(folder) in error.message:
            raise cannot_write(cause, folder) from error
        raise


def _is_below(name: object, folder: Path) -> bool:
    return isinstance(name, str | os.PathLike) and Path(name).is_relative_to(folder)


def cannot_write(error: OSError, folder: Path | None = None) -> TemporaryFilesError:
    """Return the error that a temporary file cannot be written.

    :param folder: its folder; the default one if None.
    """
    home = temporary_home()
    shown = home if folder is None or folder.is_relative_to(home) else folder
    why = error.strerror or str(error)
    return TemporaryFilesError(f"cannot write temporary files to {shown}: {why}", _HINT)
