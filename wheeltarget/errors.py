"""Errors and the places they point at: one root, one exit code for each class."""

from __future__ import annotations

from dataclasses import dataclass, replace

COMMAND_LINE = "<command line>"
"""The file name in the location of something that was typed, not read."""


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
    """One thing wrong with the input, where it stands, and what to write instead.

    :param message: what is wrong, one sentence without a full stop.
    :param hint: what to write instead, or an empty string.
    :param location: where it begins, or None where no text is at fault.
    :param source: the line it stands in, without its line end.
    :param width: how many characters of the line are meant, at least 1.
    :param code: which kind of fault it is, one of the codes of ``validate``; empty where
        it is none that a file alone can have.
    """

    message: str
    hint: str = ""
    location: Location | None = None
    source: str = ""
    width: int = 1
    code: str = ""


class WheeltargetError(Exception):
    """Something that ends the run; its text is for the user.

    :param message: one sentence without a full stop.
    :param hint: what to do about it, or an empty string.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class TargetError(WheeltargetError):
    """A tag, name or file that describes no environment.

    :param code: which kind of fault it is.
    :param instead: what was surely meant, to be written in its place; empty where that is open.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "", instead: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.instead = instead


class AnnotationError(WheeltargetError):
    """A clause that cannot be read.

    :param start: index of the first character meant, from 0, in the text that was parsed.
    :param end: index behind the last one.
    :param code: which kind of fault it is.
    """

    def __init__(self, message: str, hint: str, start: int, end: int, *, code: str = "") -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end
        self.code = code


class InputError(WheeltargetError):
    """The input has faults; all of them are told at once.

    :param faults: at least one, in the order of the input.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].message, faults[0].hint)
        self.faults = faults


class DestinationError(WheeltargetError):
    """The destination cannot be read or written; it was left as it was."""


class TemporaryFilesError(WheeltargetError):
    """Temporary files that cannot be written; nothing else was changed."""


class ClashError(WheeltargetError):
    """Two targets need files of one name and different contents."""


class ClosureError(WheeltargetError):
    """What was fetched is not all that the target needs."""


class DownloadError(WheeltargetError):
    """pip could not do its part; it has said why.

    :param exit_code: pip's own exit code.
    :param said: what pip says, as far as that was held back and is to be shown.
    """

    def __init__(
        self, message: str, hint: str = "", *, exit_code: int = 1, said: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code
        self.said = said


class ProbeError(WheeltargetError):
    """A Python that cannot be described."""


class CacheError(WheeltargetError):
    """The cache folder cannot be changed."""

    exit_code = 3


class HashMismatchError(WheeltargetError):
    """A file is not what its hash says.

    :param expected: the sha256 that it has to have, in hexadecimal.
    :param got: the one that it has.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected the sha256 {expected}, got {got}")
        self.expected = expected
        self.got = got


class LockError(WheeltargetError):
    """A lock that cannot be made, or that names what no lock can."""


class BundleError(WheeltargetError):
    """Wheels that cannot be made a bundle; nothing was written."""


class UsageError(WheeltargetError):
    """The command line itself is wrong."""

    exit_code = 2


class PipMovedError(WheeltargetError):
    """The installed pip is not built the way wheeltarget needs it."""

    exit_code = 70


class InterruptedRunError(WheeltargetError):
    """A signal ended the run; everything was left as it was.

    :param signum: the number of the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__("interrupted; the destination was left as it was")
        self.exit_code = 128 + signum


def locate(fault: Fault, message: str, hint: str, code: str = "") -> Fault:
    """Give a located fault its words and its code."""
    return replace(fault, message=message, hint=hint, code=code)
