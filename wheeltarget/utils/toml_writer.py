"""Write tables as TOML 1.0.

Unlike tomli-w, this writes a table with one value inline, such as the hashes of a file in a lock,
and a string with double quotes as a literal. So locks stay short, and do not change on a re-lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_NOT_LITERAL = re.compile(r"['\x00-\x1f\x7f]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table as a TOML document.

    Keys keep their order, but tables come after plain values. A table with one plain value is
    written inline, and a list has one line for each of its values.

    :param table: strings, booleans, integers, lists and tables of these.
    :returns: the text; the same for equal tables.
    :raises TypeError: if a value has another type.
    """
    return "\n".join(_lines(table, ())).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    below = {key: value for key, value in table.items() if not _is_plain(value)}
    for key, value in table.items():
        if key not in below:
            yield from _plain_lines(key, value)
    for key, value in below.items():
        name = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            if not value or any(map(_is_plain, value.values())):
                yield from ("", f"[{name}]")
            yield from _lines(value, (*path, key))
        else:
            for each in value:
                yield from ("", f"[[{name}]]", *_lines(each, (*path, key)))


def _is_plain(value: object) -> bool:
    """Return whether a value is written on the line of its key."""
    if isinstance(value, Mapping):
        return _is_short(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return not all(isinstance(each, Mapping) for each in value) or all(map(_is_short, value))
    return True


def _is_short(table: Mapping[str, Any]) -> bool:
    return len(table) == 1 and all(isinstance(each, str | int) for each in table.values())


def _plain_lines(key: str, value: object) -> Iterator[str]:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield f"{_key(key)} = ["
        yield from (f"    {_value(each)}," for each in value)
        yield "]"
    else:
        yield f"{_key(key)} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        if '"' in value and not _NOT_LITERAL.search(value):
            return f"'{value}'"
        return f'"{_ESCAPED.sub(_escape, value)}"'
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"{type(value).__name__} cannot be written as TOML")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04X}"
