"""Specifiers: which pin a version, which take pre-releases, and those from before PEP 440.

pip 26.0 and later take pre-releases if nothing else satisfies a specifier, as PEP 440 recommends.
Earlier ones do so only without any specifier; else a specifier has to name a pre-release.

Specifiers from before PEP 440 are read as the last pips for Python 3.7 and older (20.3, 21.3, 24.0)
do: they compare an invalid version, such as ``2011k`` or ``0.29.*``, by the old rules of
setuptools. A number is greater than a word, and a word sorts before or after the end of the version
in alphabetical order. pip 24.1 and later refuse such metadata, and so the release. Here each such
specifier is converted to PEP 440.

pip's process uses this with its own copy of packaging, so it does not import packaging.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from wheeltarget.targets.newest_pip import newest_pip

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

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


def is_pin(specifier: Specifier) -> bool:
    """Return whether a specifier accepts one version only: ``==1.2`` or ``===1.2``."""
    return specifier.operator == "===" or (
        specifier.operator == "==" and not specifier.version.endswith(".*")
    )


def reads_legacy(python: str) -> bool:
    """Return whether the last pip for a version of Python reads specifiers from before PEP 440."""
    return newest_pip(python) < (24, 1)


def falls_back_to_prereleases(python: str) -> bool:
    """Return whether the own pip of a version of Python takes them if nothing else will do."""
    return newest_pip(python) >= (26, 0)


def takes_prereleases(python: str, specifiers: Iterable[Specifier]) -> bool | None:
    """Return whether the own pip of a version of Python takes pre-releases.

    :param specifiers: all specifiers on a project, merged.
    :returns: None if it takes them only if no final release satisfies the specifiers.
    """
    given = list(specifiers)
    silent = {"!=", "<", ">"} if newest_pip(python) < (25, 0) else {"!="}
    if any(_names_prerelease(each) and each.operator not in silent for each in given):
        return True
    return False if given and not falls_back_to_prereleases(python) else None


def _names_prerelease(specifier: Specifier) -> bool:
    try:
        return bool(specifier.prereleases)
    except ValueError:
        return False  # older copies of packaging parse the text after ``===``


def modern_requirement(text: str, is_modern: Callable[[str], bool]) -> str:
    """Convert the specifiers of a line of ``Requires-Dist`` that are not modern to PEP 440."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None or not match["specifiers"].strip():
        return text
    specifiers = modern_specifiers(match["specifiers"], is_modern)
    around = (match["open"], match["close"]) if specifiers else ("", "")
    return f"{match['name']}{around[0]}{specifiers}{around[1]}{match['rest']}"


def modern_specifiers(text: str, is_modern: Callable[[str], bool]) -> str:
    """Convert those of a list of specifiers, as of ``Requires-Python``, that are not modern."""
    given = text.split(",")
    converted = [each if is_modern(each) else _convert(each) for each in given]
    return text if converted == given else ",".join(filter(None, converted))


def _convert(text: str) -> str:
    """Cut the valid versions where an invalid one would sort; empty for every version."""
    specifier = _SPECIFIER.fullmatch(text)
    if specifier is None:
        return text
    operator, version = specifier["operator"], specifier["version"]
    if operator == "==":
        return f"==={version}"  # no release has this version
    if operator == "!=":
        return ""
    numbers = _NUMBERS.match(version.lower().removeprefix("v"))
    if numbers is None:
        # Below every number.
        return "" if operator.startswith(">") else f"==={version}"
    # A dash sorts after the end, unless a word follows that sorts before it.
    match = _WORD.search(version.lower(), numbers.end())
    word = match["word"] if match else ""
    after = _WORDS.get(word, word) > _END
    if operator.startswith(">"):
        return f"{'>' if after else '>='}{numbers[0]}"
    return f"{'<=' if after else '<'}{numbers[0]}"
