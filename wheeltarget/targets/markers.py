"""Markers of an environment of which not everything is known.

A marker is made of comparisons, ``and`` and ``or``; there is no ``not``. So its value can only
rise when a comparison turns from false to true: if it is the same with every unknown comparison
false and with every one true, it is known, whatever the unknown values are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheeltarget.targets.target import Target

# Whatever that variable says; it is the one that every target knows.
_ALWAYS = '"" in python_full_version'
_NEVER = '"" not in python_full_version'
_STRING = r"""(?:"[^"]*"|'[^']*')"""
_OPERAND = rf"(?:{_STRING}|\w+)"
_OPERATOR = r"\s*(?:not\s+in|in|===|[<>=!~]=|<|>)\s*"


def holds(
    marker: str, evaluate: Callable[[str], bool], unknown: Collection[str]
) -> bool | tuple[str, ...]:
    """Say whether a marker holds, as far as that can be known.

    :param marker: a marker (dependency specifiers, PEP 508), as ``str(Marker)`` writes it.
    :param evaluate: evaluates a marker that asks for known variables only.
    :param unknown: the variables of which nothing is known.
    :returns: whether it holds, or, where that depends on them, the unknown variables in it.
    """
    unquoted = re.sub(_STRING, '""', marker)
    asked = tuple(name for name in sorted(unknown) if re.search(rf"\b{name}\b", unquoted))
    if not asked:
        return evaluate(marker)
    low, high = (evaluate(_settle(marker, asked, fixed)) for fixed in (_NEVER, _ALWAYS))
    return low if low == high else asked


def with_every_extra(marker: str) -> str:
    """Give what a marker says where every extra is asked for.

    :param marker: a marker, as ``str(Marker)`` writes it.
    :returns: a marker that asks for no extra, empty where it always holds then.
    """
    settled = _settle(marker, ("extra",), _ALWAYS)
    if settled == marker:
        return marker
    from packaging.markers import Marker

    others = re.compile(rf"(?P<always>{re.escape(_ALWAYS)})|{_OPERAND}{_OPERATOR}{_OPERAND}")
    if Marker(others.sub(lambda match: match["always"] or _NEVER, settled)).evaluate():
        return ""
    either = rf"\({re.escape(_ALWAYS)}(?: or {re.escape(_ALWAYS)})+\)"
    settled = re.sub(either, lambda _: _ALWAYS, settled)
    return settled.replace(f"{_ALWAYS} and ", "").replace(f" and {_ALWAYS}", "")


def evaluate(marker: str, target: Target, extra: str = "") -> bool | tuple[str, ...]:
    """Evaluate a marker for a target.

    :param marker: the marker, as ``str(Marker)`` writes it.
    :param target: the target.
    :param extra: the extra that is asked for, if one is.
    :returns: whether it holds, or, where that depends on them, the unknown variables in it; none
        where it compares what cannot be compared.
    """
    from packaging.markers import (
        InvalidMarker,
        Marker,
        UndefinedComparison,
        UndefinedEnvironmentName,
    )

    environment = {**dict.fromkeys(target.unknown, ""), **target.environment, "extra": extra}
    try:
        return holds(marker, lambda text: Marker(text).evaluate(environment), target.unknown)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, KeyError):
        # pip refuses it in its own words; a KeyError is how older packagings say it.
        return ()


def _settle(marker: str, names: tuple[str, ...], fixed: str) -> str:
    """Replace each comparison with one of these variables."""
    variable = rf"(?:{'|'.join(names)})\b"
    comparison = f"(?P<unknown>{variable}{_OPERATOR}{_OPERAND}|{_OPERAND}{_OPERATOR}{variable})"
    pattern = re.compile(rf"{comparison}|{_STRING}")
    return pattern.sub(lambda match: fixed if match["unknown"] else match[0], marker)
