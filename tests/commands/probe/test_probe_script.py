"""The probe says of every interpreter what that interpreter's newest pip says of itself."""

from __future__ import annotations

import ast
import io
import json
import platform
import subprocess
import sys
import sysconfig
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.version import Version

from tests.support.cli import ROOT
from tests.support.interpreters import (
    NEWEST_PIP,
    Oracle,
    find_oracle,
    host_glibc,
    view,
)
from tests.support.machines import HARNESS, write_machines
from wheeltarget.commands.probe import probe_script
from wheeltarget.targets.catalog import target_from_table
from wheeltarget.targets.target import MARKER_VARIABLES, Target

SCRIPT = ROOT / "wheeltarget" / "commands" / "probe" / "probe_script.py"
REAL = [pytest.mark.interpreters, pytest.mark.network]

needs_newest_pip = pytest.mark.skipif(
    Version(metadata.version("pip")) < Version("26.3"),
    reason="the probe has the order of tags of pip 26.3",
)


def exactly(target: Target) -> tuple[tuple[str, ...], dict[str, str]]:
    return target.tags, target.environment


def read(text: str) -> Target:
    """Read what was printed as a target file."""
    data = json.loads(text) if text.startswith("{") else tomllib.loads(text)
    return target_from_table(data, "probed")


def run_script(*arguments: str) -> tuple[int, str, str]:
    """Run the script in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        exit_code = probe_script.main(list(arguments))
    return exit_code, stdout.getvalue(), stderr.getvalue()


# What it says


def test_a_function_service_gets_the_same() -> None:
    answer = probe_script.handler({"event": 1}, object())
    assert json.loads(json.dumps(answer)) == answer
    assert exactly(target_from_table(answer, "box")) == exactly(read(run_script()[1]))
    # Some services hand over the request alone.
    assert probe_script.handler(object()) == answer


@pytest.mark.parametrize(
    ("text", "pip"),
    [
        ('__version__ = "18.1"\n', "18.1"),
        ("import os\n__version__ = '9.0.3'\n", "9.0.3"),
        ('from typing import List\n\n__version__ = "26.1.dev0"\n', "26.1.dev0"),
        ('__version__ = "mine"\n', ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_pip_that_is_installed(
    text: str | None, pip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "pip").mkdir()
        (tmp_path / "pip" / "__init__.py").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "zipped.whl"), str(tmp_path)])
    for form in ([], ["--json"]):
        own = read(run_script(*form)[1]).pip
        assert ("" if own is None or own.is_assumed else own.version) == pip


@needs_newest_pip
def test_it_agrees_with_pip_on_machines_of_all_kinds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HARNESS, write_machines(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert differing(answers) == []
    # So that it is known that the machines were taken for what they are called.
    for name, platform_tag in {
        "x86_64 with glibc 2.41": "manylinux_2_41_x86_64",
        "glibc by ctypes": "manylinux_2_28_x86_64",
        "armv7l": "manylinux_2_31_armv7l",
        "aarch64 with 32 bits": "linux_armv8l",
        "musl-1.2-64-le": "musllinux_1_2_x86_64",
        "musl-1.1-32-le": "musllinux_1_1_x86_64",
        "macOS in disguise": "macosx_12_0_x86_64",
        "macOS 15.6.1 arm64": "macosx_15_0_arm64",
        "Windows amd64": "win_amd64",
        "iOS": "ios_15_4_arm64_iphoneos",
        "Android": "android_35_arm64_v8a",
        "Emscripten": "pyemscripten_2026_0_wasm32",
    }.items():
        python = f"py{sys.version_info[0]}{sys.version_info[1]}"
        assert f"{python}-none-{platform_tag}" in answers[name]["probe"], name


def differing(answers: dict[str, Any]) -> list[str]:
    return [name for name, answer in answers.items() if answer["probe"] != answer["pip"]]


@pytest.mark.parametrize(("stage", "said"), [("final", "3.15.2"), ("candidate", "3.15.2c1")])
def test_a_version_of_an_implementation(
    stage: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = SimpleNamespace(major=3, minor=15, micro=2, releaselevel=stage, serial=1)
    own = {**vars(sys.implementation), "version": version}
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(**own))
    assert probe_script.markers()[0]["implementation_version"] == said


# Odd machines


def test_a_machine_that_does_not_say_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("", ("", "", ""), ""))
    exit_code, stdout, stderr = run_script()
    assert (exit_code, stdout) == (1, "")
    assert stderr.startswith("error: cannot find out the platform of this Darwin: ")
    with pytest.raises(probe_script.ProbeError):
        probe_script.handler()


def test_a_variable_that_cannot_be_had_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise PermissionError(1, "not\nfor you")

    monkeypatch.setitem(probe_script.MARKERS, "platform_version", refuse)
    exit_code, stdout, _ = run_script()
    assert exit_code == 0
    assert read(stdout).unknown == ("platform_version",)
    why = '"PermissionError: [Errno 1] not\\U0000000afor you"'
    assert stdout.endswith(f"# platform_version is unknown: {why}\n")
    assert "platform_version" not in json.loads(run_script("--json")[1])["markers"]


@pytest.mark.parametrize("value", ["#1 \x7f\x01\n", "\\", '"""', "Größe", b"caf\xc3\xa9 \xff"])
def test_whatever_a_variable_says_is_kept(
    value: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(probe_script.MARKERS, "platform_version", lambda: value)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    for form in ([], ["--json"]):
        stdout = run_script(*form)[1]
        assert stdout.isascii()
        assert read(stdout).environment["platform_version"] == text


def test_an_interpreter_that_does_not_know_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _name: None)
    monkeypatch.setattr(probe_script, "EXECUTABLE", "/nowhere/at/all")
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert read(run_script()[1]).tags[0].startswith(f"{python}-{python}-")


@pytest.mark.parametrize("version", [(2, 6), (3, 4)])
def test_a_python_whose_pip_is_not_known(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_script, "VERSION", version)
    said = f"error: Python {version[0]}.{version[1]} is too old to describe\n"
    assert run_script() == (1, "", said)


def test_the_script_cannot_write(tmp_path: Path) -> None:
    exit_code, stdout, stderr = run_script("-o", str(tmp_path / "no" / "box.toml"))
    assert (exit_code, stdout) == (1, "")
    assert stderr.startswith("error: ")


# The script


def test_the_script_is_written_for_every_python() -> None:
    """Where the real Pythons are missing, this is the next best; 2.7 has no parser here."""
    text = SCRIPT.read_bytes().decode("ascii")
    tree = ast.parse(text, feature_version=(3, 5))
    newer = (
        ast.JoinedStr,
        ast.AnnAssign,
        ast.Nonlocal,
        ast.YieldFrom,
        ast.Starred,
        ast.AsyncFunctionDef,
        ast.NamedExpr,
        ast.MatMult,
    )
    assert [node for node in ast.walk(tree) if isinstance(node, newer)] == []
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            assert not node.kwonlyargs
            assert not [each for each in node.args if each.annotation]
        elif isinstance(node, ast.FunctionDef):
            assert node.returns is None
        elif isinstance(node, ast.Raise):
            assert node.cause is None
        elif isinstance(node, ast.Call):
            assert not isinstance(node.func, ast.Name) or node.func.id != "print"
            assert None not in {word.arg for word in node.keywords}


def test_the_script_has_every_variable() -> None:
    assert set(probe_script.MARKERS) == set(MARKER_VARIABLES)


# The real interpreters


def probed(oracle: Oracle) -> Target:
    answer = oracle.run(SCRIPT)
    assert (answer.returncode, answer.stderr) == (0, "")
    return read(answer.stdout)


@pytest.mark.parametrize("glibc", [None, (2, 17)], ids=["host", "2.17"])
@pytest.mark.parametrize("version", [pytest.param(each, marks=REAL) for each in NEWEST_PIP])
def test_the_probe_is_what_the_newest_pip_sees(
    version: str, glibc: tuple[int, int] | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if glibc and glibc > host_glibc():
        pytest.skip(f"this machine has no glibc {glibc[0]}.{glibc[1]}")
    oracle = find_oracle(version, tmp_path_factory, glibc=glibc)
    seen = view(oracle)
    assert exactly(probed(oracle)) == (tuple(seen.tags), seen.markers)


@pytest.mark.parametrize("version", [pytest.param(each, marks=REAL) for each in NEWEST_PIP])
def test_it_agrees_with_the_newest_pip_on_machines_of_all_kinds(
    version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = find_oracle(version, tmp_path_factory)
    done = oracle.run("-W", "ignore", "-c", HARNESS, write_machines(tmp_path))
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) > 50
    assert differing(answers) == []
