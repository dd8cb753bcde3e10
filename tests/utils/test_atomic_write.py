"""Private files that exist whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wheeltarget.utils.atomic_write import write_private


def test_file_is_replaced_and_private(tmp_path: Path) -> None:
    """The new file is the user's alone, whatever the mode of the old one."""
    file = tmp_path / "file"
    file.write_text("old", "utf-8")
    file.chmod(0o644)
    write_private(file, "né")
    assert file.read_bytes() == "né".encode()
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("moment", ["while writing", "while renaming"])
def test_failure_changes_nothing(
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
