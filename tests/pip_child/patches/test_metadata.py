"""Markers that use unknown variables, and specifiers that only pips for old Pythons read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import Job, Target, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.patches.metadata import wheel_that_requires
from wheeltarget.pip_protocol import JobReport

pytestmark = pytest.mark.seams


@pytest.mark.parametrize("typed", [False, True], ids=["dependency", "typed"])
def test_what_is_not_known_of_the_target_decides_nothing(
    shop: Workshop, index: LocalIndex, shelf: Path, typed: bool
) -> None:
    markers = {
        "never": 'platform_version >= "10" and os_name == "nt"',
        "always": 'platform_version >= "10" or os_name == "posix"',
        "unknown": 'platform_version >= "10"',
    }
    jobs = []
    for name, marker in markers.items():
        requirement = f"lib ; {marker}"
        make_wheel(shelf, name, requires=[] if typed else [requirement])
        jobs.append(Job(online(index, name, *([requirement] if typed else [])), label="that one"))
    lib = make_wheel(shelf, "lib").name
    run = shop.run(*jobs)
    assert run.names(0) == ["never-1.0-py3-none-any.whl"]
    assert run.names(1) == ["always-1.0-py3-none-any.whl", lib]
    assert run.results[2] == JobReport(1, "all")
    requirement = f"lib{'' if typed else ', required by unknown 1.0'}"
    (said,) = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
    assert said.startswith(f"ERROR: {requirement}: its marker ")
    assert 'platform_version >= "10"' in said
    assert " that one" in said
    assert index.count("unknown-1.0-py3-none-any.whl") == 0


def test_legacy_specifiers_are_read_for_a_target_whose_own_pip_reads_them(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", requires=["lib (>=1.*)"])
    make_wheel(shelf, "lib", requires_python=">=3.6.*")
    jobs = [Job(online(index, "app"), Target(python, "linux")) for python in ("3.7.17", "3.9.20")]
    run = shop.run(*jobs)
    assert run.names(0) == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert run.report(1).exit_code == 1
    assert run.names(1) == []


def test_wheel_has_one_dependency() -> None:
    wheel = wheel_that_requires("lib>=1 ; python_version >= '3'")
    assert [each.name for each in wheel.iter_dependencies()] == ["lib"]
