"""The programs ``wheeltarget`` and ``python -m wheeltarget``."""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # As pip does: python -m looks for modules in the working directory first, which may be full of
    # files of another user. No module is imported before this, not even __future__.
    try:
        is_first = sys.path[0] in {"", os.getcwd()}  # noqa: PTH109 - pathlib is a module, too
    except FileNotFoundError:
        is_first = False  # it no longer exists, and Python has not added it
    if is_first:
        del sys.path[0]

from wheeltarget.cli.main import main

if __name__ == "__main__":
    main()
