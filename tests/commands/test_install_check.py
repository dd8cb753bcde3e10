"""``wheeltarget install-check``: wheels unpacked and imported by an interpreter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.cli import Result
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel

MINOR = f"{sys.version_info[0]}{sys.version_info[1]}"
TAG = f"cp{MINOR}-none-any"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return tmp_path / "house"


def check(house: Path, *arguments: str, target: str = TAG) -> Result:
    lock_wheels(sorted(house.iterdir()), target, house.parent / "pylock.t.toml")
    arguments = ("-r", "pylock.t.toml", "--wheels=house", *arguments)
    return run_here("install-check", *arguments, cwd=house.parent)


def test_good(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/__init__.py": b"import other, json\n"})
    make_wheel(house, "other")
    result = check(house)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"2 of 2 modules can be imported by {sys.executable}\n"
    assert {path.name for path in house.parent.iterdir()} == {"house", "pylock.t.toml"}


def test_bad(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/__init__.py": b"import not_there\n"})
    make_wheel(house, "crash", files={"crash.py": b"import os\nos.kill(os.getpid(), 6)\n"})
    make_wheel(house, "tool", files={"tool.py": b"import pytest\n"})  # it is not in the lock
    result = check(house, "--python", sys.executable)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"crash for {TAG}: WC602 import crash crashes Python with signal 6",
        f"lib for {TAG}: WC601 import lib fails: ModuleNotFoundError: No module named 'not_there'",
        f"tool for {TAG}: WC601 import tool fails: ModuleNotFoundError: No module named 'pytest'",
    ]
    said = json.loads(check(house, "--format=json").stdout)
    assert [each["code"] for each in said["findings"]] == ["WC602", "WC601", "WC601"]


def test_no_interpreter(house: Path) -> None:
    make_wheel(house, "lib")
    result = check(house, "--python", sys.executable, target="cp33-none-any")
    assert (result.exit_code, result.stdout) == (3, "")
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = f"the wheels of the lock need Python 3.3: {sys.executable} is Python {minor}"
    assert said in result.stderr
    assert "--python PATH" in result.stderr
    result = check(house, target="cp33-none-any")
    assert "no Python 3.3 on this machine accepts the wheels of the lock" in result.stderr
    assert "no such file" in check(house, "--python=nowhere").stderr.lower()
