"""Specifiers from before PEP 440, as the last pips of Python up to 3.7 read them.

Those pips (20.3, 21.3, 24.0) compare a version that is none, such as ``2011k`` or ``0.29.*``, by
the rules that setuptools had: numbers are above words, and a word stands before or behind the end
of the version by the alphabet. pip 24.1 and later refuse such metadata, and so the release it
belongs to. Here each such specifier is said anew in the words of PEP 440.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_OLDEST_WITHOUT = (3, 8)
_REQUIREMENT = re.compile(
    r"(?P<name>\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\]\s*)?)"
    r"(?P<open>\(?)(?P<specifiers>[^()@;]*)(?P<close>\)?)(?P<rest>\s*(?:;.*)?)",
    re.DOTALL,
)
_SPECIFIER = re.compile(r"\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<version>[^\s,;]+)\s*")
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_WORD = re.compile(r"(?:-\.*(?=[a-z]))?(?P<word>[a-z]+|[^a-z0-9.])")
_WORDS = {"pre": "c", "preview": "c", "rc": "c", "-": "final-", "dev": "@"}
_END = "final"


def reads_legacy(python: str) -> bool:
    """Tell whether the last pip of a Python reads specifiers from before PEP 440.

    :param python: the version of Python, at least its first two numbers.
    """
    major, minor = (int(number) for number in python.split(".")[:2])
    return (major, minor) < _OLDEST_WITHOUT


def is_modern(text: str) -> bool:
    """Tell whether a specifier is in the words of PEP 440.

    :param text: the specifier.
    """
    from packaging.specifiers import InvalidSpecifier, Specifier

    try:
        Specifier(text)
    except InvalidSpecifier:
        return False
    return True


def modern_requirement(text: str, judge: Callable[[str], bool] = is_modern) -> str:
    """Say a requirement in the words of PEP 440.

    :param text: a line of ``Requires-Dist``.
    :param judge: tells whether a specifier is in these words.
    :returns: the line, the same where nothing in it is from before PEP 440.
    """
    match = _REQUIREMENT.fullmatch(text)
    if match is None or not match["specifiers"].strip():
        return text
    specifiers = modern_specifiers(match["specifiers"], judge)
    around = (match["open"], match["close"]) if specifiers else ("", "")
    return f"{match['name']}{around[0]}{specifiers}{around[1]}{match['rest']}"


def modern_specifiers(text: str, judge: Callable[[str], bool] = is_modern) -> str:
    """Say a list of specifiers in the words of PEP 440.

    :param text: specifiers with commas between, such as those of ``Requires-Python``.
    :param judge: tells whether one is in these words.
    :returns: the list, the same where nothing in it is from before PEP 440.
    """
    given = text.split(",")
    said = [each if judge(each) else _modern_specifier(each) for each in given]
    if said == given:
        return text
    return ",".join(each for each in said if each)


def _modern_specifier(text: str) -> str:
    """Say one specifier anew; an empty one where it holds for every version."""
    match = _SPECIFIER.fullmatch(text)
    return _by_old_rules(match["operator"], match["version"]) if match else text


def _by_old_rules(operator: str, version: str) -> str:
    """Find where a version that is none stands among those that are some, and cut there."""
    if operator == "==":
        return f"==={version}"  # no release has this version
    if operator == "!=":
        return ""
    numbers = _NUMBERS.match(version.lower().removeprefix("v"))
    if numbers is None:
        # Below every number.
        return "" if operator.startswith(">") else f"==={version}"
    # A dash stands behind the end, unless a word that stands before it follows.
    match = _WORD.search(version.lower(), numbers.end())
    word = match["word"] if match else ""
    behind = _WORDS.get(word, word) > _END
    if operator.startswith(">"):
        return f"{'>' if behind else '>='}{numbers[0]}"
    return f"{'<=' if behind else '<'}{numbers[0]}"
