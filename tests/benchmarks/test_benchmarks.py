"""The benchmarks measure what they say; and an index under load, or out of order, does no harm."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.benchmarks import download, faults, locked, made, measure, peers
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.measure import Measured
from tests.benchmarks.recorded import JSON, Recording, count_entries
from tests.benchmarks.server import Behaviour, Server, Told
from tests.support.wheels import make_wheel, metadata_of

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


class Client:
    """One connection to a server, which stays open."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.base).netloc, timeout=30)

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask for a path; underscores in the names of headers stand for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, headers=given)
        answer = self._connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Return a client of a server without faults."""
    server.set(Behaviour())
    client = Client(server)
    yield client
    client.close()


def test_pages_and_files_are_as_an_index_gives_them(client: Client, server: Server) -> None:
    status, headers, body = client.get("/simple/made-0/", Accept=JSON, Accept_Encoding="gzip")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (
        *(200, JSON),
        "max-age=600, public",
    )
    assert "Date" in headers, "without it pip takes nothing from its cache"
    files = json.loads(gzip.decompress(body))["files"]
    assert len(files) == 2 * len(made.PYTHONS) * len(made.PLATFORMS)
    asked = {"Accept": JSON, "Accept_Encoding": "gzip", "If_None_Match": headers["ETag"]}
    assert client.get("/simple/made-0/", **asked)[::2] == (304, b"")
    status, headers, metadata = client.get(urlsplit(files[0]["url"]).path + ".metadata")
    assert (status, b"Name: made-0" in metadata) == (200, True)
    assert headers["Cache-Control"] == "max-age=365000000, immutable, public"
    status, _, wheel = client.get(urlsplit(files[0]["url"]).path)
    assert (status, len(wheel)) == (200, files[0]["size"])
    status, headers, page = client.get("/simple/made-1/", Accept="text/html")
    assert b'data-core-metadata="sha256=' in page
    assert client.get("/simple/nothing/")[0] == client.get("/other")[0] == 404
    told = server.told()
    assert (told.pages, told.metadata, told.files, told.unchanged) == (3, 1, 1, 1)
    assert (told.missing, told.connections, told.requests) == (2, 1, 7)


def test_answers_wait_and_flow_as_slowly_as_is_said(client: Client, server: Server) -> None:
    path = "/simple/made-0/"
    size = len(client.get(path)[2])
    server.set(Behaviour(delay=0.2))
    begin = time.monotonic()
    client.get(path)
    assert time.monotonic() - begin >= 0.19
    server.set(Behaviour(bandwidth=size / 0.3))
    begin = time.monotonic()
    assert len(client.get(path)[2]) == size
    assert time.monotonic() - begin >= 0.28


def test_all_connections_share_the_bandwidth(folder: Path, server: Server) -> None:
    """Whole files and ranges, large and small, take as long as their bytes at 20 MB/s."""
    large = folder / "files" / made.HOST / "large.whl"
    large.write_bytes(bytes(3_000_000))
    path = f"/files/{made.HOST}/large.whl"
    server.set(Behaviour(bandwidth=20e6))
    asked = ["bytes=0-", "bytes=-2000000", "bytes=0-999999", "whole"] * 2

    def get(wanted: str) -> int:
        with closing(Client(server)) as client:
            return len(client.get(path, Range=wanted)[2])

    begin = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        sizes = list(threads.map(get, asked))
    seconds = time.monotonic() - begin
    assert sizes == [3_000_000, 2_000_000, 1_000_000, 3_000_000] * 2
    assert 0.89 < seconds < 1.5, "18 MB"
    told = server.told()
    assert (told.files, told.ranges, told.connections) == (2, 6, 8)
    assert (told.file_bytes, told.range_bytes, told.bytes) == (6_000_000, 12_000_000, 18_000_000)


def test_index_without_metadata_files(client: Client, server: Server) -> None:
    (entry, *_) = json.loads(client.get("/simple/made-1/", Accept=JSON)[2])["files"]
    path = urlsplit(entry["url"]).path
    assert client.get(f"{path}.metadata")[0] == 200
    server.set(Behaviour(metadata=False))
    (bare, *_) = json.loads(client.get("/simple/made-1/", Accept=JSON)[2])["files"]
    assert entry.keys() - bare.keys() == {"core-metadata"}
    assert b"metadata" not in client.get("/simple/made-1/", Accept="text/html")[2]
    assert client.get(f"{path}.metadata")[0] == 404
    assert client.get(path)[0] == 200
    told = server.told()
    assert (told.pages, told.metadata, told.files, told.missing) == (2, 0, 1, 1)


def test_files_have_ranges(client: Client, server: Server) -> None:
    (entry, *_) = json.loads(client.get("/simple/made-1/", Accept=JSON)[2])["files"]
    path, size = urlsplit(entry["url"]).path, entry["size"]
    server.set(Behaviour())
    _, headers, whole = client.get(path)
    assert headers["Accept-Ranges"] == "bytes"
    for asked, start, stop in (
        ("bytes=-100", size - 100, size),
        (f"bytes=-{size + 1}", 0, size),
        ("bytes=10-19", 10, 20),
        (f"bytes=10-{size + 5}", 10, size),
        ("bytes=10-", 10, size),
    ):
        status, told, body = client.get(path, Range=asked)
        assert (status, body) == (206, whole[start:stop])
        assert told["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert told["ETag"] == headers["ETag"]
    for asked in (f"bytes={size}-", "bytes=-0"):
        status, told, body = client.get(path, Range=asked)
        assert (status, told["Content-Range"], body) == (416, f"bytes */{size}", b"")
    for asked in ("bytes=0-1,4-5", "lines=1-2", "bytes=5-3", "bytes=-"):
        assert client.get(path, Range=asked)[::2] == (200, whole)
    assert client.get(path, Range="bytes=-9", If_Range=headers["ETag"])[0] == 206
    assert client.get(path, Range="bytes=-9", If_Range='"another"')[::2] == (200, whole)
    status, told, body = client.get(path, method="HEAD")
    assert (status, told["Content-Length"], body) == (200, str(size), b"")
    told_all = server.told()
    assert (told_all.files, told_all.ranges, told_all.heads) == (6, 8, 1)
    assert told_all.file_bytes == 6 * size
    assert told_all.bytes == told_all.file_bytes + told_all.range_bytes


def test_faults_come_in_turn(client: Client, server: Server) -> None:
    server.set(Behaviour(busy=2, retry_after=7))
    answers = [client.get("/simple/made-1/") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 429, 200, 429]
    assert answers[1][1]["Retry-After"] == "7"
    server.set(Behaviour(drop=1))
    with pytest.raises(http.client.RemoteDisconnected):
        client.get("/simple/made-1/")
    server.set(Behaviour(wrong=1))
    (entry, *_) = json.loads(client.get("/simple/made-1/", Accept=JSON)[2])["files"]
    first, again = (client.get(urlsplit(entry["url"]).path)[2] for _ in range(2))
    assert len(first) == len(again)
    assert first != again
    assert server.told().failed == 1


class OneProjectIndex:
    """An index of one project, which keeps what it is asked for."""

    def __init__(self, wheel: Path) -> None:
        self._wheel = wheel
        self.asked: list[str] = []

    def page(self, project: str) -> bytes | None:
        self.asked.append(project)
        entry = {"filename": self._wheel.name, "url": f"https://files.invalid/{self._wheel.name}"}
        return json.dumps({"files": [entry]}).encode() if project == "lib" else None

    def file(self, host: str, path: str) -> bytes | None:
        self.asked.append(f"{host}/{path}")
        return self._wheel.read_bytes() if path == self._wheel.name else None


def test_index_is_recorded_once(tmp_path: Path) -> None:
    """Some mirrors have neither the metadata files nor their hashes; the index itself has both."""
    wheel = make_wheel(tmp_path, "lib")
    upstream = OneProjectIndex(wheel)
    recording = Recording(tmp_path / "recorded", upstream)
    page = recording.page("lib", "http://here")
    assert page is not None
    (entry,) = json.loads(page)["files"]
    assert entry["url"] == f"http://here/files/files.invalid/{wheel.name}"
    assert entry["core-metadata"] is True
    place = recording.file("files.invalid", f"{wheel.name}.metadata")
    assert place is not None
    assert place.read_bytes() == metadata_of(wheel)
    assert recording.page("none", "") is recording.page("none", "") is None
    asked = list(upstream.asked)
    again = Recording(tmp_path / "recorded", upstream)
    page = again.page("lib", "http://here")
    assert page is not None
    assert set(json.loads(page)["files"][0]["core-metadata"]) == {"sha256"}
    assert again.file("files.invalid", wheel.name) is not None
    assert (upstream.asked, again.fetched) == (asked, 0)
    assert Recording(tmp_path / "recorded").page("other", "") is None
    assert count_entries(tmp_path / "recorded") == (1, 1)
    with pytest.raises(ValueError, match="leads out"):
        recording.file("files.invalid", "../../etc")


def test_program_is_measured(tmp_path: Path) -> None:
    code = (
        "import sys, time; x = bytearray(50_000_000); time.sleep(0.1); print('here'); sys.exit(3)"
    )
    done = measure.run([sys.executable, "-c", code], tmp_path, {})
    assert (done.exit_code, done.said) == (3, "here\n")
    assert done.seconds >= 0.1
    assert 50_000_000 < done.memory < 200_000_000


def test_programs_are_compared(
    folder: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real thing, once, small."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")  # nobody's settings count
    series = download.compare(
        JOB, (peers.wheeltarget(), peers.pip()), server, Behaviour(0.01), 1, tmp_path
    )
    ours, pips = (each.runs for each in series)
    chosen = ours["cold"][0].files
    assert len(chosen) == 3
    assert {run.files for runs in (ours, pips) for each in runs.values() for run in each} == {
        chosen
    }
    cold, warm = pips["cold"][0].told, pips["warm"][0].told
    assert (cold.pages, cold.metadata, cold.files, warm.requests) == (3, 3, 3, 0)
    lines = list(download.report(JOB, series, Behaviour(0.01)))
    assert lines[0] == "small: 3 files, 1 target(s), 10 ms a response, 1 runs"
    assert [line.split(",")[0].strip() for line in lines[2:]] == ["wheeltarget", "pip"] * 2
    assert folder.is_dir()
    *_, ours_line, pip_line, _ = download.table(JOB, series, Behaviour(0.01))
    assert ours_line.startswith("| wheeltarget | ")
    assert re.fullmatch(r"\| pip (\| [\d.]+ s \| [\d.]+ ){2}\| 9 \| \d+ MB \|", pip_line)


def test_who_differs_is_named() -> None:
    peer = peers.Peer("odd", "", lambda _job, _place: [], "1", unpacks=True)
    run = download.Run(2.0, 1.0, 10**6, Told(pages=3), frozenset({"A_b-1.0", "c-2"}))
    wheels = frozenset({"a_b-1.0-py3-none-any.whl", "d-1.0-py3-none-any.whl"})
    series = [
        download.Series(
            replace(peer, name="first", unpacks=False), {"cold": [replace(run, files=wheels)]}
        ),
        download.Series(peer, {"cold": [run]}),
    ]
    lines = list(download.report(JOB, series, Behaviour()))
    assert lines[-2:] == ["  odd, cold, lacks d 1", "  odd, cold, has besides c 2"]
    assert "1.00 to 1.00" in lines[2]


@pytest.mark.parametrize("peer", ["uv", "pex3", "nab"])
def test_words_for_other_programs(
    peer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "installed", lambda _project, program: Path(program))
    monkeypatch.setattr(peers, "say", lambda *_: f"{peer} 1.2.3")
    place = peers.Place(tmp_path, tmp_path / "cache", tmp_path / "house", "http://index/simple/")
    program = peers.PEERS[peer]()
    commands = program.commands(JOBS["two-flask"], place)
    assert program.version == "1.2.3"
    assert len(commands) == (1 if peer == "pex3" else 2), "a loop where it takes one target"
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    said = " ".join([*(word for command in commands for word in command), *written])
    for part in (
        "http://index/simple/",
        "flask",
        "3.12",
        "manylinux_2_28" if peer != "nab" else "2.28",
    ):
        assert part in said
    environment = peers.environment(place)
    assert environment["PIP_CONFIG_FILE"] == "/dev/null"
    assert not {name for name in environment if name.startswith("PIP_")} & {"PIP_INDEX_URL"}


def test_loop_of_pip_may_share_nothing(tmp_path: Path) -> None:
    place = peers.Place(tmp_path, tmp_path / "cache", tmp_path / "house", "http://index/simple/")
    shared, apart = (
        peers.PEERS[name]().commands(JOBS["two-flask"], place) for name in ("pip", "pip-apart")
    )
    assert all("--no-cache-dir" in command for command in apart)
    folders = [command[command.index("-d") + 1] for command in (*shared, *apart)]
    tags = JOBS["two-flask"].tags
    house = place.destination
    assert folders == [*[str(house)] * len(tags), *(str(house / tag) for tag in tags)]


def test_failing_program_ends_the_comparison(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "run", lambda *_: Measured(0.1, 0.1, 1, 1, "it is broken"))
    with pytest.raises(download.BenchmarkError, match="it is broken"):
        download.compare(JOB, (peers.pip(),), server, Behaviour(), 1, tmp_path)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Behaviour(drop=3), id="every-third-request-is-cut-off"),
        pytest.param(Behaviour(busy=4, retry_after=0), id="429-that-asks-for-no-pause"),
        pytest.param(Behaviour(busy=5, retry_after=1), id="429-that-asks-for-one"),
        pytest.param(Behaviour(stall=4, stall_seconds=0.5), id="stalls"),
        pytest.param(Behaviour(wrong=1), id="a-wheel-is-wrong-once"),
        pytest.param(
            Behaviour(drop=5, busy=7, stall=3, stall_seconds=0.2, wrong=2), id="everything"
        ),
    ],
)
def test_index_that_misbehaves(server: Server, tmp_path: Path, behaviour: Behaviour) -> None:
    """The result is right, or nothing is there and an error says why."""
    place = peers.Place(tmp_path / "work", tmp_path / "cache", tmp_path / "house", server.url)
    peer = peers.wheeltarget()
    peer.forget(place)
    run = download.run_once(peer, JOB, place, server, behaviour)
    assert run.told.failed > 0
    right = faults.outcome(run, frozenset(run.files)) == "right" and len(run.files) == 3
    assert right or (run.exit_code == 1 and not run.files and "error: " in run.said), run.said
    # Whatever happened, what was kept of it does not spoil the next run.
    again = download.run_once(peer, JOB, place, server, Behaviour())
    assert (again.exit_code, len(again.files)) == (0, 3), again.said


def test_outcomes_under_faults_are_told() -> None:
    run = download.Run(1.0, 1.0, 1, Told(), frozenset({"a"}))
    assert faults.outcome(run, frozenset({"a"})) == "right"
    assert faults.outcome(run, frozenset({"b"})) == "WRONG"
    failed = replace(run, exit_code=1, said="no\nERROR: hash\n")
    assert faults.outcome(failed, frozenset()) == "failed, with 1 files left: ERROR: hash"
    slow = replace(run, seconds=2.0)
    pair = faults.Pair("drop", {"wheeltarget": [slow], "pip": [run]})
    assert next(pair.lines(frozenset({"a"}))).endswith("2.00 to 2.00  TOO SLOW")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_downloads_from_locks_are_held_against_curl(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each run brings all files, also the one that has them from the store of the one before."""
    every_case, measure_one = locked.commands, measure.run
    sizes: list[list[int]] = []

    def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Measured:
        measured = measure_one(arguments, folder, environment)
        sizes.append(sorted(path.stat().st_size for path in (folder / "got").iterdir()))
        return measured

    def some_cases(base: str, wheels: list[Path]) -> dict[str, list[str]]:
        return {
            name: arguments
            for name, arguments in every_case(base, wheels).items()
            if name in {locked.FIRST, "wheeltarget download", locked.WARM}
        }

    monkeypatch.setattr(locked, "commands", some_cases)
    monkeypatch.setattr(locked, "WHEELS", 3)
    monkeypatch.setattr(measure, "run", run)
    locked.run("three", (3.0, 4.0), 1)
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("three: ")
    cases = {line[2:28].strip(): float(line[28:].split()[2]) for line in lines}
    assert list(cases) == [locked.FIRST, "wheeltarget download", locked.WARM]
    assert cases[locked.FIRST] == 1
    assert len(sizes) == 2 * len(cases)
    assert all(each == sizes[0] and len(each) == 3 and each[0] > 1000 for each in sizes)
