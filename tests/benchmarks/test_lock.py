"""The benchmark of locks measures what it says, on an index with and without metadata files."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import lock, lockers, made, peers, wheel_ends
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.server import Behaviour, Server
from tests.benchmarks.wheel_ends import Line
from tests.support.wheels import make_wheel

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="memory is measured as POSIX does"),
]

JOB = Job("small", ("made-0",), ("cp311-cp311-manylinux_2_28_x86_64",), made=True)
PROJECTS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a made index."""
    folder = tmp_path_factory.mktemp("made")
    made.make(folder, projects=PROJECTS, releases=2)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Serve the made index."""
    with Server(folder) as running:
        yield running


def test_locks_are_compared(folder: Path, server: Server, tmp_path: Path) -> None:
    """The real thing, once, small: the same files with and without metadata files."""
    ours, pip = lockers.wheeltarget(), lockers.pip()
    cases = [lock.Case(peer, index) for peer in (ours, pip) for index in lock.INDEXES]
    behaviour = Behaviour(0.01, 20e6)
    lock.compare(JOB, cases, server, behaviour, 1, tmp_path)
    chosen = {case.index: case.runs["cold"][0].files for case in cases if case.peer is ours}
    assert chosen["with"] == chosen["without"]
    assert {name.split("-")[0] for name in chosen["with"]} == {"made_0", "made_3", "made_4"}
    told = {(case.peer.name, case.index): case.runs["cold"][0].told for case in cases}
    for peer in (ours, pip):
        rich, bare = told[peer.name, "with"], told[peer.name, "without"]
        assert (rich.metadata, rich.files, rich.ranges) == (3, 0, 0)
        assert bare.metadata == 0
        assert bare.files + bare.ranges >= 3
    wheels = lock.wheel_bytes(folder, chosen["with"])
    found = {path.name: path.stat().st_size for path in folder.rglob("*.whl")}
    assert wheels == sum(found[name] for name in chosen["with"])
    heading, _, head, _, *rows = lock.table(JOB, cases, behaviour, wheels)
    assert heading.startswith("small, 1 target(s), 3 wheels of 0.1 MB, 10 ms a response, 20 MB/s")
    assert [row.split(" | ")[0] for row in rows[:4]] == ["| wheeltarget lock"] * 2 + [
        "| pip lock"
    ] * 2
    assert all(row.count(" | ") == head.count(" | ") == 11 for row in rows[:4])
    assert re.fullmatch(
        r"  wheeltarget lock, cold, takes [\d.]+ times \([\d.]+ to [\d.]+\) as long without "
        "metadata files",
        rows[5],
    )
    assert len(rows) == 7, "pip chose the same versions, if not the same files"


def test_who_locks_something_else_is_named(server: Server, tmp_path: Path) -> None:
    place = peers.Place(tmp_path, tmp_path / "cache", tmp_path / "house", server.url)
    place.destination.mkdir()
    (place.destination / "a.txt").write_text(
        "made-0==2.0 \\\n    --hash=sha256:00\nmade-4[extra]==1.0 ; python_version > '3'\n"
    )
    other = peers.Peer("other", "it differs", lambda _job, _place: [], "1")
    files = peers.files_of(other, place, JOB.tags)
    assert files == {"made_0-2.0", "made_4-1.0"}
    ours = lockers.wheeltarget()
    first = lock.Case(ours, "with")
    lock.compare(JOB, [first], server, Behaviour(), 1, tmp_path / "ours")
    run = first.runs["cold"][0]
    second = lock.Case(other, "with", {state: [replace(run, files=files)] for state in first.runs})
    *_, lacks, has = lock.table(JOB, [first, second], Behaviour(), 1)
    assert lacks == "  other lacks made-3 2, made-4 2"
    assert has == "  other has besides made-4 1"


@pytest.mark.parametrize("name", [*lockers.LOCKERS])
def test_commands(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockers, "installed", lambda _project, program: Path(program))
    monkeypatch.setattr(lockers, "say", lambda *_: f"{name} 1.2.3")
    place = peers.Place(tmp_path, tmp_path / "cache", tmp_path / "house", "http://index/simple/")
    job = JOBS["two-flask"]
    commands = lockers.LOCKERS[name]().commands(job, place)
    assert len(commands) == (2 if name == "uv" else 1)
    assert all("http://index/simple/" in command for command in commands)
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    said = " ".join([*(word for command in commands for word in command), *written])
    assert "flask" in said
    for_targets = ("3.11", "3.12", "manylinux_2_28") if name == "uv" else job.tags
    assert all((part in said) == (name not in lockers.ONE_TARGET_ONLY) for part in for_targets)


def test_ends_of_wheels_are_read(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "lib", files={f"lib/{n}.py": b"code " * n for n in range(50)})
    content = wheel.read_bytes()
    end = wheel_ends.read_end(wheel)
    assert end.size == len(content)
    assert content[-end.directory :].startswith(b"PK\x01\x02")
    assert content[-end.directory - 4 :][:4] != b"PK\x01\x02", "its first entry"
    name = b"lib-1.0.dist-info/METADATA"
    assert content[-end.metadata :].startswith(b"PK\x03\x04")
    assert content[-end.metadata :][30 : 30 + len(name)] == name


def test_requests_are_counted(tmp_path: Path) -> None:
    """One for a whole wheel or for all at its end, one more for members, one for the directory."""
    wheel = make_wheel(tmp_path, "lib", files={f"lib/{n}.py": b"code " * n for n in range(50)})
    end = wheel_ends.read_end(wheel)
    assert end.directory < end.metadata < end.size
    assert wheel_ends.ask(wheel, end.size + 9) == wheel_ends.ask(wheel, end.size) == (1, end.size)
    assert wheel_ends.ask(wheel, end.metadata) == (1, end.metadata)
    requests, size = wheel_ends.ask(wheel, end.directory)
    assert (requests, size) > (2, end.directory)
    requests, more = wheel_ends.ask(wheel, 100)
    assert (requests, more) == (3, size)


def test_sizes_are_compared(tmp_path: Path) -> None:
    line = Line(delay=0.04, bandwidth=20e6, connections=4)
    assert line.seconds(requests=100, size=2 * 10**7) == pytest.approx(2.0)
    noise = random.Random(7).randbytes(900_000)  # noqa: S311 - the same file each time
    wheels = [make_wheel(tmp_path, "a"), make_wheel(tmp_path, "b", files={"b/data.bin": noise})]
    lines = list(wheel_ends.table(wheels, line))
    assert lines[0] == "2 wheels of 0.9 MB"
    rows = [row.split(" | ") for row in lines if "KiB" in row]
    assert [row[0] for row in rows][:: len(rows) - 1] == ["| 4 KiB", "| 1024 KiB"]
    assert rows[0][1:4] == ["50%", "3", "0.01 MB"], "make_wheel puts METADATA before the noise"
    assert rows[-1][1:5] == ["100%", "2", "0.90 MB", "100.0%"]
