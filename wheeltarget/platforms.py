"""Platform tags: what each accepts, newest first, and what it says of the markers.

The platforms and their order follow the platform compatibility tags specification
(PEP 425, 513, 571, 599, 600, 656, 730, 738, 783) and ``packaging.tags``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from wheeltarget.errors import TargetError

LEGACY_MANYLINUX = {"2014": 17, "2010": 12, "1": 5}
"""The glibc minor version that each manylinux name older than PEP 600 stands for."""

LINUX_ARCHITECTURES = (
    "x86_64", "i686", "aarch64", "armv7l", "armv8l", "armv6l", "ppc64le", "ppc64", "s390x",
    "riscv64", "loongarch64",
)  # fmt: skip
ARCHITECTURE_ALIASES = {
    "amd64": "x86_64", "x64": "x86_64", "x86": "i686", "i386": "i686", "i586": "i686",
    "arm64": "aarch64", "armv8": "aarch64", "armhf": "armv7l", "armv7": "armv7l",
    "ppc64el": "ppc64le",
}  # fmt: skip
WINDOWS_MACHINES = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
ANDROID_MACHINES = {
    "arm64_v8a": "aarch64",
    "x86_64": "x86_64",
    "armeabi_v7a": "armv7l",
    "x86": "i686",
}
EMSCRIPTEN_RELEASES = {"2024_0": "3.1.58", "2025_0": "4.0.9", "2026_0": "5.0.3", "2026_5": "6.0.5"}
"""The Emscripten that each pyemscripten platform is built with (PEP 783)."""

PYODIDE_TWINS = frozenset({"2024_0", "2025_0"})
"""The levels for which wheels were also named ``pyodide_*``."""

NEWEST_LEVEL = 99


@dataclass(frozen=True, slots=True)
class Platform:
    """What one platform tag means.

    :param tag: the tag as written, in lower case.
    :param accepts: the platform tags whose wheels it takes, most preferred first.
    :param markers: (variable, value) for each marker variable that it settles.
    :param libc: which C library the wheels are linked with, where that can differ.
    """

    tag: str
    accepts: tuple[str, ...]
    markers: tuple[tuple[str, str], ...]
    libc: Literal["", "glibc", "musl"] = ""


def parse_platform(tag: str) -> Platform:
    """Say what a platform tag accepts and which markers follow from it.

    :param tag: one platform, such as ``manylinux_2_28_x86_64``; case does not matter.
    :returns: the platform.
    :raises TargetError: where no system has this platform as its best one.
    """
    tag = tag.lower()
    if tag == "any":
        return Platform(tag, ("any",), ())
    if tag in WINDOWS_MACHINES:
        markers = _markers("nt", "win32", "Windows", WINDOWS_MACHINES[tag])
        return Platform(tag, (tag,), markers)
    for pattern, build in _FAMILIES:
        match = pattern.fullmatch(tag)
        if match:
            return build(tag, *match.groups())
    raise TargetError(f"{tag} is no platform", _nearest_platform(tag))


def _markers(
    os_name: str, sys_platform: str, system: str, machine: str, *, release: str = ""
) -> tuple[tuple[str, str], ...]:
    known = [
        ("os_name", os_name),
        ("sys_platform", sys_platform),
        ("platform_system", system),
        ("platform_machine", machine),
    ]
    if release:
        known += [("platform_release", release), ("platform_version", "#1")]
    return tuple(known)


def _linux(tag: str, architecture: str) -> Platform:
    _check_architecture(tag, architecture)
    return Platform(tag, (tag,), _markers("posix", "linux", "Linux", architecture))


def _legacy_manylinux(tag: str, year: str, architecture: str) -> Platform:
    if year not in LEGACY_MANYLINUX:
        raise TargetError(
            f"{tag} is no platform: manylinux has the names 1, 2010, 2014 and, from PEP 600 on, "
            "the version of glibc",
            f"write manylinux2014_{architecture} or, say, manylinux_2_28_{architecture}",
        )
    minor = LEGACY_MANYLINUX[year]
    return _glibc(tag, minor, architecture)


def _manylinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    if major != "2" or int(minor) > NEWEST_LEVEL:
        raise TargetError(
            f"{tag} is no platform: there is no glibc {major}.{minor}",
            f"the number is glibc's version, as in manylinux_2_28_{architecture}",
        )
    return _glibc(tag, int(minor), architecture)


def _glibc(tag: str, minor: int, architecture: str) -> Platform:
    _check_architecture(tag, architecture)
    floor = 5 if architecture in {"x86_64", "i686"} else 17
    if minor < floor:
        raise TargetError(
            f"{tag} is no platform: on {architecture} manylinux begins with glibc 2.{floor}",
            f"write manylinux_2_{floor}_{architecture}",
        )
    accepts = tuple(_glibc_ladder(minor, floor, architecture))
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", architecture), "glibc")


def _glibc_ladder(minor: int, floor: int, architecture: str) -> Iterator[str]:
    aliases = {level: year for year, level in LEGACY_MANYLINUX.items()}
    machines = ("armv8l", "armv7l") if architecture == "armv8l" else (architecture,)
    for machine in machines:
        for level in range(minor, floor - 1, -1):
            yield f"manylinux_2_{level}_{machine}"
            if level in aliases:
                yield f"manylinux{aliases[level]}_{machine}"


def _musllinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    _check_architecture(tag, architecture)
    if major != "1" or int(minor) > NEWEST_LEVEL:
        raise TargetError(
            f"{tag} is no platform: there is no musl {major}.{minor}",
            f"write musllinux_1_2_{architecture}",
        )
    levels = range(int(minor), -1, -1)
    accepts = tuple(f"musllinux_1_{level}_{architecture}" for level in levels)
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", architecture), "musl")


def _check_architecture(tag: str, architecture: str) -> None:
    if architecture in LINUX_ARCHITECTURES:
        return
    alias = ARCHITECTURE_ALIASES.get(architecture)
    raise TargetError(
        f"{tag} is no platform: {architecture} is no architecture of Linux platforms",
        f"write {tag.removesuffix(architecture)}{alias}"
        if alias
        else f"they are {', '.join(LINUX_ARCHITECTURES)}",
    )


def _macosx(tag: str, major: str, minor: str, architecture: str) -> Platform:
    from packaging.tags import mac_platforms

    version = int(major), int(minor)
    if architecture not in {"x86_64", "arm64", "i386", "ppc", "ppc64"}:
        raise TargetError(
            f"{tag} is a format of wheels, not one machine: which processor has the target?",
            f"write macosx_{major}_{minor}_x86_64 or macosx_{max(int(major), 11)}_0_arm64",
        )
    if architecture == "arm64" and version < (11, 0):
        raise TargetError(
            f"{tag} is no platform: macOS runs on arm64 from version 11",
            "write macosx_11_0_arm64",
        )
    accepts = tuple(mac_platforms(version, architecture))
    if not accepts or int(major) > NEWEST_LEVEL:
        raise TargetError(f"{tag} is no platform: there is no such macOS", "write macosx_11_0_…")
    return Platform(tag, accepts, _markers("posix", "darwin", "Darwin", architecture))


def _ios(tag: str, major: str, minor: str, multiarch: str) -> Platform:
    from packaging.tags import ios_platforms

    accepts = tuple(ios_platforms((int(major), int(minor)), multiarch))
    if not accepts or int(major) > NEWEST_LEVEL:
        raise TargetError(
            f"{tag} is no platform: Python runs on iOS from version 12",
            f"write ios_13_0_{multiarch}",
        )
    machine = multiarch.rpartition("_")[0]
    return Platform(tag, accepts, _markers("posix", "ios", "iOS", machine))


def _android(tag: str, level: str, abi: str) -> Platform:
    from packaging.tags import android_platforms

    if abi not in ANDROID_MACHINES:
        raise TargetError(
            f"{tag} is no platform: {abi} is no ABI of Android",
            f"they are {', '.join(ANDROID_MACHINES)}",
        )
    accepts = tuple(android_platforms(int(level), abi)) if int(level) <= NEWEST_LEVEL else ()
    if not accepts:
        raise TargetError(
            f"{tag} is no platform: Python runs on Android from API level 16",
            f"write android_21_{abi}",
        )
    markers = _markers("posix", "android", "Android", ANDROID_MACHINES[abi])
    return Platform(tag, accepts, markers)


def _emscripten(tag: str, level: str) -> Platform:
    release = EMSCRIPTEN_RELEASES.get(level)
    if release is None:
        known = ", ".join(f"pyemscripten_{each}_wasm32" for each in EMSCRIPTEN_RELEASES)
        raise TargetError(f"{tag} is no platform known here", f"they are {known}")
    accepts = [f"pyemscripten_{level}_wasm32"]
    if level in PYODIDE_TWINS:
        accepts.append(f"pyodide_{level}_wasm32")
    accepts.append(f"emscripten_{release.replace('.', '_')}_wasm32")
    markers = _markers("posix", "emscripten", "Emscripten", "wasm32", release=release)
    return Platform(tag, tuple(accepts), markers)


def _nearest_platform(tag: str) -> str:
    """Find what somebody meant who wrote this platform."""
    words = re.split(r"[_\d]+", tag)
    if tag in {"win64", "win_x86_64", "win_x64", "windows_x86_64", "windows_amd64", "amd64"}:
        return "write win_amd64"
    if words[0] in {"macos", "darwin", "osx", "mac"}:
        return "write macosx_11_0_arm64 or macosx_10_13_x86_64"
    if words[0] in {"manylinux", "glibc", "ubuntu", "debian"}:
        return "write manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64"
    if words[0] in {"musllinux", "musl", "alpine"}:
        return "write musllinux_1_2_x86_64"
    return (
        "platforms are written like manylinux_2_28_x86_64, musllinux_1_2_aarch64, "
        "macosx_11_0_arm64, win_amd64 or any"
    )


_FAMILIES: tuple[tuple[re.Pattern[str], Callable[..., Platform]], ...] = (
    (re.compile(r"manylinux_(\d{1,4})_(\d{1,4})_(\w+)", re.ASCII), _manylinux),
    (re.compile(r"manylinux(\d{1,4})_(\w+)", re.ASCII), _legacy_manylinux),
    (re.compile(r"musllinux_(\d{1,4})_(\d{1,4})_(\w+)", re.ASCII), _musllinux),
    (re.compile(r"linux_(\w+)", re.ASCII), _linux),
    (re.compile(r"macosx_(\d{1,4})_(\d{1,4})_(\w+)", re.ASCII), _macosx),
    (
        re.compile(r"ios_(\d{1,4})_(\d{1,4})_((?:arm64|x86_64)_(?:iphoneos|iphonesimulator))"),
        _ios,
    ),
    (re.compile(r"android_(\d{1,4})_(\w+)", re.ASCII), _android),
    (re.compile(r"(?:pyemscripten|pyodide)_(\d{4}_\d+)_wasm32", re.ASCII), _emscripten),
)
