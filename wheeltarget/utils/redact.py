"""Text from outside without credentials and control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_LONGEST = 1000


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # a password may have an @ itself


@lru_cache(maxsize=16)
def redact(text: str) -> str:
    """Replace the credentials of URLs by as many stars, so that carets stay in place.

    :param text: any text.
    :returns: a text of the same length.
    """
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)


def tame(text: str) -> str:
    """Replace credentials, and control characters that a terminal would interpret.

    :param text: any text; tabs and line ends stay.
    :returns: a text of the same length.
    """
    return _CONTROLS.sub("\ufffd", redact(text))


def json_text(document: Mapping[str, object]) -> str:
    """Return a result as JSON text, without the credentials of any URL.

    :param document: the result.
    :returns: the text, with its line end.
    """
    import json

    return redact(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def visible(text: str) -> str:
    """Escape characters that cannot be printed, and shorten a long text.

    :param text: a message with names from outside.
    """
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else f"{shown}…"
