"""Reading a pack without unpacking it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from wheeltarget.commands.pack.read import UNREADABLE, read_contents
from wheeltarget.errors import UsageError

pytestmark = pytest.mark.thorough

Findings = list[tuple[str, str, str]]


def test_small_files_are_kept_and_wheels_are_only_hashed(tmp_path: Path) -> None:
    for name in ("pack.json", "wheels/lib.whl", "locks/pylock.box.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found: Findings = []
    contents = read_contents(tmp_path, lambda *each: found.append(each))
    assert (set(contents.texts), len(contents.hashes)) == (
        {"pack.json", "locks/pylock.box.toml"},
        3,
    )
    assert found == []


def test_names_that_differ_by_case_only(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/a", b"")
        archive.writestr("pack/A", b"")
    found: Findings = []
    read_contents(path, lambda *each: found.append(each))
    assert any("only by case" in message for _, _, message in found)


def test_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"pack/{number}", bytes(100 << 20))
    found: Findings = []
    contents = read_contents(path, lambda *each: found.append(each))
    assert (contents.hashes, [code for code, _, _ in found]) == ({}, [UNREADABLE])


def test_neither_folder_nor_archive(tmp_path: Path) -> None:
    (tmp_path / "pack.rar").touch()
    for name in ("pack.rar", "gone"):
        with pytest.raises(UsageError):
            read_contents(tmp_path / name, lambda *_: None)
