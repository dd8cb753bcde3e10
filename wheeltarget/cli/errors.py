"""The one boundary for errors: exception class, exit code, and what is written of it."""

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
"""The exit codes of every command but download, which has pip's."""

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
    """Write what went wrong, if anything does, and end the process with the code for it.

    :param coloured: whether pip's options and configuration allow colours.
    :param finding: the error that is no failure of the command, but its result.
    :param writes: whether there is a destination, which is as it was.
    :param as_pip: whether the command ends with the codes that pip would end with.
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
    # pip's own codes would be taken for findings, but for its code for a wrong command line.
    return WRONG if error.exit_code == WRONG else UNFINISHED


class OutputError(OSError):
    """Standard output that cannot be written, and no other file."""


def end_process(error: KeyboardInterrupt | OSError) -> None:
    """End the process if it was interrupted, or something cannot be read or written.

    :param error: what ended the run outside of any command.
    :raises SystemExit: with 130 if it was interrupted, 1 if its output or its folder is gone, and
        else with the command's code for work that could not be finished.
    """
    if isinstance(error, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    # A second failure at exit would say nothing more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        sys.exit(1)
    if isinstance(error, OutputError):
        sys.exit(f"error: cannot write to standard output: {error.strerror}")
    if _is_folder_gone():
        sys.exit("error: the working directory is no longer there\n  change to one that is")
    what = error.strerror or str(error)
    sys.stderr.write(f"error: {what if error.filename is None else f'{error.filename}: {what}'}\n")
    sys.exit(_FAILED if "download" in sys.argv else UNFINISHED)


def _is_folder_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - it is asked for nothing else
    except FileNotFoundError:
        return True
    return False
