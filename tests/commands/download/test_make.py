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

pytestmark = pytest.mark.thorough

WHEELS = Path("build", "wheel house")


def _documented() -> list[str]:
    """Give the Makefiles of the documentation: for one wheelhouse, several, and a bundle."""
    page = (ROOT / "docs" / "make.md").read_text("utf-8")
    return re.findall(r"```make\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project with the Makefile of the documentation and a package index."""
    assert shutil.which("make"), "these tests need make"
    makefile, _, _ = _documented()
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


def _make(project: Path, index: LocalIndex, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": f"{project.parent / 'commands'}{os.pathsep}{os.environ['PATH']}",
        "PIP_INDEX_URL": index.url,
        "PIP_TRUSTED_HOST": "127.0.0.1",
        "PIP_NO_CACHE_DIR": "1",
    }
    return subprocess.run(
        ["make", *arguments],
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


def _age(*paths: Path) -> None:
    """Make files an hour older, so that no clock is too coarse to tell them from new ones."""
    for path in paths:
        seconds = path.stat().st_mtime - 3600
        os.utime(path, (seconds, seconds))


@pytest.mark.parametrize("changed", ["requirements.txt", "constraints.txt", "more.txt"])
def test_runs_again_for_each_input_and_for_nothing_else(
    project: Path, index: LocalIndex, changed: str
) -> None:
    text = (project / "Makefile").read_text()
    (project / "Makefile").write_text(
        text.replace("constraints.txt", "constraints.txt more.txt", 1)
    )
    (project / "more.txt").write_text("")
    with (project / "requirements.txt").open("a") as file:
        file.write("-r more.txt\n")
    assert _make(project, index, "wheels").returncode == 0
    inputs = [project / name for name in ("requirements.txt", "constraints.txt", "more.txt")]
    _age(project / ".wheels.stamp", *inputs)
    (project / "other.txt").touch()
    (project / WHEELS / "somebody's.txt").touch()
    assert _make(project, index, "-q", "wheels").returncode == 0
    (project / changed).touch()
    assert _make(project, index, "-q", "wheels").returncode == 1
    index.clear()
    assert _make(project, index, "wheels").returncode == 0
    assert index.count("/simple/one/") == 1
    assert _make(project, index, "-q", "wheels").returncode == 0


def test_failure_leaves_the_target_out_of_date(project: Path, index: LocalIndex) -> None:
    assert _make(project, index, "wheels").returncode == 0
    stamp = project / ".wheels.stamp"
    _age(stamp)
    with (project / "requirements.txt").open("a") as file:
        file.write("two ; tags=cp39-cp39-win_amd64\n")
    before = stamp.stat().st_mtime_ns, (project / WHEELS).stat().st_mtime_ns
    index.fault("/simple/two/", Status(404), times=1)
    assert _make(project, index, "wheels").returncode == 2
    assert (stamp.stat().st_mtime_ns, (project / WHEELS).stat().st_mtime_ns) == before
    assert names(project / WHEELS) == ["one-1.0-py3-none-any.whl"]
    assert _make(project, index, "-q", "wheels").returncode == 1
    assert _make(project, index, "wheels").returncode == 0
    assert names(project / WHEELS) == ["one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"]


def test_folder_for_a_target(project: Path, index: LocalIndex) -> None:
    """What the page says of it: a run that finds everything there leaves its time alone."""
    (project / "Makefile").write_text(
        "house: requirements.txt\n\twheeltarget download -q -d $@ -r requirements.txt\n"
    )
    assert _make(project, index, "house").returncode == 0
    assert names(project / "house") == ["one-1.0-py3-none-any.whl"]
    assert _make(project, index, "-q", "house").returncode == 0
    _age(project / "house")
    before = (project / "house").stat().st_mtime_ns
    assert _make(project, index, "house").returncode == 0
    assert (project / "house").stat().st_mtime_ns == before
    assert _make(project, index, "-q", "house").returncode == 1


def test_several_wheelhouses_at_once(project: Path, index: LocalIndex) -> None:
    _, makefile, _ = _documented()
    (project / "Makefile").write_text(makefile)
    for name in ("requirements.txt", "constraints.txt"):
        (project / name).unlink()
    for name, projects in {"linux": ["one"], "windows": ["one", "two"], "arm": ["two"]}.items():
        lines = [f"{each} ; tags=cp39-cp39-win_amd64\n" for each in projects]
        (project / f"{name}.txt").write_text("".join(lines))
    done = _make(project, index, "-s", "-j3", "wheels")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    one, two = "one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"
    assert names(project / "build") == ["wheels for arm", "wheels for linux", "wheels for windows"]
    assert names(project / "build" / "wheels for linux") == [one]
    assert names(project / "build" / "wheels for windows") == [one, two]
    assert names(project / "build" / "wheels for arm") == [two]
    _age(*project.glob(".*.stamp"), *project.glob("*.txt"))
    (project / "arm.txt").touch()
    index.clear()
    assert _make(project, index, "-j3", "wheels").returncode == 0
    assert (index.count("/simple/one/"), index.count("/simple/two/")) == (0, 1)


def test_only_a_new_bundle_is_deployed(project: Path, index: LocalIndex) -> None:
    (project / "Makefile").write_text(_documented()[2])
    (project / "requirements.txt").write_text("one\n")
    (project / "src").mkdir()
    (project / "src" / "handler.py").touch()
    (project / "constraints.txt").unlink()
    for change, deploys in ((None, True), (None, False), ("1\n", True), (None, False)):
        if change:
            (project / "src" / "handler.py").write_text(change)
        done = _make(project, index, "PIP_NO_CACHE_DIR=", "deploy")
        assert done.returncode == 0, done.stderr
        assert ("upload app.zip here" in done.stdout.splitlines()) == deploys
    assert names(project) == [
        *(".deployed.stamp", "Makefile", "app.zip", "pylock.toml", "requirements.txt", "src")
    ]
