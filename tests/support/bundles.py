"""Bundle wheels in this process, and read the result."""

from __future__ import annotations

import importlib.util
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.cli import Result
from tests.support.here import run_here
from tests.support.locked import lock_wheels

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
ENTRY = {"lib-1.0.dist-info/entry_points.txt": b"[console_scripts]\nrun = lib:main\n"}


def bundle(house: Path, *arguments: str, target: str = LINUX, to: str = "out.zip") -> Result:
    """Bundle every wheel of a folder."""
    here = house.parent
    lock_wheels(sorted(house.glob("*.whl")), target, here / "pylock.t.toml")
    options = ["-r", "pylock.t.toml", "--wheels", "house", "-o", to]
    return run_here("bundle", *options, *arguments, cwd=here)


def good(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    return result


def refused(result: Result, house: Path) -> str:
    assert (result.exit_code, result.stdout) == (3, "")
    assert {path.name for path in house.parent.iterdir()} <= {
        *("house", "pylock.t.toml", "own", "out"),
        "cache",  # of an earlier bundle of the test
    }
    return result.stderr


def content(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Pretend that some modules are not installed."""

    def find(name: str) -> object:
        return None if name in modules else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
