"""What wheeltarget and its pip process have to agree on."""

from __future__ import annotations

NO_ROOM = {73: "ENOSPC", 74: "EDQUOT"}
"""The exit codes of a process of pip's that cannot write its files, with the name of the error."""


OPTION = "--reserve"
"""What stands before the number of the pipe."""


SCHEMA = 1

PIP_MOVED = 70

INTERRUPTED = 130
