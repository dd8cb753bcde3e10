"""A fork of a loaded process does what a new process does: the same output, files and exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.cli import ROOT, command, environment, names
from tests.support.index import LocalIndex, Stall
from tests.support.parity import PIP, lasting
from tests.support.wheels import make_wheel

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.name != "posix", reason="the system cannot fork"),
]

TARGET = "cp39-cp39-manylinux2014_x86_64"


@pytest.fixture(scope="module")
def server() -> Iterator[forks.Server]:
    """Return a process that forks."""
    running = forks.Server(environment())
    yield running
    running.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([*PIP, "-d", "house", "app"], None),
        (command("download", "-d", "house", "app"), None),
        (command("download", "-d", "house", f"app ; tags={TARGET}"), None),
        (command("download", "-d", "house", f"none ; tags={TARGET}"), None),
        (command("download", "-r", "/dev/stdin"), f"app ; tags={TARGET}\n"),
        (command("validate", "/dev/stdin"), f"app ; tag={TARGET}\n"),
        (command("--version"), None),
        (command("download", "--bogus"), None),
        ([sys.executable, "-P", "-m", "wheeltarget.pip_child", "missing.json"], None),
    ],
    ids=["pip", "plain", "target", "failure", "pipe", "findings", "version", "usage", "traceback"],
)
def test_as_in_a_new_process(
    tmp_path: Path,
    index: LocalIndex,
    server: forks.Server,
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    said: str | None,
) -> None:
    make_wheel(tmp_path / "index", "app", requires=["lib ; sys_platform == 'linux'"])
    make_wheel(tmp_path / "index", "lib")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    outcomes: list[tuple[object, ...]] = []
    for run in (forks.run_fresh, server.run):
        folder = tmp_path / str(len(outcomes)) / "project"
        folder.mkdir(parents=True)
        done = run(line, folder, environment(), said, 60)
        # Where in the runner a module was run is in a traceback.
        stderr = done.stderr if "Traceback" not in done.stderr else done.stderr.splitlines()[-1]
        house = names(folder / "house") or names(folder)
        outcomes.append((done.returncode, lasting(done.stdout), lasting(stderr), house))
    assert outcomes[0] == outcomes[1]


def test_time_is_limited(tmp_path: Path, index: LocalIndex, server: forks.Server) -> None:
    make_wheel(tmp_path / "index", "app")
    index.fault("app-1.0-py3-none-any.whl", Stall(30))
    line = [*PIP, *index.pip_args(), "app"]
    with pytest.raises(subprocess.TimeoutExpired):
        server.run(line, tmp_path, environment(), None, 1)
    done = server.run(command("--version"), tmp_path, environment(), None, 60)
    assert done.returncode == 0


def test_clock(tmp_path: Path, index: LocalIndex) -> None:
    variables = environment(CLOCK="4400000000", PYTHONPATH=f"{forks.CLOCK}{os.pathsep}{ROOT}")
    line = [*PIP, *index.pip_args(), "--log=log.txt", "none"]
    with closing(forks.Server(variables)) as server:
        for run in (forks.run_fresh, server.run):
            assert run(line, tmp_path, variables, None, 60).returncode == 1
            assert (tmp_path / "log.txt").read_text().startswith("2109-")
            (tmp_path / "log.txt").unlink()


def test_memory_is_limited(tmp_path: Path, server: forks.Server) -> None:
    (tmp_path / "r.txt").write_text("#" * 999)
    line = command("validate", "r.txt")
    for run in (forks.run_fresh, server.run):
        assert run(line, tmp_path, environment(), None, 60, 2 << 30).returncode == 0
        assert run(line, tmp_path, environment(), None, 60, 1 << 20).returncode != 0


def test_only_what_starts_in_the_same_way_is_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "is_wanted", True)
    monkeypatch.setattr(forks, "_servers", {})
    monkeypatch.setattr(forks, "Server", dict)
    line = command("--version")
    assert forks.server_for(line, environment()) is None, "the first time it is not worth it"
    assert forks.server_for(line, environment()) is not None
    assert forks.server_for(line, environment(PIP_NO_DEPS="1")) is not None
    for variables in ({"PYTHONPATH": "/elsewhere"}, {"PYTHONUTF8": "0"}, {"HOME": "/elsewhere"}):
        assert forks.server_for(line, environment(**variables)) is None
    for arguments in (
        [sys.executable, "-c", "pass"],
        ["/bin/true", *line[1:]],
        [*PIP[:1], "-m", "x"],
    ):
        assert forks.server_for(arguments, environment()) is None
