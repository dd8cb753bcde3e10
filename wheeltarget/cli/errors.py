"""The error boundary of every command: messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wheeltarget.errors import (
    InputError,
    InterruptedRunError,
    TargetError,
    UsageError,
    WheeltargetError,
)

FINDING, WRONG, UNFINISHED = 1, 2, 3
"""The exit codes of every command except download, which uses pip's."""

_FAILED = 1
"""pip's exit code for an error."""


@contextmanager
def report_errors(
    *,
    coloured: bool = True,
    finding: type[WheeltargetError] | None = None,
    writes: bool = True,
    as_pip: bool = False,
) -> Iterator[None]:
    """Print an error, and end the process with its exit code.

    :param coloured: whether pip's options and configuration allow colours.
    :param finding: the error that is a result of the command, not a failure.
    :param writes: whether the command writes to a destination, which an interruption leaves as it
        was.
    :param as_pip: whether the command uses pip's exit codes.
    :raises SystemExit: with 1 for a finding, 2 if the input is wrong, 3 if the work could not be
        finished, and 128 plus its number if a signal ended it.
    """
    try:
        yield
    except (KeyboardInterrupt, WheeltargetError) as caught:
        from wheeltarget.cli.output.text import show_error

        error = (
            caught if isinstance(caught, WheeltargetError) else InterruptedRunError(signal.SIGINT)
        )
        if isinstance(error, InterruptedRunError) and not writes:
            error.message = "interrupted"
        show_error(error, sys.stderr, coloured=coloured)
        raise SystemExit(_exit_code(error, finding, as_pip=as_pip)) from error


def _exit_code(
    error: WheeltargetError, finding: type[WheeltargetError] | None, *, as_pip: bool
) -> int:
    if finding is not None and isinstance(error, finding):
        return FINDING
    if as_pip or isinstance(error, InterruptedRunError | UsageError):
        return error.exit_code
    if isinstance(error, InputError | TargetError):
        return WRONG
    # Except for a wrong command line, pip's codes would be mistaken for findings.
    return WRONG if error.exit_code == WRONG else UNFINISHED


class OutputError(OSError):
    """Standard output cannot be written."""


def end_process(error: KeyboardInterrupt | OSError) -> None:
    """End the process after an interruption, or an error of the system outside of any command.

    :param error: the error.
    :raises SystemExit: with 130 if it was interrupted, 1 if its output or its folder is gone, and
        else the command's code for unfinished work.
    """
    if isinstance(error, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    # Flushing at exit would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        sys.exit(1)
    if isinstance(error, OutputError):
        sys.exit(f"error: cannot write to standard output: {error.strerror}")
    if _is_folder_gone():
        sys.exit("error: the working directory no longer exists\n  change to one that exists")
    what = error.strerror or str(error)
    sys.stderr.write(f"error: {what if error.filename is None else f'{error.filename}: {what}'}\n")
    sys.exit(_FAILED if "download" in sys.argv else UNFINISHED)


def _is_folder_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return True
    return False
