"""How much may be asked of a host at once, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping

from wheeltarget.errors import UsageError

CONNECTIONS = "WHEELTARGET_CONNECTIONS"
"""The variable that says how many connections to a host there may be at once."""

USUAL = 16
_MOST = 256


def read_connections(environment: Mapping[str, str]) -> int:
    """Say how many connections to a host there may be at once.

    :param environment: the environment's variables.
    :raises UsageError: where what it says is no number, or one that is out of all reason.
    """
    said = environment.get(CONNECTIONS) or str(USUAL)
    if not said.isdecimal() or not 1 <= int(said) <= _MOST:
        raise UsageError(
            f"{CONNECTIONS} is not a number of connections: {said!r}",
            f"say one from 1 to {_MOST}, or leave it out for {USUAL}",
        )
    return int(said)
