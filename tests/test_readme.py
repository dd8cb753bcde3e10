"""The commands of README.md do what it says, in a project as it has one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.cli import ROOT, environment, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.thorough

NATIVE = "cp312-cp312-manylinux_2_28_aarch64"


def _blocks(language: str) -> list[str]:
    page = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with a module, its requirements, and an index that has them."""
    project = tmp_path / "my project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "app.py").write_text("import one\n")
    (project / "requirements.txt").write_text("one\n")
    commands = tmp_path / "commands"
    commands.mkdir()
    script = commands / "wheeltarget"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wheeltarget "$@"\n')
    script.chmod(0o755)
    make_wheel(tmp_path / "index", "one", requires=['two ; python_version < "3.10"'])
    make_wheel(
        tmp_path / "index", "one", "2.0", requires=['two ; python_version < "3.10"'], tag=NATIVE
    )
    make_wheel(tmp_path / "index", "two")
    return project


def _run(project: Path, index: LocalIndex, *command: str) -> None:
    variables = {
        "PATH": f"{project.parent / 'commands'}{os.pathsep}{os.environ['PATH']}",
        "PIP_INDEX_URL": index.url,
        "PIP_TRUSTED_HOST": "127.0.0.1",
        "PIP_NO_CACHE_DIR": "1",
    }
    done = subprocess.run(
        command,
        cwd=project,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _archive(project: Path) -> set[str]:
    with zipfile.ZipFile(project / "app.zip") as archive:
        return {name.partition("/")[0] for name in archive.namelist()}


def test_one_command_makes_the_archive(project: Path, index: LocalIndex) -> None:
    (command,) = [block for block in _blocks("sh") if block.startswith("wheeltarget bundle")]
    _run(project, index, "sh", "-ec", command)
    assert _archive(project) == {"app.py", "one.py", "one-2.0.dist-info"}


def test_wheelhouse_is_filled_and_checked(project: Path, index: LocalIndex, tmp_path: Path) -> None:
    pip = make_wheel(tmp_path / "index", "pip", "26.0.1", requires_python=">=3.9").name
    (commands,) = [block for block in _blocks("sh") if block.startswith("wheeltarget download")]
    _run(project, index, "sh", "-ec", commands)
    expected = ["one-1.0-py3-none-any.whl", pip, "two-1.0-py3-none-any.whl"]
    assert names(project / "wheelhouse") == expected


def test_make_makes_the_archive_once(project: Path, index: LocalIndex) -> None:
    assert shutil.which("make"), "this test needs make"
    (makefile,) = _blocks("make")
    (project / "Makefile").write_text(makefile)
    _run(project, index, "make", "app.zip")
    assert "one-2.0.dist-info" in _archive(project)
    index.clear()
    _run(project, index, "make", "--question", "app.zip")
    assert index.requests == ()
