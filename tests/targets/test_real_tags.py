"""Prove that a target is what the real interpreter's own, newest pip says of itself."""

from __future__ import annotations

import platform
import re

import pytest
from packaging.version import Version

from tests.support.interpreters import NEWEST_PIP, Oracle, View, find_oracle, view
from wheeltarget.targets.catalog import target_from_table
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.target import Target, target_from_tag

pytestmark = [pytest.mark.interpreters, pytest.mark.network]

PATCH_LEVEL = {"python_full_version", "implementation_version"}


def host_glibc() -> tuple[int, int]:
    name, version = platform.libc_ver()
    match = re.match(r"(\d+)\.(\d+)", version)
    if name != "glibc" or match is None:
        pytest.skip("the interpreters of this machine do not run on glibc")
    return int(match[1]), int(match[2])


def tag_of(oracle: Oracle, seen: View, glibc: tuple[int, int]) -> str:
    """Write the tag of an interpreter, its platforms in the order of its pip."""
    machine = seen.markers["platform_machine"]
    platforms = [f"linux_{machine}", f"manylinux_{glibc[0]}_{glibc[1]}_{machine}"]
    if Version(oracle.pip) < Version("26.3"):
        platforms.reverse()
    interpreter, abi, _ = seen.tags[0].split("-")
    return f"{interpreter}-{abi}-{'.'.join(platforms)}"


def known_markers(target: Target) -> dict[str, str]:
    """Return the markers that do not change from one patch to the next."""
    return {name: value for name, value in target.markers if name not in PATCH_LEVEL}


@pytest.mark.parametrize("glibc", [None, (2, 17), (2, 26)], ids=["host", "2.17", "2.26"])
@pytest.mark.parametrize("version", NEWEST_PIP)
def test_a_tag_is_what_the_real_interpreter_sees(
    version: str, glibc: tuple[int, int] | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    level = glibc or host_glibc()
    if level > host_glibc():
        pytest.skip(f"this machine has no glibc {level[0]}.{level[1]}")
    oracle = find_oracle(version, tmp_path_factory, glibc=glibc)
    seen = view(oracle)
    target = target_from_tag(tag_of(oracle, seen, level), newest_pythons())
    assert list(target.tags) == seen.tags
    assert known_markers(target).items() <= seen.markers.items()
    assert set(target.unknown) == {"platform_release", "platform_version"}


@pytest.mark.parametrize("version", NEWEST_PIP)
def test_a_target_file_can_say_all_that_the_real_interpreter_sees(
    version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = find_oracle(version, tmp_path_factory)
    seen = view(oracle)
    own = {"python_full_version", "platform_release", "platform_version"}
    markers = {name: seen.markers[name] for name in own}
    table = {"tag": tag_of(oracle, seen, host_glibc()), "markers": markers}
    target = target_from_table(table, "box")
    assert target.environment == seen.markers
    assert target == target_from_table({"tags": seen.tags, "markers": seen.markers}, "probed")
