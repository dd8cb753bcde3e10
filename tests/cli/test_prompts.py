"""Prompts, colours, interrupts and keyrings: as under pip, without a target and with one."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import command, environment, names, wheeltarget
from tests.support.index import LocalIndex, Slow, Stall
from tests.support.parity import PIP, WHEELTARGET, lasting
from tests.support.screen import screens
from tests.support.terminal import Terminal
from tests.support.wheels import make_wheel

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.parity,
    pytest.mark.skipif(sys.platform == "win32", reason="has no terminals of this kind"),
]

LIB = "lib-1.0-py3-none-any.whl"
TARGET = "cp39-cp39-manylinux2014_x86_64"
REQUIREMENTS = pytest.mark.parametrize(
    "requirement", ["lib", f"lib ; tags={TARGET}", "lib ; target=host"], ids=["", "tags", "host"]
)
USER, PASSWORD = "ann", "kept&secret"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve ``lib`` to those who know the password."""
    make_wheel(tmp_path / "locked", "lib")
    with LocalIndex(tmp_path / "locked", username=USER, password=PASSWORD) as index:
        yield index


def options(index: LocalIndex, user: str = "") -> list[str]:
    url = index.url.replace("//", f"//{user}@") if user else index.url
    return ["--no-cache-dir", "-i", url, "-d", "house"]


@REQUIREMENTS
def test_password_is_asked_for(tmp_path: Path, locked: LocalIndex, requirement: str) -> None:
    arguments = command("download", *options(locked), requirement)
    with Terminal(arguments, tmp_path, environment()) as terminal:
        terminal.answer("User for 127.0.0.1", f"{USER}\n")
        terminal.answer("Password: ", f"{PASSWORD}\n")
        assert terminal.finish() == 0, terminal.text
    assert names(tmp_path / "house") == [LIB]
    assert PASSWORD not in terminal.text


@REQUIREMENTS
def test_nothing_is_asked_for_without_input(
    tmp_path: Path, locked: LocalIndex, requirement: str
) -> None:
    arguments = command("download", "--no-input", *options(locked), requirement)
    with Terminal(arguments, tmp_path, environment()) as terminal:
        assert terminal.finish() == 1, terminal.text
    assert "User for" not in terminal.text
    assert "No matching distribution found for lib" in terminal.text
    assert {request.status for request in locked.requests} == {401}


@REQUIREMENTS
def test_keyring_is_asked(tmp_path: Path, locked: LocalIndex, requirement: str) -> None:
    keyring = tmp_path / "bin" / "keyring"
    keyring.parent.mkdir()
    # pip 26 asks for both words as JSON; before that it asked for the password alone.
    both = json.dumps({"username": USER, "password": PASSWORD})
    keyring.write_text(
        f"#!/bin/sh\necho \"$@\" >>'{tmp_path}/asked'\n"
        f"case $* in *json*) echo '{both}';; *) echo '{PASSWORD}';; esac\n"
    )
    keyring.chmod(0o755)
    result = wheeltarget(
        "download",
        "--keyring-provider=subprocess",
        *options(locked, USER),
        requirement,
        cwd=tmp_path,
        variables={"PATH": f"{keyring.parent}{os.pathsep}{os.environ['PATH']}"},
    )
    assert result.exit_code == 0, result.stderr
    assert names(tmp_path / "house") == [LIB]
    assert "get" in (tmp_path / "asked").read_text().split()
    assert PASSWORD not in result.stdout + result.stderr


def test_colours_are_those_of_pip(tmp_path: Path, index: LocalIndex) -> None:
    shown = []
    for arguments in (PIP, WHEELTARGET):
        for more in ((), ("--no-color",)):
            line = [*arguments, *index.pip_args(), *more, "none"]
            with Terminal(line, tmp_path, environment()) as terminal:
                assert terminal.finish() == 1, terminal.text
            shown.append(lasting(terminal.text))
    assert shown[2:] == shown[:2]
    assert "\x1b[31m" in shown[0]
    assert "\x1b[31m" not in shown[1]


@pytest.mark.parametrize("arguments", [PIP, WHEELTARGET], ids=["pip", "wheeltarget"])
@pytest.mark.parametrize("clause", ["", f" # tags={TARGET}"], ids=["", "tags"])
def test_progress_is_shown(
    tmp_path: Path, index: LocalIndex, arguments: tuple[str, ...], clause: str
) -> None:
    make_wheel(tmp_path / "index", "big", files={"big.bin": os.urandom(900_000)})
    index.fault("big-1.0-py3-none-any.whl", Slow(1_000_000))
    (tmp_path / "needed.txt").write_text(f"big{clause}\n")
    line = [*arguments, "--no-cache-dir", *index.pip_args(), "-r", "needed.txt", "-d", "house"]
    with Terminal(line, tmp_path, environment()) as terminal:
        assert terminal.finish() == 0, terminal.text
    assert "━━━━" in terminal.text
    assert names(tmp_path / "house") == ["big-1.0-py3-none-any.whl"]


def test_file_that_is_here_before_pip_asks_is_not_fetched_again(
    tmp_path: Path, index: LocalIndex
) -> None:
    """All wheels come at once; while pip waits for the first, the second one arrives."""
    make_wheel(tmp_path / "index", "app", requires=["big"])
    make_wheel(tmp_path / "index", "big", files={"big.bin": os.urandom(900_000)})
    index.fault("app-1.0-py3-none-any.whl", Stall(1))
    line = [
        *WHEELTARGET,
        "--no-cache-dir",
        *index.pip_args(),
        "-d",
        "house",
        f"app ; tags={TARGET}",
    ]
    variables = environment(WHEELTARGET_AHEAD="1")
    with Terminal(line, tmp_path, variables) as terminal:
        assert terminal.finish() == 0, terminal.text
    fetched = [request.path.rpartition("/")[2] for request in index.requests]
    # Threads ask for both at once, in either order.
    assert sorted(fetched[-2:]) == ["app-1.0-py3-none-any.whl", "big-1.0-py3-none-any.whl"]
    assert "Fetching 1/2 files" in terminal.text
    last = list(screens(terminal.text))[-1]
    said = [line.split()[1] for line in last if line.startswith("Downloading")]
    assert said == ["app-1.0-py3-none-any.whl", "big-1.0-py3-none-any.whl"]


def test_interrupt_is_as_in_pip(tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "lib")
    index.fault(LIB, Stall(30))
    shown = []
    for arguments in (PIP, WHEELTARGET):
        index.clear()
        line = [*arguments, "--no-cache-dir", *index.pip_args(), "lib"]
        with Terminal(line, tmp_path, environment()) as terminal:
            deadline = time.monotonic() + 30
            while not index.count(LIB) and time.monotonic() < deadline:
                time.sleep(0.02)
            terminal.type("\x03")
            shown.append((terminal.finish(), lasting(terminal.text)))
    assert shown[0] == shown[1]
    assert shown[0][0] == 1
    assert "Operation cancelled by user" in shown[0][1]
    assert not (tmp_path / LIB).exists()
