"""A connection to one host over HTTP.

Specification: RFC 9110 and 9112.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

from wheeltarget import __version__
from wheeltarget.network.transfer import (
    BrokenError,
    NoAnswerError,
    StatusError,
    UnreachableError,
    read_length,
    read_start,
)

_PORTS = {"http": 80, "https": 443}
_HEADERS = {
    # As pip does: the hash is that of the file, not of a compressed transfer.
    "Accept-Encoding": "identity",
    "User-Agent": f"wheeltarget/{__version__}",
}
_BUFFER = 1 << 18


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
        scheme, self._netloc = host
        self._trust = trust if scheme == "https" else None
        self._port = _PORTS[scheme]
        self._timeout = timeout
        self._is_cut = False
        self._socket: socket.socket | None = None
        self._http: HTTPConnection | None = None
        self._view = memoryview(b"")
        self.received = 0

    def ask(self, url: str, start: int) -> _Answer:
        """Request a file from some byte on.

        :param url: the URL of the file, at this host.
        :raises UnreachableError: if no connection can be made.
        :raises StatusError: if the host is not trusted.
        :raises NoAnswerError: if the connection breaks.
        """
        connected = self._http
        if connected is None or connected.sock is None:
            connected = self._connect()
        if self._is_cut:
            self.close()
            raise UnreachableError("the run ends")
        headers = {**_HEADERS, "Range": f"bytes={start}-"} if start else _HEADERS
        try:
            with self._errors_translated():
                connected.request("GET", _target(url), headers=headers)
                return _Answer(connected.getresponse(), self)
        except BrokenError as error:
            raise NoAnswerError(str(error)) from error

    def _connect(self) -> HTTPConnection:
        try:
            self._open()
        except StatusError:
            self.close()
            raise
        except (OSError, ValueError) as error:  # ValueError: not a valid host name
            self.close()
            if isinstance(error, ssl.SSLError):
                # The host answers; pip reports why it is not trusted.
                raise StatusError(0, str(error)) from error
            raise UnreachableError(str(error)) from error
        self._http = HTTPConnection(self._netloc, timeout=self._timeout)
        self._http.sock = self._socket
        self._view = self._view or memoryview(bytearray(_BUFFER))
        return self._http

    def _open(self) -> None:
        parts = urlsplit(f"//{self._netloc}")
        address = (parts.hostname or "", parts.port or self._port)
        sock = self._socket = socket.create_connection(address, self._timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._trust is not None:
            self._socket = secure = self._trust().wrap_socket(
                sock, server_hostname=parts.hostname, do_handshake_on_connect=False
            )
            # Only now, when another thread can cut it.
            secure.do_handshake()

    def fill(self, response: HTTPResponse, size: int) -> memoryview:
        """Read the next bytes of an answer, at most ``size``; they are valid until the next read.

        :raises BrokenError: if the connection breaks.
        """
        with self._errors_translated():
            count = response.readinto(self._view[:size])
        self.received += count
        return self._view[:count]

    @contextlib.contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise BrokenError for every failure of the network."""
        try:
            yield
        except (OSError, ValueError, HTTPException) as error:
            self.close()
            raise BrokenError(str(error)) from error

    def close(self) -> None:
        """Close it; the next request opens it again."""
        for each in (self._http, self._socket):
            if each is not None:
                each.close()
        self._http = self._socket = None

    def cut(self) -> None:
        """End it for good from another thread, also if its own thread is waiting for it."""
        self._is_cut = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Answer:
    def __init__(self, response: HTTPResponse, connection: Connection) -> None:
        self._response = response
        self._connection = connection
        self.status = response.status
        self.reason = response.reason
        self.length = self._left = read_length(response.getheader("Content-Length"))
        self.start = read_start(response.getheader("Content-Range"))

    def read(self, size: int) -> memoryview:
        piece = self._connection.fill(self._response, size)
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def close(self) -> None:
        is_unread = self._left or not self._response.isclosed()
        # It has the socket, too, so that closing the connection alone would leave that open.
        self._response.close()
        # If a part of the answer is unread, the connection cannot be used again.
        if is_unread:
            self._connection.close()


def _target(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
