"""A connection to one host over HTTP.

Specification: RFC 9110 and 9112.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPS_PORT, HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

from wheeltarget import __version__
from wheeltarget.network.transfer import (
    BrokenError,
    NoAnswerError,
    StatusError,
    UnreachableError,
    read_start,
)

_HEADERS = {"User-Agent": f"wheeltarget/{__version__}"}
_BUFFER = 1 << 18


class _HTTPSConnection(HTTPConnection):
    default_port = HTTPS_PORT


class Connection:
    """A reusable connection to one host, opened when it is needed.

    ``received`` is the number of bytes received.

    :param host: the scheme, ``http`` or ``https``, and the host, with a port or without.
    :param timeout: the seconds to wait for an answer.
    :param trust: returns the trusted certificates, for ``https``; raises StatusError if they
        cannot be read.
    """

    def __init__(
        self, host: tuple[str, str], timeout: float, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        self._scheme, self._netloc = host
        self._timeout, self._trust = timeout, trust
        self._is_cut = False
        self._socket: socket.socket | None = None
        self._http: HTTPConnection | None = None
        self._view = memoryview(b"")
        self.received = 0

    def ask(self, url: str, start: int) -> _Answer:
        """Request a file of this host from some byte on.

        :raises UnreachableError: if no connection can be made.
        :raises StatusError: if the host is not trusted.
        :raises NoAnswerError: if the connection breaks.
        """
        http = self._http if self._http and self._http.sock else self._connect()
        if self._is_cut:
            self.close()
            raise UnreachableError("the run ends")
        headers = {**_HEADERS, "Range": f"bytes={start}-"} if start else _HEADERS
        with self._errors_as(NoAnswerError):
            http.request("GET", _target(url), headers=headers)
            return _Answer(http.getresponse(), self)

    def _connect(self) -> HTTPConnection:
        try:
            return self._open()
        except (OSError, ValueError, HTTPException, StatusError) as error:
            self.close()
            if isinstance(error, ssl.SSLError):
                # The host answers; pip reports why it is not trusted.
                raise StatusError(0, str(error)) from error
            if isinstance(error, StatusError):
                raise
            raise UnreachableError(str(error)) from error  # also for an invalid name

    def _open(self) -> HTTPConnection:
        is_secure = self._scheme == "https"
        kind = _HTTPSConnection if is_secure else HTTPConnection
        # Without a user: a host that needs one answers so, and is left to pip.
        http = self._http = kind(self._netloc.rpartition("@")[2], timeout=self._timeout)
        http.connect()
        self._socket = http.sock
        if is_secure:
            self._socket = http.sock = self._trust().wrap_socket(
                http.sock, server_hostname=http.host.lower(), do_handshake_on_connect=False
            )
            # Only now, when another thread can cut it.
            http.sock.do_handshake()
        self._view = self._view or memoryview(bytearray(_BUFFER))
        return http

    def fill(self, response: HTTPResponse, size: int) -> memoryview:
        """Read the next bytes of an answer, at most ``size``; they are valid until the next read.

        :raises BrokenError: if the connection breaks.
        """
        with self._errors_as(BrokenError):
            count = response.readinto(self._view[:size])
        self.received += count
        return self._view[:count]

    @contextlib.contextmanager
    def _errors_as(self, kind: type[BrokenError]) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, HTTPException) as error:
            self.close()
            raise kind(str(error)) from error

    def close(self) -> None:
        """Close it; the next request opens it again."""
        for each in (self._http, self._socket):
            if each is not None:
                each.close()
        self._http = self._socket = None

    def cut(self) -> None:
        """End it for good from another thread, also if its own thread is waiting for it."""
        self._is_cut = True
        if sock := self._socket:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Answer:
    def __init__(self, response: HTTPResponse, connection: Connection) -> None:
        self._response = response
        self._connection = connection
        self.status, self.reason, self.length = response.status, response.reason, response.length
        self.start = read_start(response.getheader("Content-Range"))

    def read(self, size: int) -> memoryview:
        return self._connection.fill(self._response, size)

    def close(self) -> None:
        is_unread = self._response.length or not self._response.isclosed()
        # It has the socket, too, so that closing the connection alone would leave that open.
        self._response.close()
        # If a part of the answer is unread, the connection cannot be used again.
        if is_unread:
            self._connection.close()


def _target(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
