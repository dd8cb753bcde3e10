"""Read TOML from outside, find the place of a value in it, and write TOML 1.0.

``tomllib`` does not keep places, and ``packaging.pylock`` reports ``packages[3].wheels[0].hashes``.

Unlike tomli-w, this writes a table with one value inline, such as the hashes of a file in a lock,
and a string with double quotes as a literal. So locks stay short, and do not change on a re-lock.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from wheeltarget.errors import Fault, Location

LONG_NUMBER, NESTED = "a number has too many digits", "it is nested too deeply"
"""Why TOML or JSON from outside is refused although its syntax is right."""

BYTE_ORDER_MARK = "\ufeff"  # some editors write it before a text; TOML does not allow it
_STEP = re.compile(r"([\w-]+)|\[(\d+)\]")
_SYNTAX = re.compile(r" *\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_LONG_KEY = re.compile(
    r"""(?:^|[\[{,])[ \t]*+(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""",
    re.ASCII | re.MULTILINE,
)
_LONG_NUMBER = re.compile(r"[=\[,]\s*+0[xob]\w{100}", re.ASCII)
# Messages of tomllib that quote a key.
_QUOTING = re.compile(
    r"(?:Cannot declare|Cannot mutate immutable namespace|Cannot redefine namespace"
    r"|Duplicate inline table key|Cannot overwrite a value).*",
    re.DOTALL,
)
_WIDEST = 200  # how much of an element is underlined
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_NOT_LITERAL = re.compile(r"['\x00-\x1f\x7f]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML from outside.

    :raises ValueError: if it is not TOML, is nested too deeply, has a number of hundreds of digits,
        or would take ``tomllib`` too long.
    """
    # tomllib copies a key for each of its parts: a megabyte of dots takes minutes.
    if _LONG_KEY.search(text):
        raise ValueError("a key has too many parts")
    # Python reads a number of thousands of hexadecimal digits, but cannot write it in a message.
    if _LONG_NUMBER.search(text):
        raise ValueError(LONG_NUMBER)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python's own limit for decimal digits
        raise ValueError(LONG_NUMBER) from error
    except RecursionError as error:
        raise ValueError(NESTED) from error


def syntax_place(error: ValueError) -> str:
    """Describe an error of ``tomllib`` and its place, without quoting the text."""
    problem, match = _problem(error)
    if match is None:
        return problem
    place = f"line {match['line']}, column {match['column']}" if match["line"] else "the last line"
    return f"{problem} in {place}"


def syntax_fault(file: str, text: str, error: ValueError, hint: str = "") -> Fault:
    """Return a fault at the place in a file that an error of ``tomllib`` names.

    The line is not shown, since the file may be anything that is named like a lock.
    """
    problem, match = _problem(error)
    if match is None or match["line"] is None:
        location, _ = _locate(file, text, len(text.rstrip()))
    else:
        location = Location(file, int(match["line"]), int(match["column"]))
    return Fault(f"not valid TOML: {problem}", hint, location)


def _problem(error: ValueError) -> tuple[str, re.Match[str] | None]:
    """Return what is wrong, without any text of the file, and where, if ``tomllib`` knows."""
    message = str(error)
    return _QUOTING.sub("a key is defined twice", _SYNTAX.sub("", message)), _SYNTAX.search(message)


def fault_at(file: str, text: str, path: str, message: str, hint: str = "") -> Fault:
    """Return a fault at the value in a file that a path names, or as near to it as can be found.

    :param path: such as ``packages[3].wheels[0].hashes``; empty for the whole file.
    """
    start, width = _find(text, path)
    location, line = _locate(file, text, start)
    return Fault(message, hint, location, line, max(min(width, len(line) - location.column + 1), 1))


def _locate(file: str, text: str, start: int) -> tuple[Location, str]:
    line_ends = _starts(r"\n", text, 0, len(text))
    number = bisect_left(line_ends, start)
    first = line_ends[number - 1] + 1 if number else 0
    line = _line(text, first, line_ends[number] if number < len(line_ends) else len(text))
    return Location(file, number + 1, start - first + 1), line


@lru_cache(maxsize=8)
def _line(text: str, start: int, end: int) -> str:
    """Return a line; cached, since thousands of faults may be in one."""
    return text[start:end].rstrip("\r")


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
                shown = text[start : min(end, start + _WIDEST)].partition("\n")[0]
                found = (start, len(shown.rstrip()))
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


@lru_cache(maxsize=32)
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


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table of strings, booleans, integers, times, lists and tables as a TOML document.

    Keys keep their order, but tables come after plain values. A table with one plain value is
    written inline, and a list has one line for each of its values.
    """
    return "\n".join(_lines(table, ())).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    below = {key: value for key, value in table.items() if not _is_plain(value)}
    for key, value in table.items():
        if key not in below:
            yield from _plain_lines(key, value)
    for key, value in below.items():
        name = ".".join(map(_key_text, (*path, key)))
        if isinstance(value, Mapping):
            if not value or any(map(_is_plain, value.values())):
                yield from ("", f"[{name}]")
            yield from _lines(value, (*path, key))
        else:
            for each in value:
                yield from ("", f"[[{name}]]", *_lines(each, (*path, key)))


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_plain(value: Any) -> bool:
    """Return whether a value is written on the line of its key."""
    if isinstance(value, Mapping):
        return _is_short(value)
    if _is_list(value):
        return not all(isinstance(each, Mapping) for each in value) or all(map(_is_short, value))
    return True


def _is_short(table: Mapping[str, Any]) -> bool:
    return len(table) == 1 and all(isinstance(each, str | int) for each in table.values())


def _plain_lines(key: str, value: Any) -> Iterator[str]:
    if _is_list(value) and value:
        yield f"{_key_text(key)} = ["
        yield from (f"    {_value(each)}," for each in value)
        yield "]"
    else:
        yield f"{_key_text(key)} = {_value(value)}"


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case str():
            if '"' in value and not _NOT_LITERAL.search(value):
                return f"'{value}'"
            return f'"{_ESCAPED.sub(_escape, value)}"'
        case Mapping():
            inner = ", ".join(f"{_key_text(key)} = {_value(each)}" for key, each in value.items())
            return f"{{ {inner} }}"
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"{type(value).__name__} cannot be written as TOML")


def _key_text(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04X}"
