"""Results of lock, bundle, cache, merge and prune, as text and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wheeltarget.cache.wheel_store import CacheRemoved, CacheUsage
from wheeltarget.cli.output.summaries import (
    show_lock,
    show_lock_diff,
    show_merge,
    show_prune,
    show_removed,
    show_usage,
)
from wheeltarget.commands.lock.files import Change, LockFile, LockOutcome, State
from wheeltarget.commands.merge import MergedFile, MergeOutcome
from wheeltarget.commands.prune import PruneOutcome, PruneRequest


def test_locks_and_their_changes(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path.cwd() / "pylock.box.toml"
    changes = (Change("up", "1", "2"), Change("gone", "1", None), Change("new", None, "3"))
    file = LockFile("box", path, State.CHANGED, 1, changes, ("a `b`",), ("c",))
    bare = LockFile("box", path, State.CHANGED, 2)
    new, same = (LockFile("box", path, state, 2) for state in (State.NEW, State.SAME))
    less = replace(file, added=(), removed=())
    show_lock_diff(LockOutcome((less, file, same, new, bare), (), written=False))
    table = (
        "### `pylock.box.toml`\n\n"
        "| project | locked | now |\n| --- | --- | --- |\n"
        "| up | 1 | 2 |\n| gone | 1 |  |\n| new |  | 3 |\n\n"
    )
    assert capsys.readouterr().out == (
        f"{table}{table}"
        "- new requirement: `` a `b` ``\n- removed requirement: `c`\n\n"
        "### `pylock.box.toml`\n\nNew, for box: 2 projects.\n\n"
        "### `pylock.box.toml`\n\nOnly details of its files, or the way it is written.\n"
    )
    show_lock(LockOutcome((file, same, new, bare), (), written=True))
    assert [line for line in capsys.readouterr().out.splitlines() if line != "For box:"] == [
        "Changed ./pylock.box.toml (1 project)",
        "  up 1 -> 2",
        "  gone 1, removed",
        "  new 3, new",
        "  new requirement: a `b`",
        "  removed requirement: c",
        "Unchanged ./pylock.box.toml (2 projects)",
        "Locked ./pylock.box.toml (2 projects)",
        "Changed ./pylock.box.toml (2 projects)",
        "  only details of its files, or the way it is written",
    ]


def test_no_lock_would_change(capsys: pytest.CaptureFixture[str]) -> None:
    same = LockFile("box", Path("pylock.box.toml"), State.SAME, 2)
    show_lock_diff(LockOutcome((same,), (), written=False))
    assert capsys.readouterr().out == "No lock would change.\n"


def test_merge(capsys: pytest.CaptureFixture[str]) -> None:
    files = tuple(
        MergedFile(name, Path.cwd() / "both" / name, "00", 1, new, ())
        for name, new in (("a.whl", True), ("b.whl", False))
    )
    outcome = MergeOutcome(Path("both"), 2, files, ("one sentence",))
    show_merge(outcome, as_json=False, quiet=False)
    assert capsys.readouterr() == (
        "Saved ./both/a.whl\nAlready there ./both/b.whl\nMerged 2 wheelhouses: 2 files, 1 new\n",
        "note: one sentence\n",
    )
    show_merge(outcome, as_json=False, quiet=True)
    assert capsys.readouterr() == ("", "")
    show_merge(outcome, as_json=True, quiet=True)
    assert json.loads(capsys.readouterr().out) == outcome.as_dict()


@pytest.mark.parametrize(
    ("removed", "text"),
    [
        (CacheRemoved(1, 2_000_000_000, 0), "Removed 1 wheel, 2.0 GB\n"),
        (CacheRemoved(2, 5000, 1), "Removed 2 wheels, 5.0 kB and 1 remembered run\n"),
        (CacheRemoved(0, 5000, 0, 1), "Removed 1 metadata file, 5.0 kB\n"),
        (
            CacheRemoved(1, 5000, 2, 3),
            "Removed 1 wheel and 3 metadata files, 5.0 kB and 2 remembered runs\n",
        ),
        (CacheRemoved(0, 0, 3), "Removed 3 remembered runs\n"),
        (CacheRemoved(0, 0, 0), "Nothing to remove\n"),
    ],
)
def test_removed(capsys: pytest.CaptureFixture[str], removed: CacheRemoved, text: str) -> None:
    show_removed(removed, as_json=False)
    assert capsys.readouterr().out == text


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    show_usage(CacheUsage(Path("/kept"), 3, 1500, 10**10, 2, 1, 7, 2500), as_json=False)
    assert capsys.readouterr().out == (
        "Folder    /kept\n"
        "Wheels    3, 1.5 kB\n"
        "Metadata  of 7 wheels, 2.5 kB\n"
        "Limit     10.0 GB for both\n"
        "Runs      2 remembered, 1 that may still hold\n"
    )


@pytest.mark.parametrize(
    ("since", "done", "summary"),
    [
        ((), True, "1 file (7 bytes) removed"),
        ((), False, "1 file (7 bytes) not named by any lock"),
        (("old.toml",), True, "1 file (7 bytes) copied to stick"),
        (("old.toml",), False, "1 file (7 bytes) to be transferred"),
    ],
)
def test_prune(
    capsys: pytest.CaptureFixture[str], since: tuple[str, ...], done: bool, summary: str
) -> None:
    request = PruneRequest("house", ("new.toml",), since=since, to=Path("stick"))
    outcome = PruneOutcome((Path("house/a.whl"),), 7, done)
    show_prune(outcome, request, as_json=False)
    assert capsys.readouterr() == ("house/a.whl\n", f"{summary}\n")
    show_prune(outcome, request, as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"schema": 1, "files": ["house/a.whl"], "size": 7, "done": done}
    assert err == ""
