"""What goes to which stream, and how: quiet, closed and broken streams, colours, bars."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import command, download, environment, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

TARGET = "cp39-cp39-manylinux2014_x86_64"
OTHER = "cp312-cp312-win_amd64"
APP = "app-1.0-py3-none-any.whl"
ERASED = re.compile(r"[^\n]*\r\x1b\[2K")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="shells and terminals of POSIX"),
]


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:
    """Give a folder to work in, with an index that has one project."""
    del index
    make_wheel(tmp_path / "index", "app", "1.0")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def arguments(index: LocalIndex, *more: str) -> list[str]:
    """Give the words of a run that puts one file into ``house``."""
    options = ["download", "--no-cache-dir", *index.pip_args(), "-d", "house"]
    return command(*options, *(more or (f"app ; tags={TARGET},{OTHER}",)))


def shell(project: Path, line: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``"$@"`` is a command."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class TestStreams:
    """Streams that are closed, broken or full."""

    @pytest.mark.parametrize("wish", ["for a target", "plain"])
    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
    def test_closed(self, project: Path, index: LocalIndex, closed: str, wish: str) -> None:
        more = ["app"] if wish == "plain" else []
        done = shell(project, f'"$@" {closed}', arguments(index, *more))
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert names(project / "house") == [APP]
        assert names(project) == ["house"]
        if wish == "for a target":
            assert (f"Saved ./house/{APP}" in done.stdout) == (">&-" not in closed.split())
            assert ("Collecting app" in done.stderr) == ("2>&-" not in closed)

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    @pytest.mark.parametrize("line", ["none ; tags=" + TARGET, "app ; tags=nope"])
    def test_closed_and_failing(
        self, project: Path, index: LocalIndex, closed: str, line: str
    ) -> None:
        done = shell(project, f'"$@" {closed}', arguments(index, line))
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert ("error: " in done.stderr) == ("2>&-" not in closed)
        assert names(project) == []

    def test_reader_leaves(self, project: Path, index: LocalIndex) -> None:
        """What was asked for is there, but what was said of it did not arrive."""
        line = '"$@" | true; exit ${PIPESTATUS[0]}'
        done = shell(project, line, arguments(index))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "Error" not in done.stderr
        assert names(project / "house") == [APP]

    def test_reader_of_errors_leaves(self, project: Path, index: LocalIndex) -> None:
        """Pip ends when it cannot speak, and then nothing is saved."""
        line = '{ "$@" 2>&1 >&3 | true; } 3>&1; exit ${PIPESTATUS[0]}'
        done = shell(project, line, arguments(index, "none ; tags=" + TARGET))
        assert (done.stdout, done.stderr) == ("", "")
        assert names(project) == []

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize("what", ["download", "version", "help"])
    def test_no_room_for_the_output(self, project: Path, index: LocalIndex, what: str) -> None:
        run = arguments(index) if what == "download" else command(f"--{what}")
        done = shell(project, '"$@" > /dev/full', run)
        assert done.returncode == 1
        assert done.stderr.endswith(
            "error: cannot write to standard output: No space left on device\n"
        )
        assert "Traceback" not in done.stderr
        assert names(project / "house") == ([APP] if what == "download" else [])

    def test_no_folder_to_work_in(self, project: Path, index: LocalIndex) -> None:
        line = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
        done = shell(project, line, arguments(index))
        assert done.returncode == 1
        told = "error: the working directory no longer exists\n  change to one that exists\n"
        assert (done.stdout, done.stderr) == ("", told)


class TestQuiet:
    """``--quiet`` has nothing to say after a good run."""

    @pytest.mark.parametrize("flag", ["-q", "--quiet", "-qqq"])
    def test_good_run(self, project: Path, index: LocalIndex, flag: str) -> None:
        run = arguments(index, flag, f"app ; tags={TARGET},{OTHER}", "app")
        text, exit_code = terminal(project, run)
        assert (exit_code, text) == (0, "")
        assert names(project / "house") == [APP]

    def test_bad_run(self, project: Path, index: LocalIndex) -> None:
        result = download(index, "-q", f"none ; tags={TARGET}", cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "No matching distribution found for none" in result.stderr
        assert f"error: pip failed for {TARGET}; nothing was saved\n" in result.stderr


def terminal(project: Path, run: list[str], **variables: str) -> tuple[str, int]:
    """Run a command on a terminal of its own, and give what that shows and the exit code.

    The line of progress, which is erased in the end, is left out.
    """
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        run,
        cwd=project,
        env=environment(TERM="xterm-256color", **variables)
        if "TERM" not in variables
        else environment(**variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so where all others have left
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    return ERASED.sub("", text), process.wait(10)


class TestTerminal:
    """Colours and bars are for terminals."""

    def test_colours(self, project: Path, index: LocalIndex) -> None:
        shown, exit_code = terminal(project, arguments(index, f"app ; tags={TARGET}", "app"))
        assert exit_code == 0
        assert f"\x1b[1mFor {TARGET}:\x1b[0m\n" in shown
        assert "\x1b[33mnote:\x1b[0m <command line>:2:1: app has no target" in shown
        shown, exit_code = terminal(project, arguments(index, "app ; tags=nope"))
        assert exit_code == 1
        assert "\x1b[1;31merror:\x1b[0m nope is not a tag\n" in shown
        assert "\x1b[1;31m^^^^\x1b[0m\n" in shown

    @pytest.mark.parametrize(
        ("flags", "variables"),
        [
            ([], {"NO_COLOR": "1"}),
            ([], {"TERM": "dumb"}),
            (["--no-color"], {}),
            ([], {"PIP_NO_COLOR": "1"}),
        ],
        ids=["NO_COLOR", "dumb", "option", "PIP_NO_COLOR"],
    )
    def test_no_colours(
        self, project: Path, index: LocalIndex, flags: list[str], variables: dict[str, str]
    ) -> None:
        run = arguments(index, *flags, f"app ; tags={TARGET}", "app", f"none ; tags={OTHER}")
        shown, exit_code = terminal(project, run, **variables)
        assert exit_code == 1
        assert f"\nerror: pip failed for {OTHER}; nothing was saved\n" in shown
        assert COLOUR.findall(shown) == []
        run = arguments(index, *flags, f"app ; tags={TARGET}", "app")
        shown, exit_code = terminal(project, run, **variables)
        assert exit_code == 0
        assert f"For {TARGET}:\n" in shown
        assert "\nnote: " in shown
        assert COLOUR.findall(shown) == []

    def test_no_colour_of_an_option_that_is_wrong(self, project: Path, index: LocalIndex) -> None:
        run = arguments(index, "--no-color", "--bogus", f"app ; tags={TARGET}")
        shown, exit_code = terminal(project, run)
        assert (exit_code, shown) == (2, "error: no such option: --bogus\n")

    def test_bars(self, project: Path, tmp_path: Path, index: LocalIndex) -> None:
        """No bar of pip's on a terminal, a line elsewhere, and what was asked for everywhere."""
        make_wheel(tmp_path / "index", "big", files={"big.bin": bytes(1_000_000)})
        run = arguments(index, f"big ; tags={TARGET}")
        shown, exit_code = terminal(project, run)
        assert exit_code == 0
        assert "Downloading big-1.0-py3-none-any.whl (1.0 MB)\n\x1b[1mFor cp39" in shown
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
        result = download(index, f"big ; tags={TARGET}", cwd=tmp_path / "one")
        assert "Downloading big-1.0-py3-none-any.whl (1.0 MB)" in result.stderr
        assert "━" not in result.stderr
        bars = ["--progress-bar=raw", f"big ; tags={TARGET}"]
        result = download(index, *bars, cwd=tmp_path / "two")
        assert "Progress 1001" in result.stderr

    def test_nobody_there(self, project: Path, index: LocalIndex) -> None:
        """No terminal at all, not even one to be found: a session of its own."""
        done = subprocess.run(
            arguments(index),
            cwd=project,
            env=environment(TERM=""),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert names(project / "house") == [APP]
