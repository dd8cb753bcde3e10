"""A cached download is shown as any other; test_replay has what makes it valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wheeltarget.cache.run_records import OutputOptions, RecordedRun
from wheeltarget.cli import repeat
from wheeltarget.commands.download.request import DownloadOutcome, TargetFiles
from wheeltarget.errors import DestinationError

OUTCOME = DownloadOutcome((TargetFiles("box", None, None, ()),), ("one sentence",))


def record(
    monkeypatch: pytest.MonkeyPatch, outcome: DownloadOutcome | None, **options: str
) -> None:
    """Let a run be recorded, and be replayed with an outcome."""
    shown = OutputOptions(
        quiet="quiet" in options, as_json="json" in options, report=options.get("report", "")
    )
    run = RecordedRun({}, shown, Path("house"), 0.0, {}, Path("record"))
    monkeypatch.setattr(repeat, "find_recorded_run", lambda *_: run)
    monkeypatch.setattr(repeat, "replay", lambda *_: outcome)


def test_what_is_not_recorded_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeat, "find_recorded_run", lambda *_: None)
    assert not repeat.repeat(("lib",))


def test_what_is_no_longer_valid_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(monkeypatch, None)
    assert not repeat.repeat(("lib",))
    assert capsys.readouterr() == ("", "")


def test_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    record(monkeypatch, OUTCOME)
    assert repeat.repeat(("lib",))
    out, err = capsys.readouterr()
    assert out == "For box:\nNothing to download\n"
    since = r"Unchanged since \d\d:\d\d:\d\d; use --refresh to ask the index again\n"
    assert re.fullmatch(rf"{since}note: one sentence\n", err)


def test_json_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    record(monkeypatch, OUTCOME, quiet="", json="", report=str(report))
    assert repeat.repeat(("lib",))
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads(report.read_text("utf-8")) == OUTCOME.as_dict()
    assert err == ""


def test_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    record(monkeypatch, OUTCOME)

    def replay(*_: object) -> None:
        raise DestinationError("it is full")

    monkeypatch.setattr(repeat, "replay", replay)
    with pytest.raises(SystemExit) as ended:
        repeat.repeat(("lib",))
    assert ended.value.code == 1
    assert capsys.readouterr() == ("", "error: it is full\n")
