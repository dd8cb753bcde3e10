"""What a terminal shows while a run waits: one line, below everything else, and no trace of it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.cli import command, environment, names, wheeltarget
from tests.support.index import LocalIndex, Slow, Stall
from tests.support.screen import screens
from tests.support.terminal import Terminal
from tests.support.wheels import make_wheel

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX"),
]

USER, PASSWORD = "ann", "kept&secret"
TARGET = "cp39-cp39-manylinux2014_x86_64"
OTHER = "cp312-cp312-win_amd64"
BIG = "big-1.0-py3-none-any.whl"
SIZE, RATE = 900_000, 900_000
LINE = re.compile(r"[-\\|/] (?:Fetching|Resolving|Trying|Looking up)\b.*")


@pytest.fixture
def slow(tmp_path: Path, index: LocalIndex) -> LocalIndex:
    """Serve ``app``, which needs ``big``, whose wheel takes a second."""
    make_wheel(tmp_path / "index", "app", requires=["big"])
    make_wheel(tmp_path / "index", "big", files={"big.bin": os.urandom(SIZE)})
    index.fault(BIG, Slow(RATE))
    return index


def show(
    folder: Path, *arguments: str, columns: int = 100, exit_code: int = 0, **variables: str
) -> tuple[list[str], list[str]]:
    """Run a command on a terminal.

    :returns: the lines of progress that it showed, and the lines that it showed in the end.
    """
    variables = {"WHEELTARGET_AHEAD": "1", **variables}
    run = command(*arguments)
    with Terminal(run, folder, environment(**variables), columns=columns) as terminal:
        assert terminal.finish() == exit_code, terminal.text
    shown = list(screens(terminal.text))
    lines = [line for screen in shown for line in screen[-1:] if LINE.fullmatch(line)]
    assert not [line for line in shown[-1] if LINE.search(line)]
    assert all(len(line) <= columns for line in lines)
    return lines, shown[-1]


def asked(index: LocalIndex, *more: str) -> tuple[str, ...]:
    return (*more, "--no-cache-dir", *index.pip_args(), f"app ; tags={TARGET}")


def test_download_shows_how_far_it_is(tmp_path: Path, slow: LocalIndex) -> None:
    lines, last = show(tmp_path, *asked(slow, "download", "-d", "house"))
    assert len(lines) > 5
    form = re.compile(r". Fetching 1/2 files ━.* \d+\.\d/90\d\.\d kB .*/s eta 0:0\d")
    assert any(map(form.fullmatch, lines))
    assert "Resolving" not in lines[-1]
    assert names(tmp_path / "house") == ["app-1.0-py3-none-any.whl", BIG]
    # Without the line, the terminal shows what a pipe gets.
    arguments, variables = asked(slow, "download", "-d", "other"), {"WHEELTARGET_AHEAD": "1"}
    other = wheeltarget(*arguments, cwd=tmp_path, variables=variables)
    assert (other.stderr + other.stdout).replace("other", "house").splitlines() == last[:-1]
    assert "Fetching" not in other.stderr
    assert "\x1b" not in other.stderr


def test_narrow_terminal_has_one_line(tmp_path: Path, slow: LocalIndex) -> None:
    lines, _ = show(tmp_path, *asked(slow, "download", "-d", "house"), columns=40)
    assert any(re.fullmatch(r". Fetching 1/2 \d+\.\d/90\d\.\d kB.*", line) for line in lines)


@pytest.mark.parametrize("verb", ["lock", "explain"])
def test_page_is_waited_for(tmp_path: Path, slow: LocalIndex, verb: str) -> None:
    slow.fault("/simple/app/", Stall(1.2))
    lines, last = show(tmp_path, *asked(slow, verb))
    word = "Resolving" if verb == "lock" else "Looking up"
    assert any(line[2:].startswith(f"{word} 0/1 projects ━") for line in lines)
    assert not any("Downloading" in line and "metadata" not in line for line in last)


def test_locked_files_are_waited_for(tmp_path: Path, slow: LocalIndex) -> None:
    done = wheeltarget(*asked(slow, "lock"), cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    lock = f"pylock.{TARGET}.toml"
    arguments = ("download", "-r", lock, "--no-cache-dir", "-d", "house")
    lines, _ = show(tmp_path, *arguments)
    form = re.compile(r". Fetching 1/2 files ━.* .*/s eta 0:0\d")
    assert any(map(form.fullmatch, lines))
    # With a variable for proxies, pip's own session fetches the files.
    arguments = ("download", "-r", lock, "--no-cache-dir", "-d", "other")
    lines, _ = show(tmp_path, *arguments, http_proxy=slow.base, no_proxy="127.0.0.1")
    assert any(map(form.fullmatch, lines))
    assert names(tmp_path / "other") == names(tmp_path / "house")


@pytest.mark.parametrize(
    "jobs", [pytest.param("1", id="one process"), pytest.param("2", id="two processes")]
)
def test_several_targets_have_one_line(tmp_path: Path, slow: LocalIndex, jobs: str) -> None:
    lines, last = show(
        tmp_path,
        *("download", "-d", "house", "--jobs", jobs, "--no-cache-dir", *slow.pip_args()),
        f"app ; tags={TARGET},{OTHER}",
    )
    assert any(f"Fetching {jobs}/{2 * int(jobs)} files" in line for line in lines)
    assert sum("Resolving for" in line for line in last) == 2


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_file_that_pip_fetches_itself_is_counted(tmp_path: Path, ahead: str) -> None:
    """The index lists no hashes, so it is not fetched ahead."""
    make_wheel(tmp_path / "index", "big", files={"big.bin": os.urandom(SIZE)})
    with LocalIndex(tmp_path / "index", hashes=False) as index:
        index.fault(BIG, Slow(RATE))
        arguments = ("--no-cache-dir", *index.pip_args(), f"big ; tags={TARGET}")
        # pip would draw its own bar beside the line.
        lines, last = show(
            tmp_path,
            *("download", "-d", "house", "--progress-bar", "on", *arguments),
            WHEELTARGET_AHEAD=ahead,
        )
    assert any(re.fullmatch(r". Fetching 0/1 files ━.* eta 0:0\d", line) for line in lines)
    assert not any("━" in line for line in last)


@pytest.mark.parametrize(
    ("options", "variables"),
    [(["--progress-bar", "off"], {}), ([], {"TERM": "dumb"})],
    ids=["off", "dumb"],
)
def test_nothing_is_drawn(
    tmp_path: Path, slow: LocalIndex, options: list[str], variables: dict[str, str]
) -> None:
    arguments = command(*asked(slow, "download", "-d", "house", *options))
    term = variables.get("TERM", "xterm")
    with Terminal(arguments, tmp_path, environment(**variables), term=term) as terminal:
        assert terminal.finish() == 0, terminal.text
    assert "\x1b[2K" not in terminal.text
    if term != "dumb":  # there, pip writes each bar once, when it is full
        assert "━" not in terminal.text
    assert names(tmp_path / "house") == ["app-1.0-py3-none-any.whl", BIG]


def test_line_has_no_colours_if_there_are_none(tmp_path: Path, slow: LocalIndex) -> None:
    arguments = command(*asked(slow, "download", "-d", "house"))
    with Terminal(arguments, tmp_path, environment(NO_COLOR="1")) as terminal:
        assert terminal.finish() == 0, terminal.text
    assert "Fetching 1/2 files ━" in terminal.text
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.text)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve ``app`` slowly to those who know the password."""
    make_wheel(tmp_path / "guarded", "app", files={"app.bin": os.urandom(SIZE)})
    with LocalIndex(tmp_path / "guarded", username=USER, password=PASSWORD) as index:
        index.fault("app-1.0-py3-none-any.whl", Slow(RATE))
        yield index


def test_prompt_is_not_drawn_over(tmp_path: Path, guarded: LocalIndex) -> None:
    arguments = command(*asked(guarded, "download", "-d", "house"))
    with Terminal(arguments, tmp_path, environment(WHEELTARGET_AHEAD="1")) as terminal:
        terminal.answer("User for 127.0.0.1", "")
        time.sleep(0.5)
        terminal.type(f"{USER}\n")
        terminal.answer("Password: ", "")
        time.sleep(0.5)
        terminal.type(f"{PASSWORD}\n")
        assert terminal.finish() == 0, terminal.text
    *shown, last = screens(terminal.text)
    assert any(re.fullmatch(r"User for 127\.0\.0\.1:\d+: ann", line) for line in last)
    assert "Password: " in last
    assert any("Fetching 0/1 files" in screen[-1] for screen in shown)


def children() -> Iterator[int]:
    """Find every process in which wheeltarget runs pip."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if b"wheeltarget.pip_child" in path.read_bytes():
                yield int(path.parent.name)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_killed_process_leaves_no_line(tmp_path: Path, slow: LocalIndex) -> None:
    arguments = command(*asked(slow, "download", "-d", "house"))
    with Terminal(arguments, tmp_path, environment(WHEELTARGET_AHEAD="1")) as terminal:
        terminal.answer("Fetching 1/2", "")
        killed = [pid for pid in children() if os.getsid(pid) == terminal.pid]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert len(killed) == 1
        assert terminal.finish() == 1
    last = list(screens(terminal.text))[-1]
    assert "pip's process ended with signal 9; nothing was saved" in "\n".join(last)
    assert not any(LINE.search(line) for line in last)
    assert "\x1b[?25l" not in terminal.text


@pytest.mark.parametrize("targets", [TARGET, f"{TARGET},{OTHER}"], ids=["one", "two"])
def test_versions_are_shown_while_pip_goes_back(tmp_path: Path, targets: str) -> None:
    for number in range(1, 13):
        needs = ["lib>=2"] if number > 3 else []
        make_wheel(tmp_path / "index", "front", f"1.{number}", requires=needs)
    for version in ("1", "2"):
        make_wheel(tmp_path / "index", "lib", version)
    make_wheel(tmp_path / "index", "back", requires=["lib<2"])
    with LocalIndex(tmp_path / "index", delay=0.1) as index:
        asked = ["lock", "--no-cache-dir", *index.pip_args(), "--tags", targets, "back", "front"]
        # Each version waits for the index.
        lines, last = show(tmp_path, *asked, columns=120, WHEELTARGET_AHEAD="0")
    label = f" for {TARGET}" if "," in targets else ""
    form = re.compile(rf". Trying front 1\.(\d+){label} \((\d+) of 12 versions\) 0:0\d\s*")
    found = [(int(match[1]), int(match[2])) for match in map(form.fullmatch, lines) if match]
    assert len(found) > 3
    assert all(minor + number == 13 and number > 2 for minor, number in found)
    assert not any("note:" in line for line in last)
