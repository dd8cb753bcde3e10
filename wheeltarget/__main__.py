"""The way in: ``wheeltarget`` and ``python -m wheeltarget``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        # Loading the command line takes four times as long as the answer.
        from wheeltarget import __version__

        sys.stdout.write(f"wheeltarget {__version__}\n")
        return
    try:
        _run(arguments)
    except BrokenPipeError:
        # Whoever read the output has left; a second failure at exit would say nothing more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    """Run the command line, without loading Typer where the words are plain ones of validate."""
    if arguments[:1] == ["validate"]:
        from wheeltarget.cli_validate import run_plain

        exit_code = run_plain(arguments[1:])
        if exit_code is not None:
            sys.exit(exit_code)
    from wheeltarget.cli import run

    run(arguments)


if __name__ == "__main__":
    main()
