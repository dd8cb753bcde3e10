"""What keeps a wheel from being compatible with a target, and the names of interpreters."""

from __future__ import annotations

import pytest

from wheeltarget.targets.catalog import look_up, look_up_tag
from wheeltarget.targets.compatibility import (
    compare_tags,
    missing_everywhere,
    name_pythons,
    neighbours,
)

TAG = "cp39-cp39-manylinux2014_x86_64"


@pytest.mark.parametrize(
    ("filename", "tag", "text"),
    [
        ("n-1-cp312-cp312-manylinux_2_28_x86_64", TAG, "is for CPython 3.12 with glibc 2.28"),
        ("n-1-py2-none-any", TAG, "is for Python 2"),
        ("n-1-cp38.cp37-none-win32", "cp39-cp39-win32", "is for CPython 3.7 and 3.8"),
        ("n-1-cp39-abi3-win_amd64", "cp39-cp39-win32", "is for win_amd64"),
        ("n-1-cp39-cp39-linux_armv7l", TAG, "is for armv7l"),
        ("n-1-cp39-cp39-macosx_10_9_x86_64", "cp39-cp39-macosx_11_0_arm64", "is for x86_64"),
        ("n-1-cp39-cp39-manylinux1_i686.manylinux2010_i686", TAG, "is for i686"),
        ("n-1-1-cp39-cp39-MANYLINUX2014_X86_64", TAG, "fits"),
        ("n-1-pp39-pypy39_pp73-manylinux2014_x86_64", TAG, "is for PyPy 3.9"),
        ("n-1-graalpy311-none-any", TAG, "is for graalpy311"),
    ],
)
def test_what_is_other_about_a_wheel(filename: str, tag: str, text: str) -> None:
    assert compare_tags(f"{filename}.whl", look_up_tag(tag)).text == text


def test_pythons_by_name() -> None:
    given = {("cp27", False), ("cp39", False), ("cp310", False), ("cp311", True), ("cp313", False)}
    assert name_pythons(given) == "CPython 2.7 and 3.9 and newer"
    assert name_pythons(
        {("cp39", False), ("cp311", False), ("cp310", False), ("pp310", False)}
    ) == ("CPython 3.9 to 3.11 and PyPy 3.10")
    assert name_pythons(()) == ""


def test_other_builds_of_the_same_kind() -> None:
    assert list(neighbours("cp37", "cp37m"))[:4] == [
        ("cp37", "cp37m"),
        ("cp38", "cp38"),
        ("cp36", "cp36m"),
        ("cp39", "cp39"),
    ]
    assert list(neighbours("cp314", "cp314t"))[:4] == [
        ("cp314", "cp314t"),
        ("cp315", "cp315t"),
        ("cp313", "cp313t"),
        ("cp316", "cp316t"),
    ]
    assert next(neighbours("pp310", "pypy310_pp73")) == ("pp310", "pypy310_pp73")
    assert not list(neighbours("cp27", "cp27mu"))


@pytest.mark.parametrize(
    ("name", "wheel", "missing"),
    [
        ("alpine-3.22-python3.12-x86_64", "manylinux2014_x86_64", "musl"),
        ("debian-bookworm-python3.11-x86_64", "musllinux_1_2_x86_64", "glibc"),
        ("debian-bookworm-python3.11-x86_64", "manylinux2014_aarch64", "x86_64"),
        ("debian-bookworm-python3.11-x86_64", "win_amd64", "Linux"),
    ],
)
def test_what_is_missing_for_a_machine_that_takes_any_linux(
    name: str, wheel: str, missing: str
) -> None:
    target = look_up("target", name, "")
    assert target is not None
    assert missing_everywhere([f"lib-1.0-cp39-abi3-{wheel}.whl"], target) == missing


def test_musl_is_missing_if_any_linux_is_written() -> None:
    target = look_up_tag("cp312-cp312-musllinux_1_2_x86_64.linux_x86_64")
    wheels = ["lib-1.0-cp39-abi3-manylinux2014_x86_64.whl"]
    assert missing_everywhere(wheels, target) == "musl"
