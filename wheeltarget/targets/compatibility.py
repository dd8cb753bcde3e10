"""Compare the tags of a wheel with those of a target (PEP 425)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from wheeltarget.targets.interpreters import is_free_threaded, name_build, name_pythons
from wheeltarget.targets.target import Target

_GLIBC = re.compile(r"manylinux_2_(?P<minor>\d+)_(?P<machine>\w+)")
MUSL = re.compile(r"musllinux_1_(?P<minor>\d+)_(?P<machine>\w+)")
_MACOS = re.compile(r"macosx_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>\w+)")
_LINUX = re.compile(r"linux_(?P<machine>\w+)")
_NAMED = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_OLD_NAME = re.compile(r"(?P<name>manylinux(?:1|2010|2014))_(?P<machine>\w+)")
_SYSTEMS = {"win": "Windows", "macosx": "macOS", "ios": "iOS", "android": "Android"}


class Difference(IntEnum):
    """What keeps a file from being compatible, the smallest difference first."""

    FITS = 0
    HASH = 1
    YANKED = 2
    TOO_LATE = 3
    PRE_RELEASE = 4
    EXCLUDED = 5
    LIBC_LEVEL = 6
    LIBC = 7
    REQUIRES_PYTHON = 8
    ABI = 9
    PYTHON = 10
    MACHINE = 11
    SYSTEM = 12
    SEVERAL = 13
    SOURCE = 14
    NOTHING = 15


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform of a wheel, compared with those of a target.

    :param difference: ``FITS``, or what differs.
    :param words: the library version, machine or system that it needs.
    :param level: the library version as comparable numbers; else empty.
    """

    difference: Difference
    words: str = ""
    level: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TagMismatch:
    """A tag that a target does not have.

    :param tag: the tag.
    :param python: its interpreter, if that differs.
    :param newer: whether newer Pythons accept it too, since it is for the stable ABI.
    :param abi: its ABI, if only that differs and not the interpreter.
    :param platform: its platform, compared with the target's.
    """

    tag: str
    python: str
    newer: bool
    abi: str
    platform: Platform

    @property
    def difference(self) -> Difference:
        """Return what differs in the whole tag."""
        if not self.python and not self.abi:
            return self.platform.difference
        if self.platform.difference is not Difference.FITS:
            return Difference.SEVERAL
        return Difference.PYTHON if self.python else Difference.ABI


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a file or a release is not compatible.

    :param difference: what differs.
    :param text: the reason, to be printed after the release.
    :param misfits: the nearest of its tags, if they are the reason.
    """

    difference: Difference
    text: str
    misfits: tuple[TagMismatch, ...] = ()


FITS = Reason(Difference.FITS, "fits")


@dataclass(slots=True)
class _View:
    """The parts of a target that are compared, with a cache of the results."""

    best: tuple[str, str]
    version: tuple[int, int]
    builds: frozenset[tuple[str, str]]
    places: frozenset[str]
    reasons: dict[str, Reason] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target) -> _View:
        parts = [tag.split("-") for tag in target.tags]
        major, minor, *_ = target.python.split(".")
        return cls(
            best=(parts[0][0], parts[0][1]),
            version=(int(major), int(minor)),
            builds=frozenset((part[0], part[1]) for part in parts),
            places=frozenset(part[2] for part in parts),
        )

    def judge(self, tags: str) -> Reason:
        """Compare the compressed tags of a file name with the target."""
        if tags not in self.reasons:
            interpreters, abis, platforms = (part.split(".") for part in tags.split("-"))
            self.reasons[tags] = merge_reasons(
                self._judge_tag(interpreter, abi, platform)
                for interpreter in interpreters
                for abi in abis
                for platform in platforms
            )
        return self.reasons[tags]

    def _judge_tag(self, interpreter: str, abi: str, platform: str) -> Reason:
        place = self.place(platform)
        loads = (interpreter, abi) in self.builds
        if loads and place.difference is Difference.FITS:
            return FITS
        stable = abi in {"abi3", "abi3t"}
        mine = interpreter == self.best[0] or (stable and self._is_as_new(interpreter))
        misfit = TagMismatch(
            f"{interpreter}-{abi}-{platform}",
            python="" if loads or mine else interpreter,
            newer=stable,
            abi="" if loads or not mine else abi,
            platform=place,
        )
        return Reason(misfit.difference, "", (misfit,))

    def place(self, platform: str) -> Platform:
        """Compare a platform with those of the target."""
        if platform not in self.platforms:
            self.platforms[platform] = _judge_platform(platform, self.places)
        return self.platforms[platform]

    def _is_as_new(self, interpreter: str) -> bool:
        """Return whether the target's CPython loads the stable ABI of an interpreter."""
        match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
        return (
            match is not None
            and self.best[0].startswith("cp")
            and (int(match[1]), int(match[2])) <= self.version
        )


@lru_cache(maxsize=8)
def _view(target: Target) -> _View:
    return _View.of(target)


def compare_tags(filename: str, target: Target) -> Reason:
    """Return which part of a wheel's tags differs from the target.

    :param filename: the wheel's name.
    :param target: the target.
    :returns: the reason.
    """
    return _view(target).judge(_tags(filename))


def _tags(filename: str) -> str:
    """Return the compressed tags of a wheel: the last three parts of its name."""
    return "-".join(filename.lower().removesuffix(".whl").rsplit("-", 3)[1:])


def merge_reasons(reasons: Iterable[Reason]) -> Reason:
    """Merge the reasons of several tags or files into that of the nearest of them.

    :param reasons: at least one.
    """
    given = list(reasons)
    difference = min(reason.difference for reason in given)
    near = [reason for reason in given if reason.difference is difference]
    misfits = tuple(dict.fromkeys(misfit for reason in near for misfit in reason.misfits))
    if not misfits:
        return near[0]
    place = min(misfit.platform.difference for misfit in misfits)
    misfits = tuple(each for each in misfits if each.platform.difference is place)
    return Reason(difference, _describe(misfits, difference, place), misfits)


def _describe(misfits: tuple[TagMismatch, ...], difference: Difference, place: Difference) -> str:
    where = _places(misfits, place)
    if difference is not Difference.SEVERAL and difference < Difference.REQUIRES_PYTHON:
        return f"{'needs' if place is Difference.LIBC_LEVEL else 'is for'} {where}"
    if difference in {Difference.MACHINE, Difference.SYSTEM}:
        return f"is for {where}"
    what = [f"the ABI {each}" for each in sorted({m.abi for m in misfits if m.abi})]
    pythons = name_pythons({(m.python, m.newer) for m in misfits if m.python})
    text = f"is for {' and '.join([*what, *([pythons] if pythons else [])])}"
    if difference is not Difference.SEVERAL:
        return text
    return f"{text} {'with' if place is Difference.LIBC_LEVEL else 'on'} {where}"


def _places(misfits: tuple[TagMismatch, ...], place: Difference) -> str:
    if place is Difference.LIBC_LEVEL:
        # The lowest version is enough.
        return min((m.platform for m in misfits), key=lambda platform: platform.level).words
    *others, last = sorted({m.platform.words for m in misfits})
    return f"{', '.join(others)} and {last}" if others else last


def glibc_level(platform: str) -> tuple[int, str] | None:
    """Read the minor version of glibc and the machine of a manylinux platform.

    :param platform: a platform tag.
    :returns: both, or None for any other platform.
    """
    match = _GLIBC.fullmatch(platform)
    if match:
        return int(match["minor"]), match["machine"]
    match = _OLD_NAME.fullmatch(platform)
    return (_NAMED[match["name"]], match["machine"]) if match else None


def _judge_platform(platform: str, places: frozenset[str]) -> Platform:
    """Compare a platform with those of a target."""
    if platform in places:
        return Platform(Difference.FITS)
    glibc = {level[1] for level in map(glibc_level, places) if level}
    musl = {match["machine"] for match in map(MUSL.fullmatch, places) if match}
    linux = {match["machine"] for match in map(_LINUX.fullmatch, places) if match}
    if not glibc and not musl and not linux:
        return _judge_elsewhere(platform, places)
    machine, kind, level = _read_linux(platform)
    if not machine:
        return Platform(Difference.SYSTEM, _system(platform))
    if machine not in glibc | musl | linux:
        return Platform(Difference.MACHINE, machine)
    if kind == "linux":
        return Platform(Difference.LIBC, f"{platform}, with unknown requirements")
    if glibc if kind == "glibc" else musl:
        return Platform(Difference.LIBC_LEVEL, f"{kind} {'.'.join(map(str, level))}", level)
    return Platform(Difference.LIBC, f"{kind} only", level)


def _read_linux(platform: str) -> tuple[str, str, tuple[int, ...]]:
    """Return the machine, the C library and its version of a Linux platform; empty for others."""
    glibc, musl = glibc_level(platform), MUSL.fullmatch(platform)
    if glibc:
        return glibc[1], "glibc", (2, glibc[0])
    if musl:
        return musl["machine"], "musl", (1, int(musl["minor"]))
    plain = _LINUX.fullmatch(platform)
    return (plain["machine"], "linux", ()) if plain else ("", "", ())


def _judge_elsewhere(platform: str, places: frozenset[str]) -> Platform:
    """Compare a platform with those of a target that is not Linux."""
    mine = {match["machine"] for match in map(_MACOS.fullmatch, places) if match}
    macos = _MACOS.fullmatch(platform)
    if macos and macos["machine"] in mine:
        level = (int(macos["major"]), int(macos["minor"]))
        return Platform(Difference.LIBC_LEVEL, f"macOS {level[0]}.{level[1]}", level)
    system = _system(platform)
    if any(_system(place) == system for place in places):
        return Platform(Difference.MACHINE, platform if macos is None else macos["machine"])
    return Platform(Difference.SYSTEM, system)


def _system(platform: str) -> str:
    for beginning, system in _SYSTEMS.items():
        if platform.startswith(beginning):
            return system
    return "Linux" if "linux" in platform else platform


def missing_everywhere(filenames: Iterable[str], target: Target) -> str:
    """Return what none of the wheels of a project supports, in any release.

    :param filenames: the names of all its wheels.
    :param target: the target.
    :returns: the target's machine, system, C library or Python; empty if there are wheels for
        each of them, or no wheels.
    """
    view = _view(target)
    parts = [tags.split("-") for tags in {_tags(filename) for filename in filenames}]
    if not parts:
        return ""
    platforms = {platform for _, _, some in parts for platform in some.split(".")}
    nearest = min(view.place(platform).difference for platform in platforms)
    if nearest in {Difference.LIBC, Difference.MACHINE, Difference.SYSTEM}:
        # A linux_* wheel may be for any C library.
        known = nearest is not Difference.LIBC or not any(map(_LINUX.fullmatch, platforms))
        return _own_place(view.places, nearest) if known else ""
    builds = {(i, a) for some, abis, _ in parts for i in some.split(".") for a in abis.split(".")}
    if builds & view.builds:
        return ""
    interpreter, abi = view.best
    other = interpreter in {each for each, _ in builds} and not is_free_threaded(abi)
    return f"the ABI {abi}" if other else name_build(interpreter, abi)


def _own_place(places: frozenset[str], nearest: Difference) -> str:
    """Return the target's own machine, system or C library."""
    if places == {"any"}:
        return "every platform"
    read = sorted(each for each in map(_read_linux, places) if each[0])
    if not read:
        system = next(_system(place) for place in sorted(places) if place != "any")
        machines = [place for place in places if _system(place) == system]
        return system if nearest is Difference.SYSTEM else min(machines, key=len)
    if nearest is Difference.SYSTEM:
        return "Linux"
    return read[0][0] if nearest is Difference.MACHINE else read[0][1]
