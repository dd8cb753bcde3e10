"""Several jobs in one process of pip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.child import (
    LINUX,
    WINDOWS,
    Job,
    Workshop,
    online,
    wheels_fetched,
    with_password,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import Demand, Failure, JobReport

pytestmark = pytest.mark.seams

HOST = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def choosy(shelf: Path) -> Path:
    """Add projects to the index that are different in each environment."""
    needs = [
        *(f'only-{name} ; sys_platform == "{name}"' for name in ("linux", "win32")),
        *(f'only-py{py} ; python_version == "{py}"' for py in ("3.8", "3.9", HOST)),
        f'only-full ; python_full_version == "{LINUX.python}"',
    ]
    make_wheel(shelf, "app", requires=needs)
    for name in ("linux", "win32", "py3.8", "py3.9", f"py{HOST}", "full"):
        make_wheel(shelf, f"only-{name}")
    # The newest one that fits is taken, so each tag has a version of its own.
    make_wheel(shelf, "native", "1")
    make_wheel(shelf, "native", "2", tag=WINDOWS.tags[0])
    make_wheel(shelf, "native", "3", tag=LINUX.tags[0])
    make_wheel(shelf, "native", "4", requires_python=f">={HOST}")
    # And of one version the wheel with the better tag.
    make_wheel(shelf, "ranked")
    make_wheel(shelf, "ranked", tag=LINUX.tags[0])
    return shelf


def test_each_job_of_a_child_sees_its_own_target(
    shop: Workshop, index: LocalIndex, choosy: Path
) -> None:
    assert choosy.is_dir()
    typed = [f'only-full ; python_version == "{HOST}"', "app", "native", "ranked"]
    arguments = online(index, *typed)
    jobs = [
        Job(arguments, LINUX),
        Job(arguments, None),
        Job(arguments, WINDOWS),
        Job(arguments, LINUX),
    ]
    run = shop.run(*jobs)
    assert run.exit_code == 0
    linux = [
        "app-1.0-py3-none-any.whl",
        "native-3-cp39-cp39-manylinux_2_28_x86_64.whl",
        "only_full-1.0-py3-none-any.whl",
        "only_linux-1.0-py3-none-any.whl",
        "only_py3_9-1.0-py3-none-any.whl",
        "ranked-1.0-cp39-cp39-manylinux_2_28_x86_64.whl",
    ]
    here = [
        "app-1.0-py3-none-any.whl",
        "native-4-py3-none-any.whl",
        "only_full-1.0-py3-none-any.whl",
        *([f"only_{sys.platform}-1.0-py3-none-any.whl"] if sys.platform != "darwin" else []),
        f"only_py{HOST.replace('.', '_')}-1.0-py3-none-any.whl",
        "ranked-1.0-py3-none-any.whl",
    ]
    windows = [
        "app-1.0-py3-none-any.whl",
        "native-2-cp38-cp38-win_amd64.whl",
        "only_py3_8-1.0-py3-none-any.whl",
        "only_win32-1.0-py3-none-any.whl",
        "ranked-1.0-py3-none-any.whl",
    ]
    assert [run.names(number) for number in range(4)] == [linux, here, windows, linux]
    assert [names(shop.files(number)) for number in range(4)] == [linux, here, windows, linux]


def test_failing_job_does_not_stop_the_next(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "app", "missing")), Job(online(index, "app")))
    assert run.exit_code == 0
    report = run.report(0)
    said = (
        "ERROR: Could not find a version that satisfies the requirement missing "
        "(from versions: none)"
    )
    failure = Failure(
        demands=(Demand("missing", "missing", ""),),
        files=(("missing", ()),),
        places=(("missing", (f"{index.url}missing/",)),),
    )
    assert report == JobReport(1, "all", failure=failure, messages=(said,))
    assert said not in run.stderr
    assert "No matching distribution found for missing" in run.stderr
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]


def test_command_line_that_pip_refuses_does_not_stop_the_next(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "--no-such-option")), Job(online(index, "app")))
    assert run.exit_code == 0
    assert run.results[0] == JobReport(2, "all")
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("password", [False, True], ids=["open", "guarded"])
def test_file_of_an_earlier_job_is_not_fetched_again(
    shop: Workshop, index: LocalIndex, shelf: Path, guarded: LocalIndex, password: bool
) -> None:
    arguments = with_password(guarded) if password else online(index)
    asked = guarded if password else index
    jobs = [Job([*arguments, "lib==1.5rc1"], target) for target in (LINUX, None, WINDOWS)]
    run = shop.run(*jobs)
    assert [run.names(number) for number in range(3)] == [["lib-1.5rc1-py3-none-any.whl"]] * 3
    assert wheels_fetched(asked) == ["lib-1.5rc1-py3-none-any.whl"]
    assert [path.read_bytes() for path in sorted(shop.folder.glob("working/*/*.whl"))] == [
        (shelf / "lib-1.5rc1-py3-none-any.whl").read_bytes()
    ] * 3
    # It names a file in the destination, where nothing is as yet.
    assert "already downloaded" not in run.stdout


def test_variables_that_are_unset_are_back_for_the_next_job(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    variables = {"PIP_PLATFORM": "plan9_mips", "PIP_ABI": "nine"}
    arguments = online(index, "app")
    jobs = [
        Job(arguments, unset=["PIP_PLATFORM", "PIP_ABI", "PIP_NEVER_HEARD_OF"]),
        Job(arguments, None, unset=["PIP_ABI"]),
    ]
    run = shop.run(*jobs, variables=variables)
    assert run.names(0) == ["app-1.0-py3-none-any.whl"]
    assert run.results[1] == JobReport(1, "all")
    assert "When restricting platform and interpreter constraints" in run.stderr


def test_pip_that_runs_elsewhere_has_not_done_the_job(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(
        Job(online(index, "app")),
        Job(online(index, "app"), unset=["PIP_PYTHON"]),
        variables={"PIP_PYTHON": sys.executable},
    )
    assert run.exit_code == 0
    assert run.results[0] == JobReport(1, "all")
    assert "in this interpreter" in run.stderr
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]
