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
    if arguments[:1] == ["download"]:
        from wheeltarget.plain import become_pip, is_plain

        if is_plain(arguments[1:], os.environ, Path.cwd()):
            sys.exit(become_pip(arguments[1:]))
    from wheeltarget.cli import run

    try:
        run(arguments)
    except BrokenPipeError:
        # Whoever read the output has left; a second failure at exit would say nothing more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)


if __name__ == "__main__":
    main()
