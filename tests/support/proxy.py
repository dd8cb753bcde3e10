"""A forward proxy on this machine: GET for http, a tunnel for https."""

from __future__ import annotations

import base64
import contextlib
import http.client
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

_HOST = "127.0.0.1"
_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding"}
)
_BLOCK = 1 << 16


class Proxy:
    """Pass requests on from a free port of 127.0.0.1, until closed.

    :param username: who to let in; anyone if absent.
    :param password: what the user has to give.
    """

    def __init__(self, *, username: str | None = None, password: str = "") -> None:
        self._user = "" if username is None else f"{username}:{quote(password)}@"
        credentials = f"{username}:{password}".encode()
        self.expected = username and f"Basic {base64.b64encode(credentials).decode()}"
        self.asked: list[tuple[str, str, int]] = []
        """The method, what was asked for, and the status answered, of each request."""
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return its URL, with user and password."""
        return f"http://{self._user}{_HOST}:{self._server.server_port}"

    @property
    def bare_url(self) -> str:
        """Return its URL without the password."""
        return f"http://{_HOST}:{self._server.server_port}"


class _Server(ThreadingHTTPServer):
    """Serve one proxy."""

    allow_reuse_address = False
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.closing = threading.Event()
        super().__init__((_HOST, 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients and servers that have disconnected."""


class _Handler(BaseHTTPRequestHandler):
    """Pass on the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_CONNECT(self) -> None:
        if self._is_let_in():
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port))) as there:
                there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.send_response(200)
                self.end_headers()
                self._pipe(there)
            self.close_connection = True

    def do_GET(self) -> None:
        if self._is_let_in():
            parts = urlsplit(self.path)
            with contextlib.closing(http.client.HTTPConnection(parts.netloc)) as there:
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in {*_OF_THE_CONNECTION, "proxy-authorization"}
                }
                where = f"{parts.path}?{parts.query}" if parts.query else parts.path
                there.request(self.command, where, headers=headers)
                answer = there.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {*_OF_THE_CONNECTION, "server", "date"}:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

    def _is_let_in(self) -> bool:
        proxy = self.server.proxy
        is_let_in = proxy.expected in {None, self.headers.get("Proxy-Authorization")}
        proxy.asked.append((self.command, self.path, 200 if is_let_in else 407))
        if not is_let_in:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="test proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        return is_let_in

    def _pipe(self, there: socket.socket) -> None:
        """Carry bytes both ways until one side leaves."""
        other = {self.connection: there, there: self.connection}
        while not self.server.closing.is_set():
            for end in select.select([*other], [], [], 0.1)[0]:
                data = end.recv(_BLOCK)
                if not data:
                    return
                other[end].sendall(data)
