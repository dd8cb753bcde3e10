"""Safe reading of files that come from outside.

A file that a requirements file, a lock or a ``pyproject.toml`` names can be a device without end, a
pipe without a writer, or a link to one. So only regular files are opened, and their size is
limited. A file that the command line names may be a pipe, as for pip; the limit holds there too.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

_STEP = 1 << 20
# O_NOCTTY: a terminal must not become the controlling terminal of this process.
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)
_STREAM = re.compile(r"/dev/(?:stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+")
_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class Limit(NamedTuple):
    """The maximum size of a kind of file.

    :param size: the number of bytes.
    :param kind: the name of the kind, for messages.
    """

    size: int
    kind: str


TARGET_FILE = Limit(1 << 20, "a target file")
"""The largest known ones, from pex, have 100 kB."""

PROJECT_FILE = Limit(4 << 20, "a pyproject.toml")
REQUIREMENTS_FILE = Limit(32 << 20, "a requirements file")
"""Also for the locks of other tools: one with a thousand projects has 4 MB."""

LOCK_FILE = Limit(32 << 20, "a lock")

_LARGEST_ARCHIVE = 64 << 30


class RefusedFileError(OSError):
    """A file that is refused, or was not read to its end; ``strerror`` says why."""


def read_regular(name: str | os.PathLike[str], limit: Limit) -> bytes:
    """Read a regular file.

    :param name: its name; links are followed.
    :param limit: its maximum size.
    :returns: its content.
    :raises RefusedFileError: if it is not a regular file, is too large, or cannot be read to its
        end, like some files in ``/proc``.
    :raises OSError: if it cannot be opened.
    """
    try:
        # Opening a pipe can block, and opening a device can have side effects.
        _require_regular(os.stat(name))  # noqa: PTH116 - any text
        descriptor = os.open(name, _FLAGS)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"invalid file name: {error}") from error
    try:
        status = os.fstat(descriptor)
        _require_regular(status)
        if status.st_size > limit.size:
            raise _too_large(limit)
        return _read(descriptor, limit)
    finally:
        os.close(descriptor)


def read_stream(name: str | os.PathLike[str], limit: Limit) -> tuple[bytes, bool]:
    """Read a file that the command line names, which may be a pipe.

    :param name: its name; links are followed.
    :param limit: its maximum size.
    :returns: its content, and whether it can be read again.
    :raises RefusedFileError: if it is too large.
    :raises OSError: if it cannot be read.
    """
    if os.path.isfile(name):  # noqa: PTH113 - any text
        return read_regular(name, limit), True
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - any text
        return _read(file.fileno(), limit), False


def is_archive(path: Path) -> bool:
    """Return whether a file can be a wheel or a source distribution: regular and not endless.

    :param path: the file; links are followed.
    :returns: False for empty files too, since endless files in ``/proc`` have the size 0.
    """
    return path.is_file() and 0 < path.stat().st_size <= _LARGEST_ARCHIVE


def is_stream(name: str) -> bool:
    """Return whether a name is that of an open stream, such as a shell's ``<(…)``.

    :param name: the name.
    """
    return _STREAM.fullmatch(name) is not None


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise RefusedFileError(errno.EINVAL, f"it is {kind}, not a regular file")


def _read(descriptor: int, limit: Limit) -> bytes:
    """Read to the end; the reported size of a file is not always right."""
    parts: list[bytes] = []
    left = limit.size + 1
    try:
        while part := os.read(descriptor, min(_STEP, left)):
            parts.append(part)
            left -= len(part)
            if not left:
                raise _too_large(limit)
    except RefusedFileError:
        raise
    except BlockingIOError as error:  # such as /proc/kmsg
        message = "it has no content yet, so it is not a regular file"
        raise RefusedFileError(errno.EINVAL, message) from error
    except OSError as error:
        raise RefusedFileError(error.errno, error.strerror) from error
    return b"".join(parts)


def _too_large(limit: Limit) -> RefusedFileError:
    message = f"it has more than {limit.size >> 20} MiB, which is the limit for {limit.kind}"
    return RefusedFileError(errno.EFBIG, message)
