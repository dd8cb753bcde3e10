"""How a lock differs from the one before, and how that is shown."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from tests.support.locked import lock_of
from wheeltarget.cli.output.lock import show_diff, show_outcome
from wheeltarget.commands.lock.diff import (
    Change,
    LockFile,
    LockOutcome,
    OldLock,
    Pin,
    State,
    change_notes,
    compare,
)


def test_changes_are_those_of_projects_files_and_inputs() -> None:
    old = OldLock(
        "old",
        {
            "gone": Pin("1", frozenset()),
            "hash": Pin("1", frozenset(["aa"]), "hash-1-py3-none-any.whl"),
            "file": Pin("1", frozenset(["aa"]), "file-1-py2-none-any.whl"),
            "placed": Pin("", frozenset(["aa"])),
            "same": Pin("1", frozenset(["aa", "bb"])),
            "still": Pin("", frozenset(["bb"])),
            "up": Pin("1", frozenset(["aa"])),
        },
        ("a", "b"),
    )
    kept = ("hash", "file", "placed", "same", "still")
    pins = [*((name, "1", "bb") for name in kept), ("up", "2", "bb")]
    file = compare(old, lock_of(*pins, ("more", "1", "bb")), "new", Path("pylock.box.toml"))
    assert file.state is State.CHANGED
    assert file.changes == (
        Change("file", "1", "1", "another file"),
        Change("gone", "1", None),
        Change("hash", "1", "1", "another hash"),
        Change("more", None, "1"),
        Change("placed", "1", "1", "another file"),
        Change("up", "1", "2"),
    )
    assert (file.added, file.removed) == (("c",), ("a",))
    first, second = change_notes(file, ["more"])
    assert first.startswith("the file of hash 1 for box has a different hash")
    assert second.startswith("up 1 for box could not be kept")
    assert list(change_notes(file, ["up"])) == list(change_notes(file, None)) == [first]


def test_text() -> None:
    path = Path.cwd() / "pylock.box.toml"
    changes = (Change("up", "1", "2"), Change("gone", "1", None), Change("new", None, "3"))
    file = LockFile("box", path, State.CHANGED, 1, changes, ("a `b`",), ("c",))
    bare = LockFile("box", path, State.CHANGED, 2)
    new, same = (LockFile("box", path, state, 2) for state in (State.NEW, State.SAME))
    stream = io.StringIO()
    less = replace(file, added=(), removed=())
    show_diff(LockOutcome((less, file, same, new, bare), (), written=False), stream)
    table = (
        "### `pylock.box.toml`\n\n"
        "| project | locked | now |\n| --- | --- | --- |\n"
        "| up | 1 | 2 |\n| gone | 1 |  |\n| new |  | 3 |\n\n"
    )
    assert stream.getvalue() == (
        f"{table}{table}"
        "- new requirement: `` a `b` ``\n- removed requirement: `c`\n\n"
        "### `pylock.box.toml`\n\nNew, for box: 2 projects.\n\n"
        "### `pylock.box.toml`\n\nOnly details of its files, or the way it is written.\n"
    )
    stream = io.StringIO()
    show_outcome(LockOutcome((file, same, new, bare), (), written=True), stream)
    assert [line for line in stream.getvalue().splitlines() if line != "For box:"] == [
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
