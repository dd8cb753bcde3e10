"""However a run ends, the destination is as it was, nothing is left, and the next run succeeds."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cli import command, download, environment, names
from tests.support.index import LocalIndex, Stall
from tests.support.wheels import make_wheel
from wheeltarget.errors import DestinationError, InterruptedRunError
from wheeltarget.staging.folders import Folder, open_state
from wheeltarget.staging.recovery import Record, has_journal
from wheeltarget.staging.stage import forward_signals, interruptible, open_stage, place
from wheeltarget.wheelhouse import merge

TARGET = "cp39-cp39-manylinux2014_x86_64"
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="signals and process groups as POSIX has them"
)


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:
    """Return a folder to work in; its destination has a file of the user's."""
    make_wheel(tmp_path / "index", "small")
    make_wheel(tmp_path / "index", "big", requires=["small"])
    folder = tmp_path / "project"
    (folder / "wheelhouse").mkdir(parents=True)
    (folder / "wheelhouse" / "notes.txt").write_text("mine")
    (folder / "temporary").mkdir()
    index.fault("big-1.0-py3-none-any.whl", Stall(60), times=1)
    return folder


@pytest.fixture
def running(project: Path, index: LocalIndex) -> Iterator[subprocess.Popen[str]]:
    """Start a run that waits for its second file; the first one is fetched by then."""
    arguments = ["download", "--no-cache-dir", *index.pip_args(), "-d", "wheelhouse"]
    process = subprocess.Popen(
        [*command(*arguments), f"big ; tags={TARGET}", f"small ; tags={TARGET}"],
        cwd=project,
        env=environment(TMPDIR=str(project / "temporary")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait(lambda: index.count("big-1.0-py3-none-any.whl") > 0)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def _wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds, which would be at once on an idle machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def _is_as_it_was(project: Path) -> bool:
    return (
        names(project) == ["temporary", "wheelhouse"]
        and names(project / "wheelhouse") == ["notes.txt"]
        and names(project / "temporary") == []
    )


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started, pip's child first."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    rows = [line.split(maxsplit=1) for line in listing.splitlines()]
    return [int(number) for number, arguments in rows if "pip_child" in arguments]


def _succeeds_next(project: Path, index: LocalIndex) -> None:
    result = download(index, f"big ; tags={TARGET}", cwd=project)
    assert result.exit_code == 0, result.stderr
    expected = ["big-1.0-py3-none-any.whl", "notes.txt", "small-1.0-py3-none-any.whl"]
    assert names(project / "wheelhouse") == expected
    assert names(project) == ["temporary", "wheelhouse"]


@pytest.mark.parametrize(
    ("signum", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "parent alone"])
def test_signal(
    project: Path,
    index: LocalIndex,
    running: subprocess.Popen[str],
    signum: signal.Signals,
    exit_code: int,
    whole_group: bool,
) -> None:
    (os.killpg if whole_group else os.kill)(running.pid, signum)
    _, stderr = running.communicate(timeout=20)
    assert running.returncode == exit_code
    assert "interrupted; the destination was left as it was" in stderr
    assert "Traceback" not in stderr
    assert _is_as_it_was(project)
    _succeeds_next(project, index)


def test_signal_twice(project: Path, running: subprocess.Popen[str]) -> None:
    for _ in range(3):
        os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=20)
    assert running.returncode == 130
    assert _is_as_it_was(project)


def test_parent_killed(project: Path, index: LocalIndex, running: subprocess.Popen[str]) -> None:
    (child,) = _children(running.pid)
    running.kill()
    running.communicate(timeout=20)
    _wait(lambda: _is_as_it_was(project))
    _wait(lambda: not Path(f"/proc/{child}").exists())
    _succeeds_next(project, index)


def test_child_killed(project: Path, index: LocalIndex, running: subprocess.Popen[str]) -> None:
    (child,) = _children(running.pid)
    os.kill(child, signal.SIGKILL)
    _, stderr = running.communicate(timeout=20)
    assert running.returncode == 1
    assert "pip's process ended with signal 9; nothing was saved" in stderr
    assert _is_as_it_was(project)
    _succeeds_next(project, index)


def test_everything_killed(
    project: Path, index: LocalIndex, running: subprocess.Popen[str]
) -> None:
    """Nobody is left to clean up, so the next run does."""
    guarding = subprocess.run(
        ["pgrep", "-f", f"cleanup.py {project.parent}"], capture_output=True, text=True, check=True
    ).stdout.split()
    for number in guarding:
        os.kill(int(number), signal.SIGKILL)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=20)
    assert names(project / "wheelhouse") == ["notes.txt"]
    assert len(names(project)) == 3
    _succeeds_next(project, index)


def test_no_room(project: Path, index: LocalIndex) -> None:
    """A file-size limit stands in for the full disk; pip meets both as an OSError."""
    index.clear()
    big = make_wheel(project.parent / "index", "huge", files={"huge/data": b"0" * 3_000_000})
    arguments = ["download", "--no-cache-dir", *index.pip_args(), "-d", "wheelhouse"]
    limited = ["bash", "-c", 'ulimit -f 1000; exec "$@"', "-"]
    done = subprocess.run(
        [*limited, *command(*arguments), f"huge ; tags={TARGET}"],
        cwd=project,
        env=environment(TMPDIR=str(project / "temporary")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "nothing was saved" in done.stderr
    assert "Traceback" not in done.stderr
    assert index.count(big.name) == 1
    assert _is_as_it_was(project)


def test_read_only_destination(project: Path, index: LocalIndex) -> None:
    (project / "wheelhouse").chmod(0o555)
    arguments = ["download", *index.pip_args(), "-d", "wheelhouse", f"small ; tags={TARGET}"]
    # Root may write everywhere, as long as it keeps this one capability.
    without = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*(without if os.geteuid() == 0 else []), *command(*arguments)],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert f"error: cannot write {project / 'wheelhouse'}: Permission denied" in done.stderr
    assert index.requests == ()
    assert _is_as_it_was(project)


def test_placing_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up, or the file system fails, between one rename and the next."""
    destination = tmp_path / "wheelhouse"
    destination.mkdir()
    (destination / "old.whl").write_text("old")
    before = {path.name: path.read_text() for path in destination.iterdir()}
    with open_stage(destination) as stage:
        folder = stage.job_folder(0)
        files = []
        for name in ("a.whl", "old.whl", "z.whl"):
            (folder / name).write_text("new")
            files.append(merge.StagedFile(folder / name, "the index", "a target"))
        take = Folder.take

        def fail_last(self: Folder, path: str, name: str) -> None:
            if name == "z.whl":
                raise OSError(errno.ENOSPC, "No space left on device")
            take(self, path, name)

        monkeypatch.setattr(Folder, "take", fail_last)
        with pytest.raises(DestinationError, match="No space left on device"):
            merge.merge(stage, [files])
        monkeypatch.undo()
    assert {path.name: path.read_text() for path in destination.iterdir()} == before
    assert names(tmp_path) == ["wheelhouse"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_for_the_stage(tmp_path: Path, number: int) -> None:
    """The disk is full, or the user's part of it."""
    with (
        pytest.raises(DestinationError, match=r"cannot write \S+wheelhouse: no room"),
        open_stage(tmp_path / "wheelhouse", watched=False) as stage,
    ):
        raise OSError(number, "no room", str(stage.folder))
    assert names(tmp_path) == []


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "old.whl").write_text("old")
    with open_state() as state:
        record = Record(state, str(tmp_path / "house"))
        yield record
        record.close()
        assert state.names() == []


def _place(record: Record, tmp_path: Path, *placed: str) -> list[int]:
    """Place files with the text "new", and return how many names change."""
    changes: list[int] = []
    stage = Path(record.make_folder(str(tmp_path), "house"))
    files = {}
    for number, name in enumerate(placed):
        (stage / str(number)).write_text("new")
        files[name] = stage / str(number)
    with Folder.open(str(tmp_path / "house")) as house:
        place(record, house, files, changes.append)
    return changes


def test_new_and_old_files(record: Record, tmp_path: Path) -> None:
    assert _place(record, tmp_path, "a.whl", "old.whl", "x/b.whl") == [5]
    assert not has_journal(record.state, record.key)
    house = tmp_path / "house"
    assert (names(house), names(house / "x")) == (["a.whl", "old.whl", "x"], ["b.whl"])
    assert (house / "old.whl").read_text() == "new"


def test_folder_in_the_way(record: Record, tmp_path: Path) -> None:
    (tmp_path / "house" / "z.whl").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        _place(record, tmp_path, "old.whl", "z.whl")
    assert caught.value.filename == str(tmp_path / "house" / "z.whl")
    assert (tmp_path / "house" / "old.whl").read_text() == "old"


def test_same_file_is_not_replaced(record: Record, tmp_path: Path) -> None:
    changes: list[int] = []
    stage = Path(record.make_folder(str(tmp_path), "house"))
    (stage / "0").hardlink_to(tmp_path / "house" / "old.whl")
    with Folder.open(str(tmp_path / "house")) as house:
        place(record, house, {"old.whl": stage / "0"}, changes.append)
    assert changes == [0]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b/c", "a/", "/"])
def test_names_that_lead_elsewhere(record: Record, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads nowhere in the destination"):
        _place(record, tmp_path, name)


def test_placed_twice_across_file_systems(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time, the further hidden folder of the first time is used again."""

    def mount(self: Folder) -> tuple[int, str]:
        return 1, "x" if "x" in Path(self.path).parts else ""

    monkeypatch.setattr(Folder, "mount", property(mount))
    (tmp_path / "house" / "x").mkdir()
    stage = Path(record.make_folder(str(tmp_path), "house"))
    for text in ("one", "two"):
        (stage / "file").write_text(text)
        with Folder.open(str(tmp_path / "house")) as house:
            place(record, house, {"x/a.whl": stage / "file"}, lambda _: None)
        assert (tmp_path / "house" / "x" / "a.whl").read_text() == text
    assert len(record.folders) == 2
    assert [Path(path).parent for path in record.folders] == [tmp_path, tmp_path / "house" / "x"]


def _send(signum: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), signum)


def test_first_signal_is_an_error_and_others_are_ignored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        with pytest.raises(InterruptedRunError) as caught:
            _send()
        _send()
        _send(signal.SIGINT)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_are_ignored_once_the_run_holds() -> None:
    with interruptible() as interrupts:
        interrupts.hold()
        _send()


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            _send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_are_passed_on() -> None:
    received: list[int] = []
    with forward_signals() as receivers:
        with pytest.raises(InterruptedRunError):
            _send()
        receivers.append(received.append)
        _send()
        _send(signal.SIGINT)
    assert received == [signal.SIGTERM, signal.SIGINT]


def test_other_threads_change_nothing() -> None:
    handlers = []

    def work() -> None:
        with interruptible():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
