"""Turns on a terminal that pip's process and its parent share."""

from __future__ import annotations

import builtins
import getpass
import os
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wheeltarget.pip_child.patches import terminal
from wheeltarget.pip_child.patches.terminal import Turns, share_terminal
from wheeltarget.pip_child.progress import Transfers
from wheeltarget.staging.folders import Turn
from wheeltarget.utils.progress import Progress


class Shown:
    """What was written to the terminal, and whether the parent may draw its line."""

    def __init__(self, folder: Path) -> None:
        self.text = b""
        self._parents = Turn(folder / "turn.lock")
        self.turns = Turns(Turn(folder / "turn.lock"))
        self.write = self.turns.writing(self.add)

    def add(self, data: bytes) -> int:
        assert not self.is_free()
        self.text += data
        return len(data)

    def is_free(self) -> bool:
        if not self._parents.take():
            return False
        self._parents.leave()
        return True


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Show what is written, instead of writing it to a terminal."""
    made = Shown(tmp_path)
    monkeypatch.setattr(os, "write", lambda _number, data: made.add(data))
    return made


def test_line_is_written_below_and_the_turn_is_left(shown: Shown) -> None:
    assert shown.write(b"Collecting app\n") == 15
    assert shown.is_free()
    assert shown.write(b"\x1b[31mone\ntwo\n\x1b[0m") == 17
    assert shown.is_free()
    assert shown.text == b"\r\x1b[2KCollecting app\n\r\x1b[2K\x1b[31mone\ntwo\n\x1b[0m"


def test_turn_is_kept_within_a_line(shown: Shown) -> None:
    for piece in (b"Building ... ", b"\b\b|", b"\b/"):
        shown.write(piece)
        assert not shown.is_free()
    shown.write(b"done\n")
    assert shown.is_free()
    assert shown.text == b"\r\x1b[2KBuilding ... \b\b|\b/done\n"


def test_turn_is_kept_while_somebody_is_asked(shown: Shown) -> None:
    def ask(question: str) -> str:
        assert not shown.is_free()
        shown.write(b"warning\n")
        assert not shown.is_free()
        return question.upper()

    assert shown.turns.holding(ask)("user?") == "USER?"
    assert shown.is_free()
    with pytest.raises(EOFError), shown.turns.held():
        raise EOFError
    assert shown.is_free()


def test_waiting_for_the_turn_ends(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent that was stopped during its turn must not stop pip."""
    monkeypatch.setattr(terminal, "_PATIENCE", 0.05)
    parents = Turn(tmp_path / "turn.lock")
    assert parents.take()
    shown.write(b"Collecting app\n")
    assert shown.text.endswith(b"Collecting app\n")


def test_pip_without_these_places_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BARS", "_SUBPROCESS"):
        monkeypatch.setattr(terminal, name, "pip._internal.gone")
    for owner, name in ((builtins, "input"), (getpass, "getpass")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    streams = [SimpleNamespace(buffer=SimpleNamespace(write=len)) for _ in range(2)]
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(os, "isatty", lambda _number: True)
    monkeypatch.setattr(os, "write", lambda _number, data: len(data))
    transfers = Transfers()
    share_terminal(tmp_path / "result.json", transfers)
    assert [stream.buffer.write(b"line\n") for stream in streams] == [5, 5]
    assert transfers.progress() is None


def test_bars_of_pip_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_module("pip._internal.commands.download")
    progress_bars: Any = import_module("pip._internal.cli.progress_bars")
    before = progress_bars.get_download_progress_renderer
    monkeypatch.setattr(progress_bars, "get_download_progress_renderer", before)
    monkeypatch.setattr(os, "isatty", lambda _number: False)
    transfers, write = Transfers(), sys.stdout.write
    share_terminal(tmp_path / "result.json", transfers)
    render = progress_bars.get_download_progress_renderer(bar_type="on", size=5, initial_progress=1)
    chunks = render([b"ab", b"cd"])
    assert next(chunks) == b"ab"
    assert transfers.progress() == Progress("Fetching", "files", 0, 1, 3, 5)
    assert list(chunks) == [b"cd"]
    assert transfers.progress() == Progress("Fetching", "files", 1, 1, 5, 5)
    assert sys.stdout.write == write
    assert list(tmp_path.iterdir()) == []
