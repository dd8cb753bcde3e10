"""Locks of a real tool, downloaded from the real index, beside what a resolution takes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.cli import wheeltarget

pytestmark = pytest.mark.network

TARGETS = "cp39-cp39-manylinux2014_x86_64,cp312-cp312-win_amd64"
PROJECT = """\
[project]
name = "probe"
version = "1"
requires-python = ">=3.9"
dependencies = ["flask", "markupsafe"]
"""


def test_what_uv_exports_is_what_is_resolved(place: Path) -> None:
    """Where the versions agree, which the same lock as a constraint sees to, the files do, too."""
    uv = find_uv_bin()
    (place / "pyproject.toml").write_text(PROJECT)
    subprocess.run([uv, "lock", "--quiet"], cwd=place, check=True)
    arguments = [uv, "export", "--quiet", "--format", "pylock.toml", "-o", "pylock.toml"]
    subprocess.run(arguments, cwd=place, check=True)
    options = ["--tags", TARGETS, "--format", "json", "--by-target"]
    locked = wheeltarget("download", "-r", "pylock.toml", "-d", "a", *options, cwd=place)
    assert locked.exit_code == 0, locked.stderr
    arguments = ["flask", "markupsafe", "-c", "uv.lock", "-d", "b", *options]
    resolved = wheeltarget("download", *arguments, cwd=place)
    assert resolved.exit_code == 0, resolved.stderr

    def taken(text: str) -> dict[str, dict[str, str]]:
        return {
            target["label"]: {f["filename"]: f["hashes"]["sha256"] for f in target["files"]}
            for target in json.loads(text)["targets"]
        }

    assert taken(locked.stdout) == taken(resolved.stdout)
    assert len(taken(locked.stdout)) == 2
    dry = wheeltarget(
        "download", "-r", "pylock.toml", "-d", "c", "--dry-run", "--tags", TARGETS, cwd=place
    )
    assert "Would fetch" in dry.stdout
    assert not (place / "c").exists()
