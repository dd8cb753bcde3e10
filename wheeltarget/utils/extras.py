"""Optional dependencies of wheeltarget."""

from __future__ import annotations

import importlib.util

from wheeltarget.errors import UsageError


def require(module: str, what: str, extra: str) -> None:
    """Check that an optional dependency is installed.

    :param module: a module of the dependency.
    :param what: what needs it, for the message.
    :param extra: the extra of wheeltarget that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise UsageError(
            f"{what}, which is not installed", f"install it with pip install 'wheeltarget[{extra}]'"
        )
