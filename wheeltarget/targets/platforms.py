"""Platform tags: the tags that each accepts, newest first, and the markers that follow.

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
"""The glibc minor version of each manylinux name from before PEP 600."""

LINUX_ARCHITECTURES = (
    "x86_64", "i686", "aarch64", "armv7l", "armv8l", "armv6l", "ppc64le", "ppc64", "s390x",
    "riscv64", "loongarch64",
)  # fmt: skip
ARCHITECTURE_ALIASES = {
    "amd64": "x86_64", "x64": "x86_64", "x86": "i686", "i386": "i686", "i586": "i686",
    "arm64": "aarch64", "armv8": "aarch64", "armhf": "armv7l", "armv7": "armv7l",
    "ppc64el": "ppc64le",
}  # fmt: skip
MANYLINUX_FLOORS = {
    **dict.fromkeys(set(LINUX_ARCHITECTURES) - {"armv6l"}, 17),
    **dict.fromkeys(("x86_64", "i686"), 5),
}
"""The oldest glibc minor version by architecture; there is no manylinux for armv6l."""

COMPATIBLE_MACHINES = {"armv8l": ("armv8l", "armv7l")}
"""The architectures whose wheels run on an architecture, if there are several."""

MAC_VERSIONS = {
    "x86_64": ((10, 4), (99, 99)),
    "arm64": ((11, 0), (99, 99)),
    "i386": ((10, 4), (10, 14)),
    "ppc": ((10, 0), (10, 6)),
    "ppc64": ((10, 4), (10, 5)),
}
"""The oldest and the newest macOS that runs Python on each processor."""

MAC_FORMATS = frozenset({"universal2", "universal", "intel", "fat", "fat3", "fat32", "fat64"})
"""The names in macOS tags of wheels for several processors."""

MAC_ALIASES = {
    "aarch64": "arm64", "amd64": "x86_64", "x64": "x86_64", "i686": "i386", "x86": "i386",
}  # fmt: skip
IOS_MULTIARCHES = ("arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphonesimulator")
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
"""The levels whose wheels are also named ``pyodide_*``."""

NEWEST_LEVEL = 99


@dataclass(frozen=True, slots=True)
class Platform:
    """The meaning of a platform tag.

    :param tag: the tag as written, in lower case.
    :param accepts: the platform tags of wheels that it accepts, most preferred first.
    :param markers: (variable, value) for each marker variable that follows from it.
    :param libc: the C library on Linux; else empty.
    """

    tag: str
    accepts: tuple[str, ...]
    markers: tuple[tuple[str, str], ...]
    libc: Literal["", "glibc", "musl"] = ""


def parse_platform(tag: str) -> Platform:
    """Parse a platform tag.

    :param tag: a platform, such as ``manylinux_2_28_x86_64``; case does not matter.
    :returns: the platform.
    :raises TargetError: if it is not the best platform of any system.
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
    raise TargetError(
        f"{tag} is not a platform",
        _nearest_platform(tag),
        code="WT120",
        instead="win_amd64" if _WINDOWS_64.fullmatch(tag) else "",
    )


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
    meant = _meant(tag, architecture)
    _check_spelling(tag, architecture, meant)
    accepts = tuple(f"linux_{machine}" for machine in _machines(meant))
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", meant))


def _legacy_manylinux(tag: str, year: str, architecture: str) -> Platform:
    minor = LEGACY_MANYLINUX.get(year)
    if minor is None:
        meant = _meant_by_manylinux(tag, architecture)
        raise TargetError(
            f"{tag} is not a platform: manylinux has the names 1, 2010, 2014 and, from PEP 600 on, "
            "the version of glibc",
            f"write manylinux2014_{meant} or, say, manylinux_2_28_{meant}",
            code="WT121",
        )
    return _glibc(tag, minor, architecture)


def _manylinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    if major != "2" or int(minor) > NEWEST_LEVEL:
        raise TargetError(
            f"{tag} is not a platform: there is no glibc {major}.{minor}",
            "the number is glibc's version, as in "
            f"manylinux_2_28_{_meant_by_manylinux(tag, architecture)}",
            code="WT122",
        )
    return _glibc(tag, int(minor), architecture)


def _glibc(tag: str, minor: int, architecture: str) -> Platform:
    meant = _meant_by_manylinux(tag, architecture)
    floor = MANYLINUX_FLOORS[meant]
    if minor < floor:
        raise TargetError(
            f"{tag} is not a platform: on {architecture} manylinux begins with glibc 2.{floor}",
            f"write manylinux_2_{floor}_{meant}",
            code="WT123",
        )
    _check_spelling(tag, architecture, meant)
    accepts = tuple(_glibc_ladder(minor, floor, meant))
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", meant), "glibc")


def _glibc_ladder(minor: int, floor: int, architecture: str) -> Iterator[str]:
    aliases = {level: year for year, level in LEGACY_MANYLINUX.items()}
    for machine in _machines(architecture):
        for level in range(minor, floor - 1, -1):
            yield f"manylinux_2_{level}_{machine}"
            if level in aliases:
                yield f"manylinux{aliases[level]}_{machine}"


def _musllinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    meant = _meant(tag, architecture)
    if major != "1" or int(minor) > NEWEST_LEVEL:
        raise TargetError(
            f"{tag} is not a platform: there is no musl {major}.{minor}",
            f"write musllinux_1_2_{meant}",
            code="WT122",
        )
    _check_spelling(tag, architecture, meant)
    accepts = tuple(
        f"musllinux_1_{level}_{machine}"
        for machine in _machines(meant)
        for level in range(int(minor), -1, -1)
    )
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", meant), "musl")


def _meant(tag: str, architecture: str) -> str:
    """Return the architecture for its name or an alias."""
    meant = ARCHITECTURE_ALIASES.get(architecture, architecture)
    if meant not in LINUX_ARCHITECTURES:
        raise TargetError(
            f"{tag} is not a platform: {architecture} is not a Linux architecture",
            f"known ones: {', '.join(LINUX_ARCHITECTURES)}",
            code="WT124",
        )
    return meant


def _meant_by_manylinux(tag: str, architecture: str) -> str:
    meant = _meant(tag, architecture)
    if meant not in MANYLINUX_FLOORS:
        raise TargetError(
            f"{tag} is not a platform: there is no manylinux for {architecture}",
            f"write linux_{meant}",
            code="WT125",
        )
    return meant


def _check_spelling(tag: str, architecture: str, meant: str) -> None:
    if architecture != meant:
        raise TargetError(
            f"{tag} is not a platform: {architecture} is not a Linux architecture",
            f"write {tag.removesuffix(architecture)}{meant}",
            code="WT124",
            instead=tag.removesuffix(architecture) + meant,
        )


def _machines(architecture: str) -> tuple[str, ...]:
    return COMPATIBLE_MACHINES.get(architecture, (architecture,))


def _macosx(tag: str, major: str, minor: str, processor: str) -> Platform:
    from packaging.tags import mac_platforms

    version = int(major), int(minor)
    if processor in MAC_FORMATS:
        raise TargetError(
            f"{tag} is a wheel format for several processors: "
            "which processor does the target have?",
            f"write {_nearest_mac(version, 'x86_64')} or {_nearest_mac(version, 'arm64')}",
            code="WT126",
        )
    if processor not in MAC_VERSIONS:
        meant = MAC_ALIASES.get(processor)
        raise TargetError(
            f"{tag} is not a platform: {processor} is not a macOS processor",
            f"write {_nearest_mac(version, meant)}"
            if meant
            else f"known ones: {', '.join(MAC_VERSIONS)}",
            code="WT127",
        )
    nearest = _nearest_mac(version, processor)
    if nearest != tag:
        raise TargetError(
            f"{tag} is not a platform: no macOS {major}.{minor} runs on {processor}",
            f"write {nearest}",
            code="WT128",
        )
    accepts = tuple(mac_platforms(version, processor))
    return Platform(tag, accepts, _markers("posix", "darwin", "Darwin", processor))


def _nearest_mac(version: tuple[int, int], processor: str) -> str:
    oldest, newest = MAC_VERSIONS[processor]
    major, minor = min(max(version, oldest), newest)
    # macOS 11 reports 10.16 to programs that were built for older versions.
    minor = min(minor, 16 if major == 10 else NEWEST_LEVEL)
    return f"macosx_{major}_{minor}_{processor}"


def _ios(tag: str, major: str, minor: str, multiarch: str) -> Platform:
    from packaging.tags import ios_platforms

    if multiarch not in IOS_MULTIARCHES:
        raise TargetError(
            f"{tag} is not a platform: {multiarch} is not an iOS device or simulator",
            "known ones: " + ", ".join(f"ios_13_0_{each}" for each in IOS_MULTIARCHES),
            code="WT129",
        )
    version = int(major), int(minor)
    accepts = tuple(ios_platforms(version, multiarch)) if max(version) <= NEWEST_LEVEL else ()
    if not accepts:
        raise TargetError(
            f"{tag} is not a platform: no Python runs on iOS {major}.{minor}",
            f"the first one is iOS 12; write ios_13_0_{multiarch}",
            code="WT130",
        )
    machine = multiarch.rpartition("_")[0]
    return Platform(tag, accepts, _markers("posix", "ios", "iOS", machine))


def _android(tag: str, level: str, abi: str) -> Platform:
    from packaging.tags import android_platforms

    if abi not in ANDROID_MACHINES:
        raise TargetError(
            f"{tag} is not a platform: {abi} is not an Android ABI",
            f"known ones: {', '.join(ANDROID_MACHINES)}",
            code="WT131",
        )
    accepts = tuple(android_platforms(int(level), abi)) if int(level) <= NEWEST_LEVEL else ()
    if not accepts:
        raise TargetError(
            f"{tag} is not a platform: no Python runs on Android API level {level}",
            f"the first one is level 16; write android_21_{abi}",
            code="WT132",
        )
    markers = _markers("posix", "android", "Android", ANDROID_MACHINES[abi])
    return Platform(tag, accepts, markers)


def _emscripten(tag: str, name: str, level: str) -> Platform:
    release = EMSCRIPTEN_RELEASES.get(level)
    if release is None:
        known = ", ".join(f"pyemscripten_{each}_wasm32" for each in EMSCRIPTEN_RELEASES)
        raise TargetError(f"{tag} is not a known platform", f"known ones: {known}", code="WT133")
    accepts = [f"pyemscripten_{level}_wasm32"]
    if level in PYODIDE_TWINS:
        accepts.append(f"pyodide_{level}_wasm32")
    elif name == "pyodide":
        raise TargetError(
            f"{tag} is not a platform: wheels for this level are not named pyodide",
            f"write {accepts[0]}",
            code="WT134",
            instead=accepts[0],
        )
    accepts.append(f"emscripten_{release.replace('.', '_')}_wasm32")
    markers = _markers("posix", "emscripten", "Emscripten", "wasm32", release=release)
    return Platform(tag, tuple(accepts), markers)


def _nearest_platform(tag: str) -> str:
    """Return a hint for a wrong platform."""
    family = re.split(r"[_\d]+", tag)[0]
    if family in {"win", "windows", "amd"}:
        if "arm" in tag or "aarch" in tag:
            return "write win_arm64"
        return "write win32" if re.search(r"32|x86$|i\d86$", tag) else "write win_amd64"
    for families, example in _EXAMPLES:
        if family in families:
            return f"write {example}"
    return (
        "platforms are written like manylinux_2_28_x86_64, musllinux_1_2_aarch64, "
        "macosx_11_0_arm64, win_amd64 or any"
    )


_WINDOWS_64 = re.compile(r"win(?:dows)?_?(?:64|x64|x86_64|amd64)", re.ASCII)
_EXAMPLES = (
    ({"macos", "macosx", "darwin", "osx", "mac"}, "macosx_11_0_arm64 or macosx_10_13_x86_64"),
    (
        {"manylinux", "glibc", "ubuntu", "debian"},
        "manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
    ({"musllinux", "musl", "alpine"}, "musllinux_1_2_x86_64"),
    ({"linux"}, "linux_x86_64 or, with glibc's version, manylinux_2_28_x86_64"),
    ({"ios", "iphoneos"}, "ios_13_0_arm64_iphoneos"),
    ({"android"}, "android_21_arm64_v8a"),
    ({"pyemscripten", "emscripten", "pyodide", "wasm"}, "pyemscripten_2025_0_wasm32"),
)

# int() would accept leading zeros and digits of other scripts, which tags do not have.
_NUMBER = r"(0|[1-9][0-9]{0,3})"
_FAMILIES: tuple[tuple[re.Pattern[str], Callable[..., Platform]], ...] = tuple(
    (re.compile(pattern, re.ASCII), build)
    for pattern, build in (
        (rf"manylinux_{_NUMBER}_{_NUMBER}_(\w+)", _manylinux),
        (rf"manylinux{_NUMBER}_(\w+)", _legacy_manylinux),
        (rf"musllinux_{_NUMBER}_{_NUMBER}_(\w+)", _musllinux),
        (r"linux_(\w+)", _linux),
        (rf"macosx_{_NUMBER}_{_NUMBER}_(\w+)", _macosx),
        (rf"ios_{_NUMBER}_{_NUMBER}_(\w+)", _ios),
        (rf"android_{_NUMBER}_(\w+)", _android),
        (r"(pyemscripten|pyodide)_(\d{4}_\d+)_wasm32", _emscripten),
    )
)
