"""Prove what each platform accepts, in which order, and what follows from it for markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import packaging._manylinux
import packaging._musllinux
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.tags import android_platforms, ios_platforms, mac_platforms

from wheeltarget.errors import TargetError
from wheeltarget.targets.tags import (
    ANDROID_MACHINES,
    IOS_MULTIARCHES,
    LINUX_ARCHITECTURES,
    MAC_VERSIONS,
    Platform,
    parse_platform,
    tag_of,
)

LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
MAC = {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"}
WINDOWS = {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"}
IOS = {"os_name": "posix", "sys_platform": "ios", "platform_system": "iOS"}
ANDROID = {"os_name": "posix", "sys_platform": "android", "platform_system": "Android"}
EMSCRIPTEN = {
    "os_name": "posix",
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "platform_machine": "wasm32",
    "platform_version": "#1",
}

GENERAL_HINT = (
    "platforms are written like manylinux_2_28_x86_64, musllinux_1_2_aarch64, "
    "macosx_11_0_arm64, win_amd64 or any"
)
ARCHITECTURES_HINT = (
    "known ones: x86_64, i686, aarch64, armv7l, armv8l, armv6l, ppc64le, ppc64, s390x, riscv64, "
    "loongarch64"
)
IOS_HINT = (
    "known ones: ios_13_0_arm64_iphoneos, ios_13_0_arm64_iphonesimulator, "
    "ios_13_0_x86_64_iphonesimulator"
)
EMSCRIPTEN_HINT = (
    "known ones: pyemscripten_2024_0_wasm32, pyemscripten_2025_0_wasm32, "
    "pyemscripten_2026_0_wasm32, pyemscripten_2026_5_wasm32"
)
NAMES_OF_MANYLINUX = (
    "is not a platform: manylinux has the names 1, 2010, 2014 and, from PEP 600 on, "
    "the version of glibc"
)

_A_PLATFORM = re.compile(
    r"\b(?:(?:manylinux|musllinux|linux|macosx|ios|android|pyemscripten)\w*_\w+|win(?:32|_\w+))\b"
)


def hinted(hint: str) -> list[str]:
    """Find the complete platforms that a hint tells to write."""
    return _A_PLATFORM.findall(hint)


ACCEPTED = {
    "any": ["any"],
    "win32": ["win32"],
    "win_amd64": ["win_amd64"],
    "win_arm64": ["win_arm64"],
    "linux_x86_64": ["linux_x86_64"],
    "linux_armv6l": ["linux_armv6l"],
    "linux_armv8l": ["linux_armv8l", "linux_armv7l"],
    "manylinux1_x86_64": ["manylinux_2_5_x86_64", "manylinux1_x86_64"],
    "manylinux_2_6_i686": ["manylinux_2_6_i686", "manylinux_2_5_i686", "manylinux1_i686"],
    "manylinux_2_18_x86_64": [
        "manylinux_2_18_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_16_x86_64",
        "manylinux_2_15_x86_64",
        "manylinux_2_14_x86_64",
        "manylinux_2_13_x86_64",
        "manylinux_2_12_x86_64",
        "manylinux2010_x86_64",
        "manylinux_2_11_x86_64",
        "manylinux_2_10_x86_64",
        "manylinux_2_9_x86_64",
        "manylinux_2_8_x86_64",
        "manylinux_2_7_x86_64",
        "manylinux_2_6_x86_64",
        "manylinux_2_5_x86_64",
        "manylinux1_x86_64",
    ],
    "manylinux2014_aarch64": ["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
    "manylinux_2_18_armv8l": [
        "manylinux_2_18_armv8l",
        "manylinux_2_17_armv8l",
        "manylinux2014_armv8l",
        "manylinux_2_18_armv7l",
        "manylinux_2_17_armv7l",
        "manylinux2014_armv7l",
    ],
    "musllinux_1_0_riscv64": ["musllinux_1_0_riscv64"],
    "musllinux_1_2_x86_64": [
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ],
    "musllinux_1_1_armv8l": [
        "musllinux_1_1_armv8l",
        "musllinux_1_0_armv8l",
        "musllinux_1_1_armv7l",
        "musllinux_1_0_armv7l",
    ],
    "macosx_12_0_arm64": [
        "macosx_12_0_arm64",
        "macosx_12_0_universal2",
        "macosx_11_0_arm64",
        "macosx_11_0_universal2",
        *(f"macosx_10_{minor}_universal2" for minor in range(16, 3, -1)),
    ],
    "ios_13_1_arm64_iphoneos": [
        "ios_13_1_arm64_iphoneos",
        "ios_13_0_arm64_iphoneos",
        *(f"ios_12_{minor}_arm64_iphoneos" for minor in range(9, -1, -1)),
    ],
    "android_18_arm64_v8a": [
        "android_18_arm64_v8a",
        "android_17_arm64_v8a",
        "android_16_arm64_v8a",
    ],
    "pyemscripten_2025_0_wasm32": [
        "pyemscripten_2025_0_wasm32",
        "pyodide_2025_0_wasm32",
        "emscripten_4_0_9_wasm32",
    ],
    "pyemscripten_2026_5_wasm32": ["pyemscripten_2026_5_wasm32", "emscripten_6_0_5_wasm32"],
}


@pytest.mark.parametrize(("tag", "expected"), ACCEPTED.items(), ids=ACCEPTED)
def test_accepts_in_order_of_preference(tag: str, expected: list[str]) -> None:
    assert list(parse_platform(tag).accepts) == expected


def test_an_intel_mac_prefers_its_own_format_to_the_shared_ones() -> None:
    accepts = parse_platform("macosx_10_5_x86_64").accepts
    # packaging 26.3 gave another name to one of the formats with PowerPC.
    assert [tag for tag in accepts if "fat" not in tag] == [
        "macosx_10_5_x86_64",
        "macosx_10_5_intel",
        "macosx_10_5_universal2",
        "macosx_10_5_universal",
        "macosx_10_4_x86_64",
        "macosx_10_4_intel",
        "macosx_10_4_universal2",
        "macosx_10_4_universal",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("manylinux1_i686", "manylinux_2_5_i686"),
        ("manylinux2010_x86_64", "manylinux_2_12_x86_64"),
        ("manylinux2014_s390x", "manylinux_2_17_s390x"),
        ("pyodide_2024_0_wasm32", "pyemscripten_2024_0_wasm32"),
        # The minor versions of macOS from 11 on are no platforms of their own.
        ("macosx_14_6_arm64", "macosx_14_0_arm64"),
        ("MANYLINUX_2_28_X86_64", "manylinux_2_28_x86_64"),
    ],
)
def test_two_spellings_mean_the_same(old: str, new: str) -> None:
    one, other = parse_platform(old), parse_platform(new)
    assert (one.accepts, one.markers, one.libc) == (other.accepts, other.markers, other.libc)


def _glibc_levels() -> Iterator[tuple[str, int]]:
    for architecture in LINUX_ARCHITECTURES:
        if architecture != "armv6l":
            old = (5, 11, 12) if architecture in {"x86_64", "i686"} else ()
            yield from ((architecture, minor) for minor in (*old, 17, 18, 41))


@pytest.mark.parametrize(("architecture", "minor"), list(_glibc_levels()))
def test_manylinux_is_what_packaging_finds_on_such_a_machine(
    architecture: str, minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging._manylinux, "_get_glibc_version", lambda: (2, minor))
    # It would look into this interpreter's own executable.
    monkeypatch.setattr(packaging._manylinux, "_is_linux_armhf", lambda _: True)
    monkeypatch.setattr(packaging._manylinux, "_is_linux_i686", lambda _: True)
    machines = ["armv8l", "armv7l"] if architecture == "armv8l" else [architecture]
    expected = list(packaging._manylinux.platform_tags(machines))
    platform = parse_platform(f"manylinux_2_{minor}_{architecture}")
    assert list(platform.accepts) == expected
    assert platform.libc == "glibc"


def test_packaging_finds_no_manylinux_on_armv6l(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging._manylinux, "_get_glibc_version", lambda: (2, 41))
    assert list(packaging._manylinux.platform_tags(["armv6l"])) == []


@pytest.mark.parametrize("architecture", LINUX_ARCHITECTURES)
@pytest.mark.parametrize("minor", [0, 1, 2, 3])
def test_musllinux_is_what_packaging_finds_on_such_a_machine(
    architecture: str, minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = packaging._musllinux._MuslVersion(1, minor)
    monkeypatch.setattr(packaging._musllinux, "_get_musl_version", lambda _: version)
    machines = ["armv8l", "armv7l"] if architecture == "armv8l" else [architecture]
    expected = list(packaging._musllinux.platform_tags(machines))
    platform = parse_platform(f"musllinux_1_{minor}_{architecture}")
    assert list(platform.accepts) == expected
    assert platform.libc == "musl"


@pytest.mark.parametrize(
    ("version", "machine"),
    [
        ((10, 4), "x86_64"),
        ((10, 9), "x86_64"),
        ((10, 16), "x86_64"),
        ((11, 0), "x86_64"),
        ((15, 0), "x86_64"),
        ((11, 0), "arm64"),
        ((26, 0), "arm64"),
        ((10, 14), "i386"),
        ((10, 6), "ppc"),
        ((10, 5), "ppc64"),
    ],
)
def test_macos_is_what_packaging_makes_of_it(version: tuple[int, int], machine: str) -> None:
    tag = f"macosx_{version[0]}_{version[1]}_{machine}"
    accepts = parse_platform(tag).accepts
    assert list(accepts) == list(mac_platforms(version, machine))
    assert accepts[0] == tag


@pytest.mark.parametrize("multiarch", IOS_MULTIARCHES)
@pytest.mark.parametrize("version", [(12, 0), (13, 0), (18, 2)])
def test_ios_is_what_packaging_makes_of_it(version: tuple[int, int], multiarch: str) -> None:
    accepts = parse_platform(f"ios_{version[0]}_{version[1]}_{multiarch}").accepts
    assert list(accepts) == list(ios_platforms(version, multiarch))


@pytest.mark.parametrize("abi", ANDROID_MACHINES)
@pytest.mark.parametrize("level", [16, 21, 36])
def test_android_is_what_packaging_makes_of_it(level: int, abi: str) -> None:
    accepts = parse_platform(f"android_{level}_{abi}").accepts
    assert list(accepts) == list(android_platforms(level, abi))


MARKERS: dict[str, dict[str, str]] = {
    "linux_x86_64": {**LINUX, "platform_machine": "x86_64"},
    "manylinux1_i686": {**LINUX, "platform_machine": "i686"},
    "manylinux2014_aarch64": {**LINUX, "platform_machine": "aarch64"},
    "manylinux_2_31_armv7l": {**LINUX, "platform_machine": "armv7l"},
    "musllinux_1_2_ppc64le": {**LINUX, "platform_machine": "ppc64le"},
    "macosx_10_13_x86_64": {**MAC, "platform_machine": "x86_64"},
    "macosx_11_0_arm64": {**MAC, "platform_machine": "arm64"},
    "win_amd64": {**WINDOWS, "platform_machine": "AMD64"},
    "win32": {**WINDOWS, "platform_machine": "x86"},
    "win_arm64": {**WINDOWS, "platform_machine": "ARM64"},
    "ios_13_0_arm64_iphoneos": {**IOS, "platform_machine": "arm64"},
    "ios_13_0_x86_64_iphonesimulator": {**IOS, "platform_machine": "x86_64"},
    "android_24_arm64_v8a": {**ANDROID, "platform_machine": "aarch64"},
    "android_24_x86_64": {**ANDROID, "platform_machine": "x86_64"},
    "android_24_armeabi_v7a": {**ANDROID, "platform_machine": "armv7l"},
    "android_24_x86": {**ANDROID, "platform_machine": "i686"},
    "pyemscripten_2024_0_wasm32": {**EMSCRIPTEN, "platform_release": "3.1.58"},
    "pyodide_2024_0_wasm32": {**EMSCRIPTEN, "platform_release": "3.1.58"},
    "pyemscripten_2025_0_wasm32": {**EMSCRIPTEN, "platform_release": "4.0.9"},
    "pyodide_2025_0_wasm32": {**EMSCRIPTEN, "platform_release": "4.0.9"},
    "pyemscripten_2026_0_wasm32": {**EMSCRIPTEN, "platform_release": "5.0.3"},
    "pyemscripten_2026_5_wasm32": {**EMSCRIPTEN, "platform_release": "6.0.5"},
    "any": {},
}


@pytest.mark.parametrize(("tag", "expected"), MARKERS.items(), ids=MARKERS)
def test_settles_these_marker_variables_and_no_other(tag: str, expected: dict[str, str]) -> None:
    assert dict(parse_platform(tag).markers) == expected


REFUSED = {
    # glibc
    "manylinux_2_4_x86_64": (
        "is not a platform: on x86_64 manylinux begins with glibc 2.5",
        "write manylinux_2_5_x86_64",
    ),
    "manylinux1_aarch64": (
        "is not a platform: on aarch64 manylinux begins with glibc 2.17",
        "write manylinux_2_17_aarch64",
    ),
    "manylinux2010_arm64": (
        "is not a platform: on arm64 manylinux begins with glibc 2.17",
        "write manylinux_2_17_aarch64",
    ),
    "manylinux_2_100_x86_64": (
        "is not a platform: there is no glibc 2.100",
        "the number is glibc's version, as in manylinux_2_28_x86_64",
    ),
    "manylinux_3_0_amd64": (
        "is not a platform: there is no glibc 3.0",
        "the number is glibc's version, as in manylinux_2_28_x86_64",
    ),
    "manylinux2012_x86_64": (
        NAMES_OF_MANYLINUX,
        "write manylinux2014_x86_64 or, say, manylinux_2_28_x86_64",
    ),
    "manylinux2024_arm64": (
        NAMES_OF_MANYLINUX,
        "write manylinux2014_aarch64 or, say, manylinux_2_28_aarch64",
    ),
    "manylinux2014_amd64": (
        "is not a platform: amd64 is not a Linux architecture",
        "write manylinux2014_x86_64",
    ),
    "manylinux_2_28_vax": (
        "is not a platform: vax is not a Linux architecture",
        ARCHITECTURES_HINT,
    ),
    "manylinux2012_vax": (
        "is not a platform: vax is not a Linux architecture",
        ARCHITECTURES_HINT,
    ),
    "manylinux_2_28_armv6l": (
        "is not a platform: there is no manylinux for armv6l",
        "write linux_armv6l",
    ),
    "manylinux_2_28": (
        "is not a platform",
        "write manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
    # A number with a leading zero is in no file name, so it would match nothing.
    "manylinux_2_028_x86_64": (
        "is not a platform",
        "write manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
    "ubuntu_22_04_x86_64": (
        "is not a platform",
        "write manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
    # musl and plain Linux
    "musllinux_2_0_amd64": (
        "is not a platform: there is no musl 2.0",
        "write musllinux_1_2_x86_64",
    ),
    "musllinux_1_100_x86_64": (
        "is not a platform: there is no musl 1.100",
        "write musllinux_1_2_x86_64",
    ),
    "musllinux_1_2_arm64": (
        "is not a platform: arm64 is not a Linux architecture",
        "write musllinux_1_2_aarch64",
    ),
    "alpine_3_20": ("is not a platform", "write musllinux_1_2_x86_64"),
    "linux_arm64": (
        "is not a platform: arm64 is not a Linux architecture",
        "write linux_aarch64",
    ),
    "linux_x86": (
        "is not a platform: x86 is not a Linux architecture",
        "write linux_i686",
    ),
    "linux_vax": (
        "is not a platform: vax is not a Linux architecture",
        ARCHITECTURES_HINT,
    ),
    "linux": (
        "is not a platform",
        "write linux_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
    # macOS
    "macosx_10_9_universal2": (
        "is a wheel format for several processors: which processor does the target have?",
        "write macosx_10_9_x86_64 or macosx_11_0_arm64",
    ),
    "macosx_13_0_universal2": (
        "is a wheel format for several processors: which processor does the target have?",
        "write macosx_13_0_x86_64 or macosx_13_0_arm64",
    ),
    "macosx_10_6_intel": (
        "is a wheel format for several processors: which processor does the target have?",
        "write macosx_10_6_x86_64 or macosx_11_0_arm64",
    ),
    "macosx_10_3_fat": (
        "is a wheel format for several processors: which processor does the target have?",
        "write macosx_10_4_x86_64 or macosx_11_0_arm64",
    ),
    "macosx_14_0_aarch64": (
        "is not a platform: aarch64 is not a macOS processor",
        "write macosx_14_0_arm64",
    ),
    "macosx_14_0_vax": (
        "is not a platform: vax is not a macOS processor",
        "known ones: x86_64, arm64, i386, ppc, ppc64",
    ),
    "macosx_10_15_arm64": (
        "is not a platform: no macOS 10.15 runs on arm64",
        "write macosx_11_0_arm64",
    ),
    "macosx_10_3_x86_64": (
        "is not a platform: no macOS 10.3 runs on x86_64",
        "write macosx_10_4_x86_64",
    ),
    "macosx_10_17_x86_64": (
        "is not a platform: no macOS 10.17 runs on x86_64",
        "write macosx_10_16_x86_64",
    ),
    "macosx_100_0_arm64": (
        "is not a platform: no macOS 100.0 runs on arm64",
        "write macosx_99_99_arm64",
    ),
    # packaging gives both of these universal2, which has no code for either.
    "macosx_11_0_i386": (
        "is not a platform: no macOS 11.0 runs on i386",
        "write macosx_10_14_i386",
    ),
    "macosx_11_0_ppc": ("is not a platform: no macOS 11.0 runs on ppc", "write macosx_10_6_ppc"),
    "macosx_arm64": ("is not a platform", "write macosx_11_0_arm64 or macosx_10_13_x86_64"),
    "macos_14_0_arm64": ("is not a platform", "write macosx_11_0_arm64 or macosx_10_13_x86_64"),
    "darwin": ("is not a platform", "write macosx_11_0_arm64 or macosx_10_13_x86_64"),
    # Windows
    "win64": ("is not a platform", "write win_amd64"),
    "win_x86_64": ("is not a platform", "write win_amd64"),
    "windows": ("is not a platform", "write win_amd64"),
    "amd64": ("is not a platform", "write win_amd64"),
    "win_x86": ("is not a platform", "write win32"),
    "windows_i686": ("is not a platform", "write win32"),
    "win_32": ("is not a platform", "write win32"),
    "win_aarch64": ("is not a platform", "write win_arm64"),
    # iOS and Android
    "ios_11_4_arm64_iphoneos": (
        "is not a platform: no Python runs on iOS 11.4",
        "the first one is iOS 12; write ios_13_0_arm64_iphoneos",
    ),
    "ios_100_0_arm64_iphoneos": (
        "is not a platform: no Python runs on iOS 100.0",
        "the first one is iOS 12; write ios_13_0_arm64_iphoneos",
    ),
    "ios_13_100_arm64_iphoneos": (
        "is not a platform: no Python runs on iOS 13.100",
        "the first one is iOS 12; write ios_13_0_arm64_iphoneos",
    ),
    "ios_13_0_x86_64_iphoneos": (
        "is not a platform: x86_64_iphoneos is not an iOS device or simulator",
        IOS_HINT,
    ),
    "ios_arm64": ("is not a platform", "write ios_13_0_arm64_iphoneos"),
    "android_15_x86_64": (
        "is not a platform: no Python runs on Android API level 15",
        "the first one is level 16; write android_21_x86_64",
    ),
    "android_100_x86_64": (
        "is not a platform: no Python runs on Android API level 100",
        "the first one is level 16; write android_21_x86_64",
    ),
    "android_24_arm64": (
        "is not a platform: arm64 is not an Android ABI",
        "known ones: arm64_v8a, x86_64, armeabi_v7a, x86",
    ),
    "android_arm64_v8a": ("is not a platform", "write android_21_arm64_v8a"),
    # Emscripten
    "pyemscripten_2023_0_wasm32": (
        "is not a known platform",
        EMSCRIPTEN_HINT,
    ),
    "pyodide_2026_0_wasm32": (
        "is not a platform: wheels for this level are not named pyodide",
        "write pyemscripten_2026_0_wasm32",
    ),
    "emscripten_4_0_9_wasm32": ("is not a platform", "write pyemscripten_2025_0_wasm32"),
    # Nothing at all
    "amiga": ("is not a platform", GENERAL_HINT),
    "": ("is not a platform", GENERAL_HINT),
    "manylinux\u0662_28_x86_64": (
        "is not a platform",
        "write manylinux2014_x86_64 or, with glibc's version, manylinux_2_28_x86_64",
    ),
}


@pytest.mark.parametrize(("tag", "expected"), REFUSED.items(), ids=[*map(ascii, REFUSED)])
def test_refuses_and_says_what_to_write(tag: str, expected: tuple[str, str]) -> None:
    with pytest.raises(TargetError) as caught:
        parse_platform(tag)
    assert (caught.value.message, caught.value.hint) == (f"{tag} {expected[0]}", expected[1])
    for platform in hinted(caught.value.hint):
        assert parse_platform(platform).accepts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("linux_amd64", "linux_x86_64"), ("linux_x64", "linux_x86_64")),
        *(("linux_x86", "linux_i686"), ("linux_i386", "linux_i686"), ("linux_i586", "linux_i686")),
        *(("linux_arm64", "linux_aarch64"), ("linux_armv8", "linux_aarch64")),
        *(("linux_armhf", "linux_armv7l"), ("linux_armv7", "linux_armv7l")),
        ("linux_ppc64el", "linux_ppc64le"),
        ("macosx_14_0_aarch64", "macosx_14_0_arm64"),
        ("macosx_14_0_amd64", "macosx_14_0_x86_64"),
        ("macosx_14_0_x64", "macosx_14_0_x86_64"),
        ("macosx_10_6_x86", "macosx_10_6_i386"),
        ("macosx_10_6_i686", "macosx_10_6_i386"),
    ],
)
def test_another_name_of_an_architecture_is_understood_and_refused(
    written: str, meant: str
) -> None:
    with pytest.raises(TargetError) as caught:
        parse_platform(written)
    assert caught.value.hint == f"write {meant}"


@pytest.mark.parametrize(
    "format_", ["universal2", "universal", "intel", "fat", "fat3", "fat32", "fat64"]
)
def test_a_format_of_several_processors_is_no_machine(format_: str) -> None:
    with pytest.raises(TargetError, match="which processor does the target have"):
        parse_platform(f"macosx_10_6_{format_}")


@pytest.mark.parametrize(
    ("last", "beyond"),
    [
        ("macosx_10_4_x86_64", "macosx_10_3_x86_64"),
        ("macosx_10_4_i386", "macosx_10_3_i386"),
        ("macosx_10_4_ppc64", "macosx_10_3_ppc64"),
        ("macosx_10_0_ppc", "macosx_9_9_ppc"),
        ("macosx_11_0_arm64", "macosx_10_16_arm64"),
        ("macosx_10_14_i386", "macosx_10_15_i386"),
        ("macosx_10_6_ppc", "macosx_10_7_ppc"),
        ("macosx_10_5_ppc64", "macosx_10_6_ppc64"),
        ("macosx_10_16_x86_64", "macosx_10_17_x86_64"),
        # Nothing is known of versions to come; what has three digits is a slip.
        ("macosx_99_99_x86_64", "macosx_100_0_x86_64"),
        ("macosx_99_99_arm64", "macosx_99_100_arm64"),
        ("manylinux_2_99_x86_64", "manylinux_2_100_x86_64"),
        ("musllinux_1_99_x86_64", "musllinux_1_100_x86_64"),
        ("ios_12_0_arm64_iphoneos", "ios_11_9_arm64_iphoneos"),
        ("ios_99_99_arm64_iphoneos", "ios_99_100_arm64_iphoneos"),
        ("android_16_x86_64", "android_15_x86_64"),
        ("android_99_x86_64", "android_100_x86_64"),
    ],
)
def test_ends_where_no_machine_is(last: str, beyond: str) -> None:
    assert parse_platform(last).accepts
    with pytest.raises(TargetError):
        parse_platform(beyond)


@pytest.mark.parametrize(
    ("family", "example"),
    [
        *((name, "macosx_11_0_arm64") for name in ("macos", "darwin", "osx", "mac")),
        *((name, "manylinux2014_x86_64") for name in ("glibc", "debian", "ubuntu")),
        *((name, "musllinux_1_2_x86_64") for name in ("musllinux", "musl", "alpine")),
        *((name, "ios_13_0_arm64_iphoneos") for name in ("ios", "iphoneos")),
        *((name, "pyemscripten_2025_0_wasm32") for name in ("emscripten", "wasm", "pyodide")),
        ("pyemscripten", "pyemscripten_2025_0_wasm32"),
        ("win_arm", "win_arm64"),
        ("android", "android_21_arm64_v8a"),
    ],
)
def test_the_name_of_a_system_leads_to_an_example(family: str, example: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_platform(f"{family}_7")
    assert hinted(caught.value.hint)[0] == example


NUMBERS = st.one_of(st.integers(0, 40), st.integers(0, 9999), st.just("013"))
ARCHITECTURES = st.sampled_from(
    [
        *(*LINUX_ARCHITECTURES, *MAC_VERSIONS, *IOS_MULTIARCHES, *ANDROID_MACHINES),
        *("amd64", "arm64", "x86", "universal2", "intel", "wasm32", "vax", ""),
    ]
)
SHAPED = st.one_of(
    st.builds("manylinux_{}_{}_{}".format, st.sampled_from([1, 2, 3]), NUMBERS, ARCHITECTURES),
    st.builds("manylinux{}_{}".format, st.sampled_from([1, 5, 2010, 2014, 2015]), ARCHITECTURES),
    st.builds("musllinux_{}_{}_{}".format, st.sampled_from([1, 2]), NUMBERS, ARCHITECTURES),
    st.builds("macosx_{}_{}_{}".format, NUMBERS, NUMBERS, ARCHITECTURES),
    st.builds("macosx_10_{}_{}".format, NUMBERS, ARCHITECTURES),
    st.builds("ios_{}_{}_{}".format, NUMBERS, NUMBERS, ARCHITECTURES),
    st.builds("android_{}_{}".format, NUMBERS, ARCHITECTURES),
    st.builds("pyemscripten_{}_{}_{}".format, st.integers(2023, 2027), NUMBERS, ARCHITECTURES),
    st.builds("{}_{}".format, st.sampled_from(["linux", "win", "windows", "mac"]), ARCHITECTURES),
)


def parse_or_refuse(tag: str) -> Platform | None:
    """Parse a platform; where it is refused, hold the refusal to its own hint."""
    try:
        return parse_platform(tag)
    except TargetError as error:
        for platform in hinted(error.hint):
            assert parse_platform(platform).accepts
        return None


@given(st.text())
@settings(deadline=None)
def test_any_text_is_a_platform_or_refused(text: str) -> None:
    parse_or_refuse(text)


@given(SHAPED)
@settings(deadline=None, max_examples=400)
def test_what_looks_like_a_platform_is_one_or_refused(tag: str) -> None:
    platform = parse_or_refuse(tag)
    if platform is not None:
        assert len(set(platform.accepts)) == len(platform.accepts) < 1500


_NEWEST_OF = re.compile(r"(manylinux|musllinux|macosx|ios|android)_(\d+)(?:_(\d+))?_(.+)")
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


def level(tag: str) -> tuple[int, int]:
    """Read the version that a platform asks for."""
    name = tag.partition("_")[0]
    if name in _LEGACY:
        return _LEGACY[name]
    match = _NEWEST_OF.fullmatch(tag)
    assert match is not None, tag
    return int(match[2]), int(match[3] or 0)


VERSIONED = st.one_of(
    st.builds("manylinux_2_{}_x86_64".format, st.integers(5, 99)),
    st.builds("manylinux_2_{}_{}".format, st.integers(17, 99), st.sampled_from(["aarch64"])),
    st.builds("manylinux_2_{}_armv8l".format, st.integers(17, 99)),
    st.sampled_from([f"{name}_i686" for name in _LEGACY]),
    st.builds("musllinux_1_{}_x86_64".format, st.integers(0, 99)),
    st.builds("macosx_10_{}_x86_64".format, st.integers(4, 16)),
    st.builds("macosx_{}_{}_x86_64".format, st.integers(11, 99), st.integers(0, 99)),
    st.builds("macosx_{}_{}_arm64".format, st.integers(11, 99), st.integers(0, 99)),
    st.builds("ios_{}_{}_arm64_iphoneos".format, st.integers(12, 99), st.integers(0, 99)),
    st.builds("android_{}_arm64_v8a".format, st.integers(16, 99)),
)


@given(VERSIONED)
@settings(deadline=None)
def test_accepts_nothing_newer_than_the_platform_named(tag: str) -> None:
    accepts = parse_platform(tag).accepts
    assert max(map(level, accepts)) <= level(tag)


@given(
    st.integers(5, 99),
    st.integers(5, 99),
    st.sampled_from([name for name in LINUX_ARCHITECTURES if name != "armv6l"]),
)
@settings(deadline=None)
def test_a_newer_glibc_takes_all_that_an_older_one_takes(
    one: int, other: int, architecture: str
) -> None:
    floor = 5 if architecture in {"x86_64", "i686"} else 17
    older, newer = sorted((max(one, floor), max(other, floor)))
    old = parse_platform(f"manylinux_2_{older}_{architecture}").accepts
    new = parse_platform(f"manylinux_2_{newer}_{architecture}").accepts
    assert set(old) <= set(new)
    assert (old == new) == (older == newer)


def test_abi_of_python_2_outside_linux() -> None:
    assert tag_of("2.7", "win_amd64") == "cp27-cp27m-win_amd64"
