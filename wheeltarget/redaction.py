"""Texts without the credentials of the URLs in them."""

from __future__ import annotations

import re
from functools import lru_cache

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # a password may have an @ itself


@lru_cache(maxsize=16)
def redact(text: str) -> str:
    """Hide the credentials of URLs behind as many stars, so that carets stay where they are.

    :param text: any text.
    :returns: a text of the same length.
    """
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)
