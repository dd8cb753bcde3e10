"""Files placed in a folder that is there: killed, stopped or failing at each call of the system.

The threats are T11 and T12 of docs/security.md.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import ROOM, error_of, killed_at, meeting
from tests.support.cli import environment, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.errors import DestinationError
from wheeltarget.staging import folders, recovery
from wheeltarget.staging.folders import Folder, open_state
from wheeltarget.staging.stage import Stage, open_stage
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import StagedFile

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills itself"),
]

OLD = {"notes.txt": "mine", "old.whl": "old", "sub/old.whl": "old too"}
FILES = {"a.whl": "new", "old.whl": "new", "sub/old.whl": "new", "sub/b.whl": "new", "x/c.whl": "n"}
NEW = {**OLD, **FILES}


def contents(folder: Path) -> dict[str, str]:
    """Read every file below a folder, hidden ones included."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


class Place:
    """A destination, and runs that place files in it."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        self.house = folder / "house"
        self.state = state
        for name, text in OLD.items():
            (self.house / name).parent.mkdir(parents=True, exist_ok=True)
            (self.house / name).write_text(text)

    def run(self) -> None:
        """Place all files."""
        with open_stage(self.house, watched=False, folders=("", "sub", "x")) as stage:
            files = []
            for number, (name, text) in enumerate(FILES.items()):
                folder, _, plain = name.rpartition("/")
                path = stage.job_folder(number) / plain
                path.write_text(text)
                files.append(StagedFile(path, "the index", "a target", folder))
            merge.merge(stage, [files])

    def next_run(self) -> None:
        """Begin a run that comes to nothing."""
        with open_stage(self.house, watched=False):
            pass

    def guard(self) -> None:
        """Do what the guard of a dead run does."""
        with open_state() as state:
            (record,) = self.state.glob("stages/*.stage")
            recovery.finish(state, record.stem, folders.PATIENCE)

    def check(self) -> bool:
        """Refuse anything but the old or the new destination, whole, and nothing beside it.

        :returns: whether it is the new one.
        """
        now = contents(self.house)
        assert now in (OLD, NEW)
        assert names(self.folder) == ["house"]
        assert names(self.house / "x") == (["c.whl"] if now == NEW else [])
        assert (self.house / "x").exists() == (now == NEW)
        assert names(self.state / "stages") == []
        return now == NEW


@pytest.fixture
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Place]:
    """Return a function that makes a new place; no guard watches its runs."""
    monkeypatch.setattr(Stage, "watch", lambda _self: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def make(name: object) -> Place:
        state = tmp_path / f"{name}-state"
        monkeypatch.setenv("WHEELTARGET_STATE_DIR", str(state))
        return Place(tmp_path / str(name), state)

    return make


def _across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put each folder in a destination on a file system of its own."""

    def mount(self: Folder) -> tuple[int, str]:
        path = Path(self.path)
        inner = path if path.name in {"sub", "x"} else path.parent
        return 1, inner.name if inner.name in {"sub", "x"} else ""

    monkeypatch.setattr(Folder, "mount", property(mount))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("across", [False, True], ids=["one file system", "several"])
def test_killed_at_each_call(
    make_place: Callable[[object], Place],
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
    across: bool,
) -> None:
    """The guard is killed, too, so it is the next run that finds what there is."""
    if across:
        _across(monkeypatch)
    number, ends = 0, []
    while True:
        place = make_place(number)
        was_killed = killed_at(place.run, number, before=before)
        if was_killed:
            place.next_run()
        ends.append(place.check())
        if not was_killed:
            break
        number += 1
    assert ends == sorted(ends), "from one call on it is the new one"
    assert ends[-1]
    assert ends.count(True) < ends.count(False)
    assert number > 35


@pytest.mark.parametrize("who", ["the next run", "the guard"])
@pytest.mark.parametrize("across", [False, True], ids=["one file system", "several"])
def test_recovery_killed_at_each_call(
    make_place: Callable[[object], Place],
    monkeypatch: pytest.MonkeyPatch,
    across: bool,
    who: str,
) -> None:
    """The run after that finds what is left."""
    if across:
        _across(monkeypatch)
    first = _number_of_the_last_step(make_place("counted"))
    for step in (first - 9, first - 3, first):
        number = 0
        while True:
            place = make_place(f"{step}-{number}")
            assert killed_at(place.run, step, before=True)
            clean = place.next_run if who == "the next run" else place.guard
            was_killed = killed_at(clean, number, before=number % 2 == 0)
            if was_killed:
                place.next_run()
            assert not place.check()
            if not was_killed:
                break
            number += 1
        assert number > 6


def _number_of_the_last_step(place: Place) -> int:
    """Return which call of a run removes the journal."""
    last = []

    def meet(number: int, name: str, call: partial[Any]) -> Any:
        if name == "ftruncate":
            last.append(number)
        return call()

    with meeting(meet):
        place.run()
    assert place.check()
    return last[0]


@pytest.mark.parametrize("across", [False, True], ids=["one file system", "several"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_at_each_call(
    make_place: Callable[[object], Place],
    monkeypatch: pytest.MonkeyPatch,
    across: bool,
    number: int,
) -> None:
    """From one call on there is no room; what needs none goes on. No next run is needed."""
    if across:
        _across(monkeypatch)
    ended = []
    for first in range(400):
        place = make_place(first)

        def meet(count: int, name: str, call: partial[Any], first: int = first) -> Any:
            if count >= first and name in ROOM:
                raise error_of(call, number)
            return call()

        with meeting(meet) as met:
            ended.append(_attempt(place))
        assert place.check() == (ended[-1] == "done")
        if len(met) <= first:
            break
    assert ended[-1] == "done"
    assert set(ended) > {"done"}
    assert all(each == "done" or each.startswith("cannot ") for each in ended)
    assert all(each == "done" or os.strerror(number) in each for each in ended)


def _attempt(place: Place) -> str:
    """Place all files, and return the message if that fails."""
    try:
        place.run()
    except DestinationError as error:
        return error.message
    return "done"


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_broken_disk_at_each_call(make_place: Callable[[object], Place], number: int) -> None:
    """Each call fails once."""
    for which in range(400):
        place = make_place(which)

        def meet(count: int, _name: str, call: partial[Any], which: int = which) -> Any:
            if count == which:
                raise error_of(call, number)
            return call()

        with meeting(meet) as met:
            ended = _attempt(place)
        assert ended == "done" or os.strerror(number) in ended
        place.next_run()
        place.check()
        if len(met) <= which:
            return
    raise AssertionError


def test_a_file_system_without_links(
    make_place: Callable[[object], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old files are renamed there, and back."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Folder, "link", refuse)
    test_killed_at_each_call(make_place, monkeypatch, before=True, across=False)


@pytest.mark.parametrize("kind", ["another file system", "the same one"])
def test_a_mount_in_the_destination(
    make_place: Callable[[object], Place], tmp_path: Path, kind: str
) -> None:
    """Files are copied to where they can be renamed from, and nothing of that is left."""
    place = make_place("mounts")
    (tmp_path / "elsewhere").mkdir()
    sub = str(place.house / "sub")
    arguments = {
        "another file system": ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", sub],
        "the same one": ["mount", "--bind", str(tmp_path / "elsewhere"), sub],
    }[kind]
    if subprocess.run(arguments, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (place.house / "sub" / "old.whl").write_text(OLD["sub/old.whl"])
        place.run()
        assert place.check()
        (place.house / "sub" / "b.whl").unlink()
        (place.house / "sub" / "old.whl").write_text(OLD["sub/old.whl"])
        before = contents(place.house)
        if kind == "another file system":
            filler = place.house / "sub" / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"0" * 4096)
            with pytest.raises(DestinationError, match="No space left on device"):
                place.run()
            filler.unlink()
            assert contents(place.house) == before
            assert names(place.house / "sub") == ["old.whl"]
        last = _number_of_the_last_step(place)
        (place.house / "sub" / "b.whl").unlink()
        (place.house / "sub" / "old.whl").write_text(OLD["sub/old.whl"])
        assert killed_at(place.run, last, before=True)
        place.next_run()
        assert contents(place.house) == before
        assert names(place.folder) == ["house"]
        assert names(place.state / "stages") == []
    finally:
        subprocess.run(["umount", sub], check=True)


def test_folders_that_cannot_be_locked(
    make_place: Callable[[object], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network file systems; then a file in the state folder is locked."""
    monkeypatch.setattr(Folder, "lock", lambda _self: None)
    monkeypatch.setattr(folders, "PATIENCE", 0.1)
    place = make_place("here")
    with (
        open_stage(place.house, watched=False) as stage,
        stage.hold(),
        pytest.raises(DestinationError, match="another run is placing files"),
    ):
        place.run()
    assert not place.check()
    place.run()
    assert place.check()


def test_files_that_cannot_be_locked(
    make_place: Callable[[object], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then only the guard knows that a run is dead."""
    step = _number_of_the_last_step(make_place("counted"))
    place = make_place("here")
    assert killed_at(place.run, step, before=True)
    monkeypatch.setattr(folders, "lock", lambda _handle, **_: None)
    place.next_run()
    assert len(names(place.folder)) == 2
    assert contents(place.house)["old.whl"] == "new"
    place.guard()
    assert not place.check()


_STOPPED = """
import os, signal, sys
from pathlib import Path
from wheeltarget.staging import stage
from wheeltarget.wheelhouse import merge as wheelhouse
move = stage._move
def stop_and_move(*arguments):
    os.kill(os.getpid(), signal.SIGSTOP)
    move(*arguments)
stage._move = stop_and_move
with stage.open_stage(Path(sys.argv[1])) as opened:
    folder = opened.job_folder(0)
    files = []
    for path in sorted(Path(sys.argv[2]).iterdir()):
        os.link(path, folder / path.name)
        files.append(wheelhouse.StagedFile(folder / path.name, "the index", "a target"))
    wheelhouse.merge(opened, [files])
"""
"""Files are linked as from the store, so those of all runs are the same ones."""


class TestTwoRuns:
    """One is stopped between its journal and its first rename."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Path:
        """Return the folder that both runs link their files from."""
        shelf = tmp_path / "shelf"
        shelf.mkdir()
        for name in ("a.whl", "b.whl", "c.whl"):
            (shelf / name).write_text(name)
        return shelf

    @pytest.fixture
    def stopped(self, tmp_path: Path, shelf: Path) -> subprocess.Popen[bytes]:
        """Start the run that is stopped."""
        (tmp_path / "all" / "house").mkdir(parents=True)
        process = subprocess.Popen(
            [sys.executable, "-c", _STOPPED, str(tmp_path / "all" / "house"), str(shelf)],
            env=environment(),
        )
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        return process

    def test_the_other_one_waits_and_its_files_stay(
        self, tmp_path: Path, shelf: Path, stopped: subprocess.Popen[bytes]
    ) -> None:
        code = _STOPPED.replace("os.kill(", "(lambda *_: None)(")
        house = tmp_path / "all" / "house"
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(house), str(shelf)], env=environment()
        )
        time.sleep(0.5)
        assert other.poll() is None
        assert names(house) == []
        stopped.kill()
        stopped.wait()
        assert other.wait(20) == 0
        _wait_for_the_guards(house.parent)
        assert names(house) == names(shelf)

    def test_the_other_one_does_not_wait_for_ever(
        self,
        tmp_path: Path,
        stopped: subprocess.Popen[bytes],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(folders, "PATIENCE", 0.2)
        house = tmp_path / "all" / "house"
        with open_stage(house) as stage:
            (stage.folder / "other.whl").write_text("other")
            with pytest.raises(DestinationError, match=f"another run is placing files in {house}"):
                stage.place({"other.whl": stage.folder / "other.whl"})
        stopped.send_signal(signal.SIGCONT)
        assert stopped.wait(20) == 0
        _wait_for_the_guards(house.parent)
        assert names(house) == ["a.whl", "b.whl", "c.whl"]


def _wait_for_the_guards(folder: Path) -> None:
    """Wait until nothing is in a folder but the destination, and no record is left."""
    end = time.monotonic() + 20
    state = Path(os.environ["WHEELTARGET_STATE_DIR"], "stages")
    while names(folder) != ["house"] or names(state):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_locks_that_a_killed_run_has_placed_halfway(
    make_place: Callable[[object], Place], index: LocalIndex, tmp_path: Path
) -> None:
    """They are taken back before they are read, or they would pass for unchanged."""
    make_wheel(tmp_path / "index", "small")
    place = make_place("here")
    tags = ["cp39-cp39-manylinux2014_x86_64", "cp310-cp310-manylinux2014_x86_64"]
    arguments = ("--no-cache-dir", *index.pip_args(), f"small ; tags={','.join(tags)}")
    locks = [place.house / f"pylock.{tag}.toml" for tag in tags]
    state = os.environ["WHEELTARGET_STATE_DIR"]

    def lock() -> str:
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, "lock", *arguments, "-o", "house"],
            cwd=place.folder,
            env=environment(WHEELTARGET_STATE_DIR=state),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        result = wheeltarget("lock", *arguments, "-o", "house", cwd=place.folder)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert lock().count("Locked") == 2
    first = [path.read_text() for path in locks]
    for path in locks:
        path.write_text(path.read_text() + "# changed by hand\n")
    lock()
    assert [path.read_text() for path in locks] == first
    assert names(place.folder) == ["house"]


_KILLED = """
import os, signal
from wheeltarget import __main__
from wheeltarget.staging import folders
from wheeltarget.staging import stage as stages
take = folders.Folder.take
def take_and_die(*arguments):
    take(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
folders.Folder.take = take_and_die
stages.Stage.watch = lambda stage: None
__main__.main()
"""


@pytest.mark.parametrize(
    ("home", "left"), [(".wheeltarget-bundle.wheeltarget-" + "0" * 16, 0), ("a disk", 1)]
)
def test_record_of_a_destination_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, left: int
) -> None:
    """A disk may be away for now, but a temporary folder does not come back."""
    monkeypatch.setenv("WHEELTARGET_STATE_DIR", str(tmp_path / "state"))
    destination = tmp_path / home / "wheels"
    destination.mkdir(parents=True)
    with open_state() as state:
        record = recovery.Record(state, str(destination))
        with Folder.open(str(destination)) as folder:
            record.add_journal(recovery.Journal(str(destination), folder.identity, [], []))
        os.close(record._handle)  # as if the run was killed
        shutil.rmtree(tmp_path / home)
        recovery.sweep(state, "", "")
        assert len(list(Path(state.path).glob(f"*{recovery.RECORD}"))) == left
