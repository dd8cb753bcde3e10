"""The line of progress: what it has, how wide it is, and when there is none."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.screen import screens
from wheeltarget.cli.output.progress import (
    Line,
    Speed,
    describe,
    format_part,
    format_time,
    progress_line,
)
from wheeltarget.utils.progress import Progress, is_watched, report

FETCHING = Progress("Fetching", "files", 12, 60, 34_100_000, 102_300_000)
TRYING = Progress("Trying", "versions", 40, 112, subject="numpy 1.26.4")
FOR_ONE = replace(TRYING, target="cp38-cp38-manylinux2014_x86_64")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that a test moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def draw(
    monkeypatch: pytest.MonkeyPatch, *progresses: Progress | None, columns: int = 80, **named: Any
) -> str:
    """Return what is written for progresses, one second after the other."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    stream, clock = Terminal(), Clock()
    line = Line(stream, clock=clock, **named)
    for progress in progresses:
        clock.now += 1
        line.show(progress)
    line.erase()
    return stream.getvalue()


def test_line_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Progress("Fetching", "files", 13, 60, 37_100_000, 102_300_000)
    _, first, second, last = (shown[-1] for shown in screens(draw(monkeypatch, FETCHING, later)))
    assert re.fullmatch(r"[-\\|/] Fetching 12/60 files ━+[╸╺]?━* 34\.1/102\.3 MB 0:01", first)
    assert second.endswith(" 37.1/102.3 MB 3.0 MB/s eta 0:21")
    assert len(first) == len(second) == 80
    assert last == ""


def test_narrow_line_has_no_bar_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Progress("Fetching", "files", 13, 60, 37_100_000, 102_300_000)
    shown = [lines[-1] for lines in screens(draw(monkeypatch, FETCHING, later, columns=40))]
    assert shown[2][1:] == " Fetching 13/60 37.1/102.3 MB eta 0:21"
    shown = [lines[-1] for lines in screens(draw(monkeypatch, FETCHING, later, columns=20))]
    assert shown[2][1:].strip() == "Fetching 13/60"


@pytest.mark.parametrize(
    ("progress", "columns", "shown"),
    [
        (TRYING, 100, "Trying numpy 1.26.4 (40 of 112 versions) 0:01"),
        (TRYING, 47, "Trying numpy 1.26.4 (40 of 112 versions) 0:01"),
        (TRYING, 46, "Trying numpy 1.26.4 40/112 0:01"),
        (TRYING, 30, "Trying numpy 1.26.4 0:01"),
        (TRYING, 24, "Trying numpy 1.26.4"),
        (
            FOR_ONE,
            100,
            "Trying numpy 1.26.4 for cp38-cp38-manylinux2014_x86_64 (40 of 112 versions) 0:01",
        ),
        (FOR_ONE, 80, "Trying numpy 1.26.4 (40 of 112 versions) 0:01"),
        (
            replace(FOR_ONE, size=34_100_000, total_size=102_300_000),
            80,
            "Trying numpy 1.26.4 (40 of 112 versions) 34.1/102.3 MB 0:01",
        ),
    ],
)
def test_line_says_which_version_is_tried(
    monkeypatch: pytest.MonkeyPatch, progress: Progress, columns: int, shown: str
) -> None:
    _, drawn, _ = (lines[-1] for lines in screens(draw(monkeypatch, progress, columns=columns)))
    assert re.fullmatch(r"[-\\|/] ", drawn[:2])
    assert drawn[2:].rstrip() == shown
    narrow = draw(monkeypatch, progress, columns=16)
    assert all(len(lines[-1]) <= 16 for lines in screens(narrow))


def test_total_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving = Progress("Resolving", "projects", 30, 34, 1_200_000)
    _, shown, _ = (lines[-1] for lines in screens(draw(monkeypatch, resolving)))
    assert re.fullmatch(r". Resolving 30/34 projects ━+[╸╺]?━* 1\.2 MB 0:01", shown)
    _, shown, _ = (lines[-1] for lines in screens(draw(monkeypatch, Progress("Resolving"))))
    assert shown[1:].startswith(" Resolving ")
    assert shown.endswith(" 0:01")


def test_short_runs_show_nothing_and_long_ones_not_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    stream, clock = Terminal(), Clock()
    line = Line(stream, clock=clock)
    clock.now += 0.2
    line.show(FETCHING)
    line.show(None)
    line.erase()
    assert stream.getvalue() == ""
    clock.now += 0.2
    for _ in range(10):
        clock.now += 0.02
        line.show(FETCHING)
    assert stream.getvalue().count("Fetching") == 2


def test_line_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert draw(monkeypatch, FETCHING, None, None).count("\x1b[2K") == 2
    assert [shown[-1] for shown in screens(draw(monkeypatch, FETCHING, None))][-1] == ""


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_are_left_out_if_asked(monkeypatch: pytest.MonkeyPatch, no_color: str) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    text = draw(monkeypatch, FETCHING)
    assert "Fetching 12/60 files ━" in COLOUR.sub("", text)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", text)) == (not no_color)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", draw(monkeypatch, FETCHING, coloured=False))


def test_terminal_that_is_gone_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Terminal):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setenv("TERM", "xterm-256color")
    clock = Clock()
    line = Line(Gone(), clock=clock)
    clock.now += 1
    line.show(FETCHING)
    line.erase()


def invocation(configured: str = "", options: tuple[str, ...] = (), *, quiet: bool = False) -> Any:
    """Return what the line needs to know of a command line and pip's configuration."""
    return SimpleNamespace(
        settings={"progress-bar": configured} if configured else {},
        command=SimpleNamespace(values=lambda _name: options),
        is_quiet=quiet,
        is_coloured=True,
    )


@pytest.mark.parametrize(
    ("stream", "term", "is_shown"),
    [
        (io.StringIO(), "xterm", False),
        (Terminal(), "dumb", False),
        (Terminal(), "unknown", False),
        (Terminal(), "xterm", True),
    ],
)
def test_line_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, term: str, *, is_shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    with progress_line(invocation()):
        assert is_watched() == is_shown
        report(FETCHING)
    assert stream.getvalue() == ""  # the run was short


def test_no_line_without_what_draws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr("wheeltarget.cli.output.progress.find_spec", lambda _name: None)
    with progress_line(invocation()):
        assert not is_watched()


@pytest.mark.parametrize(
    ("configured", "options", "is_shown"),
    [
        ("", (), True),
        ("off", (), False),
        ("raw", (), False),
        ("on", ("off",), False),
        ("off", ("raw", "on"), True),
        ("", ("auto",), True),
    ],
)
def test_option_of_pip_decides(
    monkeypatch: pytest.MonkeyPatch, configured: str, options: tuple[str, ...], *, is_shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_line(invocation(configured, options)):
        assert is_watched() == is_shown
    with progress_line(invocation(configured, options, quiet=True)):
        assert not is_watched()
    with progress_line(invocation(configured, options), quiet=True):
        assert not is_watched()


@pytest.mark.parametrize(
    ("variables", "is_shown"), [({}, True), ({"PIP_PROGRESS_BAR": "off"}, False)]
)
def test_configuration_of_pip_decides_for_other_commands(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    *,
    is_shown: bool,
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with progress_line():
        assert is_watched() == is_shown
    # The command itself reports that it cannot be read, if it needs it.
    monkeypatch.delenv("PIP_PROGRESS_BAR", raising=False)
    (tmp_path / "pip.conf").write_text("[broken")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with progress_line():
        assert is_watched()


def test_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    for second in range(20):
        speed.note(Progress("Fetching", size=1000 * second if second < 10 else 9000), 50.0 + second)
    assert speed.rate == 0
    speed.note(Progress("Fetching", size=12000), 70.0)
    assert speed.rate == 500  # since the last sample that is older than that
    speed.note(Progress("Copying", size=5), 71.0)
    assert speed.rate == 0


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.floats(0, 1e12),
    st.integers(0, 120),
    st.sampled_from([FETCHING, TRYING, FOR_ONE]),
)
def test_details_fit_if_anything_does(
    size: int, total: int, rate: float, room: int, progress: Progress
) -> None:
    progress = replace(progress, size=size, total_size=total)
    head, details = describe(progress, rate, 5.0, room)
    assert not details or len(head) + 1 + len(details) <= room


def test_parts_and_durations() -> None:
    assert [format_part(*each) for each in ((1, 9), (300, 16_000), (5 * 10**5, 2 * 10**6))] == [
        "1/9 bytes",
        "0.3/16.0 kB",
        "0.5/2.0 MB",
    ]
    assert [format_time(each) for each in (0.9, 65, 3605)] == ["0:00", "1:05", "1:00:05"]
