"""The command ``probe``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.here import run_here
from tests.support.requests import called_with


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ([], ("", "", "toml")),
        (["--python", "p", "--name=n", "--json"], ("p", "n", "json")),
        (["-o", "-"], ("", "", "toml")),
    ],
)
def test_arguments(words: list[str], arguments: tuple[str, ...]) -> None:
    assert called_with("probe", *words) == arguments


@pytest.mark.parametrize("words", [["--json"], ["--name", "x"], ["--python=y"]])
def test_script_is_for_every_python(words: list[str], tmp_path: Path) -> None:
    result = run_here("probe", "--script", *words, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --script can be combined with --output only\n")


def test_script_to_a_file(tmp_path: Path) -> None:
    assert run_here("probe", "--script", cwd=tmp_path).stdout.startswith('"""')
    result = run_here("probe", "--script", "-o", "probe.py", cwd=tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "probe.py").read_text("utf-8").startswith('"""')
