"""The way in: ``wheeltarget`` and ``python -m wheeltarget``."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
    """Run the command line, without loading Typer where it has nothing to read.

    That is where a download is pip's alone, and where the words of validate are plain.
    """
    if arguments[:1] == ["download"]:
        from wheeltarget.first_look import become_pip, is_plain

        if is_plain(arguments[1:], os.environ, Path.cwd()):
            sys.exit(become_pip(arguments[1:]))
    if arguments[:1] == ["validate"]:
        from wheeltarget.cli_validate import run_plain

        exit_code = run_plain(arguments[1:])
        if exit_code is not None:
            sys.exit(exit_code)
    from wheeltarget.cli import run

    run(arguments)


if __name__ == "__main__":
    main()
