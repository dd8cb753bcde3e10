"""What the commands share that say what went wrong, and the exit codes that they end with then."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wheeltarget.errors import (
    InputError,
    InterruptedRunError,
    TargetError,
    UsageError,
    WheeltargetError,
)

_FINDING, _WRONG, _UNFINISHED = 1, 2, 3


@contextmanager
def telling(
    words: Sequence[str] | None = None,
    *,
    finding: type[WheeltargetError] | None = None,
    writes: bool = True,
) -> Iterator[None]:
    """Say what went wrong, if anything does, and end the process with the code for it.

    :param words: pip's words, of a command that takes some; they may refuse colours.
    :param finding: what is no failure of the command, but what it was to find out.
    :param writes: whether there is a destination, which is as it was.
    :raises SystemExit: with 1 for a finding, 2 where what was written is wrong, 3 where the work
        could not be finished, and 128 and its number where a signal ended it.
    """
    try:
        yield
    except WheeltargetError as error:
        from wheeltarget.cli.output.text import show_error

        if isinstance(error, InterruptedRunError) and not writes:
            error.message = "interrupted"
        show_error(error, sys.stderr, coloured=words is None or _is_coloured(words))
        is_finding = finding is not None and isinstance(error, finding)
        raise SystemExit(_FINDING if is_finding else _exit_code(error)) from error


def _is_coloured(words: Sequence[str]) -> bool:
    from wheeltarget.cli.terminal import is_coloured

    return is_coloured(tuple(words))


def _exit_code(error: WheeltargetError) -> int:
    if isinstance(error, InputError | TargetError):
        return _WRONG
    # pip's own codes would be taken for findings, but for its code for wrong words.
    own = isinstance(error, InterruptedRunError) or error.exit_code == UsageError.exit_code
    return error.exit_code if own else _UNFINISHED
