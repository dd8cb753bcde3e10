"""Platform and ABI tags: what each accepts, newest first, and the markers that follow.

The platforms and their order follow the platform compatibility tags specification
(PEP 425, 513, 571, 599, 600, 656, 730, 738, 783) and ``packaging.tags``; the ABIs follow PEP 384,
425, 703 and 803.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.tags import android_platforms, ios_platforms, mac_platforms

from wheeltarget.errors import TargetError

LEGACY_MANYLINUX = {"2014": 17, "2010": 12, "1": 5}
"""The glibc minor version of each manylinux name from before PEP 600."""

LINUX_ARCHITECTURES = (
    "x86_64", "i686", "aarch64", "armv7l", "armv8l", "armv6l", "ppc64le", "ppc64", "s390x",
    "riscv64", "loongarch64",
)  # fmt: skip
_ARCHITECTURE_ALIASES = {
    "amd64": "x86_64", "x64": "x86_64", "x86": "i686", "i386": "i686", "i586": "i686",
    "arm64": "aarch64", "armv8": "aarch64", "armhf": "armv7l", "armv7": "armv7l",
    "ppc64el": "ppc64le",
}  # fmt: skip
_MANYLINUX_FLOORS = {
    **dict.fromkeys(set(LINUX_ARCHITECTURES) - {"armv6l"}, 17),
    **dict.fromkeys(("x86_64", "i686"), 5),
}
"""The oldest glibc minor version by architecture; there is no manylinux for armv6l."""

_COMPATIBLE_MACHINES = {"armv8l": ("armv8l", "armv7l")}
"""The architectures whose wheels run on an architecture, if there are several."""

MAC_VERSIONS = {
    "x86_64": ((10, 4), (99, 99)),
    "arm64": ((11, 0), (99, 99)),
    "i386": ((10, 4), (10, 14)),
    "ppc": ((10, 0), (10, 6)),
    "ppc64": ((10, 4), (10, 5)),
}
"""The oldest and the newest macOS that runs Python on each processor."""

_MAC_FORMATS = frozenset({"universal2", "universal", "intel", "fat", "fat3", "fat32", "fat64"})
_MAC_ALIASES = {
    "aarch64": "arm64", "amd64": "x86_64", "x64": "x86_64", "i686": "i386", "x86": "i386",
}  # fmt: skip
IOS_MULTIARCHES = ("arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphonesimulator")
_WINDOWS_MACHINES = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
ANDROID_MACHINES = {
    "arm64_v8a": "aarch64", "x86_64": "x86_64", "armeabi_v7a": "armv7l", "x86": "i686",
}  # fmt: skip
_EMSCRIPTEN_RELEASES = {
    "2024_0": "3.1.58", "2025_0": "4.0.9", "2026_0": "5.0.3", "2026_5": "6.0.5",
}  # fmt: skip
"""The Emscripten that each pyemscripten platform is built with (PEP 783)."""

_PYODIDE_LEVELS = frozenset({"2024_0", "2025_0"})
"""The levels whose wheels are also named ``pyodide_*``."""

_NEWEST_LEVEL = 99

Version = tuple[int, int]
Libc = Literal["", "glibc", "musl"]


@dataclass(frozen=True, slots=True)
class Platform:
    """The meaning of a platform tag: what it accepts, the most preferred first, and markers."""

    tag: str
    accepts: tuple[str, ...]
    markers: tuple[tuple[str, str], ...]
    libc: Libc = ""


def parse_platform(tag: str) -> Platform:
    """Parse a platform tag; raise TargetError if it is not the best one of any system."""
    tag = tag.lower()
    if tag == "any":
        return Platform(tag, ("any",), ())
    if tag in _WINDOWS_MACHINES:
        return Platform(tag, (tag,), _markers("nt", "win32", "Windows", _WINDOWS_MACHINES[tag]))
    for pattern, build in _FAMILIES:
        match = pattern.fullmatch(tag)
        if match:
            return build(tag, *match.groups())
    instead = "win_amd64" if _WINDOWS_64.fullmatch(tag) else ""
    hint = _suggest_platform(tag)
    raise TargetError(f"{tag} is not a platform", hint, code="WT120", instead=instead)


def with_plain_linux(tag: str) -> str:
    """Return a platform with ``linux_ARCH`` behind it if it is a Linux; else as it is.

    Which system a wheel for ``linux_ARCH`` needs is unknown, but each real machine accepts it.
    """
    platform = parse_platform(tag)
    machine = dict(platform.markers).get("platform_machine")
    return f"{tag}.linux_{machine}" if platform.libc else tag


def _markers(*values: str) -> tuple[tuple[str, str], ...]:
    names = ("os_name", "sys_platform", "platform_system", "platform_machine")
    return tuple(zip(names, values, strict=True))


def _wrong(tag: str, reason: str, hint: str, code: str, instead: str = "") -> TargetError:
    message = f"{tag} is not a platform: {reason}"
    return TargetError(message, hint, code=code, instead=instead)


def _legacy_manylinux(tag: str, year: str, architecture: str) -> Platform:
    machine = _manylinux_machine(tag, architecture)
    if year not in LEGACY_MANYLINUX:
        reason = "manylinux has the names 1, 2010, 2014 and, from PEP 600 on, the version of glibc"
        hint = f"write manylinux2014_{machine} or, say, manylinux_2_28_{machine}"
        raise _wrong(tag, reason, hint, "WT121")
    return _glibc(tag, LEGACY_MANYLINUX[year], architecture, machine)


def _manylinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    machine = _manylinux_machine(tag, architecture)
    if major != "2" or int(minor) > _NEWEST_LEVEL:
        hint = f"the number is glibc's version, as in manylinux_2_28_{machine}"
        raise _wrong(tag, f"there is no glibc {major}.{minor}", hint, "WT122")
    return _glibc(tag, int(minor), architecture, machine)


def _glibc(tag: str, minor: int, architecture: str, machine: str) -> Platform:
    floor = _MANYLINUX_FLOORS[machine]
    if minor < floor:
        reason = f"on {architecture} manylinux begins with glibc 2.{floor}"
        raise _wrong(tag, reason, f"write manylinux_2_{floor}_{machine}", "WT123")
    names = []
    for level in range(minor, floor - 1, -1):
        names.append(f"manylinux_2_{level}")
        names += [f"manylinux{year}" for year, old in LEGACY_MANYLINUX.items() if old == level]
    return _linux(tag, architecture, names, "glibc")


def _musllinux(tag: str, major: str, minor: str, architecture: str) -> Platform:
    machine = _resolve_alias(tag, architecture)
    if major != "1" or int(minor) > _NEWEST_LEVEL:
        reason = f"there is no musl {major}.{minor}"
        raise _wrong(tag, reason, f"write musllinux_1_2_{machine}", "WT122")
    names = [f"musllinux_1_{level}" for level in range(int(minor), -1, -1)]
    return _linux(tag, architecture, names, "musl")


def _resolve_alias(tag: str, architecture: str) -> str:
    machine = _ARCHITECTURE_ALIASES.get(architecture, architecture)
    if machine not in LINUX_ARCHITECTURES:
        hint = f"known ones: {', '.join(LINUX_ARCHITECTURES)}"
        raise _wrong(tag, f"{architecture} is not a Linux architecture", hint, "WT124")
    return machine


def _manylinux_machine(tag: str, architecture: str) -> str:
    machine = _resolve_alias(tag, architecture)
    if machine not in _MANYLINUX_FLOORS:
        reason = f"there is no manylinux for {architecture}"
        raise _wrong(tag, reason, f"write linux_{machine}", "WT125")
    return machine


def _linux(tag: str, arch: str, names: Sequence[str] = ("linux",), libc: Libc = "") -> Platform:
    """Build a Linux platform; refuse an architecture that is not written as its usual name."""
    machine = _resolve_alias(tag, arch)
    if arch != machine:
        instead = tag.removesuffix(arch) + machine
        reason = f"{arch} is not a Linux architecture"
        raise _wrong(tag, reason, f"write {instead}", "WT124", instead)
    machines = _COMPATIBLE_MACHINES.get(machine, (machine,))
    accepts = tuple(f"{name}_{each}" for each in machines for name in names)
    return Platform(tag, accepts, _markers("posix", "linux", "Linux", machine), libc)


def _macosx(tag: str, major: str, minor: str, processor: str) -> Platform:
    version = int(major), int(minor)
    if processor in _MAC_FORMATS:
        problem = "a wheel format for several processors: which processor does the target have?"
        hint = f"write {_nearest_mac(version, 'x86_64')} or {_nearest_mac(version, 'arm64')}"
        raise TargetError(f"{tag} is {problem}", hint, code="WT126")
    if processor not in MAC_VERSIONS:
        hint = f"known ones: {', '.join(MAC_VERSIONS)}"
        if processor in _MAC_ALIASES:
            hint = f"write {_nearest_mac(version, _MAC_ALIASES[processor])}"
        raise _wrong(tag, f"{processor} is not a macOS processor", hint, "WT127")
    nearest = _nearest_mac(version, processor)
    if nearest != tag:
        reason = f"no macOS {major}.{minor} runs on {processor}"
        raise _wrong(tag, reason, f"write {nearest}", "WT128")
    accepts = tuple(mac_platforms(version, processor))
    return Platform(tag, accepts, _markers("posix", "darwin", "Darwin", processor))


def _nearest_mac(version: Version, processor: str) -> str:
    oldest, newest = MAC_VERSIONS[processor]
    major, minor = min(max(version, oldest), newest)
    # macOS 11 reports 10.16 to programs that were built for older versions.
    minor = min(minor, 16 if major == 10 else _NEWEST_LEVEL)
    return f"macosx_{major}_{minor}_{processor}"


def _ios(tag: str, major: str, minor: str, multiarch: str) -> Platform:
    if multiarch not in IOS_MULTIARCHES:
        hint = "known ones: " + ", ".join(f"ios_13_0_{each}" for each in IOS_MULTIARCHES)
        raise _wrong(tag, f"{multiarch} is not an iOS device or simulator", hint, "WT129")
    version = int(major), int(minor)
    accepts = tuple(ios_platforms(version, multiarch)) if max(version) <= _NEWEST_LEVEL else ()
    if not accepts:
        hint = f"the first one is iOS 12; write ios_13_0_{multiarch}"
        raise _wrong(tag, f"no Python runs on iOS {major}.{minor}", hint, "WT130")
    return Platform(tag, accepts, _markers("posix", "ios", "iOS", multiarch.rpartition("_")[0]))


def _android(tag: str, level: str, abi: str) -> Platform:
    if abi not in ANDROID_MACHINES:
        hint = f"known ones: {', '.join(ANDROID_MACHINES)}"
        raise _wrong(tag, f"{abi} is not an Android ABI", hint, "WT131")
    accepts = tuple(android_platforms(int(level), abi)) if int(level) <= _NEWEST_LEVEL else ()
    if not accepts:
        hint = f"the first one is level 16; write android_21_{abi}"
        raise _wrong(tag, f"no Python runs on Android API level {level}", hint, "WT132")
    return Platform(tag, accepts, _markers("posix", "android", "Android", ANDROID_MACHINES[abi]))


def _emscripten(tag: str, name: str, level: str) -> Platform:
    if level not in _EMSCRIPTEN_RELEASES:
        known = ", ".join(f"pyemscripten_{each}_wasm32" for each in _EMSCRIPTEN_RELEASES)
        raise TargetError(f"{tag} is not a known platform", f"known ones: {known}", code="WT133")
    accepts = [f"pyemscripten_{level}_wasm32"]
    if level in _PYODIDE_LEVELS:
        accepts.append(f"pyodide_{level}_wasm32")
    elif name == "pyodide":
        reason = "wheels for this level are not named pyodide"
        raise _wrong(tag, reason, f"write {accepts[0]}", "WT134", accepts[0])
    release = _EMSCRIPTEN_RELEASES[level]
    accepts.append(f"emscripten_{release.replace('.', '_')}_wasm32")
    markers = _markers("posix", "emscripten", "Emscripten", "wasm32")
    markers += (("platform_release", release), ("platform_version", "#1"))
    return Platform(tag, tuple(accepts), markers)


def _suggest_platform(tag: str) -> str:
    family = re.split(r"[_\d]+", tag)[0]
    if family in {"win", "windows", "amd"}:
        if "arm" in tag or "aarch" in tag:
            return "write win_arm64"
        return "write win32" if re.search(r"32|x86$|i\d86$", tag) else "write win_amd64"
    like = "manylinux_2_28_x86_64, musllinux_1_2_aarch64, macosx_11_0_arm64, win_amd64 or any"
    hints = (f"write {example}" for families, example in _EXAMPLES if family in families)
    return next(hints, f"platforms are written like {like}")


_WINDOWS_64 = re.compile(r"win(?:dows)?_?(?:64|x64|x86_64|amd64)", re.ASCII)
_GLIBC_EXAMPLE = "or, with glibc's version, manylinux_2_28_x86_64"
_EXAMPLES = (
    ({"macos", "macosx", "darwin", "osx", "mac"}, "macosx_11_0_arm64 or macosx_10_13_x86_64"),
    ({"manylinux", "glibc", "ubuntu", "debian"}, f"manylinux2014_x86_64 {_GLIBC_EXAMPLE}"),
    ({"musllinux", "musl", "alpine"}, "musllinux_1_2_x86_64"),
    ({"linux"}, f"linux_x86_64 {_GLIBC_EXAMPLE}"),
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


def check_abi(
    implementation: str, version: Version, abis: tuple[str, ...], platforms: tuple[Platform, ...]
) -> None:
    """Raise TargetError if no build of an interpreter, such as ``cp`` 3.7, has these ABIs."""
    interpreter = f"{implementation}{version[0]}{version[1]}"
    place = ".".join(each.tag for each in platforms)
    tag = f"{interpreter}-{'.'.join(abis)}-{place}"
    if implementation == "py":
        if abis == ("none",):
            return
        raise TargetError(
            f"{tag} does not name an environment: {interpreter} means any Python, which has no ABI",
            f"write {interpreter}-none-{place}, or name one interpreter, such as cp…",
            code="WT112",
        )
    system = dict(platforms[0].markers).get("sys_platform", "linux")
    pattern, usual = _other_abi(implementation, version)
    if implementation == "cp":
        usual = usual_abi(version, system)
    if place == "any":
        if abis != ("none",):
            hint = f"write {interpreter}-none-any for pure Python wheels, or {interpreter}-{usual}-"
            message = f"{tag} has an ABI, but no platform"
            raise TargetError(message, f"{hint}manylinux_2_28_x86_64", code="WT111")
    elif implementation == "cp":
        _check_cpython_abi(tag, version, abis, system)
    else:
        own = [abi for abi in abis if abi != "none"]
        if len(own) != 1 or not re.fullmatch(pattern, own[0]):
            message = f"{tag} does not name an environment: {interpreter} has an ABI like {usual}"
            hint = f"write {interpreter}-{usual}-{place}"
            raise TargetError(message, hint, code="WT113")


def _other_abi(implementation: str, version: Version) -> tuple[str, str]:
    """Return the pattern of the ABIs of a PyPy or GraalPy, and an example."""
    digits = f"{version[0]}{version[1]}"
    if implementation == "graalpy":
        return rf"graalpy\d+_{digits}_native", f"graalpy250_{digits}_native"
    if digits == "27":
        return r"pypy_\d+", "pypy_73"
    return rf"pypy{digits}_pp\d+", f"pypy{digits}_pp73"


def _check_cpython_abi(tag: str, version: Version, abis: tuple[str, ...], system: str) -> None:
    interpreter, _, place = tag.split("-")
    python = f"CPython {version[0]}.{version[1]}"
    usual = usual_abi(version, system)
    natives = {interpreter + flags for flags in _flags(version, system)}
    written = [abi for abi in abis if abi not in {"abi3", "abi3t", "none"}]
    if not natives.issuperset(written):
        # A flag too many or too few. Any other ABI may belong to another interpreter, and before
        # 3.3 there are two kinds of builds on Linux.
        is_slip = {*abis} <= {interpreter, f"{interpreter}m"} and usual != f"{interpreter}mu"
        meant = f"{interpreter}-{usual}-{place}"
        message = f"{tag} is not an environment: {python} has the ABI {usual}"
        instead = meant if is_slip else ""
        raise TargetError(message, f"write {meant}", code="WT108", instead=instead)
    if "abi3t" in abis and f"{interpreter}t" in natives:
        usual = f"{interpreter}t"
    if not written:
        message = f"{tag} does not name an environment: it would exclude wheels for {usual}"
        hint = f"write {interpreter}-{usual}-{place}"
        if set(abis) <= _stable_abis(usual, version):
            hint += f"; it accepts {' and '.join(abis)} wheels too"
        raise TargetError(message, hint, code="WT109")
    if not any(set(abis) <= {*loaded_abis(abi), *_stable_abis(abi, version)} for abi in written):
        message = f"{tag} is not an environment: no build of {python} has {' and '.join(abis)}"
        hint = f"write {interpreter}-{written[0]}-{place}, and another tag for another build"
        raise TargetError(message, hint, code="WT110")


def usual_abi(version: Version, system: str) -> str:
    """Return the ABI of the usual build of a CPython on a ``sys_platform``."""
    return f"cp{version[0]}{version[1]}{_flags(version, system)[0]}"


def tag_of(python: str, platform: str) -> str:
    """Return the best tag of a CPython, such as ``3.12`` or ``3.14t``."""
    major, minor = python.removesuffix("t").split(".")
    abi = usual_abi((int(major), int(minor)), "linux" if "linux" in platform else "")
    abi = "none" if platform == "any" else abi + "t" * python.endswith("t")
    return f"cp{major}{minor}-{abi}-{platform}"


def _flags(version: Version, system: str) -> tuple[str, ...]:
    """Return what the ABIs of all builds of a CPython end with, the usual one first."""
    if version < (3, 3):
        builds = {"win32": ("m", "dm"), "linux": ("mu", "m", "dmu", "dm")}
        return builds.get(system, ("m", "mu", "dm", "dmu"))
    if version < (3, 8):
        return "m", "dm"
    return ("", "d") if version < (3, 13) else ("", "d", "t", "td")


def loaded_abis(abi: str) -> tuple[str, ...]:
    """Return the ABIs whose modules a build loads; a debug build has two since 3.8."""
    return (abi, abi.removesuffix("d")) if abi.endswith("d") else (abi,)


def _stable_abis(abi: str, version: Version) -> set[str]:
    if version < (3, 2):
        return {"none"}
    return {"none", "abi3t" if re.search(r"\dtd?$", abi) else "abi3"}
