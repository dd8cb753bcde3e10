"""The way in: ``wheeltarget`` and ``python -m wheeltarget``."""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # As pip does it: python -m looks for modules in the working directory first, which may be full
    # of files of somebody else's. No module is imported before this, __future__ among them.
    try:
        is_first = sys.path[0] in {"", os.getcwd()}  # noqa: PTH109 - pathlib is a module, too
    except FileNotFoundError:
        is_first = False  # it is no longer there, and Python has not put it there either
    if is_first:
        del sys.path[0]

from wheeltarget.cli.main import main

if __name__ == "__main__":
    main()
