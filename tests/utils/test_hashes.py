"""Hashes that were computed: of files, of copies, and each file once in a run."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.utils.hashes import Hasher, Hashes, copy_file, hash_file

ONE, OTHER = b"one", b"two"


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_pieces_are_hashed_as_one(pieces: list[bytes]) -> None:
    hasher = Hasher()
    for piece in pieces:
        hasher.update(piece)
    whole = b"".join(pieces)
    assert (hasher.digest.sha256, hasher.digest.size) == (
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
