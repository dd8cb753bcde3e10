"""Recognise a lock of wheeltarget without reading it as TOML."""

from __future__ import annotations

import re

_OWN = re.compile(rb"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*[\"']?wheeltarget", re.MULTILINE)
_WRITTEN = re.compile(rb"^[ \t]*created-by[ \t]*=[ \t]*[\"']wheeltarget\b", re.MULTILINE)


def is_own(data: bytes) -> bool:
    """Return whether wheeltarget wrote a lock, even if it was changed since.

    :param data: its bytes.
    """
    return _OWN.search(data) is not None or _WRITTEN.search(data) is not None
