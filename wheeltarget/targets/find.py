"""Find the target of the catalog that a name means; if there is no such target, suggest others.

A name is read as parts, in any order, before anything is guessed: a suggestion keeps every part
that was written and is valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from wheeltarget.errors import TargetError
from wheeltarget.targets.names import (
    SAME,
    NamedTarget,
    known_systems,
    systems_called,
)
from wheeltarget.targets.tags import tag_of

_SUGGESTIONS = 3
_LONGEST = 200
"""No name has more characters, and the readings of a longer text would take too long."""

_ELSEWHERE = "run wheeltarget targets for a list, or name a target file, such as ./FILE.toml"
_PYTHON_WORDS = ("python", "py", "cpython", "cp")
_PYTHON = re.compile(r"(?:python|py)([23])\.?(\d{1,2})(t?)", re.ASCII)
_LIKE_PYTHON = re.compile(r"(?P<word>[a-z]*)([23])\.?(\d{1,2})(t?)", re.ASCII)
_INTERPRETER = re.compile(r"(?:cp|pp|graalpy)\d{2,3}", re.ASCII)
_IN_TAG = re.compile(
    r"(?<![^_-])(?:(?:cpython|python|py|cp)[_-]?([23])\.?|([23])\.)(\d{1,2})(t?)(?![^_-])", re.ASCII
)
_LINUX = frozenset({"x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x"})
_PLATFORM = re.compile(
    r"manylinux\w+|musllinux_\w+|linux_[a-z]\w+|win32|win_\w+|macosx_\w+", re.ASCII
)


def find_target(text: str) -> NamedTarget:
    """Return the target with a name; raise TargetError if not exactly one target has it."""
    name, python, alias = _split(text.lower())
    found = _matching(name, python, alias)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(text, found, python)
    if systems_called(name):
        raise _without(name, python, alias)
    raise _unknown(text)


def _split(text: str) -> tuple[str, str, str]:
    """Split a name into the system, the Python and the architecture, in any order."""
    python, alias, rest = "", "", []
    for part in text.split("-"):
        match = _PYTHON.fullmatch(part)
        if match and not python:
            python = f"{match[1]}.{match[2]}{match[3]}"
        elif part in SAME and not alias:
            alias = part
        else:
            rest.append(part)
    return "-".join(rest), python, alias


def _matching(name: str, python: str, alias: str) -> list[NamedTarget]:
    return [
        each
        for system in systems_called(name)
        for each in system.targets(name)
        if python in {"", each.python}
        and (not alias or each.architecture == system.architecture(alias))
    ]


def _ambiguous(text: str, found: Sequence[NamedTarget], python: str) -> TargetError:
    what = "architecture" if python or len({each.python for each in found}) == 1 else "Python"
    return TargetError(f"{text} does not say which {what}", _choice(found), code="WT216")


def _choice(found: Sequence[NamedTarget]) -> str:
    """Return a hint with the names of targets, or with one and how the others differ."""
    if len(found) <= _SUGGESTIONS:
        return _write_hint(each.name for each in found)
    pythons = dict.fromkeys(each.python for each in found)
    others = pythons if len(pythons) > 1 else dict.fromkeys(each.architecture for each in found)
    return f"write {_example(found).name}, or another of {', '.join(others)}"


def _write_hint(names: Iterable[str]) -> str:
    *first, last = names
    return f"write {', '.join(first)}{' or ' if first else ''}{last}"


def _example(found: Sequence[NamedTarget]) -> NamedTarget:
    """Choose the system's own or the newest usual Python, on the usual architecture."""

    def rank(each: NamedTarget) -> tuple[bool, bool, bool, bool]:
        usual = each.architecture == next(iter(each.system.platforms))
        own = each.python == each.system.own_python
        return own, each.status == "verified", not each.python.endswith("t"), usual

    return max(reversed(found), key=rank)


def _without(name: str, python: str, alias: str) -> TargetError:
    systems = systems_called(name)
    versions = dict.fromkeys(version for each in systems for version in each.pythons)
    if python and python not in versions:
        hint = f"it has {', '.join(versions)}"
        return TargetError(f"{name} has no Python {python}", hint, code="WT217")
    having = [each for each in systems if not python or python in each.pythons]
    known = dict.fromkeys(each for system in having for each in system.platforms if each)
    what, hint = alias, f"it has {', '.join(known)}"
    if not known:
        what = "architecture of its own"
        hint = f"write {name}-python{python or next(iter(versions))}"
    elif python:
        what += f" with Python {python}"
    return TargetError(f"{name} has no {what}", hint, code="WT217")


def _unknown(text: str) -> TargetError:
    message = f"{text} is not a known target"
    if len(text) > _LONGEST:
        return TargetError(message, _ELSEWHERE, code="WT202")
    if hint := _tag_hint(text.lower()):
        return TargetError(message, hint, code="WT202")
    for name, python, alias in _readings(text.lower()):
        for system in _systems_written(name):
            if found := _matching(system, python, alias):
                return TargetError(message, _choice(found), code="WT202")
            if system == name or not hint:
                error = _without(system, python, alias)
                hint = f"{error.message}; {error.hint}"
            if system == name:
                return TargetError(message, hint, code="WT202")
    guess = _guess(text.lower())
    is_proposal = guess.startswith("write ")
    return TargetError(message, guess if is_proposal or not hint else hint, code="WT202")


def _tag_hint(text: str) -> str:
    """Return a hint if a text is part of a tag, perhaps with a Python."""
    if _INTERPRETER.fullmatch(text):
        return f"it is an interpreter; write a tag: tags={text}-{text}-manylinux_2_28_x86_64"
    match = _IN_TAG.search(text)
    before, after = (text[: match.start()], text[match.end() :]) if match else (text, "")
    platform = f"{before}-{after}".strip("-_").replace("-", "_")
    if linux := re.fullmatch(r"linux_?([a-z]?\w*)", platform):
        platform = f"manylinux2014_{linux[1] or 'x86_64'}" if match else platform
    name, _, architecture = platform.rpartition("_")
    if "linux" in name and architecture in SAME:
        platform = f"{name}_{next(filter(_LINUX.__contains__, SAME[architecture]), architecture)}"
    is_split = platform.startswith("win") and platform not in text.replace("-", "_")
    if is_split or not _PLATFORM.fullmatch(platform):
        return ""
    if re.fullmatch(r"manylinux\d+|m\w+linux_\d+_\d+", platform):
        platform += "_x86_64"
    python = f"{match[1] or match[2]}.{match[3]}{match[4]}" if match else "3.12"
    return f"it is a platform; write a tag with it: tags={tag_of(python, platform)}"


def _readings(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each reading of a name as system, Python and architecture, the likeliest first."""
    text = re.sub(r"(?<=py)(thon)?([23])_(?=\d)", r"\1\2.", text.replace("x86_64", "x64"))
    text = re.sub(r"\.(?=[a-z])", "-", text)
    parts = list(filter(None, re.split(r"[-_:/\s]+", text)))
    yield from _read_parts(parts)
    split = [each for part in parts for each in _split_version(part)]
    if split != parts:
        yield from _read_parts(split)


def _split_version(part: str) -> list[str]:
    """Split a version from a word before it, as in ``lambda312``."""
    match = _LIKE_PYTHON.fullmatch(part)
    if match is None or not match["word"] or match["word"] in _PYTHON_WORDS:
        return [part]
    return [match["word"], part.removeprefix(match["word"])]


def _read_parts(parts: list[str]) -> Iterator[tuple[str, str, str]]:
    parts = parts.copy()
    alias = next(filter(SAME.__contains__, parts), "")
    if alias:
        parts.remove(alias)
    named, bare = [], []
    for number, part in enumerate(parts):
        match = _LIKE_PYTHON.fullmatch(part)
        if match is None:
            continue
        before = parts[number - 1] if number and not match["word"] else ""
        rest = [*parts[: number - bool(before in _PYTHON_WORDS)], *parts[number + 1 :]]
        version = f"{match[2]}.{match[3]}{match[4]}"
        word = match["word"] or before
        if word == "python" and not rest:
            rest = ["python"]  # the image
        if word in _PYTHON_WORDS or get_close_matches(word, ["python"], cutoff=0.7):
            named.append((rest, version))
        elif not match["word"]:
            bare.append((rest, version))
    for rest, python in named or [(parts, ""), *reversed(bare)]:
        name = "-".join(rest)
        dotted = re.sub(r"(?<=[a-z])-?(\d\d)(\d\d)\b", r"-\1.\2", name)
        for each in dict.fromkeys((name, dotted, re.sub(r"(?<=[a-z])(?=\d)", "-", name))):
            yield each, python, alias


def _systems_written(name: str) -> list[str]:
    """Return the name, if a system has it, or those of the systems for which people write it."""
    if systems_called(name):
        return [name]
    return list(dict.fromkeys(each.name for each in known_systems() if name in each.written))


def _guess(text: str) -> str:
    """Return a hint with similar names; all of it that is valid stays."""
    hint = _ELSEWHERE
    # A reading with a Python comes first.
    for name, python, alias in sorted(_readings(text), key=lambda reading: not reading[1]):
        near = _near_names(name)
        names = [_example(found).name for each in near if (found := _matching(each, python, alias))]
        if names:
            return _write_hint(dict.fromkeys(names))
        if near:
            error = _without(near[0], python, alias)
            hint = f"the most similar system is {near[0]}: {error.message}; {error.hint}"
    return hint


def _near_names(name: str) -> list[str]:
    """Return at most three similar names of systems, the nearest first."""
    systems = known_systems()
    called = [name for each in systems for name in (each.name, *each.aliases)]
    begun = [each for each in called if name and each.startswith(f"{name}-")]
    names = {name: each.name for each in systems for name in each.written}
    names |= {each: each for each in called}
    close = [names[each] for each in get_close_matches(name, names, n=_SUGGESTIONS, cutoff=0.7)]
    return list(dict.fromkeys((*begun[-_SUGGESTIONS:], *close)))[:_SUGGESTIONS]
