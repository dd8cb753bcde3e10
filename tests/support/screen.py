"""What a terminal shows after it was written to, as far as lines of progress need it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]")
_INVISIBLE = frozenset("mlh")


def screens(text: str) -> Iterator[list[str]]:
    """Yield the lines on a screen after each erasure and at the end.

    :param text: everything that was written, with colours and control codes.
    :raises AssertionError: if a code is not known.
    """
    lines, column = [""], 0
    for piece in _PIECE.findall(text):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            lines.append("")
            column = 0
        elif piece == "\b":
            column = max(column - 1, 0)
        elif not piece.startswith("\x1b"):
            line = lines[-1][:column].ljust(column) + piece + lines[-1][column + 1 :]
            lines[-1], column = line, column + 1
        elif piece.endswith("K"):
            yield lines.copy()
            lines[-1] = "" if piece == "\x1b[2K" else lines[-1][:column]
        else:
            assert piece[-1] in _INVISIBLE, repr(piece)
    yield lines
