"""The command ``targets``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import wheeltarget


def test_own(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.wheeltarget.targets.old-box]\ntag = 'cp39-cp39-win_amd64'\n"
    )
    arguments = ("targets", "--kind", "own")
    result = wheeltarget(*arguments, cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    file = tmp_path / "pyproject.toml"
    assert result.stdout == f"Your own targets\n  old-box                    {file}\n"
    result = wheeltarget(*arguments, "--format", "json", cwd=tmp_path)
    assert json.loads(result.stdout) == {
        "schema": 1,
        "targets": [],
        "own": [{"name": "old-box", "file": str(file)}],
    }


def test_json_of_one(tmp_path: Path) -> None:
    result = wheeltarget("targets", "vercel-python3.12", "--format=json", cwd=tmp_path)
    (found,) = json.loads(result.stdout)["targets"]
    assert found["name"] == "vercel-python3.12-x86_64"
    assert found["markers"]["platform_release"] == {
        "value": None,
        "status": "unknown",
        "sources": [],
        "seen": None,
    }
    assert found["facts"]["tag"]["status"] == "inferred"
    assert found["tags"][0] == found["facts"]["tag"]["value"]


def test_refusal(tmp_path: Path) -> None:
    result = wheeltarget("targets", "aws-lambda-python3.12", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: aws-lambda-python3.12 does not say which architecture\n"
        "  write aws-lambda-python3.12-x86_64 or aws-lambda-python3.12-arm64\n"
    )


def test_wrong_kind(tmp_path: Path) -> None:
    assert wheeltarget("targets", "--kind", "toaster", cwd=tmp_path).exit_code == 2


@pytest.mark.parametrize("wrong", ["foo", "", "1.5", "3", "3.12.1"])
def test_python_that_no_target_has(tmp_path: Path, wrong: str) -> None:
    result = wheeltarget("targets", "--python", wrong, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    message, hint = result.stderr.splitlines()
    assert message == f"error: --python: no known target has Python {wrong!r}"
    assert hint.startswith("  the known targets have 2.7, 3.3, ")


@pytest.mark.parametrize("wrong", ["pdp11", ""])
def test_architecture_that_no_target_has(tmp_path: Path, wrong: str) -> None:
    result = wheeltarget("targets", "--arch", wrong, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    message, hint = result.stderr.splitlines()
    assert message == f"error: --arch: no known target has the architecture {wrong!r}"
    assert hint.startswith("  the known targets have x86_64, ")


@pytest.mark.parametrize("arguments", [("--python", "3.9"), ("--verified",), ("--kind", "own")])
def test_options_of_the_list_beside_a_name(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = wheeltarget("targets", "host", *arguments, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: the options that choose systems for the list ")


@pytest.mark.parametrize("name", ["arm64", "AArch64"])
def test_architecture_has_other_names(tmp_path: Path, name: str) -> None:
    result = wheeltarget("targets", "--arch", name, "--kind=service", cwd=tmp_path)
    assert "on arm64" in result.stdout
    assert result.exit_code == 0
