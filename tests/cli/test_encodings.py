"""Output that a standard stream cannot encode: nothing is lost, and no run fails because of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.cli import Result, names, wheeltarget
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.thorough

TAG = "cp312-cp312-manylinux_2_28_x86_64"
APP = f"small ; tags={TAG}"
SMALL = "small-1.0-py3-none-any.whl"
INDEX = ("--no-index", "--find-links", "日ż")
LOCK = ("-r", "pylock.日.toml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Make a folder in which many names cannot be encoded."""
    wheel = make_wheel(tmp_path / "日ż", "small")
    lock_wheels([wheel], TAG, tmp_path / "pylock.日.toml")
    make_wheel(tmp_path / "日ż", "stray")
    (tmp_path / "ż.txt").write_text(f"x ; tag={TAG} # 日ż\n", "utf-8")
    (tmp_path / "日.toml").write_text(f'schema = 1\nname = "日"\ntag = "{TAG}"\n', "utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, encoding: str = "ascii") -> Result:
    """Run a command whose streams have an encoding."""
    variables = {"PYTHONIOENCODING": encoding, "WHEELTARGET_STATE_DIR": str(folder / "state")}
    result = wheeltarget(*arguments, cwd=folder, variables=variables)
    assert "Traceback" not in result.stderr
    assert "Logging error" not in result.stderr  # pip's
    return result


@pytest.mark.parametrize(
    ("arguments", "output", "shown"),
    [
        (["download", *INDEX, "-d", "日"], f"日/{SMALL}", f"Saved ./\\u65e5/{SMALL}"),
        (["lock", *INDEX, "-o", "日"], f"日/pylock.{TAG}.toml", f"Locked ./\\u65e5/pylock.{TAG}"),
        (["explain", *INDEX], "", "The target gets 1.0"),
    ],
)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252:strict"])
def test_resolving(
    folder: Path, arguments: Sequence[str], output: str, shown: str, encoding: str
) -> None:
    result = run(folder, *arguments, APP, encoding=encoding)
    assert (folder / output).exists()
    assert shown in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "shown"),
    [
        (["download", *LOCK, "-d", "ż", "--find-links", "日ż"], 0, f"Saved ./\\u017c/{SMALL}"),
        (["bundle", *LOCK, "--wheels", "日ż", "-o", "ż.zip"], 0, "Saved ./\\u017c.zip"),
        (
            ["bundle", *LOCK, "--wheels", "日ż", "-o", "ż.zip", "--format=json"],
            0,
            '"output": "\\u017c.zip"',
        ),
        (["merge", "日ż", "-d", "ż"], 0, f"Saved ./\\u017c/{SMALL}"),
        (["prune", "日ż", *LOCK], 0, "\\u65e5\\u017c/stray-1.0-py3-none-any.whl"),
        (["check", "日ż", *LOCK], 1, "\\u65e5\\u017c/stray-1.0-py3-none-any.whl"),
        (["check", "日ż", *LOCK, "--format", "github"], 1, "file=\\u65e5\\u017c/stray"),
        (["validate", "ż.txt"], 1, "\\u017c.txt:1:5: WT001"),
        (["validate", "--fix", "ż.txt"], 1, "\\u017c.txt:1:5: WT001 fixed"),
        (["validate", "ż.txt", "--format", "github"], 1, "file=\\u017c.txt,line=1"),
        (["targets", "./日.toml"], 0, "\\u65e5\n"),
        (["probe", "--name", "日"], 0, "\\U000065e5"),
        (["lock", "--help"], 0, "REQUIREMENT\\u2026"),
        (["targets", "--help"], 0, "NAME\\u2026"),
    ],
)
def test_without_resolving(
    folder: Path, arguments: Sequence[str], exit_code: int, shown: str
) -> None:
    result = run(folder, *arguments)
    assert shown in result.stdout
    assert result.exit_code == exit_code, result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_says_all(folder: Path, encoding: str) -> None:
    document = json.loads(
        run(folder, "validate", "--format=json", "ż.txt", encoding=encoding).stdout
    )
    assert document["findings"][0]["file"] == "ż.txt"
    assert document["findings"][0]["hint"] == "write tags=…"


def test_junit_says_all(folder: Path) -> None:
    stdout = run(folder, "check", "日ż", *LOCK, "--format=junit", encoding="cp1252").stdout
    cases = [case.get("name") for case in ET.fromstring(stdout)[0]]  # noqa: S314 - it is our own
    assert f"日ż/{SMALL}" in cases


def test_carets_stay_below_what_they_mark(folder: Path) -> None:
    (folder / "r.txt").write_text("日 ; tags=日\n", "utf-8")
    _, line, carets, _ = run(folder, "validate", "r.txt").stdout.splitlines()
    assert line == "    \\u65e5 ; tags=\\u65e5"
    assert carets == "                  ^^^^^^"


def test_errors_of_pip(folder: Path) -> None:
    result = run(folder, "download", *INDEX, "-d", "日", f"other ; tags={TAG}")
    assert "Looking in links: \\u65e5\\u017c" in result.stderr
    assert result.exit_code == 1
    assert names(folder / "日") == []
