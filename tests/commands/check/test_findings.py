"""The codes of findings, files of other targets, and requirements that are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wheeltarget
from tests.support.checks import CODES, NEW, OLD, PAGE, check, lines
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.commands.check.findings import by_project, find_misfits
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.wheelhouse.wheel import read_wheel


def test_files_of_another_target(house: Path) -> None:
    compat = "house/compat-1.0-py3-none-any.whl"
    assert lines(check(house, "--tags", NEW)) == [
        f"{compat} for {NEW}: WC202 it requires Python <3.8, but the target has 3.12.16",
        f"house/lib-1.5-cp37-cp37m-manylinux1_x86_64.whl: WC201 for {NEW} it is for CPython 3.7",
    ]


def test_missing(house: Path) -> None:
    (house / "compat-1.0-py3-none-any.whl").unlink()
    expected = [f"for {OLD}: WC301 app 2.0 needs compat, which is missing"]
    assert lines(check(house, "-r", "needed.txt")) == expected
    assert lines(check(house, "--tags", f"{OLD},{NEW}")) == expected


def test_missing_root(house: Path) -> None:
    (house.parent / "needed.txt").write_text("app\nother>1\n")
    found = lines(check(house, "-r", "needed.txt", "--tags", f"{OLD},{NEW}"))
    assert found == [
        f"for {NEW}: WC301 you asked for other>1, which is missing",
        f"for {OLD}: WC301 you asked for other>1, which is missing",
    ]


def test_another_version(house: Path) -> None:
    make_wheel(house, "app", "2.0", requires=["lib>=2"])
    (house / "compat-1.0-py3-none-any.whl").unlink()
    found = lines(check(house, "-r", "needed.txt"))
    assert found == [f"for {OLD}: WC302 app 2.0 needs lib>=2, but only 1.5 is available"]


def test_an_extra(house: Path) -> None:
    make_wheel(house, "app", "2.0", requires=['extra ; extra == "more"'], extras=["more"])
    assert check(house, "--tags", OLD, "-r", "needed.txt").exit_code == 1  # lib is not needed
    (house.parent / "needed.txt").write_text("app[more]\nlib\ncompat\n")
    found = lines(check(house, "--tags", OLD, "-r", "needed.txt"))
    assert found[-1] == f"for {OLD}: WC301 app 2.0 needs extra, which is missing"


def test_unreadable_dependency(house: Path) -> None:
    make_wheel(house, "more", requires=["!!!"])
    (found,) = lines(check(house, "--tags", f"{OLD},{NEW}"))
    assert found.startswith("house/more-1.0-py3-none-any.whl: WC304 its dependency '!!!' cannot")


def test_codes_are_documented() -> None:
    modules = Path(wheeltarget.__file__).parent.rglob("*.py")
    used = {
        code for path in modules for code in re.findall(r'"(WC\d{3})"', path.read_text("utf-8"))
    }
    page = (PAGE.parent / "air-gapped.md").read_text("utf-8")
    assert used == CODES | set(re.findall(r"^\| (WC7\d\d) ", page, re.MULTILINE))


@pytest.mark.parametrize(
    ("requires", "accepting"),
    [("", (OLD, NEW)), (">=3.7", (OLD, NEW)), ("<3.8", (OLD,)), (">=3.7.*", (OLD, NEW)), ("?", ())],
)
def test_requires_python(tmp_path: Path, requires: str, accepting: tuple[str, ...]) -> None:
    """An old target reads ``>=3.7.*``, and a Requires-Python that cannot be read excludes none."""
    wheel = read_wheel(make_wheel(tmp_path, "lib", requires_python=requires))
    targets = [look_up_tag(tag) for tag in (OLD, NEW)]
    found = [target.label for target in targets if by_project([wheel], target)]
    assert tuple(found) == (accepting or (OLD, NEW))
    assert list(find_misfits([wheel], targets)) == []


@pytest.mark.parametrize(
    "dependency", ["!!!", "lib >> 1", 'lib ; python_verson > "3"', "lib[a", "lib other"]
)
def test_dependency_that_no_pip_reads(house: Path, dependency: str) -> None:
    """It is found without a target, too, and with a lock, which names the files already."""
    wheel = make_wheel(house, "more", requires=[dependency])
    said = f"{wheel.parent.name}/{wheel.name}: WC304 its dependency {dependency!r} cannot be read: "
    assert next(line for line in lines(check(house)) if "WC304" in line).startswith(said)
    lock_wheels([wheel], OLD, house / "pylock.old.toml")
    assert next(line for line in lines(check(house)) if "WC304" in line).startswith(said)
    (line,) = (line for line in lines(check(house, "--tags", OLD)) if "WC304" in line)
    assert line.startswith(said)


@pytest.mark.parametrize("dependency", ["lib >= 2011k", "lib == 1.*.*", "lib (>1)", "lib"])
def test_dependency_that_some_pip_reads(house: Path, dependency: str) -> None:
    make_wheel(house, "more", requires=[dependency])
    assert check(house).exit_code == 0
