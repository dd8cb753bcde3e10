"""One file over HTTP: hashed while it streams, and gone on with where the connection broke.

What asks for the file is an argument, so that it can be pip's session or a plain connection.
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
from wheeltarget.errors import HashMismatchError, WheeltargetError
from wheeltarget.utils.file_to_fetch import FileToFetch
from wheeltarget.utils.hashes import Digest, Writer

MOST_CONNECTIONS = 1000
"""How many connections a file may take, whatever progress they make."""

_MUCH = 1 << 20
_SHARE = 10
"""What counts as progress: so many bytes, or one of so many parts of the file."""

_BACKOFF, _LONGEST_PAUSE = 0.25, 8.0
_BLOCK = 1 << 18
_WHOLE, _PART = 200, 206


class BrokenError(Exception):
    """The connection broke; to try again may help."""


class NoAnswerError(BrokenError):
    """It broke before there was any answer."""


class UnreachableError(Exception):
    """No connection came about."""


class StatusError(Exception):
    """The server answers something else than the file.

    :param code: its status.
    :param reason: its words for it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code


class WrongSizeError(WheeltargetError):
    """A file has not as many bytes as it should.

    :param expected: how many it should have.
    :param got: how many there are, or came before it was clear that they are too many.
    """

    def __init__(self, expected: int, got: int) -> None:
        least = "at least " if got > expected else ""
        super().__init__(f"expected {expected} bytes, got {least}{got}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a file is asked for again, with no progress between.

    :param retries: after a connection that broke before there was an answer; pip's ``--retries``.
    :param resumes: after one that broke later; pip's ``--resume-retries``.
    """

    retries: int = 5
    resumes: int = 5

    def covers(self, error: BrokenError, broken: int) -> bool:
        """Tell whether to ask again.

        :param error: why the last connection broke.
        :param broken: how many have broken with no progress between, this one among them.
        """
        return broken <= (self.retries if isinstance(error, NoAnswerError) else self.resumes)


USUAL_PATIENCE = Patience()
"""pip's own."""


class Answer(Protocol):
    """A server's answer, its body still to be read."""

    @property
    def status(self) -> int:
        """Give its status."""

    @property
    def reason(self) -> str:
        """Give the server's words for the status."""

    @property
    def length(self) -> int | None:
        """Give how many bytes the body has, or None where the server does not say."""

    @property
    def start(self) -> int | None:
        """Give where in the file the body begins, where the server says so."""

    def read(self, size: int) -> bytes | memoryview:
        """Give the next bytes of the body, none at its end; raises BrokenError.

        They are good until the next ones are asked for.
        """

    def close(self) -> None:
        """Let the answer go, read to its end or not."""


def read_length(value: str | None) -> int | None:
    """Read a Content-Length; None where it is none.

    :param value: the header, or None.
    """
    return int(value) if value and value.isascii() and value.isdigit() else None


def read_start(value: str | None) -> int | None:
    """Read where a part begins, of a Content-Range; None where it does not say.

    :param value: the header, or None.
    """
    match = re.match(r"\s*bytes\s+(\d+)-", value or "", re.IGNORECASE | re.ASCII)
    return int(match[1]) if match else None


Ask = Callable[[int], Answer]
"""Asks for a file from some byte on; raises BrokenError, and UnreachableError."""


def obtain(
    order: FileToFetch,
    store: Store | None,
    ask: Ask,
    patience: Patience = USUAL_PATIENCE,
    pause: Callable[[float], object] | None = None,
) -> Digest:
    """Fetch a file, through the store where there is one.

    :param order: which file, and where to.
    :param store: keeps it for the next run; a store that cannot be written is passed over.
    :param ask: asks for it.
    :param patience: how often to ask again.
    :param pause: waits for so many seconds before that; by default, nothing interrupts it.
    :returns: what was computed of it on the way.
    :raises HashMismatchError: if it is another file.
    :raises WrongSizeError: if it has another size.
    :raises StatusError: where the server does not give it.
    :raises BrokenError: where the connection broke for good.
    :raises UnreachableError: where there was none.
    :raises OSError: where it cannot be written.
    """
    if store is not None:
        with contextlib.suppress(OSError):
            with store.writing(order.sha256, Path(order.path)) as writer:
                receive(writer.write, order.size, ask, patience, pause)
            return writer.digest
    return _obtain_directly(order, ask, patience, pause)


def _obtain_directly(
    order: FileToFetch, ask: Ask, patience: Patience, pause: Callable[[float], object] | None
) -> Digest:
    path = Path(order.path)
    path.unlink(missing_ok=True)
    try:
        with path.open("xb", buffering=0) as handle:
            writer = Writer(handle)
            receive(writer.write, order.size, ask, patience, pause)
        _compare(order.sha256, writer.digest)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return writer.digest


def _compare(expected: str, digest: Digest) -> None:
    if digest.sha256 != expected:
        raise HashMismatchError(expected, digest.sha256)


def receive(
    write: Callable[[bytes | memoryview], object],
    size: int | None,
    ask: Ask,
    patience: Patience = USUAL_PATIENCE,
    pause: Callable[[float], object] | None = None,
) -> None:
    """Read a file to its end, although the connection may break on the way.

    A server that does not know ranges sends the whole file again, of which what is there already
    is passed over: the hash, at the end, tells whether it was the same file.

    It is progress, not an answer, after which patience begins anew: a server that sends one byte
    each time would be asked without end. And there is an end to that, too.

    :param write: takes each piece.
    :param size: how many bytes the file has to have, or None.
    :param ask: asks for it.
    :param patience: how often to ask again.
    :param pause: waits for so many seconds before that.
    :raises WrongSizeError: if it has another size.
    :raises StatusError: if the server does not give it.
    :raises BrokenError: if the connection broke for good.
    :raises UnreachableError: if there was none.
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
            (pause or time.sleep)(pause_before(broken))
    if size is not None and received != size:
        raise WrongSizeError(size, received)


def pause_before(retry: int) -> float:
    """Return how many seconds to wait before asking again, as pip does.

    :param retry: how many times it has been asked for again with no progress, from 1.
    """
    return 0.0 if retry <= 1 else min(_BACKOFF * 2 ** (retry - 1), _LONGEST_PAUSE)


def _pieces(ask: Ask, position: int, size: int | None) -> Iterator[bytes | memoryview]:
    """Give what one answer has of a file from some byte on; raises BrokenError at its early end."""
    answer = ask(position)
    try:
        start = _start(answer, position)
        left = answer.length
        if left is not None and size is not None and start + left != size:
            raise WrongSizeError(size, start + left)
        while piece := answer.read(_BLOCK):
            left = None if left is None else left - len(piece)
            end = start + len(piece)
            if size is not None and end > size:
                raise WrongSizeError(size, end)
            if end > position:
                yield piece[max(position - start, 0) :]
            start = end
        if left:
            raise BrokenError(f"the connection ended {left} bytes too early")
        if start < position:
            raise BrokenError("the answer ends before the place that was asked for")
    finally:
        answer.close()


def _start(answer: Answer, position: int) -> int:
    """Give the byte of the file with which an answer begins; raises StatusError, BrokenError."""
    if answer.status == _WHOLE:
        return 0
    if answer.status != _PART or answer.start is None:
        raise StatusError(answer.status, answer.reason)
    if answer.start > position:
        raise BrokenError("the server goes on behind the place that was asked for")
    return answer.start
