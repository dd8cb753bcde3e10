"""Evaluate markers for an environment whose marker variables are not all known.

A marker consists of comparisons, ``and`` and ``or``, without ``not``. So if its value is the same
with every unknown comparison false and with every one true, it does not depend on unknown values.

pip's process uses this with its own copy of packaging, so it does not import packaging.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

# Every target knows this variable.
_ALWAYS = '"" in python_full_version'
_NEVER = '"" not in python_full_version'
_STRING = r"""(?:"[^"]*"|'[^']*')"""
_OPERAND = rf"(?:{_STRING}|\w+)"
_OPERATOR = r"\s*(?:not\s+in|in|===|[<>=!~]=|<|>)\s*"


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


def _settle(marker: str, names: tuple[str, ...], fixed: str) -> str:
    variable = rf"(?:{'|'.join(names)})\b"
    comparison = f"(?P<unknown>{variable}{_OPERATOR}{_OPERAND}|{_OPERAND}{_OPERATOR}{variable})"
    pattern = re.compile(rf"{comparison}|{_STRING}")
    return pattern.sub(lambda match: fixed if match["unknown"] else match[0], marker)
