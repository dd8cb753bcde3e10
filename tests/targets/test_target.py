"""Prove what environment a tag means: its tags in order, and the markers that follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement
from packaging.tags import (
    compatible_tags,
    cpython_tags,
    generic_tags,
    platform_tags,
    sys_tags,
)

from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import host
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.tags import parse_platform
from wheeltarget.targets.target import MARKER_VARIABLES, Target, target_from_tag

GLIBC = "manylinux_2_28_x86_64"
NEWEST = newest_pythons()
TWO_TAGS = "write two tags, separated by a comma"

_A_TAG = re.compile(r"\b(?:cp|pp|py|graalpy)\d+-[\w.]+-\w[\w.]*")


def build(tag: str) -> Target:
    return target_from_tag(tag, NEWEST)


def hinted(hint: str) -> list[str]:
    """Find the complete tags that a hint tells to write."""
    return [tag.rstrip(".") for tag in _A_TAG.findall(hint)]


def pythons(newest: int, oldest: int = 0) -> list[str]:
    """Write the general interpreters of Python 3, in the order of packaging."""
    return [f"py3{newest}", "py3", *(f"py3{minor}" for minor in range(newest - 1, oldest - 1, -1))]


PYTHON_2 = ["py27", "py2", "py26", "py25", "py24", "py23", "py22", "py21", "py20"]
TAGS: dict[str, list[str]] = {
    "cp27-cp27mu-linux_x86_64": [
        "cp27-cp27mu-linux_x86_64",
        "cp27-none-linux_x86_64",
        *(f"{python}-none-linux_x86_64" for python in PYTHON_2),
        "cp27-none-any",
        *(f"{python}-none-any" for python in PYTHON_2),
    ],
    "cp36-cp36m-win_amd64": [
        "cp36-cp36m-win_amd64",
        "cp36-abi3-win_amd64",
        "cp36-none-win_amd64",
        "cp35-abi3-win_amd64",
        "cp34-abi3-win_amd64",
        "cp33-abi3-win_amd64",
        "cp32-abi3-win_amd64",
        *(f"{python}-none-win_amd64" for python in pythons(6)),
        "cp36-none-any",
        *(f"{python}-none-any" for python in pythons(6)),
    ],
    "cp315-cp315t-win_arm64": [
        "cp315-cp315t-win_arm64",
        "cp315-abi3t-win_arm64",
        "cp315-none-win_arm64",
        *(f"cp3{minor}-abi3t-win_arm64" for minor in range(14, 1, -1)),
        *(f"{python}-none-win_arm64" for python in pythons(15)),
        "cp315-none-any",
        *(f"{python}-none-any" for python in pythons(15)),
    ],
    # A debugging build loads what was built for the other, from 3.8 on.
    "cp38-cp38d-win32": [
        "cp38-cp38d-win32",
        "cp38-cp38-win32",
        "cp38-abi3-win32",
        "cp38-none-win32",
        *(f"cp3{minor}-abi3-win32" for minor in range(7, 1, -1)),
        *(f"{python}-none-win32" for python in pythons(8)),
        "cp38-none-any",
        *(f"{python}-none-any" for python in pythons(8)),
    ],
    # Two platforms: all tags of one interpreter and ABI stand together.
    "cp33-cp33m-linux_i686.manylinux1_i686": [
        *(
            f"{python}-{platform}"
            for python in (
                *("cp33-cp33m", "cp33-abi3", "cp33-none", "cp32-abi3"),
                *("py33-none", "py3-none", "py32-none", "py31-none", "py30-none"),
            )
            for platform in ("linux_i686", "manylinux_2_5_i686", "manylinux1_i686")
        ),
        "cp33-none-any",
        *(f"{python}-none-any" for python in pythons(3)),
    ],
    "pp310-pypy310_pp73-win_amd64": [
        "pp310-pypy310_pp73-win_amd64",
        "pp310-none-win_amd64",
        *(f"{python}-none-win_amd64" for python in pythons(10)),
        "pp3-none-any",
        *(f"{python}-none-any" for python in pythons(10)),
    ],
    "graalpy312-graalpy250_312_native-linux_aarch64": [
        "graalpy312-graalpy250_312_native-linux_aarch64",
        "graalpy312-none-linux_aarch64",
        *(f"{python}-none-linux_aarch64" for python in pythons(12)),
        *(f"{python}-none-any" for python in pythons(12)),
    ],
    "py39-none-win32": [
        *(f"{python}-none-win32" for python in pythons(9)),
        *(f"{python}-none-any" for python in pythons(9)),
    ],
    "py39-none-any": [f"{python}-none-any" for python in pythons(9)],
    "py27-none-any": [f"{python}-none-any" for python in PYTHON_2],
    "cp39-none-any": ["cp39-none-any", *(f"{python}-none-any" for python in pythons(9))],
    "pp39-none-any": ["pp3-none-any", *(f"{python}-none-any" for python in pythons(9))],
}


@pytest.mark.parametrize(("tag", "expected"), TAGS.items(), ids=TAGS)
def test_takes_these_tags_in_this_order(tag: str, expected: list[str]) -> None:
    assert list(build(tag).tags) == expected


@pytest.mark.parametrize(
    ("tag", "version", "abis"),
    [
        ("cp27-cp27mu", (2, 7), ["cp27mu"]),
        ("cp27-cp27m", (2, 7), ["cp27m"]),
        ("cp27-cp27dm", (2, 7), ["cp27dm"]),
        ("cp27-cp27dmu", (2, 7), ["cp27dmu"]),
        ("cp36-cp36m", (3, 6), ["cp36m"]),
        ("cp37-cp37dm", (3, 7), ["cp37dm"]),
        ("cp38-cp38", (3, 8), ["cp38"]),
        ("cp312-cp312", (3, 12), ["cp312"]),
        ("cp312-cp312d", (3, 12), ["cp312d", "cp312"]),
        ("cp313-cp313t", (3, 13), ["cp313t"]),
        ("cp314-cp314d", (3, 14), ["cp314d", "cp314"]),
        ("cp314-cp314td", (3, 14), ["cp314td", "cp314t"]),
        ("cp315-cp315", (3, 15), ["cp315"]),
        ("cp315-cp315t", (3, 15), ["cp315t"]),
    ],
)
@pytest.mark.parametrize(
    "platform",
    [GLIBC, "manylinux1_i686", "musllinux_1_2_aarch64", "macosx_14_0_arm64", "win_amd64"],
)
def test_cpython_takes_what_packaging_gives_it(
    tag: str, version: tuple[int, int], abis: list[str], platform: str
) -> None:
    if "mu" in tag and "win" in platform:
        platform = "linux_x86_64"
    platforms = parse_platform(platform).accepts
    specific = cpython_tags(version, abis, platforms)
    general = compatible_tags(version, tag.partition("-")[0], platforms)
    assert list(build(f"{tag}-{platform}").tags) == [*map(str, specific), *map(str, general)]


@pytest.mark.parametrize(
    ("tag", "version", "general_name"),
    [
        ("pp27-pypy_73", (2, 7), "pp2"),
        ("pp36-pypy36_pp73", (3, 6), "pp3"),
        ("pp311-pypy311_pp73", (3, 11), "pp3"),
        ("graalpy311-graalpy242_311_native", (3, 11), None),
    ],
)
@pytest.mark.parametrize("platform", [GLIBC, "musllinux_1_2_aarch64", "macosx_14_0_arm64"])
def test_another_python_takes_what_packaging_gives_it(
    tag: str, version: tuple[int, int], general_name: str | None, platform: str
) -> None:
    interpreter, _, abi = tag.partition("-")
    platforms = parse_platform(platform).accepts
    specific = generic_tags(interpreter, [abi], platforms)
    general = compatible_tags(version, general_name, platforms)
    assert list(build(f"{tag}-{platform}").tags) == [*map(str, specific), *map(str, general)]


def named_like_the_host() -> str:
    """Write the tag of the running interpreter, with each family of platforms that it has."""
    best = next(sys_tags())
    newest: dict[str, str] = {}
    for tag in platform_tags():
        family = next(
            name for name in ("linux", "manylinux", "musllinux", "") if tag.startswith(name)
        )
        newest.setdefault(family, tag)
    return f"{best.interpreter}-{best.abi}-{'.'.join(newest.values())}"


def test_the_host_named_by_its_tag_is_what_packaging_finds_on_it() -> None:
    target = build(named_like_the_host())
    assert list(target.tags) == [str(tag) for tag in sys_tags()]


def test_the_host_named_by_its_tag_has_its_markers() -> None:
    known = build(named_like_the_host()).environment
    # The patch level is the newest, not this interpreter's.
    newest = known.pop("python_full_version"), known.pop("implementation_version", "")
    here = default_environment()
    assert known.items() <= here.items()
    assert newest[0].startswith(f"{here['python_version']}.")


def test_the_host_is_known_in_full() -> None:
    target = host()
    assert target.label == target.tags[0]
    assert list(target.tags) == [str(tag) for tag in sys_tags()]
    assert target.environment == default_environment()
    assert target.unknown == ()


def test_a_free_threaded_build_takes_abi3t_and_never_abi3() -> None:
    abis = {tag.split("-")[1] for tag in build(f"cp315-cp315t-{GLIBC}").tags}
    assert abis == {"cp315t", "abi3t", "none"}


def test_a_build_with_the_lock_takes_abi3_and_never_abi3t() -> None:
    abis = {tag.split("-")[1] for tag in build(f"cp315-cp315-{GLIBC}").tags}
    assert abis == {"cp315", "abi3", "none"}


@pytest.mark.parametrize("platform", [GLIBC, "manylinux1_x86_64", "musllinux_1_2_x86_64"])
def test_plain_linux_is_taken_only_where_it_is_written(platform: str) -> None:
    with_it = build(f"cp312-cp312-{platform}.linux_x86_64")
    without = build(f"cp312-cp312-{platform}")
    assert "cp312-cp312-linux_x86_64" in with_it.tags
    assert tuple(tag for tag in with_it.tags if "-linux" not in tag) == without.tags


@pytest.mark.parametrize(
    ("tag", "better", "worse"),
    [
        (f"cp312-cp312-linux_x86_64.{GLIBC}", "cp312-cp312-linux_x86_64", f"cp312-cp312-{GLIBC}"),
        (f"cp312-cp312-{GLIBC}.linux_x86_64", f"cp312-cp312-{GLIBC}", "cp312-cp312-linux_x86_64"),
        (
            # What was written first stays first, even where it is the older one.
            f"cp312-cp312-manylinux_2_17_x86_64.{GLIBC}",
            "cp312-cp312-manylinux1_x86_64",
            f"cp312-cp312-{GLIBC}",
        ),
        ("cp312-cp312.cp312d-win32", "cp312-cp312-win32", "cp312-cp312d-win32"),
        ("cp312-cp312d.cp312-win32", "cp312-cp312d-win32", "cp312-cp312-win32"),
    ],
)
def test_a_set_is_in_order_of_preference(tag: str, better: str, worse: str) -> None:
    tags = build(tag).tags
    assert tags[0] == better or "manylinux1" in better
    assert tags.index(better) < tags.index(worse)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cp36-cp36m-manylinux2014_x86_64", "cp36-cp36m-manylinux_2_17_x86_64"),
        ("cp36-cp36m-manylinux1_i686", "cp36-cp36m-manylinux_2_5_i686"),
        ("CP36-CP36M-ManyLinux1_i686", "cp36-cp36m-manylinux1_i686"),
        ("  cp36-cp36m-win32\t", "cp36-cp36m-win32"),
        ("cp36-cp36m.abi3.none-win32", "cp36-cp36m-win32"),
        ("cp36-abi3.cp36m-win32", "cp36-cp36m-win32"),
        ("cp27-cp27m.none-win32", "cp27-cp27m-win32"),
        ("cp313-cp313t.abi3t-win32", "cp313-cp313t-win32"),
        ("cp312-cp312d.cp312-win32", "cp312-cp312d-win32"),
        ("cp36-cp36m.cp36m-win32.win32", "cp36-cp36m-win32"),
        ("py39-none.none-any.any", "py39-none-any"),
        (f"cp36-cp36m-{GLIBC}.manylinux1_x86_64", f"cp36-cp36m-{GLIBC}"),
        ("cp312-cp312-macosx_14_5_arm64", "cp312-cp312-macosx_14_0_arm64"),
        ("cp312-cp312-pyodide_2024_0_wasm32", "cp312-cp312-pyemscripten_2024_0_wasm32"),
        ("pp310-none.pypy310_pp73-win_amd64", "pp310-pypy310_pp73-win_amd64"),
    ],
)
def test_two_spellings_are_one_target(one: str, other: str) -> None:
    assert build(one) == build(other)
    assert hash(build(one)) == hash(build(other))
    assert build(one).label == one.strip().lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"cp312-cp312-{GLIBC}.linux_x86_64", f"cp312-cp312-linux_x86_64.{GLIBC}"),
        (f"cp312-cp312-{GLIBC}.linux_x86_64", f"cp312-cp312-{GLIBC}"),
        ("cp313-cp313-win32", "cp313-cp313t-win32"),
        ("cp27-cp27m-linux_x86_64", "cp27-cp27mu-linux_x86_64"),
        ("cp39-none-any", "py39-none-any"),
        ("cp312-cp312-macosx_10_16_x86_64", "cp312-cp312-macosx_11_0_x86_64"),
    ],
)
def test_what_takes_other_files_is_another_target(one: str, other: str) -> None:
    assert build(one) != build(other)


def test_targets_of_the_same_tags_and_other_markers_differ() -> None:
    windows = build("cp312-cp312-win32")
    markers = tuple({**windows.environment, "platform_machine": "AMD64"}.items())
    assert windows != replace(windows, markers=markers)


LINUX_MARKERS = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}
WINDOWS_MARKERS = {
    "os_name": "nt",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
}
MARKERS: dict[str, dict[str, str]] = {
    f"cp310-cp310-{GLIBC}": {
        **LINUX_MARKERS,
        "python_version": "3.10",
        "python_full_version": "3.10.22",
        "implementation_name": "cpython",
        "implementation_version": "3.10.22",
        "platform_python_implementation": "CPython",
    },
    # No marker tells a free-threaded build from another.
    "cp313-cp313t-win_amd64": {
        **WINDOWS_MARKERS,
        "python_version": "3.13",
        "python_full_version": "3.13.18",
        "implementation_name": "cpython",
        "implementation_version": "3.13.18",
        "platform_python_implementation": "CPython",
    },
    "cp27-cp27mu-linux_x86_64": {
        **LINUX_MARKERS,
        "sys_platform": "linux2",
        "python_version": "2.7",
        "python_full_version": "2.7.18",
        "implementation_name": "",
        "implementation_version": "0",
        "platform_python_implementation": "CPython",
    },
    "cp27-cp27m-win_amd64": {
        **WINDOWS_MARKERS,
        "python_version": "2.7",
        "python_full_version": "2.7.18",
        "implementation_name": "",
        "implementation_version": "0",
        "platform_python_implementation": "CPython",
    },
    # The first that can say what it is called.
    "cp33-cp33m-linux_x86_64": {
        **LINUX_MARKERS,
        "python_version": "3.3",
        "python_full_version": "3.3.7",
        "implementation_name": "cpython",
        "implementation_version": "3.3.7",
        "platform_python_implementation": "CPython",
    },
    # The version of PyPy itself does not follow from the tag.
    f"pp310-pypy310_pp73-{GLIBC}": {
        **LINUX_MARKERS,
        "python_version": "3.10",
        "python_full_version": "3.10.16",
        "implementation_name": "pypy",
        "platform_python_implementation": "PyPy",
    },
    f"graalpy312-graalpy250_312_native-{GLIBC}": {
        **LINUX_MARKERS,
        "python_version": "3.12",
        "python_full_version": "3.12.8",
        "implementation_name": "graalpy",
        "platform_python_implementation": "GraalVM",
    },
    "py39-none-win_amd64": {
        **WINDOWS_MARKERS,
        "python_version": "3.9",
        "python_full_version": "3.9.25",
    },
    "py27-none-linux_x86_64": {
        **LINUX_MARKERS,
        "sys_platform": "linux2",
        "python_version": "2.7",
        "python_full_version": "2.7.18",
    },
    "py39-none-any": {"python_version": "3.9", "python_full_version": "3.9.25"},
    "cp39-none-any": {
        "python_version": "3.9",
        "python_full_version": "3.9.25",
        "implementation_name": "cpython",
        "implementation_version": "3.9.25",
        "platform_python_implementation": "CPython",
    },
    "cp314-cp314-pyemscripten_2026_0_wasm32": {
        "os_name": "posix",
        "sys_platform": "emscripten",
        "platform_system": "Emscripten",
        "platform_machine": "wasm32",
        "platform_release": "5.0.3",
        "platform_version": "#1",
        "python_version": "3.14",
        "python_full_version": "3.14.10",
        "implementation_name": "cpython",
        "implementation_version": "3.14.10",
        "platform_python_implementation": "CPython",
    },
}


@pytest.mark.parametrize(("tag", "expected"), MARKERS.items(), ids=MARKERS)
def test_these_markers_follow_and_the_others_are_unknown(
    tag: str, expected: dict[str, str]
) -> None:
    target = build(tag)
    assert target.environment == expected
    assert set(target.unknown) == set(MARKER_VARIABLES) - set(expected)
    assert target.python == expected["python_full_version"]


@pytest.mark.parametrize("platform", ["linux_x86_64", "manylinux1_x86_64", "musllinux_1_2_x86_64"])
def test_python_2_calls_every_linux_linux2(platform: str) -> None:
    assert build(f"cp27-cp27mu-{platform}").environment["sys_platform"] == "linux2"


REFUSED: dict[str, tuple[str, str]] = {
    # Not three parts
    "cp39": (
        "cp39 is not a tag",
        "a tag is INTERPRETER-ABI-PLATFORM, such as cp312-cp312-manylinux_2_28_x86_64",
    ),
    "six-1.17.0-py2.py3-none-any.whl": (
        "six-1.17.0-py2.py3-none-any.whl is not a tag",
        "a tag is the last three parts of the file name, without .whl",
    ),
    "aws-lambda-python3.12-arm64": (
        "aws-lambda-python3.12-arm64 is not a tag",
        (
            "a name is given with target=; a tag is INTERPRETER-ABI-PLATFORM, such as "
            "cp312-cp312-manylinux_2_28_x86_64"
        ),
    ),
    # The interpreter
    "cp3.12-cp312-win_amd64": ("cp3.12 is not an interpreter", "write cp312-…"),
    "3.9-cp39-win_amd64": ("3.9 is not an interpreter", "write cp39-…"),
    "python3.9-cp39-win_amd64": ("python3.9 is not an interpreter", "write cp39-…"),
    "cp36.cp37-abi3-win_amd64": (
        "cp36.cp37 is more than one interpreter",
        "a target has one: write cp36-…, and another tag for the next",
    ),
    "py2.py3-none-any": (
        "py2.py3 is more than one interpreter",
        "a target has one: write py39-…, and another tag for the next",
    ),
    "py3-none-any": (
        "py3-none-any does not name an environment: which Python 3?",
        "add the version, as in py312",
    ),
    "py2-none-any": (
        "py2-none-any does not name an environment: which Python 2?",
        "add the version, as in py27",
    ),
    "graalpy3-none-any": (
        "graalpy3-none-any does not name an environment: which Python 3?",
        "add the version, as in graalpy312",
    ),
    "python39-none-any": (
        "python39-none-any is not a tag: python39 is not an interpreter",
        "write cp39, or pp310 for PyPy, or py39 for any Python 3.9",
    ),
    "jy-none-any": (
        "jy-none-any is not a tag: jy is not an interpreter",
        "write cp312, or pp310 for PyPy, or py39 for any Python 3.9",
    ),
    "cp313t-cp313t-win_amd64": (
        "cp313t-cp313t-win_amd64 is not a tag: cp313t is not an interpreter",
        "write cp313, or pp310 for PyPy, or py39 for any Python 3.9",
    ),
    # int() takes no more than 4300 digits, and a ladder down from such a version has no end.
    f"cp3{'9' * 5000}-none-any": (
        f"cp3{'9' * 5000}-none-any is not a tag: cp3{'9' * 5000} is not an interpreter",
        "write cp399, or pp310 for PyPy, or py39 for any Python 3.9",
    ),
    "cp316-cp316-win_amd64": (
        "cp316 is not a known Python",
        "describe it in a target file and name that: target=./FILE.toml",
    ),
    "cp32-cp32-win_amd64": (
        "cp32 is not a known Python",
        "describe it in a target file and name that: target=./FILE.toml",
    ),
    "py316-none-any": (
        "py316 is not a known Python",
        "describe it in a target file and name that: target=./FILE.toml",
    ),
    # Characters
    "cp39-cp39-linux_x86/64": (
        "cp39-cp39-linux_x86/64 is not a tag: 'linux_x86/64' is not made of letters, digits and _",
        "write it like cp312-cp312-manylinux_2_28_x86_64",
    ),
    "cp39--win32": (
        "cp39--win32 is not a tag: '' is not made of letters, digits and _",
        "write it like cp312-cp312-manylinux_2_28_x86_64",
    ),
    "cp39-cp39.-win32": (
        "cp39-cp39.-win32 is not a tag: '' is not made of letters, digits and _",
        "write it like cp312-cp312-manylinux_2_28_x86_64",
    ),
    "cp\u0663\u0669-none-any": (
        (
            "cp\u0663\u0669-none-any is not a tag: "
            "'cp\u0663\u0669' is not made of letters, digits and _"
        ),
        "write it like cp312-cp312-manylinux_2_28_x86_64",
    ),
    # The platforms
    "cp39-cp39-win64": ("win64 is not a platform", "write win_amd64"),
    "cp39-cp39-manylinux1_arm64": (
        "manylinux1_arm64 is not a platform: on arm64 manylinux begins with glibc 2.17",
        "write manylinux_2_17_aarch64",
    ),
    f"cp39-cp39-{GLIBC}.musllinux_1_2_x86_64": (
        (
            f"cp39-cp39-{GLIBC}.musllinux_1_2_x86_64 is not an environment: "
            "no Python runs on both glibc and musl"
        ),
        TWO_TAGS,
    ),
    f"cp39-cp39-{GLIBC}.manylinux_2_28_i686": (
        (
            f"cp39-cp39-{GLIBC}.manylinux_2_28_i686 is not an environment: {GLIBC} and "
            "manylinux_2_28_i686 are different machines"
        ),
        TWO_TAGS,
    ),
    "cp39-cp39-win32.win_amd64": (
        (
            "cp39-cp39-win32.win_amd64 is not an environment: "
            "win32 and win_amd64 are different machines"
        ),
        TWO_TAGS,
    ),
    f"cp39-cp39-{GLIBC}.any": (
        f"cp39-cp39-{GLIBC}.any is not an environment: any is not a machine",
        "remove any; a target with a platform accepts wheels for any platform too",
    ),
    # The ABI of CPython
    "cp39-abi3-win_amd64": (
        "cp39-abi3-win_amd64 does not name an environment: it would exclude wheels for cp39",
        "write cp39-cp39-win_amd64; it accepts abi3 wheels too",
    ),
    "cp39-abi3-linux_i686.manylinux1_i686": (
        (
            "cp39-abi3-linux_i686.manylinux1_i686 does not name an environment: "
            "it would exclude wheels for cp39"
        ),
        "write cp39-cp39-linux_i686.manylinux1_i686; it accepts abi3 wheels too",
    ),
    "pp39-abi3-linux_i686.manylinux1_i686": (
        (
            "pp39-abi3-linux_i686.manylinux1_i686 does not name an environment: "
            "pp39 has an ABI like pypy39_pp73"
        ),
        "write pp39-pypy39_pp73-linux_i686.manylinux1_i686",
    ),
    "cp37-none.abi3-win_amd64": (
        "cp37-none.abi3-win_amd64 does not name an environment: it would exclude wheels for cp37m",
        "write cp37-cp37m-win_amd64; it accepts none and abi3 wheels too",
    ),
    "cp39-none-win_amd64": (
        "cp39-none-win_amd64 does not name an environment: it would exclude wheels for cp39",
        "write cp39-cp39-win_amd64; it accepts none wheels too",
    ),
    "cp315-abi3t-win_amd64": (
        "cp315-abi3t-win_amd64 does not name an environment: it would exclude wheels for cp315t",
        "write cp315-cp315t-win_amd64; it accepts abi3t wheels too",
    ),
    "cp315-abi3-win_amd64": (
        "cp315-abi3-win_amd64 does not name an environment: it would exclude wheels for cp315",
        "write cp315-cp315-win_amd64; it accepts abi3 wheels too",
    ),
    "cp312-abi3t-win_amd64": (
        "cp312-abi3t-win_amd64 does not name an environment: it would exclude wheels for cp312",
        "write cp312-cp312-win_amd64",
    ),
    # Neither build takes both, so the hint promises nothing.
    "cp315-abi3.abi3t-win_amd64": (
        (
            "cp315-abi3.abi3t-win_amd64 does not name an environment: "
            "it would exclude wheels for cp315t"
        ),
        "write cp315-cp315t-win_amd64",
    ),
    "cp27-abi3-manylinux1_x86_64": (
        (
            "cp27-abi3-manylinux1_x86_64 does not name an environment: "
            "it would exclude wheels for cp27mu"
        ),
        "write cp27-cp27mu-manylinux1_x86_64",
    ),
    "cp37-cp37-win_amd64": (
        "cp37-cp37-win_amd64 is not an environment: CPython 3.7 has the ABI cp37m",
        "write cp37-cp37m-win_amd64",
    ),
    "cp38-cp38m-win_amd64": (
        "cp38-cp38m-win_amd64 is not an environment: CPython 3.8 has the ABI cp38",
        "write cp38-cp38-win_amd64",
    ),
    "cp312-cp312t-win_amd64": (
        "cp312-cp312t-win_amd64 is not an environment: CPython 3.12 has the ABI cp312",
        "write cp312-cp312-win_amd64",
    ),
    "cp312-cp311-win_amd64": (
        "cp312-cp311-win_amd64 is not an environment: CPython 3.12 has the ABI cp312",
        "write cp312-cp312-win_amd64",
    ),
    f"cp27-cp27-{GLIBC}": (
        f"cp27-cp27-{GLIBC} is not an environment: CPython 2.7 has the ABI cp27mu",
        f"write cp27-cp27mu-{GLIBC}",
    ),
    "cp33-cp33mu-linux_x86_64": (
        "cp33-cp33mu-linux_x86_64 is not an environment: CPython 3.3 has the ABI cp33m",
        "write cp33-cp33m-linux_x86_64",
    ),
    "cp27-cp27mu-win_amd64": (
        "cp27-cp27mu-win_amd64 is not an environment: CPython 2.7 has the ABI cp27m",
        "write cp27-cp27m-win_amd64",
    ),
    "cp313-cp313.cp313t-win_amd64": (
        (
            "cp313-cp313.cp313t-win_amd64 is not an environment: no build of CPython 3.13 has "
            "cp313 and cp313t"
        ),
        "write cp313-cp313-win_amd64, and another tag for another build",
    ),
    "cp315-cp315t.abi3-win_amd64": (
        (
            "cp315-cp315t.abi3-win_amd64 is not an environment: no build of CPython 3.15 has "
            "cp315t and abi3"
        ),
        "write cp315-cp315t-win_amd64, and another tag for another build",
    ),
    "cp315-cp315.abi3t-win_amd64": (
        (
            "cp315-cp315.abi3t-win_amd64 is not an environment: no build of CPython 3.15 has "
            "cp315 and abi3t"
        ),
        "write cp315-cp315-win_amd64, and another tag for another build",
    ),
    "cp27-cp27m.abi3-win_amd64": (
        (
            "cp27-cp27m.abi3-win_amd64 is not an environment: "
            "no build of CPython 2.7 has cp27m and abi3"
        ),
        "write cp27-cp27m-win_amd64, and another tag for another build",
    ),
    "cp37-cp37m.cp37dm-win_amd64": (
        (
            "cp37-cp37m.cp37dm-win_amd64 is not an environment: no build of CPython 3.7 has "
            "cp37m and cp37dm"
        ),
        "write cp37-cp37m-win_amd64, and another tag for another build",
    ),
    "cp39-cp39-any": (
        "cp39-cp39-any has an ABI, but no platform",
        f"write cp39-none-any for pure Python wheels, or cp39-cp39-{GLIBC}",
    ),
    "cp27-cp27m-any": (
        "cp27-cp27m-any has an ABI, but no platform",
        f"write cp27-none-any for pure Python wheels, or cp27-cp27mu-{GLIBC}",
    ),
    # The ABI of other Pythons
    "py39-abi3-win_amd64": (
        "py39-abi3-win_amd64 does not name an environment: py39 means any Python, which has no ABI",
        "write py39-none-win_amd64, or name one interpreter, such as cp…",
    ),
    "py39-cp39-any": (
        "py39-cp39-any does not name an environment: py39 means any Python, which has no ABI",
        "write py39-none-any, or name one interpreter, such as cp…",
    ),
    "pp310-pypy39_pp73-win_amd64": (
        (
            "pp310-pypy39_pp73-win_amd64 does not name an environment: "
            "pp310 has an ABI like pypy310_pp73"
        ),
        "write pp310-pypy310_pp73-win_amd64",
    ),
    "pp310-none-win_amd64": (
        "pp310-none-win_amd64 does not name an environment: pp310 has an ABI like pypy310_pp73",
        "write pp310-pypy310_pp73-win_amd64",
    ),
    "pp310-pypy310_pp73.abi3-win_amd64": (
        (
            "pp310-pypy310_pp73.abi3-win_amd64 does not name an environment: "
            "pp310 has an ABI like pypy310_pp73"
        ),
        "write pp310-pypy310_pp73-win_amd64",
    ),
    "pp310-pypy310_pp73-any": (
        "pp310-pypy310_pp73-any has an ABI, but no platform",
        f"write pp310-none-any for pure Python wheels, or pp310-pypy310_pp73-{GLIBC}",
    ),
    "pp27-pypy27_pp73-linux_x86_64": (
        "pp27-pypy27_pp73-linux_x86_64 does not name an environment: pp27 has an ABI like pypy_73",
        "write pp27-pypy_73-linux_x86_64",
    ),
    "graalpy312-graalpy250-linux_x86_64": (
        (
            "graalpy312-graalpy250-linux_x86_64 does not name an environment: "
            "graalpy312 has an ABI like graalpy250_312_native"
        ),
        "write graalpy312-graalpy250_312_native-linux_x86_64",
    ),
}


@pytest.mark.parametrize(
    ("tag", "expected"), REFUSED.items(), ids=[ascii(tag)[1:50] for tag in REFUSED]
)
def test_refuses_and_says_what_to_write(tag: str, expected: tuple[str, str]) -> None:
    with pytest.raises(TargetError) as caught:
        build(tag)
    assert (caught.value.message, caught.value.hint) == expected
    for complete in hinted(caught.value.hint):
        assert build(complete).tags


def make(
    tags: Sequence[str] = ("cp312-cp312-win32",), full: str = "3.12.4", **markers: str
) -> Target:
    """Build a target from its parts, as a target file does."""
    return Target("mine", tuple(tags), (("python_full_version", full), *markers.items()))


@pytest.mark.parametrize(
    ("tags", "markers", "message"),
    [
        ([], {}, "mine has no tags"),
        (["cp312-cp312"], {}, "mine: 'cp312-cp312' is not one tag"),
        (["cp312-cp312-win32-x"], {}, "mine: 'cp312-cp312-win32-x' is not one tag"),
        (["py2.py3-none-any"], {}, "mine: 'py2.py3-none-any' is not one tag"),
        (["CP312-cp312-win32"], {}, "mine: 'CP312-cp312-win32' is not one tag"),
        (["cp312--win32"], {}, "mine: 'cp312--win32' is not one tag"),
        (
            ["py3-none-any"],
            {"os": "x", "extra": "x"},
            "mine: unknown marker variable extra",
        ),
        (["py3-none-any"], {"full": ""}, "mine does not state the full Python version"),
        (["py3-none-any"], {"full": "3.12"}, "mine does not state the full Python version"),
        (["py3-none-any"], {"full": "3.x.1"}, "mine does not state the full Python version"),
        (["py3-none-any"], {"full": "3.12.1 "}, "mine does not state the full Python version"),
        (
            ["py3-none-any"],
            {"full": "\u0663.1.2"},
            "mine does not state the full Python version",
        ),
        (
            ["py3-none-any"],
            {"full": "3.12.4", "python_version": "3.1"},
            "mine is Python 3.1 by python_version and 3.12.4 by python_full_version",
        ),
    ],
)
def test_a_target_of_contradictory_parts_is_refused(
    tags: list[str], markers: dict[str, str], message: str
) -> None:
    with pytest.raises(TargetError) as caught:
        make(tags, **markers)
    assert caught.value.message == message


def test_no_markers_at_all_are_too_few() -> None:
    with pytest.raises(TargetError, match="state the full Python version"):
        Target("mine", ("py3-none-any",), ())


@pytest.mark.parametrize(
    ("full", "python", "minor"),
    [
        ("3.12.4", "3.12.4", "3.12"),
        ("3.15.0rc1", "3.15.0", "3.15"),
        # As platform.python_version() has it for a build between two releases.
        ("3.15.0a3+", "3.15.0", "3.15"),
        ("2.7.14.2717", "2.7.14", "2.7"),
    ],
)
def test_the_numbers_of_python_are_read_from_its_full_version(
    full: str, python: str, minor: str
) -> None:
    target = make(full=full)
    assert target.python == python
    assert target.environment == {"python_full_version": full, "python_version": minor}


def test_a_tag_given_twice_counts_once() -> None:
    twice = make(["cp312-cp312-win32", "py3-none-any", "cp312-cp312-win32"])
    assert twice == make(["cp312-cp312-win32", "py3-none-any"])


def test_the_order_of_markers_plays_no_part() -> None:
    one = make(os_name="nt", sys_platform="win32")
    assert one == make(sys_platform="win32", os_name="nt")


INTERPRETERS = st.one_of(
    st.sampled_from([*NEWEST, *(f"py{digits}" for digits in (27, 36, 39, 312, 315))]),
    st.from_regex(r"(cp|pp|py|graalpy|ip)[0-9]{0,4}", fullmatch=True),
)
FLAGS = ("", "m", "mu", "d", "dm", "t", "td", "u")
ABI = st.one_of(
    st.sampled_from(["none", "abi3", "abi3t", "pypy310_pp73", "pypy_73", "graalpy250_312_native"]),
    st.builds(
        "cp{}{}".format, st.sampled_from([27, 36, 38, 312, 313, 315]), st.sampled_from(FLAGS)
    ),
)
PLATFORM = st.sampled_from(
    [
        *("any", "win32", "win_amd64", "linux_x86_64", "linux_aarch64", "macosx_11_0_universal2"),
        *("manylinux1_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_armv8l"),
        *("musllinux_1_2_x86_64", "macosx_10_9_x86_64", "macosx_14_0_arm64", "linux_amd64"),
        *("ios_13_0_arm64_iphoneos", "android_24_arm64_v8a", "pyodide_2025_0_wasm32"),
    ]
)
BUILDS = st.sampled_from(
    [
        *("cp27-cp27m", "cp27-cp27dmu", "cp36-cp36m", "cp37-cp37dm.none", "cp38-cp38d.cp38"),
        *("cp312-cp312.abi3", "cp313-cp313t", "cp315-cp315td.abi3t", "py39-none", "py27-none"),
        *("pp27-pypy_73", "pp310-none.pypy310_pp73", "graalpy312-graalpy250_312_native"),
        *("cp39-none", "pp39-none", "graalpy311-none"),
    ]
)
SHAPED = st.one_of(
    st.builds("{}-{}-{}".format, INTERPRETERS, ABI, PLATFORM),
    # Everything fits but for, perhaps, the platforms or the flags.
    st.builds("{}-{}".format, BUILDS, PLATFORM),
    st.builds("{}-{}.{}".format, BUILDS, PLATFORM, PLATFORM),
    st.builds("{0}-linux_x86_64.{1}".format, BUILDS, PLATFORM),
    st.builds(
        lambda digits, flags, more, platform: f"cp{digits}-cp{digits}{flags}{more}-{platform}",
        st.sampled_from([27, 36, 37, 38, 312, 313, 315]),
        st.sampled_from(FLAGS),
        st.sampled_from(["", ".abi3", ".abi3t", ".none", ".abi3.none"]),
        PLATFORM,
    ),
)


def build_or_refuse(tag: str) -> Target | None:
    """Build a target; where it is refused, hold the refusal to its own hint."""
    try:
        return build(tag)
    except TargetError as error:
        for complete in hinted(error.hint):
            assert build(complete).tags
        return None


@given(st.one_of(st.text(), st.lists(st.text(), min_size=3, max_size=3).map("-".join)))
@settings(deadline=None)
def test_any_text_is_a_target_or_refused(text: str) -> None:
    build_or_refuse(text)


@given(SHAPED)
@settings(deadline=None, max_examples=300)
def test_what_looks_like_a_tag_is_a_target_or_refused(tag: str) -> None:
    target = build_or_refuse(tag)
    if target is None:
        return
    interpreter, abis, platforms = tag.split("-")
    assert len(set(target.tags)) == len(target.tags)
    assert re.sub(r"^\D+", "py", f"{interpreter}-none-any") in target.tags
    natives = set(abis.split(".")) - {"none", "abi3", "abi3t"}
    if natives:
        # Its best wheel is one for exactly what was written.
        assert target.tags[0].rpartition("-")[0] in {f"{interpreter}-{abi}" for abi in natives}
    assert target.tags[0].endswith("-any") == platforms.startswith("any")


@given(st.integers(5, 60), st.integers(5, 60))
@settings(deadline=None, max_examples=50)
def test_a_newer_glibc_takes_all_that_an_older_one_takes(one: int, other: int) -> None:
    older, newer = sorted((one, other))
    old = build(f"cp39-cp39-manylinux_2_{older}_x86_64").tags
    new = build(f"cp39-cp39-manylinux_2_{newer}_x86_64").tags
    assert set(old) <= set(new)
    assert (old == new) == (older == newer)


@given(st.integers(5, 60))
@settings(deadline=None, max_examples=50)
def test_takes_no_wheel_for_a_newer_glibc(minor: int) -> None:
    legacy = {"1": 5, "2010": 12, "2014": 17}
    tags = build(f"cp36-cp36m-manylinux_2_{minor}_x86_64").tags
    named = [re.search(r"-manylinux(?:_2_)?(\d+)_x86_64$", tag) for tag in tags]
    levels = {legacy.get(match[1], int(match[1])) for match in named if match}
    assert max(levels) == minor
    assert min(levels) == 5


def test_an_old_python_reads_old_specifiers() -> None:
    old, new = build("cp37-none-any"), build("cp38-none-any")
    assert str(old.parse_requirement("lib (>=1.*)").specifier) == ">=1"
    with pytest.raises(InvalidRequirement):
        new.parse_requirement("lib (>=1.*)")


@pytest.mark.parametrize(
    ("requires", "accepted"),
    [
        ("", (True, True)),
        (">=3.7", (True, True)),
        (">=3.8", (False, True)),
        ("<3.8.*", (True, True)),
        (">=3.9.*", (False, True)),
        ("not a specifier", (True, True)),
    ],
)
def test_requires_python(requires: str, accepted: tuple[bool, bool]) -> None:
    targets = build("cp37-none-any"), build("cp38-none-any")
    assert tuple(each.accepts_python(requires) for each in targets) == accepted
