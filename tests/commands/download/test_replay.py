"""The second run of an unchanged download: no request, no child, and what it prints is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pip
import pytest
from packaging.version import Version

from tests.support.cli import Result, command, environment, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.cache.wheel_store import cache_folder, records_folder, wheel_folder
from wheeltarget.commands.download.replay import find_recorded_run

TAG = "cp39-cp39-manylinux2014_x86_64"
TRUSTS = Version(pip.__version__) >= Version("26.2")
"""Whether pip takes a page that is fresh from its cache, and does not ask again."""

FILES = ["low-1.0-py3-none-any.whl", "top-1.0-py3-none-any.whl"]

trusting = pytest.mark.skipif(not TRUSTS, reason="this pip always asks again")


class Desk:
    """A folder to work in, with requirements, and an index that says how long its pages hold."""

    def __init__(self, folder: Path, index: LocalIndex) -> None:
        self.folder, self.index = folder, index
        self.house = folder / "house"
        folder.mkdir()
        (folder / "requirements.txt").write_text(f"top  # tags={TAG}\n")
        self.arguments = [
            f"--cache-dir={folder.parent / 'pip-cache'}",
            *index.pip_args(),
            *("--dest", "house", "-r", "requirements.txt"),
        ]

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Result:
        """Download, with the index's requests counted anew."""
        self.index.clear()
        # What was changed at the very moment a run begins is not remembered, rightly.
        time.sleep(0.03)
        arguments = ("download", *self.arguments, *arguments)
        result = wheeltarget(*arguments, cwd=self.folder, variables=variables)
        assert result.exit_code == 0, result.stderr
        return result

    @property
    def is_remembered(self) -> bool:
        return any(records_folder(cache_folder(os.environ)).glob("*.json"))

    @property
    def was_asked(self) -> bool:
        """Tell whether the index was asked for a page since the last run began."""
        return any(request.path.startswith("/simple/") for request in self.index.requests)


@pytest.fixture
def desk(tmp_path: Path, index: LocalIndex) -> Desk:
    make_wheel(tmp_path / "index", "top", requires=["low"])
    make_wheel(tmp_path / "index", "low")
    index.page_headers = {"Cache-Control": "max-age=600, public"}
    return Desk(tmp_path / "project", index)


@trusting
def test_the_second_run_asks_nobody_and_the_destination_is_as_after_the_first(desk: Desk) -> None:
    first = desk.run()
    assert names(desk.house) == FILES
    times = [(desk.house / name).stat().st_mtime_ns for name in FILES]

    second = desk.run()
    assert desk.index.requests == ()
    assert second.stdout == first.stdout.replace("Saved", "Already there")
    assert re.fullmatch(
        r"Unchanged since \d\d:\d\d:\d\d; use --refresh to ask the index again\n", second.stderr
    )
    assert [(desk.house / name).stat().st_mtime_ns for name in FILES] == times

    (desk.house / FILES[0]).unlink()
    third = desk.run()
    assert desk.index.requests == ()
    low = f"Saved ./house/{FILES[0]}"
    assert third.stdout == second.stdout.replace(f"Already there ./house/{FILES[0]}", low)

    for name in FILES:
        (desk.house / name).unlink()
    desk.house.rmdir()
    fourth = desk.run()
    assert desk.index.requests == ()
    assert fourth.stdout == first.stdout
    assert names(desk.house) == FILES
    assert names(desk.folder) == ["house", "requirements.txt"]

    # A change of the input, then the way back: it is another run each time.
    (desk.folder / "requirements.txt").write_text(f"low  # tags={TAG}\n")
    fifth = desk.run()
    assert "top" not in fifth.stdout
    assert "Resolving" in fifth.stderr

    # What pip's own cache takes for fresh is asked for, too, and that is what is remembered.
    make_wheel(desk.folder.parent / "index", "low", "2.0")
    desk.run("--refresh")
    assert desk.was_asked
    assert "low-2.0-py3-none-any.whl" in names(desk.house)
    assert "Unchanged since" in desk.run().stderr


@trusting
def test_indexes_of_projects_are_part_of_the_run(desk: Desk, tmp_path: Path) -> None:
    table = desk.folder / "pyproject.toml"
    make_wheel(tmp_path / "inside", "low", "0.5")
    with LocalIndex(tmp_path / "inside") as inside:
        inside.page_headers = desk.index.page_headers
        option = f"--index=low={inside.url}"
        for arguments in ([], [option]):
            if not arguments:
                table.write_text(f'[tool.wheeltarget.indexes]\nlow = "{inside.url}"\n')
            assert "low-0.5" in desk.run(*arguments).stdout
            asked = len(inside.requests)
            assert "Unchanged since" in desk.run(*arguments).stderr
            assert (len(inside.requests), desk.index.requests) == (asked, ())
            table.unlink(missing_ok=True)
            assert "low-1.0" in desk.run().stdout


@trusting
def test_nothing_heavy_is_loaded(desk: Desk) -> None:
    desk.run()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command("download", *desk.arguments)[1:]],
        cwd=desk.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Unchanged since" in done.stderr
    loaded = set(re.findall(r"\|\s+(\S+)$", done.stderr, re.MULTILINE))
    assert "wheeltarget.commands.download.replay" in loaded
    heavy = {"typer", "click", "packaging", "platformdirs", "pip", "optparse", "tomllib"}
    assert {name for name in loaded if name.partition(".")[0] in heavy} == set()
    assert not loaded & {
        "wheeltarget.api",
        "wheeltarget.resolver.pip_runner",
        "wheeltarget.cli.app",
    }


@trusting
def test_what_is_in_the_way_is_left_to_pip(desk: Desk) -> None:
    """It has its own rule for a file of that name, and says so."""
    desk.run()
    good = (desk.house / FILES[0]).read_bytes()
    (desk.house / FILES[0]).unlink()
    (desk.house / FILES[0]).write_bytes(b"something else")
    assert f"{FILES[0]} has bad hash. Re-downloading." in desk.run().stderr
    assert (desk.house / FILES[0]).read_bytes() == good

    (desk.house / FILES[0]).unlink()
    for wheel in wheel_folder(cache_folder(os.environ)).glob("??/*"):
        wheel.unlink()
    desk.run()
    assert desk.index.count(".whl") == 1
    assert names(desk.house) == FILES


@trusting
def test_other_forms_of_the_result(desk: Desk) -> None:
    arguments = ["--by-target", "--format", "json", "--tags", "cp38-cp38-win_amd64", "low"]
    first, second = desk.run(*arguments), desk.run(*arguments)
    assert desk.index.requests == ()
    there = json.loads(second.stdout)
    assert [file.pop("new") for target in there["targets"] for file in target["files"]] == 3 * [
        False
    ]
    made = json.loads(first.stdout)
    assert [file.pop("new") for target in made["targets"] for file in target["files"]] == 3 * [True]
    assert made == there
    assert names(desk.house) == ["cp38-cp38-win_amd64", TAG]

    report = desk.folder / "report.json"
    written = []
    for _ in range(2):
        result = desk.run("--quiet", "--report", "report.json")
        assert (result.stdout, result.stderr) == ("", "")
        written.append(json.loads(report.read_text()))
        report.unlink()
    assert desk.index.requests == ()
    news = [[file.pop("new") for each in it["targets"] for file in each["files"]] for it in written]
    assert news == [[True, True], [False, False]]
    assert written[0] == written[1]


def test_pages_of_which_nothing_is_said_are_asked_for_again(desk: Desk) -> None:
    desk.index.page_headers = {}
    desk.run()
    assert not desk.is_remembered


@pytest.mark.skipif(TRUSTS, reason="this pip takes a page that is fresh from its cache")
def test_a_pip_that_always_asks_again_does_so(desk: Desk) -> None:
    desk.run()
    assert not desk.is_remembered
    desk.run()
    assert desk.was_asked


def test_time_passes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is so until the first of the pages is no longer fresh."""
    desk.run()
    if not TRUSTS:
        return
    monkeypatch.chdir(desk.folder)
    variables = environment()
    (record,) = records_folder(cache_folder(os.environ)).glob("*.json")
    data = json.loads(record.read_text())
    assert 500 < data["until"] - data["made"] <= 610
    assert find_recorded_run(desk.arguments, variables) is not None
    monkeypatch.setattr("time.time", lambda: data["until"] + 1)
    assert find_recorded_run(desk.arguments, variables) is None


def _with_find_links(desk: Desk) -> list[str]:
    make_wheel(desk.folder / "links", "low", "0.1")
    return ["--find-links", "links"]


def _by_url(desk: Desk) -> list[str]:
    return [f"{desk.index.base}/files/low-1.0-py3-none-any.whl ; tags={TAG}"]


def _for_this_machine(_desk: Desk) -> list[str]:
    return ["low ; target=host"]


def _second_index(desk: Desk) -> list[str]:
    """Of the second index the answer is 404, which says nothing of how long that holds."""
    return ["--extra-index-url", f"{desk.index.base}/other"]


@pytest.mark.parametrize("make", [_with_find_links, _by_url, _for_this_machine, _second_index])
def test_what_may_change_unseen_is_not_remembered(desk: Desk, make: object) -> None:
    assert callable(make)
    desk.run(*make(desk))
    assert not desk.is_remembered


_KILLED_WHILE_PLACING = """
import os, signal, sys
from wheeltarget.cli import main
from wheeltarget.staging import folders, stage
take = folders.Folder.take
def take_and_die(*arguments):
    take(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
folders.Folder.take = take_and_die
if sys.argv.pop(1) == "alone":
    stage.Guard.__init__ = lambda *arguments: None
main.main()
"""


def _kill_while_placing(desk: Desk, guarded: str) -> None:
    """Take the files of the destination away, and kill a run when it has placed the first one."""
    desk.run()
    for name in FILES:
        (desk.house / name).unlink()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_WHILE_PLACING, guarded, "download", *desk.arguments],
        cwd=desk.folder,
        env=environment(),
        check=False,
    )
    assert killed.returncode < 0


@trusting
@pytest.mark.skipif(os.name == "nt", reason="a process cannot kill itself there")
def test_a_run_that_is_killed_while_placing_is_taken_back_by_its_guard(desk: Desk) -> None:
    _kill_while_placing(desk, "guarded")
    end = time.monotonic() + 20
    while names(desk.folder) != ["house", "requirements.txt"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert names(desk.house) == []
    assert "Unchanged since" in desk.run().stderr
    assert names(desk.house) == FILES


@trusting
@pytest.mark.skipif(os.name == "nt", reason="a process cannot kill itself there")
@pytest.mark.parametrize("complete", [False, True], ids=["one is missing", "all are there"])
def test_a_run_that_is_killed_with_its_guard_is_taken_back_by_the_next(
    desk: Desk, complete: bool
) -> None:
    """Or it would be taken back afterwards, by a run that finds the journal later."""
    _kill_while_placing(desk, "alone")
    (there,) = names(desk.house)
    if complete:
        make_wheel(desk.house, "top" if there.startswith("low") else "low")
    after = desk.run()
    assert names(desk.house) == FILES
    assert names(desk.folder) == ["house", "requirements.txt"]
    if not complete:
        assert "Unchanged since" in after.stderr
        assert after.stdout.count("Saved") == 2
    assert "Unchanged since" in desk.run().stderr
    assert names(desk.house) == FILES
