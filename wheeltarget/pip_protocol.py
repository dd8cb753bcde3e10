"""What wheeltarget and its pip process have to agree on."""

from __future__ import annotations

OPTION = "--reserve"
"""What stands before the number of the pipe."""


SCHEMA = 1

PIP_MOVED = 70

INTERRUPTED = 130
