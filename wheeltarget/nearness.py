"""How far a wheel is from fitting a target, by its tags (PEP 425)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from wheeltarget.targets import Target

_GLIBC = re.compile(r"manylinux_2_(?P<minor>\d+)_(?P<machine>\w+)")
MUSL = re.compile(r"musllinux_1_(?P<minor>\d+)_(?P<machine>\w+)")
_NAMED = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_OLD_NAME = re.compile(r"(?P<name>manylinux(?:1|2010|2014))_(?P<machine>\w+)")
_SYSTEMS = {"win": "Windows", "macosx": "macOS", "ios": "iOS", "android": "Android"}


class Nearness(IntEnum):
    """How far a file is from fitting, the nearest first."""

    FITS = 0
    HASH = 1
    YANKED = 2
    TOO_LATE = 3
    LIBC_LEVEL = 4
    LIBC = 5
    REQUIRES_PYTHON = 6
    PYTHON = 7
    ABI = 8
    MACHINE = 9
    SYSTEM = 10
    SEVERAL = 11
    SOURCE = 12
    NOTHING = 13


@dataclass(frozen=True, slots=True)
class FileFact:
    """What pip knows of a file that it did not take.

    :param filename: its name.
    :param verdict: pip's own word for why, or ``candidate``.
    :param requires_python: which Pythons it is for, or None.
    :param yanked: the reason for which it was yanked, or None.
    :param hashes: (algorithm, value) as the index says.
    """

    filename: str
    verdict: str
    requires_python: str | None = None
    yanked: str | None = None
    hashes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a release does not fit.

    :param nearness: how far it is from it.
    :param text: the reason, to stand behind the release.
    """

    nearness: Nearness
    text: str


def judge_tags(filename: str, target: Target) -> tuple[Reason, tuple[str, ...]]:
    """Say which part of a wheel's tags is not the target's.

    :param filename: the wheel's name.
    :param target: the target.
    :returns: the reason, and the platforms of those of its tags that only want another platform.
    """
    from packaging.utils import parse_wheel_filename

    tags = parse_wheel_filename(filename)[3]
    if any(str(tag) in target.tags for tag in tags):
        return Reason(Nearness.FITS, "fits"), ()
    mine = [tag.split("-") for tag in target.tags]
    builds = {(interpreter, abi) for interpreter, abi, _ in mine}
    places = {platform for _, _, platform in mine}
    found = [
        _judge_tag((tag.interpreter, tag.abi, tag.platform), mine[0][0], builds, places)
        for tag in sorted(tags, key=str)
    ]
    nearness = min(each for each, _ in found)
    texts = sorted((text for each, text in found if each is nearness), key=_level)
    # The lowest level of a library is asked for, and the newest Python is the nearest.
    text = texts[-1] if nearness is Nearness.PYTHON else texts[0]
    platforms = tuple(
        tag.platform for tag in sorted(tags, key=str) if (tag.interpreter, tag.abi) in builds
    )
    return Reason(nearness, text), platforms


def _level(text: str) -> int:
    digits = re.findall(r"\d+", text)
    return int(digits[-1]) if digits else 0


def _judge_tag(
    tag: tuple[str, str, str], own: str, builds: set[tuple[str, str]], places: set[str]
) -> tuple[Nearness, str]:
    interpreter, abi, platform = tag
    if (interpreter, abi) in builds:
        return _judge_platform(platform, places)
    if platform not in places:
        return Nearness.SEVERAL, "is for other environments"
    if interpreter == own:
        return Nearness.ABI, abi
    return Nearness.PYTHON, _python(interpreter)


def _python(interpreter: str) -> str:
    """Name an interpreter for people."""
    match = re.fullmatch(r"(cp|pp|py)(\d)(\d*)", interpreter)
    if match is None:
        return interpreter
    what = {"cp": "CPython", "pp": "PyPy", "py": "Python"}[match[1]]
    return f"{what} {match[2]}{'.' if match[3] else ''}{match[3]}"


def glibc_level(platform: str) -> tuple[int, str] | None:
    """Read the minor version of glibc and the machine of a manylinux platform.

    :param platform: a platform tag.
    :returns: both, or None where it is none.
    """
    match = _GLIBC.fullmatch(platform)
    if match:
        return int(match["minor"]), match["machine"]
    match = _OLD_NAME.fullmatch(platform)
    return (_NAMED[match["name"]], match["machine"]) if match else None


def _judge_platform(platform: str, places: set[str]) -> tuple[Nearness, str]:
    """Say what is other about a platform."""
    glibc = glibc_level(platform)
    musl = MUSL.fullmatch(platform)
    ours = [level for level in map(glibc_level, places) if level]
    our_musl = [match for match in map(MUSL.fullmatch, places) if match]
    if not ours and not our_musl:
        return _judge_system(platform, places)
    machine = ours[0][1] if ours else our_musl[0]["machine"]
    if glibc and glibc[1] == machine:
        if ours:
            return Nearness.LIBC_LEVEL, f"needs glibc 2.{glibc[0]}"
        return Nearness.LIBC, "is for glibc only"
    if musl and musl["machine"] == machine:
        if our_musl:
            return Nearness.LIBC_LEVEL, f"needs musl 1.{musl['minor']}"
        return Nearness.LIBC, "is for musl only"
    if glibc or musl:
        return Nearness.MACHINE, glibc[1] if glibc else musl["machine"] if musl else ""
    return Nearness.SYSTEM, _system(platform)


def _judge_system(platform: str, places: set[str]) -> tuple[Nearness, str]:
    """Say the same for a target that is not Linux."""
    system = _system(platform)
    if any(_system(place) == system for place in places):
        return Nearness.MACHINE, platform
    return Nearness.SYSTEM, system


def _system(platform: str) -> str:
    for beginning, system in _SYSTEMS.items():
        if platform.startswith(beginning):
            return system
    return "Linux" if "linux" in platform else platform
