"""Text from outside without credentials and control characters, and JSON for the user."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

_LONGEST = 1000
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # a password may have an @ itself


@lru_cache(maxsize=16)
def redact(text: str) -> str:
    """Replace the credentials of URLs by as many stars, so that carets stay in place."""
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)


def printable(text: str) -> str:
    """Replace credentials, and each control character except tabs and line ends, in place."""
    return _CONTROLS.sub("\ufffd", redact(text))


def json_text(document: Mapping[str, object]) -> str:
    """Return a result as JSON text with a line end, without the credentials of any URL.

    The name of a file that is not UTF-8 has surrogates, which only an escape can write.
    """
    text = redact(json.dumps(document, indent=2, ensure_ascii=False))
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def visible(text: str) -> str:
    """Escape the characters of a message that cannot be printed, and shorten a long one."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else f"{shown}…"
