"""A second name for a file, or a copy of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wheeltarget.utils.links import link, link_or_copy


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


def test_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
