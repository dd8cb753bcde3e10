"""The documented Makefile, run by make."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT, environment, names
from tests.support.index import LocalIndex, Status
from tests.support.wheels import make_wheel

WHEELS = Path("build", "wheel house")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project with the Makefile of the documentation and a package index."""
    assert shutil.which("make"), "these tests need make"
    page = (ROOT / "docs" / "make.md").read_text("utf-8")
    (makefile,) = re.findall(r"```make\n(.*?)```", page, re.DOTALL)
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "Makefile").write_text(makefile)
    (folder / "requirements.txt").write_text("one # tags=cp39-cp39-manylinux2014_x86_64\n")
    (folder / "constraints.txt").write_text("")
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "wheeltarget").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m wheeltarget "$@"\n'
    )
    (commands / "wheeltarget").chmod(0o755)
    make_wheel(tmp_path / "index", "one")
    make_wheel(tmp_path / "index", "two")
    return folder


def _make(project: Path, index: LocalIndex, *words: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": f"{project.parent / 'commands'}{os.pathsep}{os.environ['PATH']}",
        "PIP_INDEX_URL": index.url,
        "PIP_TRUSTED_HOST": "127.0.0.1",
        "PIP_NO_CACHE_DIR": "1",
    }
    return subprocess.run(
        ["make", *words],
        cwd=project,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_runs_once_for_the_same_inputs(project: Path, index: LocalIndex) -> None:
    first = _make(project, index, "-s", "wheels")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    assert names(project / WHEELS) == ["one-1.0-py3-none-any.whl"]
    index.clear()
    again = _make(project, index, "wheels")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    assert index.requests == ()


def test_runs_again_for_other_inputs(project: Path, index: LocalIndex) -> None:
    assert _make(project, index, "wheels").returncode == 0
    stamp = project / ".wheels.stamp"
    os.utime(stamp, (0, 0))
    with (project / "requirements.txt").open("a") as file:
        file.write("two # tags=cp39-cp39-manylinux2014_x86_64\n")
    index.clear()
    assert _make(project, index, "wheels").returncode == 0
    assert names(project / WHEELS) == ["one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"]
    assert index.count("one-1.0-py3-none-any.whl") == 0


def test_stops_at_a_failure_and_tries_again(project: Path, index: LocalIndex) -> None:
    index.fault("/simple/one/", Status(404), times=1)
    failed = _make(project, index, "wheels")
    assert failed.returncode != 0
    assert "No matching distribution found for one" in failed.stderr
    assert not (project / ".wheels.stamp").exists()
    assert not (project / WHEELS).exists()
    assert _make(project, index, "wheels").returncode == 0


def test_parallel_rules_share_a_wheelhouse(project: Path, index: LocalIndex) -> None:
    rules = ["all: first second\n"]
    for rule, name in (("first", "one"), ("second", "two")):
        rules.append(
            f"{rule}:\n\twheeltarget download -q -d 'wheel house' "
            f"'{name} ; tags=cp39-cp39-win_amd64' 'one ; tags=cp310-cp310-win_amd64'\n"
        )
    (project / "Makefile").write_text("".join(rules))
    done = _make(project, index, "-s", "-j2", "all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert names(project / "wheel house") == [
        "one-1.0-py3-none-any.whl",
        "two-1.0-py3-none-any.whl",
    ]
    assert names(project) == ["Makefile", "constraints.txt", "requirements.txt", "wheel house"]
