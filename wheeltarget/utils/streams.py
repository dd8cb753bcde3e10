"""Characters that a standard stream cannot encode, such as most of them in ASCII or cp1252."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_FAILING = {"strict", "surrogateescape"}
"""The error handlers that raise an error for some characters."""

_ESCAPED = "backslashreplace"


def escape_unencodable(*streams: TextIO | None) -> None:
    r"""Write escapes such as ``\u65e5`` for characters that a stream cannot encode.

    Without this, such a character ends the run, perhaps after everything was done.
    """
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and getattr(stream, "errors", None) in _FAILING:
            reconfigure(errors=_ESCAPED)


def as_written(text: str, stream: TextIO) -> str:
    """Return a text as :func:`escape_unencodable` lets a stream show it."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, _ESCAPED).decode(encoding)
