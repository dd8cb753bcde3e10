"""The files of locks: their names, existing ones, and how new ones differ from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import is_valid_pylock_path

from tests.support.locked import catalogue_names, lock_of
from tests.support.locking import BOTH
from wheeltarget.commands.lock.files import (
    Change,
    Form,
    OldLock,
    Pin,
    State,
    change_notes,
    check_names,
    compare,
    file_name,
    find_other_locks,
    read_old,
    requirements_text,
)
from wheeltarget.lockfile.model import write


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cp39-cp39-manylinux_2_28_x86_64", "pylock.cp39-cp39-manylinux_2_28_x86_64.toml"),
        ("aws-lambda-python3.12-arm64", "pylock.aws-lambda-python3_12-arm64.toml"),
        ("cp39-cp39-win32.win_amd64", "pylock.cp39-cp39-win32_win_amd64.toml"),
        ("a b/ü", "pylock.a-b.toml"),
        ("…", "pylock.target.toml"),
    ],
)
def test_names_of_locks(label: str, name: str) -> None:
    assert file_name(label, Form.PYLOCK) == name


@given(st.text())
def test_name_of_a_lock_is_one_that_the_standard_has(label: str) -> None:
    assert is_valid_pylock_path(Path(file_name(label, Form.PYLOCK)))


def test_no_two_targets_of_the_catalogue_have_one_lock() -> None:
    check_names([*catalogue_names(), *BOTH.split(",")], Form.PYLOCK)


def test_line_ends_play_no_part(tmp_path: Path) -> None:
    path, text = tmp_path / file_name("box", Form.PYLOCK), write(lock_of(("up", "1", "aa" * 32)))
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert read_old(path, "box").text == text


def test_no_label_ends_the_comment_of_hashed_requirements(tmp_path: Path) -> None:
    label = "a\nflask\r\x85b"
    lock = replace(lock_of(("up", "1", "aa")), target=label)
    text = requirements_text(lock, "target=./box.toml", tmp_path)
    assert text.splitlines() == [
        "# Locked by wheeltarget for a flask b; change the input, not this file.",
        "# target=./box.toml",
        "up==1 \\",
        "    --hash=sha256:aa",
    ]
    path = tmp_path / file_name(label, Form.REQUIREMENTS)
    path.write_text(text)
    assert read_old(path, label).pins["up"].version == "1"


def test_locks_of_other_targets_are_found(tmp_path: Path) -> None:
    lock = lock_of(("up", "1", "aa" * 32))
    (tmp_path / "pylock.box.toml").write_text(write(lock))
    (tmp_path / "pylock.made.toml").write_text(write(lock))
    (tmp_path / "pylock.other.toml").write_text('tool = "another"')
    (tmp_path / "requirements.box.txt").write_text(requirements_text(lock, "target=box", tmp_path))
    (tmp_path / "requirements.txt").write_text("flask")
    found = list(find_other_locks(tmp_path, Form.PYLOCK, {"pylock.made.toml"}))
    assert found == [(tmp_path / "pylock.box.toml", "box")]
    found = list(find_other_locks(tmp_path, Form.REQUIREMENTS, set()))
    assert found == [(tmp_path / "requirements.box.txt", "box")]


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
