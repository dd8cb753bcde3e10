"""Files that are hashed, copied, linked, and written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.utils.files import (
    Hashes,
    Writer,
    copy_file,
    hash_file,
    link,
    link_or_copy,
    working_tree,
    write_private,
)

ONE, OTHER = b"one", b"two"


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_pieces_are_hashed_as_one(pieces: list[bytes]) -> None:
    with Path(os.devnull).open("wb", buffering=0) as handle:
        writer = Writer(handle)
        for piece in pieces:
            writer.write(piece)
    whole = b"".join(pieces)
    assert (writer.digest.sha256, writer.digest.size) == (
        hashlib.sha256(whole).hexdigest(),
        len(whole),
    )


def test_copy_is_hashed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ONE)
    digest = copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == ONE
    assert digest == hash_file(tmp_path / "a") == hash_file(tmp_path / "b")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_copy_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ONE)
    with pytest.raises(OSError, match="No space left") as caught:
        copy_file(tmp_path / "a", Path("/dev/full"))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")


def test_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        copy_file(tmp_path / "a", tmp_path / "b")
    assert caught.value.filename == str(tmp_path / "a")


def test_changed_file_is_hashed_again(tmp_path: Path) -> None:
    file, hashes = tmp_path / "a", Hashes()
    file.write_bytes(ONE)
    before = file.stat()
    assert hashes.of(file) == hash_file(file)
    file.write_bytes(OTHER)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert hashes.of(file).sha256 == hashlib.sha256(OTHER).hexdigest()


def test_link(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_bytes(b"content")
    assert link(source, path)
    assert path.samefile(source)
    assert not link(source, path), "there is a file already"
    assert not link(tmp_path / "gone", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_bytes(b"content")
    (tmp_path / "alias").symlink_to(source)
    link_or_copy(tmp_path / "alias", path)
    assert not path.is_symlink()
    assert path.samefile(source)


def test_copy_if_a_link_is_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **_options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    source, path = tmp_path / "source", tmp_path / "path"
    source.write_bytes(b"content")
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(source, path)
    assert path.read_bytes() == b"content"
    assert not path.samefile(source)
    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "gone", tmp_path / "other")


def test_file_is_replaced_and_private(tmp_path: Path) -> None:
    """Only the user can read the new file, even if others could read the old one."""
    file = tmp_path / "file"
    file.write_text("old", "utf-8")
    file.chmod(0o644)
    write_private(file, "né")
    assert file.read_bytes() == "né".encode()
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("moment", ["while writing", "while renaming"])
def test_failed_write_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The old file stays, and nothing is left beside it."""
    file = tmp_path / "file"
    file.write_text("old", "utf-8")

    def fail(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    if moment == "while renaming":
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((OSError, UnicodeEncodeError)):
        write_private(file, "new\udc80" if moment == "while writing" else "new")
    assert file.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_working_tree_is_the_nearest_folder_with_git(tmp_path: Path) -> None:
    deep = tmp_path / "outer" / "inner" / "deep"
    deep.mkdir(parents=True)
    assert working_tree(deep) in {None, working_tree(tmp_path)}
    (tmp_path / "outer" / ".git").mkdir()
    assert working_tree(deep) == working_tree(tmp_path / "outer") == tmp_path / "outer"
    (tmp_path / "outer" / "inner" / ".git").write_text("gitdir: elsewhere\n")
    assert working_tree(deep) == tmp_path / "outer" / "inner"
