"""Files and folders that are made beside their place, and what killed runs have left of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, names
from wheeltarget.staging.atomic import open_part
from wheeltarget.staging.folders import open_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")

_DYING = """\
import os, sys
from pathlib import Path
from wheeltarget.staging.atomic import open_part
with open_part(Path("out"), folder=sys.argv[1] == "folder") as part:
    (part / "inner" if part.is_dir() else part).write_text("half")
    os.kill(os.getpid(), 9)
"""


def _leave(folder: Path, kind: str) -> Path:
    """Kill a process while it writes, and return what it has left."""
    arguments = [sys.executable, "-c", _DYING, kind]
    subprocess.run(arguments, cwd=folder, env=environment(), check=False)
    (left,) = folder.iterdir()
    return left


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return an empty folder."""
    folder = tmp_path / "house"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("next_kind", ["file", "folder"])
def test_what_a_killed_run_left_is_removed(house: Path, kind: str, next_kind: str) -> None:
    left = _leave(house, kind)
    with open_part(house / "out", folder=next_kind == "folder") as part:
        assert names(house) == [part.parent.name]
        assert part.parent != left
    assert names(house) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_another_run_is_writing_stays(house: Path, kind: str) -> None:
    with (
        open_part(house / "out", folder=kind == "folder") as first,
        open_part(house / "out") as second,
    ):
        assert names(house) == sorted([first.parent.name, second.parent.name])
    assert names(house) == []


def test_what_no_record_names_stays(house: Path, tmp_path: Path) -> None:
    """Files, folders, links and pipes may have our names; they may come with a repository."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "diary").write_text("dear")
    left = _leave(house, "file")
    shutil.rmtree(left)
    left.symlink_to(mine)
    number = "0123456789abcdef"
    (house / f".out.wheeltarget-{number}").mkdir()
    (house / f".out.wheeltarget-{number}" / "out").write_text("half")
    (house / f".out.wheeltarget-{number[::-1]}").symlink_to(mine)
    os.mkfifo(house / f".out.wheeltarget-{'f' * 16}")
    before = names(house)
    with open_part(house / "out"):
        pass
    assert names(house) == before
    assert names(mine) == ["diary"]


def test_another_folder_in_the_place_of_a_leftover_stays(house: Path, tmp_path: Path) -> None:
    left = _leave(house, "folder")
    left.rename(tmp_path / "moved")
    left.mkdir()
    (left / "diary").write_text("dear")
    with open_part(house / "out"):
        pass
    assert (left / "diary").read_text() == "dear"


_DYING_TWICE = """\
import os
from pathlib import Path
from wheeltarget.staging.atomic import open_part
with open_part(Path("out"), folder=True) as outer, open_part(outer / "inner") as inner:
    inner.write_text("half")
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_left_in_its_own_folder_is_forgotten(house: Path) -> None:
    arguments = [sys.executable, "-c", _DYING_TWICE]
    subprocess.run(arguments, cwd=house, env=environment(), check=False)
    with open_state() as state:
        assert len(state.names()) == 2
    with open_part(house / "out"):
        pass
    assert names(house) == []
    with open_state() as state:
        assert state.names() == []
