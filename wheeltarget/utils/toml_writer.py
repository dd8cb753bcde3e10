"""Tables as TOML text, the same for the same values to the byte (TOML 1.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_NOT_LITERAL = re.compile(r"['\x00-\x1f\x7f]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def toml_text(table: Mapping[str, Any]) -> str:
    """Write a table as a TOML document.

    Keys keep their order, but for tables, which stand behind the plain values beside them. A table
    of one plain value stands on the line of its key, a list has a line for each of its values.

    :param table: strings, booleans, whole numbers, lists and tables of such.
    :returns: the text, with its last line end.
    :raises TypeError: where a value is of another type.
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
    """Tell whether a value stands behind its key."""
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
    raise TypeError(f"{type(value).__name__} has no form in TOML here")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04X}"
