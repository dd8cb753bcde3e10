"""Errors, their exit codes, and the places in the input that they point at."""

from __future__ import annotations

from dataclasses import dataclass, replace

COMMAND_LINE = "<command line>"
"""The file name in the location of a command-line argument."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in the user's input.

    :param file: the file as the user named it, or :data:`COMMAND_LINE`.
    :param line: counted from 1; for the command line, the number of the requirement.
    :param column: counted from 1, in characters.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in the input, with its place and a hint.

    :param message: what is wrong: one sentence without a full stop.
    :param hint: what to write instead, or an empty string.
    :param location: the start of the wrong text, or None if it has no place.
    :param source: the line of the location, without its line end.
    :param width: the number of wrong characters in the line, at least 1.
    :param code: one of the codes of ``validate``, or empty if ``validate`` does not report it.
    """

    message: str
    hint: str = ""
    location: Location | None = None
    source: str = ""
    width: int = 1
    code: str = ""


class WheeltargetError(Exception):
    """The base class of errors that end the run; message and hint are as in :class:`Fault`."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class TargetError(WheeltargetError):
    """A tag, name or file that does not describe an environment.

    :param instead: the only correction that is possible; empty if there are several or none.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "", instead: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.instead = instead


class AnnotationError(WheeltargetError):
    """A clause that cannot be read.

    :param start: index of the first wrong character in the parsed text, from 0.
    :param end: index after the last one.
    """

    def __init__(self, message: str, hint: str, start: int, end: int, *, code: str = "") -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end
        self.code = code


class InputError(WheeltargetError):
    """One or more faults in the input.

    :param faults: at least one, in the order of the input.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].message, faults[0].hint)
        self.faults = faults


class DestinationError(WheeltargetError):
    """The destination cannot be read or written; it was not changed."""


class TemporaryFilesError(WheeltargetError):
    """Temporary files cannot be written; nothing else was changed."""


class ClashError(WheeltargetError):
    """Two targets need files with the same name and different contents."""


class ClosureError(WheeltargetError):
    """The fetched files do not include everything that the target needs."""


class DownloadError(WheeltargetError):
    """pip failed, and has reported the reason.

    :param exit_code: pip's own exit code.
    :param messages: held back lines of pip's output that are to be shown.
    """

    def __init__(
        self, message: str, hint: str = "", *, exit_code: int = 1, messages: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code
        self.messages = messages


class ProbeError(WheeltargetError):
    """A Python cannot be described."""


class CacheError(WheeltargetError):
    """The cache folder cannot be changed."""

    exit_code = 3


class HashMismatchError(WheeltargetError):
    """A file does not have the expected sha256, which is in hexadecimal."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected the sha256 {expected}, got {got}")


class IndexFailureError(WheeltargetError):
    """An index could not be read, and what it has may decide what is locked."""

    exit_code = 3


class LockError(WheeltargetError):
    """A lock cannot be written, or names something that a lock cannot name."""


class BundleError(WheeltargetError):
    """The wheels cannot be bundled; nothing was written."""


class PackError(WheeltargetError):
    """A pack cannot be made or read; nothing was written."""


class UsageError(WheeltargetError):
    """The command line is wrong."""

    exit_code = 2


class PipMovedError(WheeltargetError):
    """The installed pip does not have the internals that wheeltarget needs."""

    exit_code = 70


class InterruptedRunError(WheeltargetError):
    """A signal ended the run; nothing was changed."""

    def __init__(self, signum: int) -> None:
        super().__init__("interrupted; the destination was left as it was")
        self.exit_code = 128 + signum


def locate(fault: Fault, message: str, hint: str, code: str = "") -> Fault:
    """Return a located fault with its message, hint and code."""
    return replace(fault, message=message, hint=hint, code=code)
