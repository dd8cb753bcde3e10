"""How a lock differs from the one before, and how that is shown."""

from __future__ import annotations

from pathlib import Path

from tests.support.locked import lock_of
from wheeltarget.commands.lock.diff import (
    Change,
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
