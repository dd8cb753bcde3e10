"""Every input of a command is read once: counted in the process that the user starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.commands.invocation import InputFiles
from wheeltarget.resolver import prestart
from wheeltarget.utils.files import RefusedFileError

TARGET = "cp39-cp39-manylinux2014_x86_64"

COUNT = """
import atexit, json, os, sys
place, opened, parsed = os.getcwd() + os.sep, [], []
def see(event, details):
    if event == "open" and isinstance(details[0], str):
        path = os.path.abspath(details[0])
        ours = path.startswith(place) and not path.startswith(place + ".")
        if ours and path.endswith((".txt", ".conf", ".toml")):
            # What is written is not read.
            if not details[2] & (os.O_WRONLY | os.O_RDWR):
                opened.append(path.removeprefix(place))
sys.addaudithook(see)
import wheeltarget.pip_config.options as options
read = options._items
options._items = lambda *given, **named: parsed.append(1) or read(*given, **named)
atexit.register(lambda: print("\\ncounted", json.dumps([opened, len(parsed)]), file=sys.stderr))
from wheeltarget.cli.main import main
main()
"""

PROJECT = f"""
[tool.wheeltarget]
target = "box"
[tool.wheeltarget.targets.box]
tag = "{TARGET}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project: settings, its own targets, pip's configuration, files that include others."""
    make_wheel(tmp_path / "index", "lib")
    make_wheel(tmp_path / "index", "other")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "needed.txt").write_text("-r more.txt\n-c limits.txt\nlib # target=box\n")
    (folder / "more.txt").write_text("other # target=box,./mine.toml\n")
    (folder / "limits.txt").write_text("lib<2\n")
    (folder / "mine.toml").write_text('tag = "cp38-cp38-manylinux2014_x86_64"\n')
    (folder / "pip.conf").write_text("[global]\nquiet = 0\nno-color = true\n")
    return folder


def count(folder: Path, *arguments: str, exit_code: int = 0) -> tuple[dict[str, int], int]:
    """Run a command line.

    :returns: how often each input was opened, and how often pip's configuration was parsed.
    """
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments],
        cwd=folder,
        env=environment(PIP_CONFIG_FILE=str(folder / "pip.conf")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    opened, parsed = json.loads(done.stderr.rpartition("\ncounted ")[2])
    return dict(Counter(opened)), parsed


INPUTS = ["limits.txt", "mine.toml", "more.txt", "needed.txt", "pip.conf", "pyproject.toml"]
ONCE = dict.fromkeys(INPUTS, 1)


@pytest.mark.parametrize("own", [[], ["--dry-run"], ["--jobs", "2", "--format=json"]], ids=" ".join)
def test_download(project: Path, index: LocalIndex, own: list[str]) -> None:
    words = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt", *own]
    assert count(project, *words) == (ONCE, 1)
    assert (project / "house").is_dir() is (own != ["--dry-run"])


def test_lock(project: Path, index: LocalIndex) -> None:
    words = ["lock", *index.pip_args(), "-o", "locks", "-r", "needed.txt"]
    targets = ("box", "_-mine_toml")
    locks = [f"locks/pylock.{target}.toml" for target in targets]
    assert count(project, *words) == (ONCE, 1)
    assert len(list((project / "locks").iterdir())) == 2
    assert count(project, *words, "--check") == (ONCE | dict.fromkeys(locks, 1), 1)
    # Once more when nobody else can place any, as another run may have done since.
    assert count(project, *words) == (ONCE | dict.fromkeys(locks, 2), 1)


def test_explain(project: Path, index: LocalIndex) -> None:
    assert count(project, "explain", *index.pip_args(), "-r", "needed.txt") == (ONCE, 1)


def test_check(project: Path, index: LocalIndex) -> None:
    words = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt"]
    count(project, *words)
    assert count(project, "check", "house", "-r", "needed.txt") == (ONCE, 1)


def test_a_run_that_is_pips_alone(project: Path, index: LocalIndex) -> None:
    """Before this process becomes pip, which reads all of it again."""
    (project / "pyproject.toml").write_text("[tool.wheeltarget]\n")
    (project / "needed.txt").write_text("-c limits.txt\nlib ; target=host\n")
    words = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt"]
    once = dict.fromkeys(["limits.txt", "needed.txt", "pip.conf", "pyproject.toml"], 1)
    assert count(project, *words) == (once, 1)


def test_locks(project: Path, index: LocalIndex) -> None:
    count(project, "lock", *index.pip_args(), "-o", ".", "-r", "needed.txt")
    lock = "pylock.box.toml"
    assert (project / lock).is_file()
    once = {lock: 1, "pip.conf": 1}
    assert count(project, "download", "-r", lock, "-d", "house") == (once, 1)
    assert count(project, "check", "house", "-r", lock) == (once, 1)
    assert count(project, "bundle", "-r", lock, "-o", "bundle.zip") == (once, 1)
    assert count(project, "bundle", "-r", lock, "--wheels=house", "-o", "b.zip") == (once, 1)
    words = ["prune", "house", "-r", lock, "--list"]
    assert count(project, *words) == (once, 1)


def test_a_lock_that_is_not_ours(project: Path, index: LocalIndex) -> None:
    """It is for whatever the project names."""
    count(project, "lock", *index.pip_args(), "-o", ".", "-r", "needed.txt")
    text = (project / "pylock.box.toml").read_text()
    foreign = text[: text.index("[tool.wheeltarget")].replace('"wheeltarget', '"other')
    (project / "pylock.toml").write_text(foreign)
    once = {"pylock.toml": 1, "pip.conf": 1, "pyproject.toml": 1}
    assert count(project, "download", "-r", "pylock.toml", "-d", "house") == (once, 1)


def test_a_file_named_twice(project: Path, index: LocalIndex) -> None:
    twice = f"{project}{os.sep}limits.txt"
    words = ["explain", *index.pip_args(), "-r", "needed.txt", "-c", twice, "-c", "./limits.txt"]
    assert count(project, *words) == (ONCE, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files as POSIX has them")
def test_a_pipe_is_read_once_and_only_if_the_command_line_names_it() -> None:
    end, start = os.pipe()
    os.write(start, b"lib")
    os.close(start)
    name, files = f"/dev/fd/{end}", InputFiles()
    try:
        assert [files.read(name), files.read(name)] == [(b"lib", False)] * 2
        for read in (files.read_nested, files.read_lock):
            with pytest.raises(RefusedFileError, match="it is a named pipe"):
                read(name)
    finally:
        os.close(end)


def test_what_a_first_look_has_not_read_to_its_end_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "needed.txt"
    file.write_text("lib==1.0\n")
    assert prestart.begin_for(["-r", str(file)]) == {str(file): b"lib==1.0\n"}
    # As if it had grown since its size was asked for.
    monkeypatch.setattr("os.path.getsize", lambda _: 0)
    monkeypatch.setattr(prestart, "_LARGEST_FILE", 3)
    assert prestart.begin_for(["-r", str(file)]) == {}
