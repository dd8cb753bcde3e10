"""The way in: ``wheeltarget`` and ``python -m wheeltarget``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_closed_streams()
    try:
        _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has left; a second failure at exit would say nothing more.
        _leave_standard_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is not None:
            raise
        _leave_standard_output()
        sys.exit(f"error: cannot write to standard output: {error.strerror}")


def _run(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        # Loading the command line takes four times as long as the answer.
        from wheeltarget import __version__

        sys.stdout.write(f"wheeltarget {__version__}\n")
        return
    from wheeltarget.cli import run

    run(arguments)


def _open_closed_streams() -> None:
    """Put the null device where the caller has closed a stream, for pip's process, too."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            if null != number:
                os.close(null)
            os.set_inheritable(number, True)  # noqa: FBT003 - has no name
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _leave_standard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
