"""Find the line and column of a value in a TOML text by its path.

``tomllib`` does not keep places, and ``packaging.pylock`` reports ``packages[3].wheels[0].hashes``.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import Any

from wheeltarget.errors import Fault, Location

BYTE_ORDER_MARK = "\ufeff"
"""Some editors write it before a text in UTF-8; TOML does not allow it."""

_STEP = re.compile(r"([\w-]+)|\[(\d+)\]")
_SYNTAX = re.compile(r" *\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_LONG_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""", re.ASCII
)
_QUOTING = re.compile(
    r"(?:Cannot declare|Cannot mutate immutable namespace|Cannot redefine namespace"
    r"|Duplicate inline table key|Cannot overwrite a value).*",
    re.DOTALL,
)
"""Messages of ``tomllib`` that quote a key."""


def fault_at(file: str, text: str, path: str, message: str, hint: str = "") -> Fault:
    """Return a fault at the value that a path names, or as near to it as can be found.

    :param file: the file's name, for the message.
    :param text: its text.
    :param path: such as ``packages[3].wheels[0].hashes``; empty for the whole file.
    :param message: what is wrong.
    :param hint: what to do.
    """
    start, width = _find(text, path)
    return _fault(file, text, (start, width), message, hint)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML from outside.

    :param text: the text.
    :raises ValueError: if it is not TOML, or would take ``tomllib`` too long.
    :raises RecursionError: if it is nested too deeply.
    """
    # tomllib copies a key for each of its parts: a megabyte of dots takes minutes.
    if _LONG_KEY.search(text):
        raise ValueError("a key has too many parts")
    return tomllib.loads(text)


def syntax_place(error: ValueError) -> str:
    """Describe an error of ``tomllib`` and its place, without quoting the text.

    :param error: the error.
    """
    message = str(error)
    match = _SYNTAX.search(message)
    kind = _QUOTING.sub("a key is defined twice", _SYNTAX.sub("", message))
    if match is None:
        return kind
    where = f"line {match['line']}, column {match['column']}" if match["line"] else "the last line"
    return f"{kind} in {where}"


def syntax_fault(file: str, text: str, error: ValueError, hint: str = "") -> Fault:
    """Return a fault at the place that an error of ``tomllib`` names.

    The line is not shown, since the file may be anything that is named like a lock.

    :param file: the file's name, for the message.
    :param text: its text.
    :param error: the error.
    :param hint: what to do.
    """
    message = str(error)
    match = _SYNTAX.search(message)
    kind = _QUOTING.sub("a key is defined twice", _SYNTAX.sub("", message))
    message = f"not valid TOML: {kind}"
    if match is None or match["line"] is None:
        fault = _fault(file, text, (len(text.rstrip()), 1), message, hint)
        return replace(fault, source="", width=1)
    return Fault(message, hint, Location(file, int(match["line"]), int(match["column"])))


def _fault(file: str, text: str, extent: tuple[int, int], message: str, hint: str) -> Fault:
    start, width = extent
    line_ends = _starts(r"\n", text, 0, len(text))
    number = bisect_left(line_ends, start)
    first = line_ends[number - 1] + 1 if number else 0
    line = text[first : line_ends[number] if number < len(line_ends) else None].rstrip("\r")
    location = Location(file, number + 1, start - first + 1)
    return Fault(message, hint, location, line, max(min(width, len(line) - (start - first)), 1))


def _find(text: str, path: str) -> tuple[int, int]:
    """Return the index and the number of the characters that a path names."""
    start, end, found = 0, len(text), (0, 1)
    table = ""
    for name, number in _STEP.findall(path):
        if name:
            table = f"{table}.{name}" if table else name
            place = _key(text, (table, name), start, end)
            if place is not None:
                start = place.start()
                found = (start, place.end() - start)
        else:
            part = _element(text, table, int(number), (start, end))
            if part is not None:
                start, end = part
                line_end = text.find("\n", start, end)
                line = text[start : end if line_end < 0 else line_end]
                found = (start, len(line.rstrip()))
    return found


@lru_cache(maxsize=32)
def _key(text: str, names: tuple[str, str], start: int, end: int) -> re.Match[str] | None:
    """Find a key of a table, or the header of a table in it; cached for thousands of faults."""
    table, name = names
    key = rf"{re.escape(name)}(?=[ \t]*=)"
    if start and not text.startswith("[", start):
        return re.compile(rf"(?<=[{{,\s]){key}").search(text, start, end)
    header = re.compile(r"^\[", re.MULTILINE).search(text, start + 1, end)
    own = header.start() if header else end
    return re.compile(rf"^{key}", re.MULTILINE).search(text, start, own) or re.compile(
        rf"^\[+{re.escape(table)}\]", re.MULTILINE
    ).search(text, start, end)


def _element(text: str, table: str, number: int, extent: tuple[int, int]) -> tuple[int, int] | None:
    """Find an element of an array of tables, with headers or inline."""
    start, end = extent
    heads = _starts(rf"^\[\[{re.escape(table)}\]\]", text, start, end)
    if number < len(heads):
        nested = re.compile(rf"^\[(?!\[?{re.escape(table)}[\].])", re.MULTILINE)
        limit = heads[number + 1] if number + 1 < len(heads) else end
        after = nested.search(text, heads[number] + 1, limit)
        return heads[number], after.start() if after else limit
    braces = _starts(r"\{[^}]*", text, start, end)
    # This counts inline tables within inline tables too; the line is near enough.
    if not heads and number < len(braces):
        return braces[number], end
    return None


@lru_cache(maxsize=8)
def _starts(pattern: str, text: str, start: int, end: int) -> tuple[int, ...]:
    found = re.compile(pattern, re.MULTILINE).finditer(text, start, end)
    return tuple(match.start() for match in found)
