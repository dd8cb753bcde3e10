"""Systems by name: what the catalogue knows of them, and the targets that their names compose.

A target's name is ``SYSTEM-pythonX.Y-ARCHITECTURE``. The Python and the architecture may be left
out where there is only one to choose, the parts may stand in any order, and an architecture may go
by another name that is common; :attr:`NamedTarget.name` is the name in full.
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
"""What a system can be."""

ALIASES = {
    "x86_64": ("x86_64", "amd64", "x64"),
    "arm64": ("arm64", "aarch64"),
    "i686": ("i686", "i386", "x86"),
    "armv7l": ("armv7l", "armhf", "armv7"),
    "ppc64le": ("ppc64le", "ppc64el"),
    "s390x": ("s390x",),
    "wasm32": ("wasm32",),
}
"""The names that each architecture goes by."""

_SAME = {alias: names for names in ALIASES.values() for alias in names}
_PYTHON = re.compile(r"(?:python|py)([23])\.?(\d{1,2})(t?)", re.ASCII)
_FIRST_FREE_THREADED = 13
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class System:
    """Some releases of a system of which the same is known.

    :param name: what a target's name says of it; several can share it, with other Pythons.
    :param aliases: other names for it.
    :param title: what it is, for people.
    :param kind: one of :data:`KINDS`.
    :param platforms: the platform tag by architecture; ``""`` where a name has none.
    :param pythons: the versions that it has, each with its whole version where that is known.
    :param any_python: whether these are simply the Pythons that are known.
    :param status: ``verified`` or ``inferred``.
    :param inferred: the Pythons and architectures that are inferred whatever the status.
    :param sources: keys of the sources.
    :param python_sources: the same for the whole versions.
    :param python_seen: when those were seen, as an ISO date, or an empty string.
    :param ends: when its support ends, by Python; ``""`` stands for every other one.
    :param ends_sources: keys of the sources of that.
    :param limits: what it takes at most.
    :param limit_sources: keys of the sources of that.
    :param markers: marker variables that do not follow from the tag.
    :param notes: what else there is to know.
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
        """Say whether the platform of one of its targets is verified or inferred."""
        return "inferred" if self.inferred & {python, architecture} else self.status

    def end_of(self, python: str) -> date | None:
        """Say when the support ends; None where that is not known."""
        return self.ends.get(python, self.ends.get(""))

    def is_retired(self, python: str, today: date) -> bool:
        """Tell whether the support has ended."""
        end = self.end_of(python)
        return end is not None and end <= today

    def architecture(self, alias: str) -> str | None:
        """Find one of its architectures under any name; None where it has it not."""
        return next((each for each in self.platforms if each in _SAME.get(alias, (alias,))), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All systems.

    :param systems: in the order in which they are listed.
    :param sources: what each key of a source stands for.
    """

    systems: tuple[System, ...]
    sources: Mapping[str, str]

    def called(self, name: str) -> tuple[System, ...]:
        """Give the systems of a name, or of an alias."""
        return tuple(each for each in self.systems if name == each.name or name in each.aliases)


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """What a name stands for.

    :param name: the name in full.
    :param system: the system.
    :param python: the version of Python, such as ``3.12`` or ``3.14t``.
    :param architecture: as its name has it; empty where it has none.
    :param tag: the tag whose environment is meant.
    """

    name: str
    system: System
    python: str
    architecture: str
    tag: str

    @property
    def markers(self) -> dict[str, str]:
        """Give the marker variables of which more is known than the tag says."""
        full = self.system.pythons[self.python]
        known = {"python_full_version": full} if full else {}
        return {**known, **self.system.markers}

    @property
    def status(self) -> str:
        """Say whether its platform is verified or inferred."""
        return self.system.status_of(self.python, self.architecture)


def parse_systems(data: Mapping[str, Any], newest: Iterable[str]) -> Catalogue:
    """Read the table of systems.

    :param data: what ``systems.toml`` holds.
    :param newest: the interpreters that are known, such as ``cp312``.
    :returns: the systems and their sources.
    """
    pythons = MappingProxyType(dict.fromkeys(_any_python(newest), ""))
    ends_sources = tuple(data["ends_sources"])
    systems = tuple(_parse_system(each, pythons, ends_sources) for each in data["system"])
    return Catalogue(systems, MappingProxyType(data["sources"]))


def _any_python(newest: Iterable[str]) -> Iterable[str]:
    """Give the version of each CPython, the free-threaded ones as well."""
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
    """Give the platform tag of each architecture, which Linux has its own name for."""
    named = {"arm64": "aarch64"}
    return {each: f"{level}_{named.get(each, each)}" for each in architectures}


def target_name(system: str, python: str, architecture: str) -> str:
    """Compose the name of a target.

    :param system: the name of its system.
    :param python: its version of Python, such as ``3.12``.
    :param architecture: one that the system has; empty where it does not matter.
    :returns: the name in full.
    """
    return "-".join(filter(None, (system, f"python{python}", architecture)))


def tag_of(python: str, platform: str) -> str:
    """Give the tag of a CPython.

    :param python: its version, such as ``3.12`` or ``3.14t``.
    :param platform: its platform tag.
    :returns: the tag whose environment is meant.
    """
    major, _, minor = python.removesuffix("t").partition(".")
    interpreter = f"cp{major}{minor}"
    if platform == "any":
        return f"{interpreter}-none-any"
    system = "linux" if "linux" in platform else ""
    abi = usual_abi(interpreter, (int(major), int(minor)), system)
    return f"{interpreter}-{abi}{'t' * python.endswith('t')}-{platform}"


def find_target(text: str, catalogue: Catalogue) -> NamedTarget:
    """Find the target that a name stands for.

    :param text: the name, in full or as short as it can be.
    :param catalogue: the systems.
    :returns: the target.
    :raises TargetError: where there is none, or more than one; the hint says what to write.
    """
    name, python, alias = _split(text.lower())
    systems = catalogue.called(name)
    if not systems:
        raise _unknown(text, name, python, alias, catalogue)
    found = _fitting(name, systems, python, alias)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(text, found, python)
    raise _without(name, systems, python, alias)


def _split(text: str) -> tuple[str, str, str]:
    """Part a name into the system, the Python and the architecture, wherever they stand."""
    python = alias = ""
    rest = []
    for word in text.split("-"):
        match = _PYTHON.fullmatch(word)
        if match and not python:
            python = f"{match[1]}.{match[2]}{match[3]}"
        elif word in _SAME and not alias:
            alias = word
        else:
            rest.append(word)
    return "-".join(rest), python, alias


def _fitting(name: str, systems: Iterable[System], python: str, alias: str) -> list[NamedTarget]:
    """Give every target of these systems that a name can mean."""
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
    """Say what a name leaves open, and what it would be in full."""
    versions = dict.fromkeys(each.python for each in found)
    what, choices = "Python", versions
    if python or len(versions) == 1:
        what, choices = "architecture", dict.fromkeys(each.architecture for each in found)
    example = _example(found).name
    hint = f"write {example}, or another of {', '.join(choices)}"
    if len(found) <= _SUGGESTIONS:
        hint = _write(each.name for each in found)
    return TargetError(f"{text} leaves the {what} open", hint, code="WT216")


def _write(names: Iterable[str]) -> str:
    *first, last = names
    return f"write {', '.join(first)}{' or ' if first else ''}{last}"


def _example(found: Sequence[NamedTarget]) -> NamedTarget:
    """Choose what most people mean: the newest usual Python on the usual architecture."""
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
    """Say which Python or architecture a system does not have."""
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


def _unknown(text: str, name: str, python: str, alias: str, catalogue: Catalogue) -> TargetError:
    """Say that there is no such system, and which names are near."""
    system, misspelled = ("", "") if python else _misspelled(name)
    near = [system] if catalogue.called(system) else near_names(system or name, catalogue)
    python = python or misspelled
    whole = [full for each in near if (full := _like(each, python, alias, catalogue))]
    hint = "wheeltarget targets lists those known; or name a target file, such as ./FILE.toml"
    if whole:
        hint = _write(dict.fromkeys(whole))
    return TargetError(f"{text} is no target known here", hint, code="WT202")


def _misspelled(name: str) -> tuple[str, str]:
    """Part a name once more, where its Python is nearly one, such as ``pyton3.12``.

    The names of locks have ``python3_12``.
    """
    for word in name.split("-"):
        match = re.fullmatch(r"([a-z]+)([23][._]\d{1,2}t?)", word, re.ASCII)
        if match and get_close_matches(match[1], ["python"], cutoff=0.7):
            rest = "-".join(each for each in name.split("-") if each != word)
            return rest, match[2].replace("_", ".")
    return name, ""


def near_names(name: str, catalogue: Catalogue) -> list[str]:
    """Find the systems with a name that is nearly one.

    :param name: what was written.
    :param catalogue: the systems.
    :returns: the nearest ones first, three at most.
    """
    names = dict.fromkeys(name for each in catalogue.systems for name in (each.name, *each.aliases))
    begun = [each for each in names if name and each.startswith(f"{name}-")]
    close = get_close_matches(name, names, n=_SUGGESTIONS, cutoff=0.7)
    return list(dict.fromkeys((*begun[-_SUGGESTIONS:], *close)))[:_SUGGESTIONS]


def _like(name: str, python: str, alias: str, catalogue: Catalogue) -> str:
    """Compose a name for a system that is like what was written, and fits exactly one target."""
    found = _fitting(name, catalogue.called(name), python, alias)
    if not found and alias:
        found = _fitting(name, catalogue.called(name), python, "")
    if not found:
        found = _fitting(name, catalogue.called(name), "", alias)
    return _example(found).name if found else ""
