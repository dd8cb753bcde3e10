"""Evaluate markers for an environment whose marker variables are not all known.

A marker consists of comparisons, ``and`` and ``or``, without ``not``. So if its value is the same
with every unknown comparison false and with every one true, it does not depend on unknown values.

Before 26.0, pip compared every variable as a version if the right side was one, and else put texts
in order: ``os_name > "a"`` held. Now ``<`` and ``>`` hold for versions alone. Before 24.1, if no
extra was requested, ``extra`` was not equal to any text, not even to the empty one. For Pythons
whose own pips are older, such comparisons are settled first.

pip's process uses this with its own copy of packaging, so it does not import packaging.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping

from wheeltarget.targets.newest_pip import newest_pip

# Every target knows this variable.
_ALWAYS = '"" in python_full_version'
_NEVER = '"" not in python_full_version'
_STRING = r"""(?:"[^"]*"|'[^']*')"""
_QUOTES = frozenset({'"', "'"})
_OPERAND = rf"(?:{_STRING}|\w+)"
_OPERATOR = r"\s*(?:not\s+in|in|===|[<>=!~]=|<|>)\s*"
_COMPARISON = re.compile(rf"(?P<left>{_OPERAND})(?P<operator>{_OPERATOR})(?P<right>{_OPERAND})")
_VERSIONS = frozenset(
    {"implementation_version", "platform_release", "python_full_version", "python_version"}
)
"""The variables that pip compares as versions today."""

_IN_ORDER = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, ">": operator.gt}


def holds(
    marker: str, evaluate: Callable[[str], bool], unknown: Collection[str]
) -> bool | tuple[str, ...]:
    """Return whether a marker holds, or its unknown variables if it depends on them.

    :param marker: a marker (dependency specifiers, PEP 508), as ``str(Marker)`` writes it.
    """
    unquoted = re.sub(_STRING, '""', marker)
    asked = tuple(name for name in sorted(unknown) if re.search(rf"\b{name}\b", unquoted))
    if not asked:
        return evaluate(marker)
    low, high = (evaluate(_settle(marker, asked, fixed)) for fixed in (_NEVER, _ALWAYS))
    return low if low == high else asked


def without_extras(marker: str, evaluate: Callable[[str], bool]) -> str:
    """Return a marker as it is if every extra and group is requested; empty if it then holds.

    Locks name them by ``extra``, or by ``extras`` and ``dependency_groups`` (PEP 751).
    """
    settled = _settle(marker, ("extra", "extras", "dependency_groups"), _ALWAYS)
    if settled == marker:
        return marker
    others = re.compile(rf"(?P<always>{re.escape(_ALWAYS)})|{_OPERAND}{_OPERATOR}{_OPERAND}")
    if evaluate(others.sub(lambda match: match["always"] or _NEVER, settled)):
        return ""
    either = rf"\({re.escape(_ALWAYS)}(?: or {re.escape(_ALWAYS)})+\)"
    settled = re.sub(either, lambda _: _ALWAYS, settled)
    return settled.replace(f"{_ALWAYS} and ", "").replace(f" and {_ALWAYS}", "")


def reads_old(python: str) -> bool:
    """Return whether the own pip of a version of Python compares texts in their order."""
    return newest_pip(python) < (26, 0)


def as_read_for(
    python: str,
    marker: str,
    values: Mapping[str, str],
    contains: Callable[[str, str], bool | None],
) -> str:
    """Return a marker that has the value for every pip that it has for the own pip of a Python.

    :param marker: a marker, as ``str(Marker)`` writes it.
    :param values: the values of all variables, with ``extra``.
    :param contains: returns whether a specifier contains a version, false if that is no version,
        and None if it is not a specifier.
    """
    is_old = reads_old(python)
    lacks_extra = newest_pip(python) < (24, 1) and not values["extra"]

    def settle(match: re.Match[str]) -> str:
        left, right, how = match["left"], match["right"], match["operator"].strip()
        name = right if left[0] in _QUOTES else left
        held: bool | None
        if lacks_extra and name == "extra":
            held = False if how == "==" else None
        else:
            one, other = _value(left, values), _value(right, values)
            held = _held(name, one, how, other, contains)
            if held is not None and not is_old:
                held = {"!=": one != other, "<": False, ">": False}.get(how, one == other)
                held = None if how in {"===", "~="} else held
        return match[0] if held is None else _ALWAYS if held else _NEVER

    return _COMPARISON.sub(settle, marker)


def _value(operand: str, values: Mapping[str, str]) -> str:
    return operand[1:-1] if operand[0] in _QUOTES else values.get(operand, "")


def _held(
    name: str, left: str, how: str, right: str, contains: Callable[[str, str], bool | None]
) -> bool | None:
    """Return whether a comparison held before pip 26.0; None if it is as today."""
    if how == "===":
        return None if name in _VERSIONS else left.lower() == right.lower()
    if how not in {*_IN_ORDER, "==", "!=", "~="}:
        return None
    held = contains(how + right, left)
    if held is not None:
        return None if name in _VERSIONS else held
    return _IN_ORDER[how](left, right) if how in _IN_ORDER else None


def _settle(marker: str, names: tuple[str, ...], fixed: str) -> str:
    variable = rf"(?:{'|'.join(names)})\b"
    comparison = f"(?P<unknown>{variable}{_OPERATOR}{_OPERAND}|{_OPERAND}{_OPERATOR}{variable})"
    pattern = re.compile(rf"{comparison}|{_STRING}")
    return pattern.sub(lambda match: fixed if match["unknown"] else match[0], marker)
