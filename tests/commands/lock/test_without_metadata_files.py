"""Without metadata files, METADATA is read from parts of wheels, with the same result.

The threat is T18 of docs/security.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Result, names, wheeltarget
from tests.support.index import Dropped, LocalIndex
from tests.support.ranges import Changed
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("_forks")

TARGET = "cp312-cp312-manylinux_2_28_x86_64"
NOISE = {"noise.bin": hashlib.shake_128(b"noise").digest(2_000_000)}


@pytest.fixture(autouse=True)
def _ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELTARGET_AHEAD", "1")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Make large wheels for which pip goes back once, and a small one."""
    folder = tmp_path / "shelf"
    make_wheel(folder, "app", requires=["lib", "small"], files=NOISE)
    make_wheel(folder, "lib", "1.0", requires=["base>=2"], files=NOISE)
    make_wheel(folder, "lib", "2.0", requires=["base<2"], files=NOISE)
    for version in ("1.0", "2.0"):
        make_wheel(folder, "base", version, files=NOISE)
    make_wheel(folder, "small")
    return folder


@contextmanager
def serving(shelf: Path, **options: Any) -> Iterator[LocalIndex]:
    with LocalIndex(
        shelf, **{"metadata": False, "ranges": True, "etags": True, **options}
    ) as index:
        yield index


def run(
    index: LocalIndex, *arguments: str, cwd: Path, cache: bool = False, tags: str = TARGET
) -> Result:
    """Run wheeltarget for what the shelf has, with or without the cache."""
    kept = ["--tags", tags, *index.pip_args(), *([] if cache else ["--no-cache-dir"])]
    cwd.mkdir(exist_ok=True)
    variables = {"XDG_CACHE_HOME": str(cwd / "cache")}
    return wheeltarget(*arguments, *kept, "app", "base>=2", cwd=cwd, variables=variables)


def whole_wheels(index: LocalIndex) -> list[str]:
    """Return the names of the wheels of which everything was sent."""
    return [
        Path(request.path).name
        for request in index.requests
        if request.path.endswith(".whl") and request.status == 200 and request.method == "GET"
    ]


def sent(index: LocalIndex) -> int:
    """Return how many bytes of wheels were sent."""
    return sum(each.sent for each in index.requests if each.path.endswith(".whl"))


def lock_of(folder: Path) -> str:
    (lock,) = folder.glob("pylock*.toml")
    return lock.read_text("utf-8")


@pytest.mark.parametrize("json", [True, False], ids=["json", "html"])
def test_lock_reads_parts_and_is_the_same(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch, *, json: bool
) -> None:
    with serving(shelf, json=json) as index:
        mine = run(index, "lock", cwd=tmp_path / "mine")
        assert (mine.exit_code, whole_wheels(index)) == (0, []), mine.stderr
        assert sent(index) < 0.1 * sum(wheel.stat().st_size for wheel in shelf.iterdir())
        # The sizes for the lock came with the parts.
        assert {request.method for request in index.requests} == {"GET"}
        index.clear()
        monkeypatch.setenv("WHEELTARGET_AHEAD", "0")
        theirs = run(index, "lock", cwd=tmp_path / "theirs")
        assert theirs.exit_code == 0
        assert whole_wheels(index)
    assert lock_of(tmp_path / "mine") == lock_of(tmp_path / "theirs")
    assert "lib-1.0" in lock_of(tmp_path / "mine")


def test_nothing_is_read_twice(tmp_path: Path, shelf: Path) -> None:
    """A second lock, and a lock for another target, read METADATA from the cache."""
    with serving(shelf) as index:
        assert run(index, "lock", cwd=tmp_path / "here", cache=True).exit_code == 0
        assert sent(index)
        before = lock_of(tmp_path / "here")
        index.clear()
        for tags in (TARGET, "cp311-cp311-win_amd64"):
            again = run(index, "lock", cwd=tmp_path / "here", cache=True, tags=tags)
            assert (again.exit_code, sent(index)) == (0, 0), again.stderr
            assert "Downloading" not in again.stderr
        assert before in {
            lock.read_text("utf-8") for lock in (tmp_path / "here").glob("pylock*.toml")
        }


def test_dry_run_fetches_no_wheel(tmp_path: Path, shelf: Path) -> None:
    with serving(shelf) as index:
        found = run(index, "download", "--dry-run", cwd=tmp_path / "here")
        assert (found.exit_code, whole_wheels(index)) == (0, []), found.stderr
    chosen = {line.split()[2] for line in found.stdout.splitlines() if "Would save" in line}
    assert {Path(each).name for each in chosen} == {
        "app-1.0-py3-none-any.whl",
        "base-2.0-py3-none-any.whl",
        "lib-1.0-py3-none-any.whl",
        "small-1.0-py3-none-any.whl",
    }


def test_download_fetches_each_chosen_wheel_once(tmp_path: Path, shelf: Path) -> None:
    with serving(shelf) as index:
        done = run(index, "download", "--dest", "out", cwd=tmp_path / "here")
        assert done.exit_code == 0, done.stderr
        # The small one came whole with the request for its end.
        assert sorted(whole_wheels(index)) == [
            "app-1.0-py3-none-any.whl",
            "base-2.0-py3-none-any.whl",
            "lib-1.0-py3-none-any.whl",
        ]
        assert index.count("small-1.0-py3-none-any.whl") == 1
    saved = [name for name in names(tmp_path / "here" / "out") if name.endswith(".whl")]
    assert saved == [*sorted(whole_wheels(index)), "small-1.0-py3-none-any.whl"]


def test_server_without_ranges_sends_each_wheel_once(tmp_path: Path, shelf: Path) -> None:
    with serving(shelf, ranges=False) as index:
        assert run(index, "lock", cwd=tmp_path / "here").exit_code == 0
        assert len(whole_wheels(index)) == len(set(whole_wheels(index)))
        # Hosts that ignore ranges are not asked for them again.
        asked = [request.range for request in index.requests if request.path.endswith(".whl")]
        assert sum(map(bool, asked)) <= 2


def test_server_that_breaks_off_at_ranges_is_soon_asked_for_whole_wheels(
    tmp_path: Path, shelf: Path
) -> None:
    """Not every wheel waits until pip has repeated its request for a part five times."""
    with serving(shelf) as index:
        index.fault_ranges(Dropped())
        done = run(index, "lock", cwd=tmp_path / "here")
        assert done.exit_code == 0, done.stderr
        assert sum(bool(request.range) for request in index.requests) <= 12
        assert len(whole_wheels(index)) == len(set(whole_wheels(index)))


def test_other_metadata_than_in_the_wheel_is_an_error(tmp_path: Path, shelf: Path) -> None:
    """The wheel is compared when it is here, and nothing is saved."""
    name = "app-1.0-py3-none-any.whl"
    other = make_wheel(tmp_path / "other", "app", requires=["lib"], files=NOISE)
    with serving(shelf) as index:
        index.fault_ranges(Changed(other.read_bytes()), of=name)
        done = run(index, "download", "--dest", "out", cwd=tmp_path / "here")
    assert done.exit_code == 1
    assert f"{name}: its METADATA differs" in done.stderr
    assert "nothing was saved" in done.stderr
    assert names(tmp_path / "here" / "out") == []
