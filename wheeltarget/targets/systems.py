"""Systems of the catalog, and the targets that are named after them.

A target's name is ``SYSTEM-pythonX.Y-ARCHITECTURE``. The Python or the architecture may be
omitted if there is only one, the parts may come in any order, and common aliases of architectures
are accepted; :attr:`NamedTarget.name` is the full name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from wheeltarget.errors import TargetError
from wheeltarget.targets.abis import usual_abi

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


@dataclass(frozen=True, slots=True)
class System:
    """Releases of a system with the same properties.

    :param name: its part of a target's name; several can share it, with other Pythons.
    :param aliases: other names for it.
    :param title: its description.
    :param kind: one of :data:`KINDS`.
    :param platforms: the platform tag by architecture; ``""`` if names have no architecture.
    :param pythons: its Python versions, each with its full version if that is known.
    :param any_python: whether these are all known Pythons.
    :param status: ``verified`` or ``inferred``.
    :param inferred: the Pythons and architectures that are inferred despite the status.
    :param sources: keys of the sources.
    :param python_sources: keys of the sources of the full versions.
    :param python_seen: the ISO date of the full versions, or an empty string.
    :param ends: the end of support by Python; ``""`` is for every other one.
    :param ends_sources: keys of the sources of the end of support.
    :param limits: the limits of the service.
    :param limit_sources: keys of the sources of the limits.
    :param markers: marker variables that do not follow from the tag.
    :param notes: further notes.
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    kind: str
    platforms: Mapping[str, str]
    pythons: Mapping[str, str]
    any_python: bool
    status: str
    inferred: frozenset[str]
    sources: tuple[str, ...]
    python_sources: tuple[str, ...]
    python_seen: str
    ends: Mapping[str, date]
    ends_sources: tuple[str, ...]
    limits: Mapping[str, int]
    limit_sources: tuple[str, ...]
    markers: Mapping[str, str]
    notes: tuple[str, ...]

    def status_of(self, python: str, architecture: str) -> str:
        """Return whether the platform of one of its targets is verified or inferred."""
        return "inferred" if self.inferred & {python, architecture} else self.status

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
    """All systems.

    :param systems: in the order of lists.
    :param sources: the source by key.
    """

    systems: tuple[System, ...]
    sources: Mapping[str, str]

    def called(self, name: str) -> tuple[System, ...]:
        """Return the systems with a name or an alias."""
        return tuple(each for each in self.systems if name == each.name or name in each.aliases)


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target of the catalog.

    :param name: the full name.
    :param system: the system.
    :param python: the version of Python, such as ``3.12`` or ``3.14t``.
    :param architecture: the architecture in its name; empty if it names none.
    :param tag: the best tag of its environment.
    """

    name: str
    system: System
    python: str
    architecture: str
    tag: str

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
    """Parse the table of systems.

    :param data: the content of ``systems.toml``.
    :param newest: the known interpreters, such as ``cp312``.
    :returns: the systems and their sources.
    """
    pythons = MappingProxyType(dict.fromkeys(_any_python(newest), ""))
    ends_sources = tuple(data["ends_sources"])
    systems = tuple(_parse_system(each, pythons, ends_sources) for each in data["system"])
    return Catalog(systems, MappingProxyType(data["sources"]))


def _any_python(newest: Iterable[str]) -> Iterable[str]:
    """Return the version of each CPython, with the free-threaded ones."""
    for interpreter in newest:
        match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
        if match:
            yield f"{match[1]}.{match[2]}"
            if int(match[2]) >= _FIRST_FREE_THREADED:
                yield f"{match[1]}.{match[2]}t"


def _parse_system(
    entry: Mapping[str, Any], any_python: Mapping[str, str], ends_sources: tuple[str, ...]
) -> System:
    pythons, ends = entry["pythons"], entry.get("ends", {})
    if pythons != "any":
        listed = pythons if isinstance(pythons, dict) else dict.fromkeys(pythons, "")
        pythons = MappingProxyType(listed)
    platforms = entry.get("platforms") or _linux(entry["level"], entry["arches"])
    return System(
        entry["name"],
        tuple(entry.get("aliases", ())),
        entry["title"],
        entry["kind"],
        MappingProxyType(platforms),
        any_python if pythons == "any" else pythons,
        pythons == "any",
        entry["status"],
        frozenset(entry.get("inferred", ())),
        tuple(entry["sources"]),
        tuple(entry.get("python_sources", entry["sources"])),
        str(entry.get("python_seen", "")),
        MappingProxyType(ends if isinstance(ends, dict) else {"": ends}),
        ends_sources,
        MappingProxyType(entry.get("limits", {})),
        tuple(entry.get("limit_sources", ())),
        MappingProxyType(entry.get("markers", {})),
        tuple(entry.get("notes", ())),
    )


def _linux(level: str, architectures: Iterable[str]) -> dict[str, str]:
    """Return the platform tag by architecture."""
    named = {"arm64": "aarch64"}
    return {each: f"{level}_{named.get(each, each)}" for each in architectures}


def target_name(system: str, python: str, architecture: str) -> str:
    """Compose the name of a target.

    :param system: the name of its system.
    :param python: its version of Python, such as ``3.12``.
    :param architecture: one of the system's; empty if it does not matter.
    :returns: the full name.
    """
    return "-".join(filter(None, (system, f"python{python}", architecture)))


def tag_of(python: str, platform: str) -> str:
    """Return the best tag of a CPython.

    :param python: its version, such as ``3.12`` or ``3.14t``.
    :param platform: its platform tag.
    :returns: the tag.
    """
    major, _, minor = python.removesuffix("t").partition(".")
    interpreter = f"cp{major}{minor}"
    if platform == "any":
        return f"{interpreter}-none-any"
    system = "linux" if "linux" in platform else ""
    abi = usual_abi(interpreter, (int(major), int(minor)), system)
    return f"{interpreter}-{abi}{'t' * python.endswith('t')}-{platform}"


def find_target(text: str, catalogue: Catalog) -> NamedTarget:
    """Return the target with a name.

    :param text: the name, in full or shortened.
    :param catalogue: the systems.
    :returns: the target.
    :raises TargetError: if there is no such target, or more than one.
    """
    name, python, alias = _split(text.lower())
    systems = catalogue.called(name)
    if not systems:
        raise _unknown(text, name, python, alias, catalogue)
    found = _matching(name, systems, python, alias)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(text, found, python)
    raise _without(name, systems, python, alias)


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
    found = []
    for system in systems:
        one = system.architecture(alias) if alias else None
        architectures = [one] if one else [] if alias else [*system.platforms]
        for version in [python] if python else system.pythons:
            found += [
                NamedTarget(
                    target_name(name, version, each),
                    system,
                    version,
                    each,
                    tag_of(version, system.platforms[each]),
                )
                for each in architectures
                if version in system.pythons
            ]
    return found


def _ambiguous(text: str, found: Sequence[NamedTarget], python: str) -> TargetError:
    versions = dict.fromkeys(each.python for each in found)
    what, choices = "Python", versions
    if python or len(versions) == 1:
        what, choices = "architecture", dict.fromkeys(each.architecture for each in found)
    example = _example(found).name
    hint = f"write {example}, or another of {', '.join(choices)}"
    if len(found) <= _SUGGESTIONS:
        hint = _write_hint(each.name for each in found)
    return TargetError(f"{text} does not say which {what}", hint, code="WT216")


def _write_hint(names: Iterable[str]) -> str:
    *first, last = names
    return f"write {', '.join(first)}{' or ' if first else ''}{last}"


def _example(found: Sequence[NamedTarget]) -> NamedTarget:
    """Choose the newest usual Python on the usual architecture."""
    return max(
        enumerate(found),
        key=lambda pair: (
            pair[1].status == "verified",
            not pair[1].python.endswith("t"),
            pair[1].architecture == next(iter(pair[1].system.platforms)),
            pair[0],
        ),
    )[1]


def _without(name: str, systems: Sequence[System], python: str, alias: str) -> TargetError:
    versions = dict.fromkeys(version for each in systems for version in each.pythons)
    if python and python not in versions:
        return TargetError(
            f"{name} has no Python {python}", f"it has {', '.join(versions)}", code="WT217"
        )
    having = [each for each in systems if not python or python in each.pythons]
    known = dict.fromkeys(each for system in having for each in system.platforms if each)
    with_python = f" with Python {python}" if python else ""
    if not known:
        hint = f"write {target_name(name, python or next(iter(versions)), '')}"
        return TargetError(f"{name} has no architecture of its own", hint, code="WT217")
    hint = f"it has {', '.join(known)}"
    return TargetError(f"{name} has no {alias}{with_python}", hint, code="WT217")


def _unknown(text: str, name: str, python: str, alias: str, catalogue: Catalog) -> TargetError:
    system, misspelled = ("", "") if python else _misspelled(name)
    near = [system] if catalogue.called(system) else near_names(system or name, catalogue)
    python = python or misspelled
    whole = [full for each in near if (full := _suggest(each, python, alias, catalogue))]
    hint = "run wheeltarget targets for a list, or name a target file, such as ./FILE.toml"
    if whole:
        hint = _write_hint(dict.fromkeys(whole))
    return TargetError(f"{text} is not a known target", hint, code="WT202")


def _misspelled(name: str) -> tuple[str, str]:
    """Split a name with a misspelled Python, such as ``pyton3.12``, or as in a lock's name."""
    for part in name.split("-"):
        match = re.fullmatch(r"([a-z]+)([23][._]\d{1,2}t?)", part, re.ASCII)
        if match and get_close_matches(match[1], ["python"], cutoff=0.7):
            rest = "-".join(each for each in name.split("-") if each != part)
            return rest, match[2].replace("_", ".")
    return name, ""


def near_names(name: str, catalogue: Catalog) -> list[str]:
    """Find the systems with a name like a wrong one.

    :param name: the wrong name.
    :param catalogue: the systems.
    :returns: at most three, the nearest first.
    """
    names = dict.fromkeys(name for each in catalogue.systems for name in (each.name, *each.aliases))
    begun = [each for each in names if name and each.startswith(f"{name}-")]
    close = get_close_matches(name, names, n=_SUGGESTIONS, cutoff=0.7)
    return list(dict.fromkeys((*begun[-_SUGGESTIONS:], *close)))[:_SUGGESTIONS]


def _suggest(name: str, python: str, alias: str, catalogue: Catalog) -> str:
    """Compose the full name of a target of a system with a similar name."""
    found = _matching(name, catalogue.called(name), python, alias)
    if not found and alias:
        found = _matching(name, catalogue.called(name), python, "")
    if not found:
        found = _matching(name, catalogue.called(name), "", alias)
    return _example(found).name if found else ""
