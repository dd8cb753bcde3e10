"""Fetch one file over HTTP, hash it meanwhile, and resume it if the connection breaks.

The function that sends the request is an argument: pip's session or a plain connection.
Specification: range requests are those of RFC 9110, section 14.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import WheeltargetError
from wheeltarget.utils.files import Digest, FileToFetch, Writer

MOST_CONNECTIONS = 1000  # for one file, whatever progress they make
_MUCH, _SHARE = 1 << 20, 10  # what counts as progress: so many bytes, or a tenth of the file
_BACKOFF, _LONGEST_PAUSE = 0.25, 8.0
_BLOCK = 1 << 18
_WHOLE, _PART = 200, 206
_SIZE = re.compile(r"[0-9]{1,18}")


class BrokenError(Exception):
    """The connection broke; another request may succeed."""


class NoAnswerError(BrokenError):
    """The connection broke before there was an answer."""


class UnreachableError(Exception):
    """No connection could be made."""


class StatusError(Exception):
    """The server answered with anything but the file; ``code`` is the status."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code


class WrongSizeError(WheeltargetError):
    """A file has a wrong size; if it has too many bytes, not all may have been counted."""

    def __init__(self, expected: int, got: int) -> None:
        least = "at least " if got > expected else ""
        super().__init__(f"expected {expected} bytes, got {least}{got}")


class TooLargeError(WheeltargetError):
    """A file has more bytes than it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"it has more than {limit} bytes")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to request a file again without progress.

    :param retries: after a connection that broke before there was an answer; pip's ``--retries``.
    :param resumes: after one that broke later; pip's ``--resume-retries``.
    """

    retries: int = 5
    resumes: int = 5

    def covers(self, error: BrokenError, broken: int) -> bool:
        """Return whether to request again after so many connections broke without progress."""
        return broken <= (self.retries if isinstance(error, NoAnswerError) else self.resumes)


USUAL_PATIENCE = RetryPolicy()  # pip's defaults


class Answer(Protocol):
    """A server's answer, its body still to be read.

    :param length: the size of the body in bytes; None if unknown.
    :param start: where in the file the body begins; None if unknown.
    """

    status: int
    reason: str
    length: int | None
    start: int | None

    def read(self, size: int) -> bytes | memoryview:
        """Return bytes that are valid until the next read; none at the end; raises BrokenError."""

    def close(self) -> None:
        """Close the answer, read to its end or not."""


def read_length(value: str | None) -> int | None:
    """Read a Content-Length or an Age; None if it is not valid."""
    return int(value) if value and _SIZE.fullmatch(value) else None


def read_start(value: str | None) -> int | None:
    """Read where a part begins from a Content-Range; None if it is not valid."""
    match = re.match(r"\s*bytes\s+(\d{1,18})-", value or "", re.IGNORECASE | re.ASCII)
    return int(match[1]) if match else None


Ask = Callable[[int], Answer]
"""Requests a file from some byte on; raises BrokenError, UnreachableError or StatusError."""

Pause = Callable[[float], object]
"""Waits for so many seconds before the next request."""


def fetch_with_retries(
    order: FileToFetch,
    store: Store | None,
    ask: Ask,
    patience: RetryPolicy = USUAL_PATIENCE,
    pause: Pause = time.sleep,
) -> Digest:
    """Fetch a file, through the store if there is one.

    :param store: keeps it for the next run, unless it may have any hash; a store that cannot be
        written is skipped.
    :raises HashMismatchError, WrongSizeError: if it is another file.
    :raises TooLargeError: if it is larger than it may be.
    :raises StatusError: if the server answers with anything else.
    :raises BrokenError: if the connection broke too often.
    :raises UnreachableError: if no connection can be made.
    :raises OSError: if the file cannot be written.
    """
    path = Path(order.path)
    if store is not None and order.sha256:
        with contextlib.suppress(OSError):
            with store.writing(order.sha256, path) as writer:
                receive(writer.write, order.size, ask, patience, pause)
            return writer.digest
    path.unlink(missing_ok=True)
    try:
        with path.open("xb", buffering=0) as handle:
            writer = Writer(handle)
            receive(_limited(writer, order.limit), order.size, ask, patience, pause)
        if order.sha256:
            writer.digest.check(order.sha256)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return writer.digest


def _limited(writer: Writer, limit: int | None) -> Callable[[bytes | memoryview], object]:
    """Return a function that writes, and raises TooLargeError beyond a limit."""
    if limit is None:
        return writer.write

    def write(data: bytes | memoryview) -> object:
        if writer.digest.size + len(data) > limit:
            raise TooLargeError(limit)
        return writer.write(data)

    return write


def receive(
    write: Callable[[bytes | memoryview], object],
    size: int | None,
    ask: Ask,
    patience: RetryPolicy = USUAL_PATIENCE,
    pause: Pause = time.sleep,
) -> None:
    """Read a file to its end, although the connection may break on the way.

    A server without range requests sends the whole file again; the bytes received before are
    skipped, and the hash shows at the end whether it was the same file.

    The count of broken connections starts again only after progress, not after each answer: a
    server that sends one byte each time would be asked without end.
    """
    progress = _MUCH if size is None else min(_MUCH, size // _SHARE + 1)
    received = counted = broken = 0
    for connection in itertools.count(1):
        try:
            for piece in _pieces(ask, received, size):
                write(piece)
                received += len(piece)
            break
        except BrokenError as error:
            if received - counted >= progress:
                counted, broken = received, 0
            broken += 1
            if connection == MOST_CONNECTIONS or not patience.covers(error, broken):
                raise
            pause(pause_before(broken))
    if size is not None and received != size:
        raise WrongSizeError(size, received)


def pause_before(retry: int) -> float:
    """Return the seconds to wait before a retry, the first being 1, as pip does."""
    return 0.0 if retry <= 1 else min(_BACKOFF * 2 ** (retry - 1), _LONGEST_PAUSE)


def _pieces(ask: Ask, position: int, size: int | None) -> Iterator[bytes | memoryview]:
    """Yield the pieces of one answer from some byte on; raises BrokenError if it ends early."""
    answer = ask(position)
    try:
        start = _start(answer, position)
        left = answer.length
        if left is not None and size is not None and start + left != size:
            raise WrongSizeError(size, start + left)
        while piece := answer.read(_BLOCK):
            end = start + len(piece)
            left = None if left is None else left - len(piece)
            if size is not None and end > size:
                raise WrongSizeError(size, end)
            if end > position:
                yield piece[max(position - start, 0) :]
            start = end
        if left:
            raise BrokenError(f"the connection ended {left} bytes too early")
        if start < position:
            raise BrokenError("the answer ends before the requested range")
    finally:
        answer.close()


def _start(answer: Answer, position: int) -> int:
    """Return the byte at which an answer begins; raises StatusError, BrokenError."""
    if answer.status == _WHOLE:
        return 0
    if answer.status != _PART or answer.start is None:
        raise StatusError(answer.status, answer.reason)
    if answer.start > position:
        raise BrokenError("the answer begins after the requested range")
    return answer.start
