"""``wheeltarget probe`` describes this Python or another one, or prints the script for that."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from tests.commands.probe.test_probe_script import SCRIPT, exactly, read, run_script
from tests.support.cli import names, wheeltarget
from tests.support.interpreters import NEWEST_PIP, interpreter
from wheeltarget.commands.probe import probe
from wheeltarget.targets.catalog import host, read_target_file
from wheeltarget.targets.own_pip import OwnPip

needs_newest_packaging = pytest.mark.skipif(
    Version(metadata.version("packaging")) < Version("26.3"),
    reason="the probe has the order of tags of packaging 26.3",
)


@needs_newest_packaging
@pytest.mark.parametrize("form", ["toml", "json"])
def test_the_probe_is_what_the_host_is(form: str, tmp_path: Path) -> None:
    arguments = ["--json"] if form == "json" else []
    result = wheeltarget("probe", *arguments, "-o", f"box.{form}", cwd=tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    target = read_target_file(tmp_path / f"box.{form}", "box")
    assert exactly(target) == exactly(host())
    assert target.unknown == ()


def test_the_name_is_in_the_file(tmp_path: Path) -> None:
    name = 'Größe "7" \\ é🦊'
    for form in ([], ["--json"]):
        result = wheeltarget("probe", "--name", name, *form, cwd=tmp_path)
        assert result.stdout.isascii()
        assert read(result.stdout).label == name


def test_without_a_name_the_file_is_called_as_it_is_named(tmp_path: Path) -> None:
    wheeltarget("probe", "-o", "box.toml", cwd=tmp_path)
    assert read_target_file(tmp_path / "box.toml", "./box.toml").label == "./box.toml"


def test_the_script_is_given_as_it_is(tmp_path: Path) -> None:
    assert wheeltarget("probe", "--script", cwd=tmp_path).stdout == SCRIPT.read_text("utf-8")
    wheeltarget("probe", "--script", "-o", "probe.py", cwd=tmp_path)
    assert (tmp_path / "probe.py").read_bytes() == SCRIPT.read_bytes()


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["toml", "json"])
def test_the_script_prints_the_same(form: list[str], tmp_path: Path) -> None:
    script = wheeltarget("probe", "--script", cwd=tmp_path).stdout
    here = wheeltarget("probe", "--name=box", *form, cwd=tmp_path).stdout
    there = subprocess.run(
        # -S, so that nothing but the standard library is there, and no pip.
        [sys.executable, "-I", "-S", "-", "--name=box", *form],
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == re.sub(r'^ *"?pip"?[ :].*\n', "", here, flags=re.MULTILINE)


def test_another_python_is_described(tmp_path: Path) -> None:
    here = wheeltarget("probe", "--name=box", cwd=tmp_path)
    other = wheeltarget("probe", "--python", sys.executable, "--name=box", cwd=tmp_path)
    assert (other.exit_code, other.stdout, other.stderr) == (0, here.stdout, "")
    as_json = wheeltarget("probe", "--python", sys.executable, "--json", cwd=tmp_path)
    assert exactly(read(as_json.stdout)) == exactly(read(here.stdout))


def test_what_lies_about_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a module in the working directory nor one in PYTHONPATH comes in between."""
    for name in ("here/platform.py", "there/argparse.py"):
        tmp_path.joinpath(name).parent.mkdir()
        tmp_path.joinpath(name).write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "there"))
    assert exactly(read(probe.probe(sys.executable, "", "toml"))) == exactly(read(run_script()[1]))


def fake_python(folder: Path, body: str) -> str:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo hello", "is not a target file: "),
        ("exit 0", "must have exactly one of tag and tags"),
        ("echo 'schema = 1'; exit 3", "could not be described: 3"),
        ("echo start >&2; echo 'error: no room' >&2; exit 1", "could not be described: no room"),
    ],
)
def test_what_is_no_python_is_told(body: str, said: str, tmp_path: Path) -> None:
    program = fake_python(tmp_path, body)
    (tmp_path / "box.toml").write_text("before")
    result = wheeltarget("probe", "--python", program, "-o", "box.toml", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert program in result.stderr
    assert said in result.stderr
    assert (tmp_path / "box.toml").read_text() == "before"
    assert names(tmp_path) == ["box.toml", "python"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--python", "./nowhere"], "error: cannot run ./nowhere: "),
        (["--python", "."], "error: cannot run .: it is a folder, not a Python interpreter\n"),
        (["--script", "--json"], "error: --script can be combined with --output only\n"),
        (["--script", "--name=box"], "error: --script can be combined with --output only\n"),
        (["--script", "--python=x"], "error: --script can be combined with --output only\n"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = wheeltarget("probe", *arguments, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(said)


@pytest.mark.parametrize("arguments", [[], ["--script"]])
def test_a_file_that_cannot_be_written(arguments: list[str], tmp_path: Path) -> None:
    for output in ("missing/box.toml", "."):
        result = wheeltarget("probe", *arguments, "-o", output, cwd=tmp_path)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith(f"error: cannot write {output}: ")
    assert names(tmp_path) == []


def test_a_dash_is_standard_output(tmp_path: Path) -> None:
    result = wheeltarget("probe", "-o", "-", cwd=tmp_path)
    assert exactly(read(result.stdout)) == exactly(read(run_script()[1]))
    assert names(tmp_path) == []


def test_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text("before")
    assert wheeltarget("probe", "-o", "box.toml", cwd=tmp_path).exit_code == 0
    assert read_target_file(tmp_path / "box.toml", "box").unknown == ()
    assert names(tmp_path) == ["box.toml"]


@pytest.mark.parametrize(
    "version", [pytest.param(each, marks=pytest.mark.interpreters) for each in NEWEST_PIP]
)
def test_wheeltarget_asks_a_real_interpreter(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    name = "Größe"
    result = wheeltarget("probe", "--python", str(python), "--name", name, cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    target = read(result.stdout)
    assert (target.label, target.environment["python_version"]) == (name, version)
    installed = subprocess.run(
        [python, "-m", "pip", "-V"], capture_output=True, text=True, check=True
    )
    assert target.pip == OwnPip(installed.stdout.split()[1])
    with SCRIPT.open() as script:
        there = subprocess.run(
            [python, "-E", "-", "--name", name], stdin=script, capture_output=True, check=True
        )
    assert there.stdout.decode("ascii") == result.stdout
    as_json = subprocess.run(
        [python, "-E", SCRIPT, "--json", "-o", tmp_path / "box.json"], check=True
    )
    assert as_json.returncode == 0
    assert exactly(read_target_file(tmp_path / "box.json", "box")) == exactly(target)
