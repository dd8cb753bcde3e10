"""Servers that never come to an end: each is asked a few times, and the run says so.

None of them is asked by the clock: what counts is how often.

The threat is T9 of docs/security.md.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.cli import Result, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.locks import lock_text
from tests.support.wheels import make_wheel
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.errors import InputError
from wheeltarget.network import transfer

LOCK = "pylock.toml"
TAG = "cp39-cp39-manylinux2014_x86_64"
SIX = 6
"""How often pip asks at most, which tries five times again."""


class Stubborn:
    """A server that answers each request in one manner, and counts them.

    :param content: what its file is.
    :param manner: answers a request for it from some byte on.
    """

    def __init__(self, content: bytes, manner: Callable[[Handler, bytes, int], None]) -> None:
        self.content, self.manner = content, manner
        self.asked: list[int] = []
        server = self

        class Mine(Handler):
            def do_GET(self) -> None:
                found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(found[1]) if found else 0
                server.asked.append(start)
                server.manner(self, server.content, start)
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    """What all of them have in common."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, headers: Mapping[str, object], body: bytes = b"") -> None:
        """Answer with some headers, and a body that need not be as long as they say."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing."""


def one_byte(handler: Handler, content: bytes, start: int) -> None:
    """Send one byte of what was announced, and end."""
    headers: dict[str, object] = {"Content-Length": len(content) - start}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.answer(206 if start else 200, headers, content[start : start + 1])


def from_the_start(handler: Handler, content: bytes, _start: int) -> None:
    """Know no ranges, and break off at the same place again and again."""
    handler.answer(200, {"Content-Length": len(content)}, content[:100])


def wrong_range(handler: Handler, content: bytes, start: int) -> None:
    """Begin well, and go on from a place behind the one that was asked for."""
    if not start:
        from_the_start(handler, content, 0)
        return
    headers = {
        "Content-Length": len(content) - start - 7,
        "Content-Range": f"bytes {start + 7}-{len(content) - 1}/{len(content)}",
    }
    handler.answer(206, headers, content[start + 7 :])


def nothing(handler: Handler, content: bytes, _start: int) -> None:
    """Announce a file, and send none of it."""
    handler.answer(200, {"Content-Length": len(content)})


def no_answer(_handler: Handler, _content: bytes, _start: int) -> None:
    """Close the connection without a word."""


@contextmanager
def served(wheel: Path, manner: Callable[[Handler, bytes, int], None]) -> Iterator[Stubborn]:
    """Serve a file in some manner."""
    server = Stubborn(wheel.read_bytes(), manner)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, and work in it, with no pauses in this process."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    monkeypatch.setattr(transfer, "pause_before", lambda _retry: 0.0)
    return folder


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "shelf", "lib", files={"data": bytes(range(256)) * 40})


def fetch(*arguments: str) -> None:
    """Download from the lock in this process."""
    download_locked(DownloadRequest(("-r", LOCK, "-d", "house", "--no-cache-dir", *arguments)))


@pytest.mark.parametrize("manner", [one_byte, from_the_start, wrong_range, nothing])
def test_what_brings_nothing_is_given_up(
    project: Path, wheel: Path, manner: Callable[[Handler, bytes, int], None]
) -> None:
    with served(wheel, manner) as server:
        (project / LOCK).write_text(lock_text([wheel], server.base))
        with pytest.raises(InputError) as caught:
            fetch()
    assert len(server.asked) == SIX
    (fault,) = caught.value.faults
    assert fault.message.startswith(f"lib 1.0: cannot fetch {server.base}/files/{wheel.name}: ")
    assert fault.hint.endswith("--resume-retries")
    assert names(project) == [LOCK]


@pytest.mark.parametrize(
    ("arguments", "variables", "file", "count"),
    [
        (("--resume-retries", "1"), {}, "", 2),
        (("--resume-retries=0",), {"PIP_RESUME_RETRIES": "3"}, "", 1),
        ((), {"PIP_RESUME_RETRIES": "3"}, "", 4),
        ((), {}, "[download]\nresume-retries = 2\n", 3),
        (("--retries", "0"), {}, "", SIX),
    ],
)
def test_pips_options_say_how_often(
    project: Path,
    wheel: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variables: Mapping[str, str],
    file: str,
    count: int,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if file:
        (project / "pip.conf").write_text(file)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(project / "pip.conf"))
    with served(wheel, one_byte) as server:
        (project / LOCK).write_text(lock_text([wheel], server.base))
        with pytest.raises(InputError):
            fetch(*arguments)
    assert len(server.asked) == count


def test_other_files_of_a_host_are_not_asked_for_then(project: Path, tmp_path: Path) -> None:
    """The run has failed, and each would take as long."""
    wheels = [make_wheel(tmp_path / "shelf", f"lib{n}") for n in range(40)]
    with served(wheels[0], one_byte) as server:
        (project / LOCK).write_text(lock_text(wheels, server.base))
        with pytest.raises(InputError):
            fetch()
    # A wheel has another size than the server says, which is as bad.
    assert len(server.asked) <= SIX * 16


def run(project: Path, *arguments: str, **variables: str) -> Result:
    """Run ``wheeltarget download`` in a process of its own."""
    arguments = ("download", *arguments, "-d", "house", "--no-cache-dir")
    return wheeltarget(*arguments, cwd=project, variables=variables)


@pytest.mark.parametrize("manner", [one_byte, wrong_range])
def test_by_pips_session(
    project: Path, wheel: Path, manner: Callable[[Handler, bytes, int], None], tmp_path: Path
) -> None:
    """A netrc file, whatever is in it, takes pip's session."""
    (tmp_path / "netrc").touch(0o600)
    with served(wheel, manner) as server:
        (project / LOCK).write_text(lock_text([wheel], server.base))
        netrc = str(tmp_path / "netrc")
        done = run(project, "-r", LOCK, "--resume-retries", "2", NETRC=netrc)
    assert done.exit_code == 1, done.stderr
    assert f"cannot fetch {server.base}/files/{wheel.name}: " in done.stderr
    assert len(server.asked) == 3
    assert names(project) == [LOCK]


def test_no_answer(project: Path, wheel: Path) -> None:
    """Pip is to say so, after as many tries of its own."""
    with served(wheel, no_answer) as server:
        (project / LOCK).write_text(lock_text([wheel], server.base))
        done = run(project, "-r", LOCK, "--retries", "1")
    assert done.exit_code == 1, done.stderr
    assert len(server.asked) == 4


def _busy(seconds: int) -> Callable[[Handler, bytes, int], None]:
    def manner(handler: Handler, _content: bytes, _start: int) -> None:
        handler.answer(429, {"Retry-After": seconds, "Content-Length": 0})

    return manner


def _circle(handler: Handler, _content: bytes, _start: int) -> None:
    handler.answer(302, {"Location": handler.path, "Content-Length": 0})


@pytest.mark.parametrize(
    ("manner", "most"),
    [(_busy(0), 3), (_busy(1_000_000), 2), (_circle, 40)],
    ids=["a pause of no time", "a pause of days", "redirections without end"],
)
def test_of_a_lock_that_is_never_answered(
    project: Path, wheel: Path, manner: Callable[[Handler, bytes, int], None], most: int
) -> None:
    """The first request is that of a plain connection."""
    with served(wheel, manner) as server:
        (project / LOCK).write_text(lock_text([wheel], server.base))
        done = run(project, "-r", LOCK, "--retries", "1")
    assert done.exit_code == 1, done.stderr
    assert f"cannot fetch {server.base}/files/{wheel.name}: " in done.stderr
    assert 1 < len(server.asked) <= most
    assert names(project) == [LOCK]


@pytest.mark.parametrize(
    ("manner", "ahead", "most"),
    [
        (one_byte, "0", 2),
        (one_byte, "1", 3),
        (_busy(0), "0", 2),
        (_busy(0), "1", 4),
        (_busy(1_000_000), "1", 2),  # pip itself waits for hours
        (_circle, "0", 31),
        (_circle, "1", 93),  # for a part and for the whole wheel in a thread, and then by pip
    ],
)
def test_while_resolving(
    project: Path,
    wheel: Path,
    index: LocalIndex,
    manner: Callable[[Handler, bytes, int], None],
    ahead: str,
    most: int,
) -> None:
    """A thread may have asked before pip does, which has its own patience."""
    with served(wheel, manner) as server:
        host = urlsplit(server.base).netloc
        link = f'<a href="{server.base}/files/{wheel.name}#sha256={"0" * 64}">{wheel.name}</a>'
        index.add_file("/simple/lib/", link.encode(), content_type="text/html")
        arguments = [
            *index.pip_args(),
            "--trusted-host",
            host,
            "--retries",
            "1",
            "--tags",
            TAG,
            "lib",
        ]
        arguments += ["--resume-retries", "1"]
        done = run(project, *arguments, WHEELTARGET_AHEAD=ahead)
    assert done.exit_code == 1, done.stderr
    assert 1 <= len(server.asked) <= most, done.stderr
    assert names(project) == []
