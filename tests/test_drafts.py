"""Files and folders that are made beside their place, and what killed runs have left of them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.cli import environment, names
from wheeltarget.drafts import open_part, temporary_folder
from wheeltarget.errors import DestinationError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")

_DYING = """\
import os, sys
from pathlib import Path
from wheeltarget.drafts import open_part
with open_part(Path("out"), folder=sys.argv[1] == "folder") as part:
    (part / "inner" if part.is_dir() else part).write_text("half")
    os.kill(os.getpid(), 9)
"""


def _leave(folder: Path, kind: str) -> Path:
    """Let a process be killed while it writes, and return what it has left."""
    words = [sys.executable, "-c", _DYING, kind]
    subprocess.run(words, cwd=folder, env=environment(), check=False)
    (left,) = folder.iterdir()
    return left


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("next_kind", ["file", "folder"])
def test_what_a_killed_run_left_is_removed(tmp_path: Path, kind: str, next_kind: str) -> None:
    left = _leave(tmp_path, kind)
    with open_part(tmp_path / "out", folder=next_kind == "folder") as part:
        assert names(tmp_path) == [part.name]
        assert part != left
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_another_run_is_writing_stays(tmp_path: Path, kind: str) -> None:
    with (
        open_part(tmp_path / "out", folder=kind == "folder") as first,
        open_part(tmp_path / "out") as second,
    ):
        assert names(tmp_path) == sorted([first.name, second.name])
    assert names(tmp_path) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Links, pipes and files for other places have our names, and are not what we leave."""
    left = _leave(tmp_path, "file")
    left.unlink()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "diary").write_text("dear")
    (tmp_path / f"{left.name}-link").symlink_to(mine)
    (tmp_path / f"{left.name}-file").symlink_to(mine / "diary")
    os.mkfifo(tmp_path / f"{left.name}-pipe")
    (tmp_path / left.name.replace("out", "other")).write_text("half")
    before = names(tmp_path)
    with open_part(tmp_path / "out"):
        pass
    assert names(tmp_path) == before
    assert names(mine) == ["diary"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_what_another_user_left_stays(tmp_path: Path) -> None:
    left = _leave(tmp_path, "folder")
    os.chown(left, 12345, 12345)
    with open_part(tmp_path / "out"):
        pass
    assert names(tmp_path) == [left.name]


def test_no_room_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(DestinationError, match=r"temporary files \S+: No space left on device$"),
        temporary_folder("test"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_what_is_elsewhere_is_no_matter_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "here"))
    (tmp_path / "here").mkdir()
    with pytest.raises(PermissionError), temporary_folder("test"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "there"))
