"""uv uses a pack as an index, over files and over the web, and reads its locks."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.commands.pack.test_index import served
from tests.support.cli import wheeltarget

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tag here is for x86_64"),
]

PYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"
TAG = f"{PYTHON}-{PYTHON}-manylinux_2_28_x86_64"


def uv(*arguments: str, folder: Path) -> set[str]:
    """Install into a folder with uv, and return the projects there."""
    options = ("--python", sys.executable, "--no-cache")
    done = subprocess.run(
        [find_uv_bin(), "pip", "install", "--target", folder, *options, *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("UV_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name.partition("-")[0] for path in folder.glob("*.dist-info")}


def test_uv(tmp_path: Path) -> None:
    arguments = ("pack", "flask", "--tags", TAG, "-o", "mypack", "--no-cache-dir")
    result = wheeltarget(*arguments, cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    pack = tmp_path / "mypack"
    url = (pack / "simple").as_uri()
    found = uv("--index-url", url, "flask", folder=tmp_path / "file")
    assert {"flask", "click", "jinja2", "markupsafe"} <= found
    with served(pack) as (web, asked):
        url = f"{web}/simple/"
        assert uv("--index-url", url, "flask", folder=tmp_path / "web") == found
    assert any(path.endswith(".whl.metadata") for path in asked)
    requirements = str(pack / "requirements" / f"{TAG}.txt")
    assert uv("-r", requirements, folder=tmp_path / "requirements") == found
    lock = str(pack / "locks" / f"pylock.{TAG}.toml")
    assert uv("-r", lock, "--offline", folder=tmp_path / "lock") == found
