"""Texts without the credentials of the URLs in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # a password may have an @ itself


@lru_cache(maxsize=16)
def redact(text: str) -> str:
    """Hide the credentials of URLs behind as many stars, so that carets stay where they are.

    :param text: any text.
    :returns: a text of the same length.
    """
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)


def json_text(document: Mapping[str, object]) -> str:
    """Write a result as JSON text, without the credentials of any URL.

    :param document: the result, as JSON has it.
    :returns: the text, with its line end.
    """
    import json

    return redact(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"
