"""The files that a pack has for the other machine, and how they are written."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from tests.support.cli import ROOT
from tests.support.interpreters import index_environment
from tests.support.packs import pack_target as target
from wheeltarget.commands.pack.scripts import script_files
from wheeltarget.targets.catalog import look_up

TAG = "cp36-cp36m-manylinux2014_x86_64"


def test_a_pack_has_these_files() -> None:
    files = script_files([target(TAG)])
    names = {"README.txt", "choose_target.py", "install.ps1", "install.sh", "probe.py"}
    assert files.keys() == names
    assert files["install.sh"].startswith(b"#!/bin/sh\n")
    # What Windows PowerShell reads without a mark of UTF-8, and every shell.
    assert all(content.isascii() and b"\r" not in content for content in files.values())


def test_the_readme_names_the_targets() -> None:
    pip = "wheels/pip-21.3.1-py3-none-any.whl"
    debian = look_up("target", "debian-12-python3.11-arm64", "")
    assert debian is not None
    targets = [
        target(TAG, pip=pip),
        target("debian", debian),
    ]
    readme = script_files(targets)["README.txt"].decode()
    assert (
        f"    {TAG}\n        CPython 3.6, manylinux_2_17_x86_64, installed by pip 21.3.1" in readme
    )
    assert (
        "    debian\n        CPython 3.11, manylinux_2_36_aarch64, installed by its own" in readme
    )
    assert max(map(len, readme.splitlines())) <= 100


# How they are written

HOME = ROOT / "wheeltarget" / "commands" / "pack"
POWERSHELL = HOME.joinpath("install.ps1").read_text("utf-8")


def test_shellcheck_finds_nothing_in_the_script_for_sh() -> None:
    program = Path(sys.executable).with_name("shellcheck")
    command: list[str | Path] = [program, "--shell=sh", HOME / "install.sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def faults_in(script: str) -> list[str]:
    """Return what Windows PowerShell 5.1 would not run in a script, by a parser of PowerShell."""
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode())
    return [fault for node in nodes(tree.root_node) for fault in faults_of(node)]


def nodes(node: Node) -> list[Node]:
    return [node, *(inner for child in node.children for inner in nodes(child))]


def faults_of(node: Node) -> list[str]:
    place = f"line {node.start_point[0] + 1}"
    found = [f"{place}: not PowerShell"] if node.is_error or node.is_missing else []
    # These are of PowerShell 7: cmd && cmd, $a ? $b : $c, $a ?? $b.
    return found + [f"{place}: {node.type}"] * (node.type in {"&&", "||", "??", "?"})


def test_the_script_for_powershell_is_one() -> None:
    assert POWERSHELL.isascii()
    assert faults_in(POWERSHELL) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if ($VerifyOnly) {", "if ($VerifyOnly {"),
        ("    exit 0\n}", "    exit 0\n"),
        ("foreach ($folder in $Earlier)", "foreach ($folder of $Earlier)"),
        ("'python', 'py', 'python3'", "'python', 'py', 'python3"),
        ('"All $($listed.Count) files', '"All $($listed.Count files'),
        ("return $false", "return $a ? $true : $false"),
        ("return $false", "return $a ?? $false"),
        ("exit $LASTEXITCODE", "Test-Hash && exit 1"),
        ("-not $match.Success", "-not $match..Success"),
        ("param([string] $Command)", "param([string $Command)"),
        ("#>", "#"),
    ],
)
def test_faults_in_a_script_for_powershell_are_found(old: str, new: str) -> None:
    assert old in POWERSHELL
    assert faults_in(POWERSHELL.replace(old, new)) != []


def test_the_script_for_powershell_uses_what_is_defined() -> None:
    names = set(re.findall(r"^function ([\w-]+)", POWERSHELL, re.MULTILINE))
    code = re.sub(r"<#.*?#>|#[^\n]*|'[^'\n]*'|\"[^\"\n]*\"", "", POWERSHELL, flags=re.DOTALL)
    called = set(re.findall(r"(?<![\w.$-])([A-Z][a-z]+-[A-Z]\w+)", code))
    usual = {"Get-ChildItem", "Get-Command", "Join-Path", "New-Object"}
    usual |= {"Out-Null", "Set-StrictMode", "Test-Path"}
    assert called == names | usual


def test_the_script_for_powershell_ends_with_the_exit_code_of_python() -> None:
    """Windows PowerShell 5.1 ends a script at the first line in a redirected standard error."""
    end = POWERSHELL[POWERSHELL.index("$arguments += '--'") :]
    lines = [line for line in end.splitlines() if not line.lstrip().startswith("#")]
    assert lines[-4:] == [
        "$ErrorActionPreference = 'Continue'",
        "$global:LASTEXITCODE = 1",
        "& $command $arguments",
        "exit $LASTEXITCODE",
    ]


@pytest.mark.network
def test_a_wheel_of_this_project_has_the_scripts(tmp_path: Path) -> None:
    options: list[str | Path] = ["--no-deps", "--quiet", "--wheel-dir", tmp_path, ROOT]
    command = [sys.executable, "-m", "pip", "wheel", *options]
    subprocess.run(command, env=index_environment(), check=True, cwd=tmp_path)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        for name in ("choose_target.py", "install.ps1", "install.sh"):
            data = archive.read(f"wheeltarget/commands/pack/{name}")
            assert data == HOME.joinpath(name).read_bytes()
