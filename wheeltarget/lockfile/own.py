"""Recognise a lock of wheeltarget without reading it as TOML."""

from __future__ import annotations

import re

_OURS = re.compile(
    rb"^[ \t]*(?:\[[ \t]*tool[ \t]*\.[ \t]*[\"']?wheeltarget"
    rb"|created-by[ \t]*=[ \t]*[\"']wheeltarget\b)",
    re.MULTILINE,
)


def is_own(data: bytes) -> bool:
    """Return whether wheeltarget wrote a lock, even if it was changed since."""
    return _OURS.search(data) is not None
