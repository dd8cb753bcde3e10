"""Compare the tags of a wheel with those of a target (PEP 425), and name interpreters."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache, partial
from itertools import groupby, product, starmap

from wheeltarget.targets.tags import LEGACY_MANYLINUX, Version
from wheeltarget.targets.target import Target

_GLIBC = re.compile(r"manylinux(?P<perennial>_2_)?(?P<number>\d+)_(?P<machine>\w+)")
MUSL = re.compile(r"musllinux_1_(?P<minor>\d+)_(?P<machine>\w+)")
_MACOS = re.compile(r"macosx_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>\w+)")
_LINUX = re.compile(r"linux_(?P<machine>\w+)")
_SYSTEMS = {"win": "Windows", "macosx": "macOS", "ios": "iOS", "android": "Android"}

_INTERPRETER = re.compile(r"(?P<what>cp|pp|py)(?P<major>\d)(?P<minor>\d*)")
_PYTHONS = {"cp": "CPython", "pp": "PyPy", "py": "Python"}

_FARTHEST, _OLDEST = 12, 4
"""The number of minor versions up and down in which to look for a Python."""

_FIRST_FREE_THREADED = 13

Difference = IntEnum(
    "Difference",
    "FITS HASH YANKED TOO_LATE PRE_RELEASE EXCLUDED LIBC_LEVEL LIBC REQUIRES_PYTHON ABI PYTHON "
    "MACHINE SYSTEM SEVERAL SOURCE VARIANT NOTHING",
    start=0,
)
"""What keeps a file from being compatible, the smallest difference first."""


@dataclass(frozen=True, slots=True)
class _Platform:
    """A platform of a wheel, compared with those of a target.

    :param need: the library version, machine or system that it needs.
    :param level: the library version as comparable numbers; else empty.
    """

    difference: Difference
    need: str = ""
    level: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A tag that a target does not have.

    :param python: its interpreter, if that differs.
    :param newer: whether newer Pythons accept it too, since it is for the stable ABI.
    :param abi: its ABI, if only that differs and not the interpreter.
    """

    tag: str
    python: str
    newer: bool
    abi: str
    platform: _Platform

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
    """The reason why a file or a release is not compatible, and the nearest of its tags."""

    difference: Difference
    text: str
    misfits: tuple[_Misfit, ...] = ()


FITS = Reason(Difference.FITS, "fits")


class _Comparison:
    """Compares tags with those of a target, and keeps the results."""

    def __init__(self, target: Target) -> None:
        parts = [tag.split("-") for tag in target.tags]
        major, minor, _ = target.python.split(".")
        self.interpreter, self.abi, _ = parts[0]
        self.version = int(major), int(minor)
        self.builds = {(part[0], part[1]) for part in parts}
        self.platforms = {part[2] for part in parts}
        self.judge = cache(self._judge)
        self.compare_platform = cache(partial(_compare_platform, own=self.platforms))

    def _judge(self, tags: str) -> Reason:
        every = product(*(part.split(".") for part in tags.split("-")))
        return merge_reasons(starmap(self._judge_tag, every))

    def _judge_tag(self, interpreter: str, abi: str, platform: str) -> Reason:
        compared = self.compare_platform(platform)
        loads = (interpreter, abi) in self.builds
        if loads and compared.difference is Difference.FITS:
            return FITS
        stable = abi in {"abi3", "abi3t"}
        own = interpreter == self.interpreter or (stable and self._is_as_new(interpreter))
        misfit = _Misfit(
            f"{interpreter}-{abi}-{platform}",
            python="" if loads or own else interpreter,
            newer=stable,
            abi="" if loads or not own else abi,
            platform=compared,
        )
        return Reason(misfit.difference, "", (misfit,))

    def _is_as_new(self, interpreter: str) -> bool:
        """Return whether the target's CPython loads the stable ABI of an interpreter."""
        match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
        if match is None or not self.interpreter.startswith("cp"):
            return False
        return (int(match[1]), int(match[2])) <= self.version


_comparison = lru_cache(maxsize=8)(_Comparison)


def compare_tags(filename: str, target: Target) -> Reason:
    """Return which part of a wheel's tags differs from the target."""
    return _comparison(target).judge(_tags(filename))


def _tags(filename: str) -> str:
    """Return the compressed tags of a wheel: the last three parts of its name."""
    return "-".join(filename.lower().removesuffix(".whl").rsplit("-", 3)[1:])


def merge_reasons(reasons: Iterable[Reason]) -> Reason:
    """Merge the reasons of several tags or files, at least one, into that of the nearest."""
    given = list(reasons)
    difference = min(reason.difference for reason in given)
    near = [reason for reason in given if reason.difference is difference]
    misfits = tuple(dict.fromkeys(misfit for reason in near for misfit in reason.misfits))
    if not misfits:
        return near[0]
    nearest = min(misfit.platform.difference for misfit in misfits)
    misfits = tuple(each for each in misfits if each.platform.difference is nearest)
    return Reason(difference, _describe(misfits, difference, nearest), misfits)


def _describe(misfits: tuple[_Misfit, ...], difference: Difference, nearest: Difference) -> str:
    if nearest is Difference.LIBC_LEVEL:
        # The lowest version is enough.
        where = min((m.platform for m in misfits), key=lambda platform: platform.level).need
    else:
        where = _join(sorted({m.platform.need for m in misfits}))
    if difference is not Difference.SEVERAL and difference < Difference.REQUIRES_PYTHON:
        return f"{'needs' if nearest is Difference.LIBC_LEVEL else 'is for'} {where}"
    if difference in {Difference.MACHINE, Difference.SYSTEM}:
        return f"is for {where}"
    what = [f"the ABI {each}" for each in sorted({m.abi for m in misfits if m.abi})]
    what.append(name_pythons({(m.python, m.newer) for m in misfits if m.python}))
    text = f"is for {' and '.join(filter(None, what))}"
    if difference is not Difference.SEVERAL:
        return text
    return f"{text} {'with' if nearest is Difference.LIBC_LEVEL else 'on'} {where}"


def glibc_level(platform: str) -> tuple[int, str] | None:
    """Return the minor version of glibc and the machine of a manylinux platform, else None."""
    match = _GLIBC.fullmatch(platform)
    if match is None:
        return None
    number = match["number"]
    minor = int(number) if match["perennial"] else LEGACY_MANYLINUX.get(number)
    return None if minor is None else (minor, match["machine"])


def _compare_platform(platform: str, own: Collection[str]) -> _Platform:
    if platform in own:
        return _Platform(Difference.FITS)
    linux = {each[:2] for each in map(_read_linux, own) if each[0]}
    if not linux:
        return _compare_elsewhere(platform, own)
    machine, libc, level = _read_linux(platform)
    if not machine:
        return _Platform(Difference.SYSTEM, _system(platform))
    if machine not in {each for each, _ in linux}:
        return _Platform(Difference.MACHINE, machine)
    if libc == "linux":
        return _Platform(Difference.LIBC, f"{platform}, with unknown requirements")
    if libc in {each for _, each in linux}:
        return _Platform(Difference.LIBC_LEVEL, f"{libc} {'.'.join(map(str, level))}", level)
    return _Platform(Difference.LIBC, f"{libc} only", level)


def _read_linux(platform: str) -> tuple[str, str, tuple[int, ...]]:
    """Return the machine, the C library and its version of a Linux platform; empty for others."""
    glibc, musl = glibc_level(platform), MUSL.fullmatch(platform)
    if glibc:
        return glibc[1], "glibc", (2, glibc[0])
    if musl:
        return musl["machine"], "musl", (1, int(musl["minor"]))
    plain = _LINUX.fullmatch(platform)
    return (plain["machine"], "linux", ()) if plain else ("", "", ())


def _compare_elsewhere(platform: str, own: Collection[str]) -> _Platform:
    machines = {match["machine"] for match in map(_MACOS.fullmatch, own) if match}
    macos = _MACOS.fullmatch(platform)
    if macos and macos["machine"] in machines:
        level = (int(macos["major"]), int(macos["minor"]))
        return _Platform(Difference.LIBC_LEVEL, f"macOS {level[0]}.{level[1]}", level)
    system = _system(platform)
    if system in map(_system, own):
        return _Platform(Difference.MACHINE, platform if macos is None else macos["machine"])
    return _Platform(Difference.SYSTEM, system)


def _system(platform: str) -> str:
    other = "Linux" if "linux" in platform else platform
    return next((_SYSTEMS[each] for each in _SYSTEMS if platform.startswith(each)), other)


def missing_everywhere(filenames: Iterable[str], target: Target) -> str:
    """Return what none of a project's wheels supports: a machine, system, C library or Python.

    :returns: an empty text if there are wheels for each of them, or no wheels.
    """
    own = _comparison(target)
    parts = [tags.split("-") for tags in {_tags(filename) for filename in filenames}]
    if not parts:
        return ""
    platforms = {platform for _, _, some in parts for platform in some.split(".")}
    nearest = min(own.compare_platform(platform).difference for platform in platforms)
    if nearest in {Difference.LIBC, Difference.MACHINE, Difference.SYSTEM}:
        # A linux_* wheel may be for any C library.
        known = nearest is not Difference.LIBC or not any(map(_LINUX.fullmatch, platforms))
        return _own_platform(own.platforms, nearest) if known else ""
    builds = {(i, a) for some, abis, _ in parts for i in some.split(".") for a in abis.split(".")}
    if builds & own.builds:
        return ""
    threads = _is_free_threaded(own.abi)
    if own.interpreter in {each for each, _ in builds} and not threads:
        return f"the ABI {own.abi}"
    return f"{'free-threaded ' if threads else ''}{name_pythons([(own.interpreter, False)])}"


def _own_platform(own: Collection[str], nearest: Difference) -> str:
    if own == {"any"}:
        return "every platform"
    # A machine also accepts linux_*, which names no C library.
    linux = sorted(
        (each for each in map(_read_linux, own) if each[0]), key=lambda each: not each[2]
    )
    if not linux:
        system = next(_system(each) for each in sorted(own) if each != "any")
        machines = [each for each in own if _system(each) == system]
        return system if nearest is Difference.SYSTEM else min(machines, key=len)
    if nearest is Difference.SYSTEM:
        return "Linux"
    return linux[0][0] if nearest is Difference.MACHINE else linux[0][1]


def name_pythons(interpreters: Collection[tuple[str, bool]]) -> str:
    """Return the names of interpreters, with consecutive versions as a range.

    :param interpreters: (interpreter tag, whether newer ones are included).
    :returns: such as ``CPython 3.9 to 3.12 and PyPy 3.10``; empty for no interpreters.
    """
    found: dict[str, set[tuple[Version, bool]]] = {}
    others = []
    for interpreter, newer in interpreters:
        match = _INTERPRETER.fullmatch(interpreter)
        if match:
            version = int(match["major"]), int(match["minor"] or -1)
            found.setdefault(match["what"], set()).add((version, newer))
        else:
            others.append(interpreter)
    named = [f"{_PYTHONS[each]} {_join([*_spans(found[each])])}" for each in sorted(found)]
    return _join([*named, *sorted(others)])


def _spans(versions: Collection[tuple[Version, bool]]) -> Iterator[str]:
    newest = min((version for version, newer in versions if newer), default=(99, 0))
    known = enumerate(sorted({version for version, _ in versions if version <= newest}))
    for _, group in groupby(known, lambda pair: (pair[1][0], pair[1][1] - pair[0])):
        span = [version for _, version in group]
        first, last = _format_version(span[0]), _format_version(span[-1])
        if span[-1] == newest:
            yield f"{first} and newer"
        elif len(span) > 2:
            yield f"{first} to {last}"
        else:
            yield from map(_format_version, span)


def _format_version(version: Version) -> str:
    return str(version[0]) if version[1] < 0 else f"{version[0]}.{version[1]}"


def _join(names: list[str]) -> str:
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _is_free_threaded(abi: str) -> bool:
    return re.fullmatch(r"cp\d+t", abi) is not None


def neighbours(interpreter: str, abi: str) -> Iterator[tuple[str, str]]:
    """Return the same build of other Pythons: the nearest first, and the newer of two.

    :returns: (interpreter tag, ABI tag), the given one first; empty for Python 2 and GraalPy.
    """
    match = re.fullmatch(r"(cp|pp)3(\d+)", interpreter)
    if match is None:
        return
    own, threads = int(match[2]), "t" if _is_free_threaded(abi) else ""
    yield interpreter, abi
    for distance in range(1, _FARTHEST):
        for minor in (own + distance, own - distance)[: 2 if distance <= _OLDEST else 1]:
            if match[1] == "pp" and minor >= 0:
                yield f"pp3{minor}", f"pypy3{minor}_pp73"
            elif minor >= (_FIRST_FREE_THREADED if threads else 0):
                yield f"cp3{minor}", f"cp3{minor}{'m' if minor < 8 else threads}"
