"""Files and folders that are made beside their place, and what killed runs have left of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.cli import environment, names
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.staging.atomic import hidden_folder, open_part, remove_leftovers, temporary_folder
from wheeltarget.staging.folders import open_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")

HOST = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"

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
def test_what_a_killed_run_left_elsewhere_is_removed(
    house: Path, tmp_path: Path, kind: str
) -> None:
    _leave(house, kind)
    with open_part(tmp_path / "out"):
        assert names(house) == []


def test_what_is_being_written_elsewhere_stays(house: Path, tmp_path: Path) -> None:
    with open_part(house / "out") as part, open_part(tmp_path / "out"):
        assert names(house) == [part.parent.name]


def test_what_cannot_be_removed_elsewhere_costs_no_time(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = _leave(house, "folder")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with ExitStack() as stack, monkeypatch.context() as patch:
        patch.setattr("os.rmdir", refuse)
        start = time.monotonic()
        stack.enter_context(hidden_folder(tmp_path, "out"))
        assert time.monotonic() - start < 4
    assert left.exists()
    remove_leftovers()
    assert names(house) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "--fix", "asked.txt"],
        ["prune", "wheels", "-r", "pylock.t.toml"],
        ["prune", "wheels", "-r", "pylock.t.toml", "--transfer-since=pylock.t.toml"],
        ["bundle", "-r", "pylock.t.toml", "--wheels=wheels", "-o", "app.zip"],
        ["install-check", "-r", "pylock.t.toml", "--wheels=wheels"],
        ["merge", "wheels", "-d", "all"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_each_verb_removes_it(house: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Also a run that has nothing to write."""
    wheel = make_wheel(tmp_path / "wheels", "lib")
    lock_wheels([wheel], HOST, tmp_path / "pylock.t.toml")
    (tmp_path / "asked.txt").write_text("lib\n")
    _leave(house, "folder")
    assert run_here(*arguments, cwd=tmp_path).exit_code == 0
    assert names(house) == []


class TestTemporary:
    """Folders in TMPDIR of which no record is left, since the state folder was another one."""

    @pytest.fixture
    def leave(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))

        def leave(name: str, *, hours: int = 25, mode: int = 0o700) -> Path:
            folder = tmp_path / name
            (folder / "inner").mkdir(parents=True)
            (folder / "inner" / "file").write_text("half")
            folder.chmod(mode)
            then = time.time() - hours * 3600
            os.utime(folder, (then, then))
            return folder

        return leave

    @pytest.mark.parametrize("purpose", ["bundle", "install", "target", "probe"])
    def test_old_ones_are_removed(self, leave: Callable[..., Path], purpose: str) -> None:
        left = leave(f".wheeltarget-{purpose}.wheeltarget-{'0' * 16}")
        with temporary_folder("bundle") as folder:
            assert not left.exists()
            assert folder.exists()

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            (f".wheeltarget-bundle.wheeltarget-{'0' * 16}", {"hours": 23}),
            (f".wheeltarget-bundle.wheeltarget-{'0' * 16}", {"mode": 0o755}),
            (f".out.wheeltarget-{'0' * 16}", {}),
            (f"wheeltarget-bundle.wheeltarget-{'0' * 16}", {}),
            (f".wheeltarget-bundle.wheeltarget-{'0' * 15}", {}),
        ],
    )
    def test_all_others_stay(
        self, leave: Callable[..., Path], name: str, options: dict[str, int]
    ) -> None:
        left = leave(name, **options)
        with temporary_folder("bundle"):
            assert (left / "inner" / "file").exists()

    def test_links_stay(self, leave: Callable[..., Path], tmp_path: Path) -> None:
        left = leave("mine")
        link = tmp_path / f".wheeltarget-bundle.wheeltarget-{'0' * 16}"
        link.symlink_to(left)
        (leave(f".wheeltarget-bundle.wheeltarget-{'1' * 16}") / "link").symlink_to(left)
        with temporary_folder("bundle"):
            assert (left / "inner" / "file").exists()
            assert link.is_symlink()

    def test_one_that_is_in_use_stays(self, tmp_path: Path, leave: Callable[..., Path]) -> None:
        del leave  # only the folder counts
        then = time.time() - 90_000
        with temporary_folder("bundle") as first:
            os.utime(first, (then, then))
            with temporary_folder("bundle"):
                assert first.exists()
        assert names(tmp_path) == []


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
