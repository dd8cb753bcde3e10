"""What does not come with wheeltarget, and is asked for once nothing else is known to be wrong."""

from __future__ import annotations

from wheeltarget.errors import UsageError


def require(module: str, what: str, extra: str) -> None:
    """Say how to get what does not come with wheeltarget.

    :param module: the module that has to be there.
    :param what: who needs it, for the message.
    :param extra: the extra of wheeltarget that brings it.
    :raises UsageError: where it is not there.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(
            f"{what}, which is not here", f"install it with pip install 'wheeltarget[{extra}]'"
        )
