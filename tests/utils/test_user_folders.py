"""Where the user's own folders are, and whether root may use them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from wheeltarget.utils.user_folders import is_ours, user_folder

USUAL = {"cache": "~/.cache", "state": "~/.local/state"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
@pytest.mark.parametrize("home", ["", "/somewhere"])
@pytest.mark.parametrize("kind", USUAL)
def test_same_as_platformdirs(monkeypatch: pytest.MonkeyPatch, kind: str, home: str) -> None:
    monkeypatch.delenv(f"WHEELTARGET_{kind.upper()}_DIR", raising=False)
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", home)
    expected = getattr(platformdirs, f"user_{kind}_dir")("wheeltarget", appauthor=False)
    assert user_folder(kind, USUAL[kind], os.environ) == expected
    android = {**os.environ, "ANDROID_DATA": "/data"}
    assert user_folder(kind, "/not this one", android) == expected


def test_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, usual in USUAL.items():
        named = user_folder(kind, usual, {f"WHEELTARGET_{kind.upper()}_DIR": "mine"})
        assert named == str(tmp_path / "mine")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be another user")
def test_root_does_not_trust_folders_of_others(tmp_path: Path) -> None:
    assert is_ours(tmp_path / "a" / "b")
    (tmp_path / "a").mkdir()
    os.chown(tmp_path / "a", 12345, -1)
    assert not is_ours(tmp_path / "a" / "b" / "c")
