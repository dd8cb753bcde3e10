"""What pip's process reports of the files it fetches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wheeltarget.pip_child.progress import Transfers, reporting, trying
from wheeltarget.pip_child.tries import Attempt
from wheeltarget.pip_protocol import PROGRESS, read_message
from wheeltarget.utils.progress import Progress


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_files_are_counted() -> None:
    transfers = Transfers()
    assert transfers.progress() is None
    first, second, third = transfers.begin(10), transfers.begin(), transfers.begin(30)
    first.received, second.received = 10, 5
    first.is_done = True
    assert transfers.progress() == Progress("Fetching", "files", 1, 3, 15, 0)
    transfers.drop(second)
    transfers.drop(second)
    assert transfers.progress() == Progress("Fetching", "files", 1, 2, 10, 40)
    third.is_done = True
    assert transfers.progress() == Progress("Fetching", "files", 2, 2, 10, 40)


def test_bytes_are_shown_of_what_is_fetched_for_a_version() -> None:
    attempt = Attempt("numpy", "1.26.4", 40, 112)
    done = Progress("Fetching", "files", 2, 2, 30, 30)
    alone = Progress("Trying", "versions", 40, 112, 0, 0, "numpy 1.26.4", "cp38")
    assert trying(attempt, "cp38", None) == trying(attempt, "cp38", done) == alone
    more = Progress("Fetching", "files", 2, 3, 30, 90)
    assert trying(attempt, "", more) == replace(alone, size=30, total_size=90, target="")


def test_progress_is_written_while_it_changes(tmp_path: Path) -> None:
    now, file = Progress("Resolving"), tmp_path / PROGRESS
    with reporting(tmp_path / "result.json", lambda: now, watched=True):
        wait_for(file.exists)
        assert read_message(file, Progress) == now
        written = file.stat().st_mtime_ns
        time.sleep(0.25)
        assert file.stat().st_mtime_ns == written
        now = Progress("Fetching", done=1, total=2)
        wait_for(lambda: read_message(file, Progress) == now)


def test_nothing_is_written_for_nobody(tmp_path: Path) -> None:
    with reporting(tmp_path / "result.json", lambda: Progress("Resolving"), watched=False):
        time.sleep(0.25)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    def refuse(path: Path, _message: object) -> None:
        tried.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wheeltarget.pip_child.progress.write_message", refuse)
    numbers = iter(range(1000))
    with reporting(
        tmp_path / "result.json", lambda: Progress("Fetching", done=next(numbers)), watched=True
    ):
        wait_for(lambda: len(tried) > 1)
