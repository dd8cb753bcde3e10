"""Files beside a destination are not trusted: they may have come with a cloned repository.

The threats are T1 and T2 of docs/security.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.cli import Result, download, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.staging import recovery
from wheeltarget.staging.folders import Folder, open_state
from wheeltarget.staging.recovery import Entry, Journal
from wheeltarget.staging.stage import open_stage

pytestmark = pytest.mark.thorough

TARGET = "cp39-cp39-manylinux2014_x86_64"
SMALL = "small-1.0-py3-none-any.whl"
HOSTILE = ".house.wheeltarget-0"

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and users as POSIX has them")


class Clone:
    """A cloned repository, and another user's home beside it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder / "clone"
        self.house = self.folder / "house"
        self.stage = self.folder / HOSTILE
        self.home.mkdir()
        self.house.mkdir(parents=True)
        (self.home / "id_rsa").write_text("secret")
        (self.home / ".bashrc").write_text("mine")
        self.before = self.everything()

    def everything(self) -> dict[str, str]:
        """Read the home."""
        return {path.name: path.read_text() for path in self.home.iterdir()}

    def add_stage(self, named: str) -> None:
        """Add what older versions believed.

        :param named: the path of the home, as the journal has it.
        """
        (self.stage / "replaced").mkdir(parents=True)
        (self.stage / "lock").write_text("held")
        (self.stage / "replaced" / ".bashrc").write_text("theirs")
        journal = {
            "destination": named,
            "folders": [],
            "added": ["id_rsa"],
            "replaced": [".bashrc"],
        }
        (self.stage / "placing.json").write_text(json.dumps(journal))


@pytest.fixture
def clone(tmp_path: Path, index: LocalIndex) -> Clone:  # noqa: ARG001 - it serves the wheel
    make_wheel(tmp_path / "index", "small")
    return Clone(tmp_path)


def _download(clone: Clone, index: LocalIndex) -> Result:
    return download(index, f"small ; tags={TARGET}", cwd=clone.folder, destination="house")


def _fail(clone: Clone, index: LocalIndex) -> Result:
    return download(index, f"none ; tags={TARGET}", cwd=clone.folder, destination="house")


def _lock(clone: Clone, index: LocalIndex) -> Result:
    arguments = (
        "lock",
        "--no-cache-dir",
        *index.pip_args(),
        f"small ; tags={TARGET}",
        "-o",
        "house",
    )
    return wheeltarget(*arguments, cwd=clone.folder)


def _follow(clone: Clone, index: LocalIndex) -> Result:
    arguments = (
        "lock",
        "--no-cache-dir",
        *index.pip_args(),
        f"small ; tags={TARGET}",
        "-o",
        "locks",
    )
    assert wheeltarget(*arguments, cwd=clone.home.parent).exit_code == 0
    lock = f"../locks/pylock.{TARGET}.toml"
    return wheeltarget("download", "-r", lock, "-d", "house", cwd=clone.folder)


def _merge(clone: Clone, index: LocalIndex) -> Result:  # noqa: ARG001 - as all of them
    shutil.copytree(clone.home.parent / "index", clone.home.parent / "part")
    return wheeltarget("merge", "../part", "-d", "house", cwd=clone.folder)


VERBS = [_download, _fail, _lock, _follow, _merge]


@pytest.mark.parametrize("run", VERBS)
@pytest.mark.parametrize("absolute", [False, True], ids=["dots", "absolute"])
def test_a_hostile_stage_is_left_alone(
    clone: Clone, index: LocalIndex, run: Callable[[Clone, LocalIndex], Result], absolute: bool
) -> None:
    clone.add_stage(str(clone.home) if absolute else "../home")
    result = run(clone, index)
    assert "Traceback" not in result.stderr
    assert clone.everything() == clone.before
    assert names(clone.stage) == ["lock", "placing.json", "replaced"]
    assert names(clone.folder) == [HOSTILE, "house"]
    if run is _fail:
        assert result.exit_code == 1
        return
    assert result.exit_code == 0, result.stderr
    assert f"note: {clone.stage} does not belong to any of your runs, so it was not removed" in (
        result.stderr
    )
    assert len(names(clone.house)) == 1


@posix
@pytest.mark.parametrize("kind", ["stage", "replaced", "hard link", "destination"])
def test_links_lead_nowhere(clone: Clone, index: LocalIndex, kind: str, tmp_path: Path) -> None:
    clone.add_stage("../home")
    inner = clone.stage / "replaced"
    if kind == "stage":
        clone.stage.rename(tmp_path / "elsewhere")
        clone.stage.symlink_to("../elsewhere")
    elif kind == "replaced":
        shutil.rmtree(inner)
        inner.symlink_to("../../home")
    elif kind == "hard link":
        (inner / ".bashrc").unlink()
        (inner / ".bashrc").hardlink_to(clone.home / "id_rsa")
    else:
        (clone.folder / "way").symlink_to("../home")
        clone.add_stage = None  # type: ignore[method-assign,assignment]
        (clone.stage / "placing.json").write_text(
            '{"destination": "way", "folders": [], "added": ["id_rsa"], "replaced": [".bashrc"]}'
        )
    result = _download(clone, index)
    assert result.exit_code == 0, result.stderr
    assert clone.everything() == clone.before
    assert names(clone.house) == [SMALL]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"destination"', "\xff\0"])
def test_an_empty_journal_ends_no_run(clone: Clone, index: LocalIndex, text: str) -> None:
    clone.stage.mkdir()
    (clone.stage / "lock").write_text("held")
    (clone.stage / "placing.json").write_text(text)
    result = _download(clone, index)
    assert result.exit_code == 0, result.stderr
    assert names(clone.stage) == ["lock", "placing.json"]


@posix
def test_a_journal_of_another_user(clone: Clone, index: LocalIndex) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes files of other users")
    clone.add_stage("../home")
    for path in (clone.stage, *clone.stage.rglob("*")):
        os.chown(path, 1234, 1234)
    result = _download(clone, index)
    assert result.exit_code == 0, result.stderr
    assert clone.everything() == clone.before
    assert clone.stage.stat().st_uid == 1234


@posix
def test_a_link_in_the_place_of_a_folder_of_a_target(clone: Clone, index: LocalIndex) -> None:
    """The folder that is named may be a link, as its user has it; one in it may not."""
    (clone.house / TARGET).symlink_to("../../home")
    arguments = ["--by-target", f"small ; tags={TARGET}"]
    results = [download(index, *arguments, cwd=clone.folder, destination="house")]
    make_wheel(clone.home.parent / "part" / TARGET, "small")
    results.append(wheeltarget("merge", "../part", "-d", "house", cwd=clone.folder))
    for result in results:
        assert result.exit_code in {1, 3}
        assert result.stderr == (
            f"error: {clone.house / TARGET} is a link, not a folder\n"
            "  move it away, or choose another folder\n"
        )
    assert clone.everything() == clone.before


KEY = "0123456789abcdef"
STAGE = f".house.wheeltarget-{KEY}"
HALF = st.binary(max_size=60) | st.sampled_from([b"", b"{}", b"{}\n", b"folder /\n", b"\xff\n"])


@pytest.mark.parametrize("kind", ["stage", "journal"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=HALF)
@example(b"folder /home/.x.wheeltarget-0123456789abcdef\n")
@example(b"destination relative\n")
@example(b"folder \\u0000\n")
@example(b"identity 1 2 3\n")
@example(b"/ " * 100_000)
@example(b"/ 1 2 3\nbegun")
@example(b"/ 1 2 3\nfile  x 0 1 None\nbegun")
def test_records_that_cannot_be_read(tmp_path: Path, kind: str, data: bytes) -> None:
    """They are set aside with a note, or say nothing and are removed; no run ends there."""
    state = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True, mode=0o700)
    lines = data if kind == "stage" else b"destination /nowhere\nplacing " + data + b"\n"
    (state / f"{KEY}.stage").write_bytes(lines)
    told = []
    for _ in range(2):
        with open_stage(tmp_path / "house", watched=False) as stage:
            told.append(stage.notes)
        assert names(tmp_path) == []
    assert told[1] == ()
    left = names(state)
    assert left in ([], [f"{KEY}.stage.unreadable"]) or left == [f"{KEY}.stage"]
    if left == [f"{KEY}.stage"]:
        assert data.startswith(b"destination /") or kind == "journal"


def test_what_is_set_aside_is_told_once(tmp_path: Path) -> None:
    state = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
    state.mkdir(parents=True, mode=0o700)
    (state / f"{KEY}.stage").write_bytes(b"nonsense\n")
    (state / f"{KEY[::-1]}.stage").write_bytes(b"placing {}\n")
    told = []
    for _ in range(2):
        with open_stage(tmp_path / "house", watched=False) as stage:
            told.append(stage.notes)
    assert [len(notes) for notes in told] == [2, 0]
    assert f"{KEY}.stage cannot be read" in told[0][0]
    assert f"{KEY[::-1]}.stage cannot be read" in told[0][1]


@posix
class TestJournalsOfOurs:
    """A journal is for one folder and its own files, even if others have their names now."""

    @pytest.fixture
    def state(self) -> Folder:
        return open_state()

    def _write(self, state: Folder, house: Path, stage: Path, *entries: Entry) -> None:
        with Folder.open(str(house)) as there, Folder.open(str(stage)) as kept:
            journal = Journal(str(house), there.identity, [], [*entries])
            known = " ".join(map(str, kept.identity))
        lines = f"destination {house}\nfolder {stage}\nidentity {known}\n{journal.lines()}"
        Path(state.path, f"{KEY}{recovery.RECORD}").write_text(lines)

    def _next_run(self, house: Path) -> None:
        with open_stage(house, watched=False):
            pass

    @pytest.fixture
    def house(self, tmp_path: Path) -> Path:
        (tmp_path / "house").mkdir()
        (tmp_path / STAGE / "replaced").mkdir(parents=True)
        return tmp_path / "house"

    @pytest.mark.parametrize("kind", ["link", "another folder", "another file", "folder"])
    def test_only_what_it_names_is_touched(
        self, state: Folder, house: Path, tmp_path: Path, kind: str
    ) -> None:
        placed = house / "a.whl"
        placed.write_text("new")
        (tmp_path / STAGE / "replaced" / "0").write_text("old")
        old = (tmp_path / STAGE / "replaced" / "0").stat().st_ino
        entry = Entry("", "a.whl", 0, placed.stat().st_ino, old)
        self._write(state, house, tmp_path / STAGE, entry)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "a.whl").hardlink_to(placed)
        if kind == "link":
            house.rename(tmp_path / "moved")
            house.symlink_to("other")
        elif kind == "another folder":
            house.rename(tmp_path / "moved")
            (tmp_path / "other").rename(house)
        elif kind == "another file":
            placed.unlink()
            placed.write_text("somebody's")
        else:
            placed.unlink()
            placed.mkdir()
        self._next_run(house)
        if kind == "another file":
            assert placed.read_text() == "somebody's"
        elif kind == "folder":
            assert placed.is_dir()
        else:
            assert placed.read_text() == "new"
        assert names(Path(state.path)) == []

    def test_a_stage_that_is_a_link_is_not_followed(
        self, state: Folder, house: Path, tmp_path: Path
    ) -> None:
        (house / "a.whl").write_text("new")
        self._write(
            state,
            house,
            tmp_path / STAGE,
            Entry("", "a.whl", 0, (house / "a.whl").stat().st_ino, 1),
            Entry("", "b.whl", 0, 2, None),
        )
        (tmp_path / STAGE).rename(tmp_path / "other")
        (tmp_path / STAGE).symlink_to("other")
        self._next_run(house)
        assert (house / "a.whl").read_text() == "new"
        assert names(Path(state.path)) == []

    @pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../a", "/a", "a\0b"])
    def test_names_are_plain(self, state: Folder, house: Path, tmp_path: Path, name: str) -> None:
        assert not recovery.is_plain(name)
        for folder, plain in (("", name), (name or "..", "a.whl")):
            self._write(state, house, tmp_path / STAGE, Entry(folder, plain, 0, 1, None))
            with open_stage(house, watched=False) as stage:
                assert f"{KEY}.stage cannot be read" in stage.notes[0]
                (stage.folder / "file").write_text("")
                with pytest.raises(ValueError, match="leads nowhere in the destination"):
                    stage.place({f"{folder or 'x'}/{plain}": stage.folder / "file"})
            assert names(house) == []

    def test_a_record_whose_folder_was_replaced(self, state: Folder, tmp_path: Path) -> None:
        """What is there now may be anybody's."""
        home = tmp_path / "home"
        home.mkdir()
        record = recovery.Record(state, str(tmp_path / "house"))
        stage = Path(record.make_folder(str(home), "house"))
        stage.rename(tmp_path / "taken")
        stage.mkdir()
        (stage / "file").write_text("theirs")
        (tmp_path / "taken" / "way").symlink_to(home)
        record.close()
        assert (stage / "file").read_text() == "theirs"
        assert names(Path(state.path)) == []


def test_a_stage_of_a_run_that_is_alive_is_left(tmp_path: Path) -> None:
    with open_stage(tmp_path / "house", watched=False) as first:
        (first.folder / "file").write_text("")
        with open_stage(tmp_path / "house", watched=False) as second:
            assert second.notes == ()
        assert names(first.folder) == ["file"]
    assert names(tmp_path) == []
    assert open_stage is open_stage
