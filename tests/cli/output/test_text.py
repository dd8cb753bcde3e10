"""Errors, exit codes, colours and progress, as they are written."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.cli.output.text import (
    Style,
    counted,
    display_path,
    format_fault,
    format_size,
    near,
    report_errors,
    show_lines,
)
from wheeltarget.errors import (
    CacheError,
    ClashError,
    DestinationError,
    DownloadError,
    Fault,
    InputError,
    InterruptedRunError,
    Location,
    PipMovedError,
    TargetError,
    UsageError,
)


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("error", "as_pip", "other"),
    [
        (InputError((Fault("x"),)), 1, 2),
        (TargetError("x"), 1, 2),
        (UsageError("x"), 2, 2),
        (DestinationError("x"), 1, 3),
        (ClashError("x"), 1, 1),
        (CacheError("x"), 3, 3),
        (DownloadError("x", exit_code=23), 23, 3),
        (DownloadError("x", exit_code=2), 2, 2),
        (PipMovedError("x"), 70, 3),
        (InterruptedRunError(15), 143, 143),
        (KeyboardInterrupt(), 130, 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_exit_codes(error: BaseException, as_pip: int, other: int) -> None:
    for code, named in ((as_pip, {"as_pip": True}), (other, {})):
        finding = None if named else ClashError
        with pytest.raises(SystemExit) as ended, report_errors(finding=finding, **named):
            raise error
        assert ended.value.code == code


@pytest.mark.parametrize(
    ("writes", "message"),
    [(True, "interrupted; the destination was left as it was"), (False, "interrupted")],
)
def test_interruption(capsys: pytest.CaptureFixture[str], writes: bool, message: str) -> None:
    with pytest.raises(SystemExit), report_errors(writes=writes):
        raise KeyboardInterrupt
    assert capsys.readouterr() == ("", f"error: {message}\n")


def test_no_error_is_no_exit(capsys: pytest.CaptureFixture[str]) -> None:
    with report_errors():
        show_lines(["a", "https://me:secret@host/"], summary="b")
    assert capsys.readouterr() == ("a\nhttps://*********@host/\n", "b\n")


def test_other_errors_are_not_reported() -> None:
    with pytest.raises(ValueError, match="x"), report_errors():
        raise ValueError("x")


@pytest.mark.parametrize(
    ("variables", "named", "is_coloured"),
    [
        ({}, {}, True),
        ({}, {"coloured": False}, False),
        ({"NO_COLOR": "1"}, {}, False),
        ({"NO_COLOR": ""}, {}, True),
        ({"TERM": "dumb"}, {}, False),
    ],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    named: dict[str, bool],
    is_coloured: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Style(io.StringIO(), **named).paint("good", "x") == "x"
    shown = Style(Terminal(), **named).paint("good", "x")
    assert shown == ("\x1b[32mx\x1b[0m" if is_coloured else "x")
    assert Style(Terminal(), **named).paint("", "x") == "x"


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=600), st.data())
def test_carets_are_below_what_is_wrong(source: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(source) - 1))
    width = data.draw(st.integers(1, len(source) - start))
    fault = Fault("m", location=Location("r.txt", 1, start + 1), source=source, width=width)
    message, shown, carets = format_fault(fault, Style(io.StringIO())).splitlines()
    assert message == f"r.txt:1:{start + 1}: error: m"
    begin, end = carets.index("^"), carets.rindex("^") + 1
    pointed = shown[begin:end].removesuffix("…")
    assert pointed
    assert source[start : start + width].startswith(pointed)
    assert len(shown) <= 4 + 200 + 2


def test_paths_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert display_path(tmp_path / "a" / "b") == "./a/b"
    assert display_path(tmp_path.parent / "c") == str(tmp_path.parent / "c")
    assert near(Location(str(tmp_path / "a"), 2)) == Location("a", 2)
    assert near(Location("../a", 2)) == Location("../a", 2)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (10**7, "10.0 MB")]
)
def test_sizes(size: int, text: str) -> None:
    assert format_size(size) == text


def test_counted() -> None:
    assert [counted(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
