"""A plain connection, asked of servers that answer as it suits them."""

from __future__ import annotations

import contextlib
import functools
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wheeltarget.network.http import Connection
from wheeltarget.network.transfer import (
    USUAL_PATIENCE,
    BrokenError,
    RetryPolicy,
    StatusError,
    UnreachableError,
    receive,
)

BODY = bytes(range(256)) * 1200
"""More than one piece, and of a length that no piece has."""

Talk = Callable[[socket.socket], None]


class Host:
    """A server that answers each request with the next of its texts, and hangs up at their end.

    :param answers: what it says to each connection, by request.
    :param context: makes it a TLS server.
    """

    def __init__(self, *answers: list[bytes | Talk], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._answers = iter(answers)
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answers in self._answers:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError), client:
                if self._context is not None:
                    client = self._context.wrap_socket(client, server_side=True)
                with client:
                    self._talk(client, answers)

    def _talk(self, client: socket.socket, answers: list[bytes | Talk]) -> None:
        for answer in answers:
            said = b""
            while not said.endswith(b"\r\n\r\n"):
                piece = client.recv(4096)
                if not piece:
                    return
                said += piece
            self.requests.append(said)
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):  # only some systems can
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def connect(self, timeout: float = 5) -> Connection:
        """Return a connection to it."""
        return Connection(("http", self.name), timeout, ssl.create_default_context)


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    """Make servers that are closed in the end."""
    hosts: list[Host] = []

    def make(*answers: list[bytes | Talk], context: ssl.SSLContext | None = None) -> Host:
        hosts.append(Host(*answers, context=context))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


def plain(body: bytes = BODY, *lines: str) -> bytes:
    """Write an answer as a server of files does."""
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def fetch(
    connection: Connection,
    name: str,
    size: int | None = len(BODY),
    patience: RetryPolicy = USUAL_PATIENCE,
) -> bytes:
    """Fetch a file."""
    got = bytearray()
    url = f"http://{name}/a%20b.whl?x=1#y"
    ask = functools.partial(connection.ask, url)
    receive(got.extend, size, ask, patience, lambda _seconds: None)
    return bytes(got)


def _read_all(connection: Connection, url: str) -> None:
    answer = connection.ask(url, 0)
    while answer.read(1 << 20):
        pass


def chunked(body: bytes) -> bytes:
    """Write an answer in chunks, with a trailer."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [body[:5], body[5:]]
    text = b"".join(f"{len(p):x};more=1\r\n".encode() + p + b"\r\n" for p in pieces)
    return head + text + b"0\r\nX: y\r\n\r\n"


def test_one_connection_does_for_many_files(serve: Callable[..., Host]) -> None:
    host = serve([plain(), plain(b""), plain(b"short"), plain()])
    connection = host.connect()
    sizes = [len(BODY), 0, 5, len(BODY)]
    assert [fetch(connection, host.name, size) for size in sizes] == [BODY, b"", b"short", BODY]
    assert connection.received == 2 * len(BODY) + 5
    first, *_ = host.requests
    assert first.startswith(b"GET /a%20b.whl?x=1 HTTP/1.1\r\n")
    lines = first.split(b"\r\n")
    assert f"Host: {host.name}".encode() in lines
    assert b"Accept-Encoding: identity" in lines
    assert b"Range" not in first
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(chunked(BODY), id="in chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, id="without a length"),
        pytest.param(plain().replace(b"HTTP/1.1", b"HTTP/1.0"), id="of an older version"),
        pytest.param(plain(BODY, "X: 1", " 2"), id="with a folded line"),
        pytest.param(plain(BODY).replace(b"\r\n", b"\n", 3), id="with other line ends"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + plain(), id="after another one"),
        pytest.param(plain(BODY, "Connection: close"), id="the last one"),
        pytest.param(plain(BODY) + b"more", id="with more behind it"),
        pytest.param(plain(BODY, *(f"X-{n}: {'x' * 999}" for n in range(60))), id="a long head"),
    ],
)
def test_answers_that_are_not_so_plain(serve: Callable[..., Host], answer: bytes) -> None:
    """Each is read to its end, and nothing of it is taken for a part of the next one."""

    def send(client: socket.socket) -> None:
        client.sendall(answer)
        client.shutdown(socket.SHUT_WR)

    host = serve([send], [plain(b"next")])
    connection = host.connect()
    assert fetch(connection, host.name, None) == BODY
    assert fetch(connection, host.name, 4) == b"next"
    connection.close()


def test_bytes_that_come_one_by_one(serve: Callable[..., Host]) -> None:
    def drip(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in plain(BODY[:300]):
            client.sendall(bytes([byte]))

    host = serve([drip])
    connection = host.connect()
    assert fetch(connection, host.name, 300) == BODY[:300]
    connection.close()


def test_gone_on_with_where_it_ended(serve: Callable[..., Host]) -> None:
    """What came before the end is kept, however the end came."""
    part = f"HTTP/1.1 206 -\r\nContent-Length: {len(BODY) - 1000}\r\n"
    part += f"Content-Range: bytes 1000-{len(BODY) - 1}/{len(BODY)}\r\n\r\n"
    host = serve([plain()[: 1000 - len(BODY)]], [part.encode() + BODY[1000:]])
    connection = host.connect()
    # Of the connection that broke nothing more is asked: that would be a try without an answer.
    assert fetch(connection, host.name, patience=RetryPolicy(retries=0, resumes=1)) == BODY
    assert b"Range: bytes=1000-\r\n" in host.requests[1]
    connection.close()


@pytest.mark.parametrize("begun", [b"", plain()[:4000]], ids=["no word", "half of it"])
def test_a_host_that_falls_silent_is_not_waited_for(
    serve: Callable[..., Host], begun: bytes
) -> None:
    over = threading.Event()

    def stall(client: socket.socket) -> None:
        client.sendall(begun)
        over.wait(20)

    host = serve([stall])
    connection = host.connect(timeout=0.2)
    with pytest.raises(BrokenError):
        _read_all(connection, f"http://{host.name}/a")
    connection.close()
    over.set()


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 20x OK\r\n\r\n"])
def test_what_is_no_answer(serve: Callable[..., Host], answer: bytes) -> None:
    host = serve([answer])
    connection = host.connect()
    with pytest.raises(BrokenError):
        connection.ask(f"http://{host.name}/a", 0)
    connection.close()


def test_a_head_without_end(serve: Callable[..., Host]) -> None:
    def babble(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)

    host = serve([babble])
    connection = host.connect()
    with pytest.raises(BrokenError):
        connection.ask(f"http://{host.name}/a", 0)
    connection.close()


@pytest.mark.parametrize(
    "lines",
    [
        "404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
        "302 -\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
        "304 -\r\nContent-Length: 9\r\n\r\n",
        "503 -\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_another_answer_than_the_file(serve: Callable[..., Host], lines: str) -> None:
    """What the server says of it is not read, so the next request takes a new connection."""
    host = serve([f"HTTP/1.1 {lines}".encode()], [plain()])
    connection = host.connect()
    with pytest.raises(StatusError, match=lines[:3]):
        fetch(connection, host.name)
    assert fetch(connection, host.name) == BODY
    connection.close()


def test_no_host(serve: Callable[..., Host]) -> None:
    host = serve()
    host.close()
    for name in (host.name, f"{'x' * 70}.invalid"):
        with pytest.raises(UnreachableError):
            Connection(("http", name), 1, ssl.create_default_context).ask(f"http://{name}/a", 0)


@pytest.mark.parametrize("lines", ["Connection: close", "Connection: keep-alive"])
def test_an_answer_that_is_let_go_holds_no_socket(
    serve: Callable[..., Host], lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response has the socket, too, and may be part of a cycle that nobody breaks."""
    opened: list[socket.socket] = []
    connect = socket.create_connection

    def noted(*arguments: Any, **named: Any) -> socket.socket:
        opened.append(connect(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(socket, "create_connection", noted)
    host = serve([plain(BODY, lines)])
    connection = Connection(("http", host.name), 5, ssl.create_default_context)
    answer = connection.ask(f"http://{host.name}/a", 0)
    answer.read(10)
    answer.close()
    assert [each.fileno() for each in opened] == [-1]


def test_cut_from_another_thread(serve: Callable[..., Host]) -> None:
    over = threading.Event()
    connections: list[Connection] = []

    def cut(_client: socket.socket) -> None:
        connections[0].cut()
        over.wait(20)

    host = serve([cut], [plain()])
    connections.append(host.connect(timeout=20))
    with pytest.raises(BrokenError):
        connections[0].ask(f"http://{host.name}/a", 0)
    with pytest.raises(UnreachableError, match="the run ends"):
        connections[0].ask(f"http://{host.name}/a", 0)
    over.set()


def test_cut_while_a_host_says_nothing_of_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        connection = Connection(("https", name), 20, ssl.create_default_context)

        def cut() -> None:
            with silent.accept()[0] as client:
                client.recv(1)  # the first byte of its greeting
                connection.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        begin = time.monotonic()
        with pytest.raises((UnreachableError, StatusError)):
            connection.ask(f"https://{name}/a", 0)
        assert time.monotonic() - begin < 10
        thread.join()


def test_tls(serve: Callable[..., Host], tmp_path: Path) -> None:
    """Whom nobody vouches for is not asked; whether to trust it all the same is for pip to say."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    arguments = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    arguments += [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(arguments, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    host = serve([], [plain(), chunked(BODY)], context=context)
    suspicious = Connection(("https", host.name), 5, ssl.create_default_context)
    with pytest.raises(StatusError, match="certificate"):
        suspicious.ask(f"https://{host.name}/a", 0)
    trusted = ssl.create_default_context(cafile=certificate)
    connection = Connection(("https", host.name), 5, lambda: trusted)
    assert fetch(connection, host.name) == BODY
    assert fetch(connection, host.name, None) == BODY
    connection.close()


def test_user_in_a_url_is_not_sent(serve: Callable[..., Host]) -> None:
    host = serve([plain()])
    connection = Connection(("http", f"me:secret@{host.name}"), 5, ssl.create_default_context)
    assert fetch(connection, f"me:secret@{host.name}") == BODY
    assert b"secret" not in host.requests[0]
    connection.close()
