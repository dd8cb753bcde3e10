"""Runs inside pip's process; only this package imports pip.

start-up: pip is not imported at the head of this module.
"""

from __future__ import annotations

from wheeltarget import __version__
from wheeltarget.errors import PipMovedError


def moved_error(what: str, why: str) -> PipMovedError:
    """Return the error for a pip with which a patch does not work as expected."""
    from pip import __version__ as pip_version

    reason = " ".join(why.split())[:300]
    return PipMovedError(
        f"wheeltarget {__version__} does not work with pip {pip_version} "
        f"({what}: {reason}), which would resolve for this machine instead of "
        "the target; nothing was fetched: use pip 25.3 to 26.3, or a newer wheeltarget"
    )
