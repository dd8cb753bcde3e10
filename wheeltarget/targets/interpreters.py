"""Names of interpreters and builds of Python, and their tags (PEP 425)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_INTERPRETER = re.compile(r"(?P<what>cp|pp|py)(?P<major>\d)(?P<minor>\d*)")
_NAMES = {"cp": "CPython", "pp": "PyPy", "py": "Python"}

_FARTHEST, _OLDEST = 12, 4
"""The number of minor versions up and down in which to look for a Python."""

_FIRST_WITH_THREADS = 13
"""The first CPython 3 that has a free-threaded build."""


def name_pythons(interpreters: Collection[tuple[str, bool]]) -> str:
    """Return the names of interpreters, with consecutive versions as a range.

    :param interpreters: (interpreter tag, whether newer ones are included).
    :returns: such as ``CPython 3.9 to 3.12 and PyPy 3.10``; empty for no interpreters.
    """
    found: dict[str, dict[tuple[int, int], bool]] = {}
    others = []
    for interpreter, newer in interpreters:
        match = _INTERPRETER.fullmatch(interpreter)
        if match is None:
            others.append(interpreter)
            continue
        version = int(match["major"]), int(match["minor"] or -1)
        versions = found.setdefault(match["what"], {})
        versions[version] = versions.get(version, False) or newer
    named = [f"{_NAMES[what]} {_join(list(_spans(found[what])))}" for what in sorted(found)]
    return _join([*named, *sorted(others)])


def name_build(interpreter: str, abi: str) -> str:
    """Return the name of a build of Python.

    :param interpreter: its interpreter tag.
    :param abi: its ABI tag.
    """
    name = name_pythons([(interpreter, False)])
    return f"free-threaded {name}" if is_free_threaded(abi) else name


def is_free_threaded(abi: str) -> bool:
    """Return whether an ABI is that of a free-threaded build (PEP 703)."""
    return re.fullmatch(r"cp\d+t", abi) is not None


def _spans(versions: dict[tuple[int, int], bool]) -> Iterator[str]:
    span: list[tuple[int, int]] = []
    for version in sorted(versions):
        if span and version != (span[-1][0], span[-1][1] + 1):
            yield from _format_span(span)
            span = []
        if versions[version]:
            yield f"{_format_version(span[0] if span else version)} and newer"
            return
        span.append(version)
    yield from _format_span(span)


def _format_span(span: list[tuple[int, int]]) -> list[str]:
    if len(span) > 2:
        return [f"{_format_version(span[0])} to {_format_version(span[-1])}"]
    return [_format_version(each) for each in span]


def _format_version(version: tuple[int, int]) -> str:
    return str(version[0]) if version[1] < 0 else f"{version[0]}.{version[1]}"


def _join(names: list[str]) -> str:
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last


def neighbours(interpreter: str, abi: str) -> Iterator[tuple[str, str]]:
    """Return the same build of other Pythons: the nearest first, and the newer of two.

    :param interpreter: an interpreter tag.
    :param abi: its ABI.
    :returns: (interpreter tag, ABI tag), the given one first; none unless it is CPython 3 or
        PyPy 3. Some may not exist.
    """
    match = re.fullmatch(r"(cp|pp)3(\d+)", interpreter)
    if match is None:
        return
    own, threads = int(match[2]), "t" if is_free_threaded(abi) else ""
    yield interpreter, abi
    for distance in range(1, _FARTHEST):
        older = [own - distance] if distance <= _OLDEST else []
        for minor in (own + distance, *older):
            if minor < (_FIRST_WITH_THREADS if threads else 0):
                continue
            if match[1] == "pp":
                yield f"pp3{minor}", f"pypy3{minor}_pp73"
            else:
                yield f"cp3{minor}", f"cp3{minor}{'m' if minor < 8 else threads}"
