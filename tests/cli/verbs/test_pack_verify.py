"""The command ``pack verify``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.here import run_here


def test_help(tmp_path: Path) -> None:
    result = run_here("pack", "verify", "--help", cwd=tmp_path, variables={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Find everything that is wrong with a pack." in result.stdout
    assert "All options of pip download" not in result.stdout


def test_place_is_needed(tmp_path: Path) -> None:
    assert run_here("pack", "verify", cwd=tmp_path).exit_code == 2
    said = run_here("pack", "verify", "", cwd=tmp_path).stderr
    assert "PACK must not be empty" in said


def test_through_the_list_of_all(tmp_path: Path) -> None:
    result = run_here("--", "pack", "verify", "gone", cwd=tmp_path)
    assert (result.exit_code, "gone does not exist" in result.stderr) == (2, True)
