"""The cache folder: where it is, who may use it, and the commands that make room in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import Result, environment, wheeltarget
from wheeltarget.cache.folder import (
    DAY,
    cache_folder,
    clear,
    is_refused,
    prepare,
    prune,
    prune_after_run,
    read_size,
    records_folder,
    survey,
    wheel_folder,
)
from wheeltarget.cache.wheel_store import TEMPORARY, Store
from wheeltarget.errors import CacheError, UsageError
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.utils.system import is_ours


def put(folder: Path, content: bytes, *, unused_for: float = 0) -> Path:
    """Put a file into the store of a cache folder and give its place."""
    store = Store(wheel_folder(folder))
    digest = hashlib.sha256(content).hexdigest()
    with store.writing(digest) as writer:
        writer.write(content)
    path = store.find(digest)
    assert path is not None
    used = time.time() - unused_for
    os.utime(path, (used, used))
    return path


def remember(folder: Path, name: str, *, until: float) -> Path:
    """Put a remembered run into a cache folder."""
    file = records_folder(folder) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"until": until}))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run(*words: str, **variables: str) -> Result:
    return wheeltarget("cache", *words, cwd=Path.cwd(), variables=variables)


@pytest.mark.parametrize("home", [None, "", "relative", "/somewhere/caches"])
def test_it_is_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("WHEELTARGET_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", home)
    if home == "relative":
        # Which the specification says to pass over; the oldest platformdirs does not.
        found = cache_folder(os.environ)
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert found == Path(platformdirs.user_cache_dir("wheeltarget", appauthor=False))
        return
    expected = platformdirs.user_cache_dir("wheeltarget", appauthor=False)
    assert cache_folder(os.environ) == Path(expected)


def test_a_variable_says_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder({"WHEELTARGET_CACHE_DIR": "~/mine"}) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert cache_folder({"WHEELTARGET_CACHE_DIR": "mine"}) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("words", "settings", "refused"),
    [
        ("", {}, False),
        ("--no-cache-dir", {}, True),
        ("--no-cache-dir --cache-dir there", {}, False),
        ("--cache-dir there --no-cache-dir", {}, True),
        ("--cache-dir=", {}, True),
        ("", {"no-cache-dir": "0"}, True),
        ("--cache-dir there", {"no-cache-dir": "1"}, False),
    ],
)
def test_who_refuses_pips_cache_refuses_this_one(
    words: str, settings: dict[str, str], *, refused: bool
) -> None:
    assert is_refused(split_command_line(words.split()), settings) is refused


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be somebody else")
def test_root_leaves_nothing_in_a_users_cache(folder: Path) -> None:
    """And takes nothing from there, since the user could put anything in it."""
    folder.mkdir()
    os.chown(folder, 12345, -1)
    assert "belongs to another user" in prepare(folder / "below")
    assert list(folder.iterdir()) == []
    assert not is_ours(folder / "below")
    os.chown(folder, 0, -1)
    assert is_ours(folder / "below")


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("1kB", 1000), (" 2.5 gb ", 2_500_000_000), ("3MiB", 3 << 20)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert read_size(text, "it") == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5.2MB", "3 parsecs", "GB", "1e9", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"it: .* is not a size"):
        read_size(text, "it")


def test_dir_and_info(folder: Path) -> None:
    assert run("dir").stdout == f"{folder}\n"
    empty = run("info").stdout
    assert empty.splitlines() == [
        f"Folder  {folder}",
        "Wheels  0, 0 bytes of 10.0 GB",
        "Runs    0 remembered, 0 that may still hold",
    ]
    assert not folder.exists()
    put(folder, b"x" * 1500)
    remember(folder, "one", until=time.time() + 60)
    remember(folder, "two", until=0)
    (records_folder(folder) / "three.json").write_text("no JSON")
    assert json.loads(run("info", "--format", "json", WHEELTARGET_CACHE_LIMIT="2MB").stdout) == {
        "schema": 1,
        "folder": str(folder),
        "wheels": {"count": 1, "size": 1500, "limit": 2_000_000},
        "runs": {"count": 3, "current": 1},
    }


def test_prune_by_age_and_by_size(folder: Path) -> None:
    kept = put(folder, b"new" * 10)
    old = put(folder, b"old" * 10, unused_for=3 * DAY)
    older = put(folder, b"older" * 10, unused_for=9 * DAY)
    stale, current = remember(folder, "a", until=1), remember(folder, "b", until=time.time() + 60)
    dead = wheel_folder(folder) / TEMPORARY / "dead"
    dead.write_text("half")
    os.utime(dead, (1, 1))
    alive = dead.with_name("alive")
    alive.write_text("half")
    draft = stale.with_name("draft.part")
    draft.write_text("half")
    os.utime(draft, (1, 1))
    assert run("prune").stdout == "Removed 1 remembered run\n"
    assert [stale.exists(), current.exists(), dead.exists(), alive.exists()] == [False, True] * 2
    assert not draft.exists()
    assert run("prune").stdout == "Nothing to remove\n"
    assert run("prune", "--max-age", "5").stdout == "Removed 1 wheel, 50 bytes\n"
    assert [kept.exists(), old.exists(), older.exists()] == [True, True, False]
    done = run("prune", "--max-size", "0.04kB", "--format", "json").stdout
    assert json.loads(done) == {"schema": 1, "removed": {"wheels": 1, "size": 30, "runs": 0}}
    assert [kept.exists(), old.exists()] == [True, False]


def test_clear_says_what_went_and_leaves_wheelhouses_alone(folder: Path, tmp_path: Path) -> None:
    path = put(folder, b"wheel")
    put(folder, b"another")
    remember(folder, "one", until=time.time() + 60)
    assert Store(wheel_folder(folder)).take(
        hashlib.sha256(b"wheel").hexdigest(), tmp_path / "linked"
    )
    assert run("clear").stdout == "Removed 2 wheels, 12 bytes and 1 remembered run\n"
    assert not path.exists()
    assert (tmp_path / "linked").read_bytes() == b"wheel"
    assert [each for each in folder.rglob("*") if each.is_file()] == []
    assert run("clear").stdout == "Nothing to remove\n"


def test_what_is_wrong_is_said() -> None:
    wrong = run("prune", "--max-size", "much")
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "error: --max-size: 'much' is not a size\n  write it like 500MB or 2.5GB\n",
    )
    limit = run("info", WHEELTARGET_CACHE_LIMIT="much")
    assert (limit.exit_code, limit.stdout) == (2, "")
    assert "WHEELTARGET_CACHE_LIMIT: 'much' is not a size" in limit.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may remove anything")
def test_what_cannot_be_removed_is_said(folder: Path) -> None:
    path = put(folder, b"wheel")
    path.parent.chmod(0o500)
    result = run("clear")
    path.parent.chmod(0o700)
    assert result.exit_code == 3
    assert "cannot remove" in result.stderr


def test_what_cannot_be_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Store) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Store, "entries", fail)
    for use in (lambda: survey(folder, 1), lambda: clear(folder)):
        with pytest.raises(CacheError, match=r"cannot read \S+cache: Permission denied"):
            use()


sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), max_size=6)


@given(files=sizes, limit=st.integers(0, 40))
def test_the_limit_is_kept_and_no_more_is_removed_than_needed(
    files: list[tuple[int, int]], limit: int
) -> None:
    """What was used last stays; one that is left out would not have had room."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            (put(folder, bytes([number] * size), unused_for=3600 * (number + age * 10)), size)
            for number, (size, age) in enumerate(files)
        ]
        before = survey(folder, limit)
        removed = prune(folder, limit=limit)
        after = survey(folder, limit)
        assert after.size <= limit
        assert (after.wheels + removed.wheels, after.size + removed.size) == (
            before.wheels,
            before.size,
        )
        gone = [size for path, size in paths if not path.exists()]
        assert all(after.size + size > limit for size in gone)


def test_room_is_made_once_a_day(folder: Path) -> None:
    folder.mkdir()
    first = put(folder, b"first")
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert not first.exists()
    second = put(folder, b"second")
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert second.exists()
    os.utime(folder / "pruned", (1, 1))
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert not second.exists()


_USERS = """
import hashlib, sys
from pathlib import Path
from wheeltarget.cache.wheel_store import Store
store = Store(Path(sys.argv[1]))
for turn in range(150):
    content = f"content {turn % 4}".encode() * 5000
    digest = hashlib.sha256(content).hexdigest()
    target = Path(sys.argv[2], str(turn))
    if not store.take(digest, target):
        with store.writing(digest) as writer:
            writer.write(content)
        taken = store.take(digest, target)
    assert not target.exists() or target.read_bytes() == content
"""


def test_clearing_beside_a_running_download_hurts_neither(folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", _USERS, str(wheel_folder(folder)), str(tmp_path)]
    with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                clear(folder)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")
