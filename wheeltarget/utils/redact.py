"""Texts of others without what is not to be shown: credentials in URLs, words to the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_LONGEST = 1000


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # a password may have an @ itself


@lru_cache(maxsize=16)
def redact(text: str) -> str:
    """Hide the credentials of URLs behind as many stars, so that carets stay where they are.

    :param text: any text.
    :returns: a text of the same length.
    """
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)


def tame(text: str) -> str:
    """Hide credentials, and whatever a terminal would take for more than text.

    :param text: any text; tabs and line ends stay.
    :returns: a text of the same length.
    """
    return _CONTROLS.sub("\ufffd", redact(text))


def json_text(document: Mapping[str, object]) -> str:
    """Write a result as JSON text, without the credentials of any URL.

    :param document: the result, as JSON has it.
    :returns: the text, with its line end.
    """
    import json

    return redact(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def visible(text: str) -> str:
    """Write what a terminal or a document cannot show as an escape, and cut what is too long.

    :param text: a message with names that somebody else chose.
    """
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else f"{shown}…"
