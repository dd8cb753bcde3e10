"""Files and folders that exist whole or not at all, and temporary ones.

What is not whole yet is beside its place, in a hidden folder. A run that is killed leaves it there,
and the next run of the same user removes it, wherever it writes.

For temporary files, Python takes the first folder that it can write a file to: the one that
``TMPDIR`` names, then those of the system, then the working directory. It may be full a moment
later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wheeltarget.errors import DestinationError, TemporaryFilesError, WheeltargetError
from wheeltarget.staging import recovery
from wheeltarget.staging.folders import open_state

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}  # of writing to an open file
_HINT = "set TMPDIR to a folder that can be written and has room"


@contextmanager
def open_output(path: Path) -> Iterator[Callable[[str], None]]:
    """Make sure that a file can be written before its text is known.

    A pipe or a device is written to, and a link goes on naming its file.

    :returns: writes the whole file; if it is not called, the file stays as it was.
    :raises DestinationError: if it cannot be written.
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
            with open_part(file) if whole else contextlib.nullcontext(file) as part:
                part.write_text(text, "utf-8")
                if whole:
                    part.replace(file)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}"
            raise DestinationError(message, "all else is done") from error

    yield keep


def _require_folder(path: Path, folder: Path) -> None:
    if not folder.exists():
        raise DestinationError(
            f"cannot write {path}: the folder {folder} does not exist",
            "create it first, or name a file in an existing folder",
        )
    if not folder.is_dir():
        raise DestinationError(f"cannot write {path}: {folder} is a file, not a folder")


@contextmanager
def open_part(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Return where to write a file or a folder that is to be renamed to a path once it is complete.

    It is in a :func:`hidden_folder` beside the path.

    :param folder: whether to make a folder; a file does not exist yet.
    """
    with hidden_folder(path.parent, path.name) as home:
        part = home / path.name
        if folder:
            part.mkdir()
        yield part


@contextmanager
def hidden_folder(home: Path, name: str) -> Iterator[Path]:
    """Make a hidden folder in another one, after removing those of killed runs, and remove it.

    :param name: what its name begins with, after the dot.
    :raises DestinationError: if there is no place for a record of it.
    """
    real = os.path.realpath(home)
    place = os.path.join(real, name)
    with open_state() as state:
        recovery.sweep(state, place, real)
        with contextlib.closing(recovery.Record(state, place)) as record:
            yield Path(record.make_folder(str(home), name))


def remove_leftovers() -> None:
    """Remove what killed runs have left; a run that writes a file does so anyway."""
    with suppress(OSError, DestinationError), open_state() as state:
        recovery.sweep(state, "", "")


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
    with contextlib.ExitStack() as stack:
        with explained(home):
            with open_state() as state:
                recovery.remove_unrecorded(state, os.path.realpath(home))
            folder = stack.enter_context(hidden_folder(home, f"wheeltarget-{name}"))
        # What is elsewhere in that folder, such as a destination, is not temporary.
        with explained(folder):
            yield folder


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """Turn an error of writing temporary files, by default in TMPDIR, into a TemporaryFilesError.

    An error without a file name is one of writing to an open file. Code in the block that writes to
    another place must therefore raise an error of wheeltarget's own.
    """
    try:
        yield
    except OSError as error:
        named = [each for each in (error.filename, error.filename2) if each is not None]
        paths = [Path(each) for each in named if isinstance(each, str | os.PathLike)]
        there = folder or temporary_home()
        below = any(path.is_relative_to(there) for path in paths)
        if below or (not named and error.errno in _NO_ROOM):
            raise cannot_write_temporary(error, folder) from error
        raise
    except WheeltargetError as error:
        # A file there was named as any destination.
        cause = error.__cause__
        if isinstance(cause, OSError) and folder and str(folder) in error.message:
            raise cannot_write_temporary(cause, folder) from error
        raise


def cannot_write_temporary(error: OSError, folder: Path | None = None) -> TemporaryFilesError:
    """Return the error that a temporary file cannot be written, by default in TMPDIR."""
    home = temporary_home()
    shown = home if folder is None or folder.is_relative_to(home) else folder
    why = error.strerror or str(error)
    return TemporaryFilesError(f"cannot write temporary files to {shown}: {why}", _HINT)
