"""A connection to one host over HTTP/1.1, without what takes long to load.

An answer that says how long it is, as that of a file does, is read here, in large pieces and into
one buffer. Every other one (in chunks, without a length, of another version of HTTP, with a head
that is not quite as it should be) is read by ``http.client``, which is loaded for it.
Specification: RFC 9110 and 9112.
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from wheeltarget import __version__
from wheeltarget.transfer import (
    Answer,
    BrokenError,
    StatusError,
    UnreachableError,
    read_length,
    read_start,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

_PORTS = {"http": 80, "https": 443}
_HEADERS = (
    # As pip does: the hash is that of the file, not of what a server makes of it.
    f"Accept-Encoding: identity\r\nUser-Agent: wheeltarget/{__version__}\r\n"
)
_BUFFER = 1 << 18
_HEAD = 1 << 14
"""How many bytes are asked for at once, while a head is read."""

_LONGEST_HEAD = 1 << 16
_END = b"\r\n\r\n"


class Connection:
    """A connection to one host that is used again and again, and opened when it is needed.

    :param host: the scheme, ``http`` or ``https``, and the host, with a port or without.
    :param timeout: seconds without an answer after which it is given up.
    :param trust: gives the certificates that are trusted, for ``https``; raises StatusError where
        they cannot be read.
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
        self._how = 0
        self._view = memoryview(b"")
        self.received = 0

    def ask(self, url: str, start: int) -> Answer:
        """Ask for a file from some byte on.

        :param url: the URL of the file, at this host.
        :param start: the number of the byte, from 0.
        :raises UnreachableError: where no connection comes about.
        :raises StatusError: where it is not to be trusted.
        :raises BrokenError: where it breaks.
        """
        sock = self._socket or self._connect()
        if self._is_cut:
            self.close()
            raise UnreachableError("the run ends")
        with self.errors_translated():
            sock.sendall(_request(url, start))
            return self._answer(sock)

    def _connect(self) -> socket.socket:
        try:
            sock = self._open()
        except (OSError, ValueError) as error:  # a name that is none is a ValueError
            self.close()
            if type(error).__module__ == "ssl":
                # It does answer; whether it is to be trusted is for pip to say.
                raise StatusError(0, str(error)) from error
            raise UnreachableError(str(error)) from error
        except StatusError:
            self.close()
            raise
        if not self._view:
            self._view = memoryview(bytearray(_BUFFER))
        return sock

    def _open(self) -> socket.socket:
        parts = urlsplit(f"//{self._netloc}")
        # In bytes, or a codec for names that are not in ASCII would be loaded.
        name = (parts.hostname or "").encode("ascii")
        address = (name, parts.port or self._port)
        sock = socket.create_connection(address, self._timeout)  # type: ignore[arg-type]
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._trust is None:
            self._how = _let_the_system_wait(sock, self._timeout)
            return sock
        self._socket = secure = self._trust().wrap_socket(
            sock, server_hostname=parts.hostname, do_handshake_on_connect=False
        )
        # Only now, since it can be cut meanwhile.
        secure.do_handshake()
        return secure

    def _answer(self, sock: socket.socket) -> Answer:
        """Read the head of an answer."""
        said = b""
        while _END not in said and b"\n\n" not in said and len(said) < _LONGEST_HEAD:
            count = sock.recv_into(self._view[len(said) :], _HEAD)
            if not count:
                raise BrokenError("the connection ended before there was an answer")
            said = bytes(self._view[: len(said) + count])
        head, end, _ = said.partition(_END)
        known = _read_head(head) if end else None
        if known is None:
            return _ForeignAnswer(self, sock, said)
        return _PlainAnswer(self, known, (len(head) + len(end), len(said)))

    def fill(self, begin: int, end: int) -> int:
        """Read a part of the buffer full, if there is that much.

        :param begin: where to begin.
        :param end: where to end.
        :returns: where it was ended, with fewer bytes where the connection ended or broke.
        :raises BrokenError: where it broke and there is nothing new.
        """
        position = begin
        sock = self._socket
        with self.errors_translated():
            while position < end and sock is not None:
                try:
                    count = sock.recv_into(self._view[position:end], end - position, self._how)
                except OSError:
                    if position == begin:
                        raise
                    break  # the next attempt says so
                if not count:
                    break
                position += count
                self.received += count
        return position

    def take(self, begin: int, end: int) -> memoryview:
        """Give a part of the buffer, which is good until something is read again.

        :param begin: where it begins.
        :param end: where it ends.
        """
        return self._view[begin:end]

    @contextlib.contextmanager
    def errors_translated(self) -> Iterator[None]:
        """Say of every failure of the network that the connection broke."""
        try:
            yield
        except OSError as error:
            self.close()
            raise BrokenError(str(error)) from error
        except BrokenError:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request opens it again."""
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def cut(self) -> None:
        """End it for good, and whatever waits for it, from another thread."""
        self._is_cut = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _PlainAnswer:
    """An answer that says how long it is."""

    def __init__(
        self, connection: Connection, head: tuple[int, str, dict[str, str]], said: tuple[int, int]
    ) -> None:
        self._connection = connection
        self.status, self.reason, headers = head
        self.length = read_length(headers.get("content-length"))
        self.start = read_start(headers.get("content-range"))
        self._left = self.length or 0
        self._begin, self._end = said
        self._goes_on = "close" not in headers.get("connection", "").lower()
        connection.received += min(self._end - self._begin, self._left)

    def read(self, size: int) -> memoryview:
        """Give the next bytes of the body."""
        want = min(size, self._left, _BUFFER)
        known = min(self._end - self._begin, want)
        connection = self._connection
        if known:
            connection.take(0, known)[:] = connection.take(self._begin, self._begin + known)
            self._begin += known
        end = connection.fill(known, want) if known < want else known
        self._left -= end
        return connection.take(0, end)

    def close(self) -> None:
        """Let the answer go; of one that was not read to its end the connection goes, too."""
        if self._left or self._begin < self._end or not self._goes_on:
            self._connection.close()


class _ForeignAnswer:
    """An answer that ``http.client`` reads."""

    def __init__(self, connection: Connection, sock: socket.socket, said: bytes) -> None:
        from http.client import HTTPResponse

        self._connection = connection
        self._response = HTTPResponse(_Replay(sock, said), method="GET")  # type: ignore[arg-type]
        try:
            with self._errors_translated():
                self._response.begin()
        except BrokenError:
            self._response.close()
            raise
        self.status = self._response.status
        self.reason = self._response.reason
        self.length = self._response.length
        self.start = read_start(self._response.getheader("Content-Range"))

    def read(self, size: int) -> bytes:
        """Give the next bytes of the body."""
        with self._errors_translated():
            piece = self._response.read(size)
        self._connection.received += len(piece)
        return piece

    def close(self) -> None:
        """Let the answer go, and the connection with it."""
        self._response.close()
        self._connection.close()

    @contextlib.contextmanager
    def _errors_translated(self) -> Iterator[None]:
        from http.client import HTTPException

        with self._connection.errors_translated():
            try:
                yield
            except HTTPException as error:
                raise BrokenError(str(error)) from error


class _Replay(io.RawIOBase):
    """A socket of which some bytes were read already, as ``http.client`` wants one."""

    def __init__(self, sock: socket.socket, said: bytes) -> None:
        super().__init__()
        self._socket = sock
        self._said = said

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give all that it says, from the first byte on."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give what was read already, and then what comes."""
        if not self._said:
            return self._socket.recv_into(buffer)
        piece, self._said = self._said[: len(buffer)], self._said[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _request(url: str, start: int) -> bytes:
    """Write a request; the fragment of a URL is the client's own business."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    span = f"Range: bytes={start}-\r\n" if start else ""
    head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{_HEADERS}{span}\r\n"
    return head.encode("ascii")


def _read_head(head: bytes) -> tuple[int, str, dict[str, str]] | None:
    """Read the head of an answer.

    :returns: its status, the words for that, and the headers by lower-case name; None where it is
        not plain that the body has the length that it says.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if (
        "\n" in first
        or version != "HTTP/1.1"
        or len(code) != 3
        or not code.isdigit()
        or not "2" <= code[0] <= "5"
    ):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
            return None
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "transfer-encoding" in headers or read_length(headers.get("content-length")) is None:
        return None
    if code in {"204", "304"}:  # which have no body, whatever they say
        return None
    return int(code), reason.strip(), headers


def _let_the_system_wait(sock: socket.socket, timeout: float) -> int:
    """Let the system keep the time, so that one call of it reads a whole piece.

    :returns: how to read; where the system has no such ways, Python keeps the time and reads what
        there is.
    """
    if sys.platform == "win32":
        return 0
    seconds, part = divmod(timeout, 1)
    span = struct.pack("@ll", int(seconds), int(part * 1_000_000))
    try:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, span)
    except OSError:
        return 0
    sock.settimeout(None)
    return socket.MSG_WAITALL
