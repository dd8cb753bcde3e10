"""A connection to one host over HTTP, by ``http.client``, which is loaded on first use.

Specification: RFC 9110 and 9112.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from wheeltarget import __version__
from wheeltarget.network.transfer import (
    Answer,
    BrokenError,
    NoAnswerError,
    StatusError,
    UnreachableError,
    read_length,
    read_start,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection, HTTPResponse

_PORTS = {"http": 80, "https": 443}
_HEADERS = {
    # As pip does: the hash is that of the file, not of a compressed transfer.
    "Accept-Encoding": "identity",
    "User-Agent": f"wheeltarget/{__version__}",
}
_BUFFER = 1 << 18


class Connection:
    """A reusable connection to one host, opened when it is needed.

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

    def ask(self, url: str, start: int) -> Answer:
        """Request a file from some byte on.

        :param url: the URL of the file, at this host.
        :param start: the number of the byte, from 0.
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
            with self.errors_translated():
                connected.request("GET", _target(url), headers=headers)
                return _Answer(connected.getresponse(), self)
        except BrokenError as error:
            raise NoAnswerError(str(error)) from error

    def _connect(self) -> HTTPConnection:
        try:
            self._open()
        except (OSError, ValueError) as error:  # ValueError: not a valid host name
            self.close()
            if type(error).__module__ == "ssl":
                # The host answers; pip reports why it is not trusted.
                raise StatusError(0, str(error)) from error
            raise UnreachableError(str(error)) from error
        except StatusError:
            self.close()
            raise
        from http.client import HTTPConnection

        self._http = HTTPConnection(self._netloc, timeout=self._timeout)
        self._http.sock = self._socket
        if not self._view:
            self._view = memoryview(bytearray(_BUFFER))
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
        """Read the next bytes of an answer; they are valid until the next read.

        :param response: the answer.
        :param size: the largest number of bytes.
        :raises BrokenError: if the connection breaks.
        """
        with self.errors_translated():
            count = response.readinto(self._view[:size])
        self.received += count
        return self._view[:count]

    @contextlib.contextmanager
    def errors_translated(self) -> Iterator[None]:
        """Raise BrokenError for every failure of the network."""
        from http.client import HTTPException

        try:
            yield
        except (OSError, ValueError, HTTPException) as error:
            self.close()
            raise BrokenError(str(error)) from error

    def close(self) -> None:
        """Close it; the next request opens it again."""
        connected, self._http = self._http, None
        sock, self._socket = self._socket, None
        if connected is not None:
            connected.close()
        if sock is not None:
            sock.close()

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
