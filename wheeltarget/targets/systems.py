"""Systems of the catalog, and the targets that are named after them.

A target's name is ``SYSTEM-pythonX.Y-ARCHITECTURE``. The Python or the architecture may be
omitted if there is only one, the parts may come in any order, and common aliases of architectures
are accepted; :attr:`NamedTarget.name` is the full name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any

from wheeltarget.errors import TargetError
from wheeltarget.targets.tags import usual_abi

KINDS = ("service", "distribution", "image", "desktop", "mobile", "browser")
"""The kinds of systems."""

ALIASES = {
    "x86_64": ("x86_64", "amd64", "x64"),
    "arm64": ("arm64", "aarch64"),
    "i686": ("i686", "i386", "x86"),
    "armv7l": ("armv7l", "armhf", "armv7"),
    "ppc64le": ("ppc64le", "ppc64el"),
    "s390x": ("s390x",),
    "wasm32": ("wasm32",),
}
"""The names of each architecture."""

_SAME = {alias: names for names in ALIASES.values() for alias in names}
_PYTHON = re.compile(r"(?:python|py)([23])\.?(\d{1,2})(t?)", re.ASCII)
_FIRST_FREE_THREADED = 13
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Releases of a system with the same properties.

    :param name: its part of a target's name; several can share it, with other Pythons.
    :param platforms: the platform tag by architecture; ``""`` if names have no architecture.
    :param pythons: its Python versions, each with its full version or an empty string.
    :param any_python: whether these are all known Pythons.
    :param status: ``verified`` or ``inferred``.
    :param inferred: the Pythons and architectures that are inferred despite the status.
    :param sources: keys of the sources, as in all other fields with sources.
    :param python_sources: the sources of the full versions.
    :param python_seen: the ISO date of the full versions, or an empty string.
    :param ends: the end of support by Python; ``""`` is for every other one.
    :param markers: marker variables that do not follow from the tag.
    """

    name: str
    title: str
    kind: str
    platforms: Mapping[str, str]
    pythons: Mapping[str, str]
    any_python: bool
    status: str
    sources: tuple[str, ...]
    python_sources: tuple[str, ...]
    ends_sources: tuple[str, ...]
    ends: Mapping[str, date]
    python_seen: str
    aliases: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    limit_sources: tuple[str, ...] = ()
    markers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def status_of(self, python: str, architecture: str) -> str:
        """Return whether the platform of one of its targets is verified or inferred."""
        return "inferred" if {python, architecture} & {*self.inferred} else self.status

    def end_of(self, python: str) -> date | None:
        """Return the end of support; None if it is not known."""
        return self.ends.get(python, self.ends.get(""))

    def is_retired(self, python: str, today: date) -> bool:
        """Return whether the support has ended."""
        end = self.end_of(python)
        return end is not None and end <= today

    def architecture(self, alias: str) -> str | None:
        """Return one of its architectures by name or alias; None if it does not have it."""
        return next((each for each in self.platforms if each in _SAME.get(alias, (alias,))), None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All systems in the order of lists, and each source by its key."""

    systems: tuple[System, ...]
    sources: Mapping[str, str]

    def called(self, name: str) -> tuple[System, ...]:
        """Return the systems with a name or an alias."""
        return tuple(each for each in self.systems if name in (each.name, *each.aliases))


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target of the catalog.

    :param python: the version of Python, such as ``3.12`` or ``3.14t``.
    :param architecture: the architecture in its name; empty if it names none.
    """

    name: str
    system: System
    python: str
    architecture: str

    @property
    def tag(self) -> str:
        """Return the best tag of its environment."""
        return tag_of(self.python, self.system.platforms[self.architecture])

    @property
    def markers(self) -> dict[str, str]:
        """Return the marker variables that do not follow from the tag."""
        full = self.system.pythons[self.python]
        known = {"python_full_version": full} if full else {}
        return {**known, **self.system.markers}

    @property
    def status(self) -> str:
        """Return whether its platform is verified or inferred."""
        return self.system.status_of(self.python, self.architecture)


def parse_systems(data: Mapping[str, Any], newest: Iterable[str]) -> Catalog:
    """Parse the content of ``systems.toml``, for the known interpreters, such as ``cp312``."""
    pythons = dict.fromkeys(_any_python(newest), "")
    shared = {"ends_sources": data["ends_sources"]}
    systems = tuple(_parse_system({**shared, **each}, pythons) for each in data["system"])
    return Catalog(systems, data["sources"])


def _any_python(newest: Iterable[str]) -> Iterable[str]:
    """Return the version of each CPython, with the free-threaded ones."""
    for interpreter in newest:
        match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
        if match:
            yield f"{match[1]}.{match[2]}"
            if int(match[2]) >= _FIRST_FREE_THREADED:
                yield f"{match[1]}.{match[2]}t"


def _parse_system(entry: dict[str, Any], any_python: Mapping[str, str]) -> System:
    pythons, ends = entry["pythons"], entry.get("ends", {})
    if isinstance(pythons, list):
        pythons = dict.fromkeys(pythons, "")
    if "level" in entry:
        level, arches = entry.pop("level"), entry.pop("arches")
        named = {"arm64": "aarch64"}
        entry["platforms"] = {each: f"{level}_{named.get(each, each)}" for each in arches}
    fields: dict[str, Any] = {
        "python_sources": entry["sources"],
        **entry,
        "any_python": pythons == "any",
        "pythons": any_python if pythons == "any" else pythons,
        "ends": ends if isinstance(ends, dict) else {"": ends},
        "python_seen": str(entry.get("python_seen", "")),
    }
    for key, value in fields.items():
        fields[key] = tuple(value) if isinstance(value, list) else value
    return System(**fields)


def target_name(system: str, python: str, architecture: str) -> str:
    """Compose the full name of a target; the architecture may be empty."""
    return "-".join(filter(None, (system, f"python{python}", architecture)))


def tag_of(python: str, platform: str) -> str:
    """Return the best tag of a CPython, such as ``3.12`` or ``3.14t``."""
    major, _, minor = python.removesuffix("t").partition(".")
    interpreter = f"cp{major}{minor}"
    if platform == "any":
        return f"{interpreter}-none-any"
    system = "linux" if "linux" in platform else ""
    abi = usual_abi(interpreter, (int(major), int(minor)), system)
    return f"{interpreter}-{abi}{'t' * python.endswith('t')}-{platform}"


def find_target(text: str, catalog: Catalog) -> NamedTarget:
    """Return the target with a name; raise TargetError if there is none, or more than one."""
    name, python, alias = _split(text.lower())
    systems = catalog.called(name)
    if not systems:
        raise _unknown(text, name, python, alias, catalog)
    found = _matching(name, systems, python, alias)
    if len(found) == 1:
        return found[0]
    raise _ambiguous(text, found, python) if found else _without(name, systems, python, alias)


def _split(text: str) -> tuple[str, str, str]:
    """Split a name into the system, the Python and the architecture, in any order."""
    python = alias = ""
    rest = []
    for part in text.split("-"):
        match = _PYTHON.fullmatch(part)
        if match and not python:
            python = f"{match[1]}.{match[2]}{match[3]}"
        elif part in _SAME and not alias:
            alias = part
        else:
            rest.append(part)
    return "-".join(rest), python, alias


def _matching(name: str, systems: Iterable[System], python: str, alias: str) -> list[NamedTarget]:
    """Return every target of these systems that a name can mean."""
    return [
        NamedTarget(target_name(name, version, each), system, version, each)
        for system in systems
        for version in system.pythons
        if python in {"", version}
        for each in system.platforms
        if not alias or each == system.architecture(alias)
    ]


def _ambiguous(text: str, found: Sequence[NamedTarget], python: str) -> TargetError:
    versions = dict.fromkeys(each.python for each in found)
    what, choices = "Python", versions
    if python or len(versions) == 1:
        what, choices = "architecture", dict.fromkeys(each.architecture for each in found)
    hint = f"write {_example(found).name}, or another of {', '.join(choices)}"
    if len(found) <= _SUGGESTIONS:
        hint = _write_hint(each.name for each in found)
    return TargetError(f"{text} does not say which {what}", hint, code="WT216")


def _write_hint(names: Iterable[str]) -> str:
    *first, last = names
    return f"write {', '.join(first)}{' or ' if first else ''}{last}"


def _example(found: Sequence[NamedTarget]) -> NamedTarget:
    """Choose the newest usual Python on the usual architecture."""

    def rank(each: NamedTarget) -> tuple[bool, bool, bool]:
        usual = each.architecture == next(iter(each.system.platforms))
        return each.status == "verified", not each.python.endswith("t"), usual

    return max(reversed(found), key=rank)


def _without(name: str, systems: Sequence[System], python: str, alias: str) -> TargetError:
    versions = dict.fromkeys(version for each in systems for version in each.pythons)
    if python and python not in versions:
        what, hint = f"Python {python}", f"it has {', '.join(versions)}"
    else:
        having = [each for each in systems if not python or python in each.pythons]
        known = dict.fromkeys(each for system in having for each in system.platforms if each)
        what, hint = alias, f"it has {', '.join(known)}"
        if python:
            what += f" with Python {python}"
        if not known:
            what = "architecture of its own"
            hint = f"write {target_name(name, python or next(iter(versions)), '')}"
    return TargetError(f"{name} has no {what}", hint, code="WT217")


def _unknown(text: str, name: str, python: str, alias: str, catalog: Catalog) -> TargetError:
    system, misspelled = ("", "") if python else _misspelled(name)
    near = [system] if catalog.called(system) else _near_names(system or name, catalog)
    python = python or misspelled
    names = [full for each in near if (full := _suggest(each, python, alias, catalog))]
    hint = "run wheeltarget targets for a list, or name a target file, such as ./FILE.toml"
    if names:
        hint = _write_hint(dict.fromkeys(names))
    return TargetError(f"{text} is not a known target", hint, code="WT202")


def _misspelled(name: str) -> tuple[str, str]:
    """Split a name with a misspelled Python, such as ``pyton3.12``, or as in a lock's name."""
    for part in name.split("-"):
        match = re.fullmatch(r"([a-z]+)([23][._]\d{1,2}t?)", part, re.ASCII)
        if match and get_close_matches(match[1], ["python"], cutoff=0.7):
            rest = "-".join(each for each in name.split("-") if each != part)
            return rest, match[2].replace("_", ".")
    return name, ""


def _near_names(name: str, catalog: Catalog) -> list[str]:
    """Return at most three similar names of systems, the nearest first."""
    names = dict.fromkeys(name for each in catalog.systems for name in (each.name, *each.aliases))
    begun = [each for each in names if name and each.startswith(f"{name}-")]
    close = get_close_matches(name, names, n=_SUGGESTIONS, cutoff=0.7)
    return list(dict.fromkeys((*begun[-_SUGGESTIONS:], *close)))[:_SUGGESTIONS]


def _suggest(name: str, python: str, alias: str, catalog: Catalog) -> str:
    """Compose the full name of a target of a system with a similar name."""
    systems = catalog.called(name)
    for version, architecture in ((python, alias), (python, ""), ("", alias)):
        found = _matching(name, systems, version, architecture)
        if found:
            return _example(found).name
    return ""
