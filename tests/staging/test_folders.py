"""Open folders, locks, and the state folder, which is believed only if it is the user's own.

The threat is T2 of docs/security.md.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from tests.support.cli import names
from wheeltarget.errors import DestinationError
from wheeltarget.staging.folders import (
    BusyError,
    Folder,
    Turn,
    held,
    lock_file,
    open_state,
    wait_for,
)
from wheeltarget.staging.stage import open_stage

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and users as POSIX has them")


class TestStateFolder:
    """Only a folder of this user's alone is believed."""

    @pytest.fixture
    def spare(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return the folder that is used in its place."""
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
        return temporary / f"wheeltarget{user}"

    def _opened(self) -> Path:
        with open_state() as state:
            return Path(state.path)

    def test_is_made_for_this_user_alone(self) -> None:
        usual = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
        before = os.umask(0)
        try:
            assert self._opened() == usual
        finally:
            os.umask(before)
        if os.name != "nt":
            assert stat.S_IMODE(usual.stat().st_mode) == 0o700

    @posix
    @pytest.mark.parametrize("mode", [0o777, 0o750, 0o701, 0o1777])
    def test_one_that_others_may_use(self, spare: Path, mode: int) -> None:
        usual = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
        usual.mkdir(parents=True)
        usual.chmod(mode)
        assert self._opened() == spare
        spare.chmod(mode)
        with pytest.raises(DestinationError, match="other users have access to it") as caught:
            open_state()
        assert "WHEELTARGET_STATE_DIR" in caught.value.hint
        assert names(usual) == []

    @posix
    def test_a_link(self, spare: Path, tmp_path: Path) -> None:
        usual = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
        usual.parent.mkdir()
        (tmp_path / "theirs").mkdir(mode=0o700)
        usual.symlink_to(tmp_path / "theirs")
        assert self._opened() == spare
        spare.rmdir()
        spare.symlink_to(tmp_path / "theirs")
        with pytest.raises(DestinationError, match="cannot record which files"):
            open_state()
        assert names(tmp_path / "theirs") == []

    @posix
    def test_one_of_another_user(self, spare: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root makes files of other users")
        usual = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
        usual.mkdir(parents=True, mode=0o700)
        os.chown(usual, 1234, 1234)
        assert self._opened() == spare
        # Root leaves nothing in a user's home either.
        usual.rmdir()
        os.chown(usual.parent, 1234, 1234)
        assert self._opened() == spare
        assert not usual.exists()

    def test_nowhere_to_go(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("WHEELTARGET_STATE_DIR", str(tmp_path / "file"))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
        with (
            pytest.raises(DestinationError, match="cannot record which files this run places"),
            open_stage(tmp_path / "house"),
        ):
            pass
        assert names(tmp_path) == ["file"]


@posix
def test_operations_stay_in_an_open_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with Folder.open(str(tmp_path / "one")) as folder:
        (tmp_path / "one").rename(tmp_path / "moved")
        (tmp_path / "one").symlink_to("other")
        folder.make("inner")
        os.close(folder.open_file("file", os.O_WRONLY | os.O_CREAT))
        assert sorted(folder.names()) == names(tmp_path / "moved") == ["file", "inner"]
        folder.move("file", folder, "new")
        folder.link("new", folder, "second")
        folder.remove("new")
        assert folder.status("new") is None
        assert folder.status("second") is not None
    assert names(tmp_path / "other") == []
    assert stat.S_IMODE((tmp_path / "moved" / "second").stat().st_mode) == 0o600
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Folder.open(str(tmp_path / "one"))
    with Folder.open(str(tmp_path / "one"), follow=True) as folder:
        assert folder.names() == []


@posix
def test_clearing_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary").write_text("dear")
    (tmp_path / "stage" / "a" / "b").mkdir(parents=True)
    (tmp_path / "stage" / "a" / "b" / "file").touch()
    (tmp_path / "stage" / "a" / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "stage" / "a").chmod(0o500)
    with Folder.open(str(tmp_path / "stage")) as folder:
        folder.clear()
    assert names(tmp_path / "stage") == []
    assert names(tmp_path / "mine") == ["diary"]


@posix
def test_one_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    with (
        Folder.open(str(tmp_path)) as first,
        Folder.open(str(tmp_path)) as second,
        open_state() as state,
    ):
        with held(first, state, 0):
            with pytest.raises(BusyError) as caught, held(second, state, 0.05):
                pass
            assert caught.value.filename == str(tmp_path)
        with held(second, state, 0):
            pass


@posix
def test_file_that_was_replaced_is_not_locked(tmp_path: Path) -> None:
    with Folder.open(str(tmp_path)) as folder:
        first = lock_file(folder, "lock", os.O_CREAT)
        assert first is not None
        assert lock_file(folder, "lock") is None
        folder.remove("lock")
        second = lock_file(folder, "lock", os.O_CREAT)
        assert second is not None
        os.close(first)
        os.close(second)
        with pytest.raises(FileNotFoundError):
            lock_file(folder, "gone")


def test_waiting_ends() -> None:
    results = iter([None, None, False])
    assert wait_for(lambda: next(results), 10) is False
    assert wait_for(lambda: None, 0.05) is None


def test_turn_is_taken_by_one_at_a_time(tmp_path: Path) -> None:
    first, second = Turn(tmp_path / "turn"), Turn(tmp_path / "turn")
    assert first.take()
    assert first.take()
    assert not second.take()
    first.leave()
    assert second.take()
    second.close()
    assert first.take()
    first.close()
