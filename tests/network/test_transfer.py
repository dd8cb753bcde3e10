"""One file over whatever asks for it: broken, gone on with, compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.network.transfer import (
    MOST_CONNECTIONS,
    BrokenError,
    NoAnswerError,
    RetryPolicy,
    StatusError,
    UnreachableError,
    WrongSizeError,
    fetch_with_retries,
    read_length,
    read_start,
    receive,
)
from wheeltarget.utils.files import FileToFetch


class Reply:
    """An answer whose connection may break."""

    def __init__(self, body: bytes, *, start: int | None = None, breaks_after: int = -1) -> None:
        self.status = 200 if start is None else 206
        self.reason = ""
        self.start = start
        self.length: int | None = len(body)
        self.closed = False
        self._left = body if breaks_after < 0 else body[:breaks_after]
        self._quietly = True
        self._breaks = breaks_after >= 0

    def loudly(self) -> Reply:
        """Raise that it broke, instead of just ending."""
        self._quietly = False
        return self

    def read(self, size: int) -> bytes:
        """Return the next bytes, a few at a time."""
        piece, self._left = self._left[: min(size, 7)], self._left[min(size, 7) :]
        if not piece and self._breaks and not self._quietly:
            raise BrokenError("broken")
        return piece

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Server:
    """Answers with one content, breaking off as it is told."""

    def __init__(self, content: bytes, breaks: list[int], *, ranges: bool) -> None:
        self.content = content
        self.asked: list[int] = []
        self.replies: list[Reply] = []
        self._breaks = iter(breaks)
        self._ranges = ranges

    def ask(self, start: int) -> Reply:
        """Answer from some byte on, if it can."""
        self.asked.append(start)
        begin = start if start and self._ranges else None
        reply = Reply(self.content[begin or 0 :], start=begin, breaks_after=next(self._breaks, -1))
        self.replies.append(reply.loudly() if len(self.asked) % 2 else reply)
        return reply


def no_pause(_seconds: float) -> None:
    """Go on at once."""


@given(
    content=st.binary(min_size=1, max_size=200),
    breaks=st.lists(st.integers(1, 60), max_size=5),
    ranges=st.booleans(),
    sized=st.booleans(),
)
def test_however_it_breaks_the_content_is_whole(
    content: bytes, breaks: list[int], ranges: bool, sized: bool
) -> None:
    """Each break comes later than the one before, so that every connection brings something."""
    later = [sum(breaks[: number + 1]) for number in range(len(breaks))]
    cuts = [at if not ranges else gap for at, gap in zip(later, breaks, strict=True)]
    # A break after the end does not count.
    cuts = cuts[: sum(at < len(content) for at in later)]
    server = Server(content, cuts, ranges=ranges)
    got = bytearray()
    receive(got.extend, len(content) if sized else None, server.ask, pause=no_pause)
    assert bytes(got) == content
    assert server.asked == [0, *later[: len(cuts)]]
    assert all(reply.closed for reply in server.replies)


@pytest.mark.parametrize("brings", [0, 1, 99], ids=["nothing", "a byte", "a little"])
@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("resumes", [0, 1, 5])
def test_given_up_if_next_to_nothing_comes(brings: int, resumes: int, *, sized: bool) -> None:
    """An answer alone is no progress, and neither is next to nothing: 99 bytes of 10000."""
    content, pauses = bytes(10_000), list[float]()
    server = Server(content, [brings] * 10_000, ranges=True)
    patience, size = RetryPolicy(retries=9, resumes=resumes), len(content) if sized else None
    with pytest.raises(BrokenError):
        receive(bytearray().extend, size, server.ask, patience, pauses.append)
    assert len(server.asked) == resumes + 1
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0][:resumes]


def test_progress_begins_the_count_anew() -> None:
    content, got = bytes(10_000), bytearray()
    server = Server(content, [300] * 10_000, ranges=True)
    receive(got.extend, len(content), server.ask, RetryPolicy(resumes=4), no_pause)
    assert len(got) == len(content)
    assert len(server.asked) == len(content) // 300 + 1


@pytest.mark.parametrize("repeats", [True, False])
def test_parts_that_bring_nothing_new(*, repeats: bool) -> None:
    """A part from the wrong place again and again, from before or from behind what was asked."""
    asked = []

    def ask(start: int) -> Reply:
        asked.append(start)
        if not start:
            return Reply(bytes(1000), breaks_after=150)
        return Reply(bytes(50 if repeats else 500), start=0 if repeats else 500)

    with pytest.raises(BrokenError):
        receive(bytearray().extend, None, ask, pause=no_pause)
    assert asked == [0, *[150] * 5]


def test_there_is_an_end_to_progress() -> None:
    """Of a file whose size nobody knows, much comes each time, and it never ends."""
    asked = []

    class Much(Reply):
        def read(self, size: int) -> bytes:
            del size
            piece, self._left = self._left, b""
            return piece

    def ask(start: int) -> Reply:
        asked.append(start)
        reply = Much(bytes(1 << 20), start=start or None)
        reply.length = 1 << 30
        return reply

    with pytest.raises(BrokenError):
        receive(lambda _piece: None, None, ask, pause=no_pause)
    assert len(asked) == MOST_CONNECTIONS


@pytest.mark.parametrize("retries", [0, 2])
def test_a_host_that_does_not_answer(retries: int) -> None:
    asked = []

    def ask(start: int) -> Reply:
        asked.append(start)
        raise NoAnswerError("no")

    with pytest.raises(NoAnswerError):
        receive(bytearray().extend, None, ask, RetryPolicy(retries=retries), no_pause)
    assert len(asked) == retries + 1


@pytest.mark.parametrize(("size", "got"), [(6, "at least 7"), (8, "7")])
def test_another_size_than_said(size: int, got: str) -> None:
    reply = Reply(b"content")
    reply.length = None
    with pytest.raises(WrongSizeError, match=f"expected {size} bytes, got {got}"):
        receive(bytearray().extend, size, lambda _start: reply)
    written = bytearray()
    with pytest.raises(WrongSizeError):
        receive(written.extend, size, lambda _start: Reply(b"content"))
    assert not written


def test_part_that_begins_elsewhere() -> None:
    first, second = Reply(b"content", breaks_after=3), Reply(b"tent", start=3)
    second.start = 5
    replies: Iterator[Reply] = iter([first, second, Reply(b"ontent", start=1)])
    got = bytearray()
    receive(got.extend, 7, lambda _start: next(replies), pause=no_pause)
    assert bytes(got) == b"content"


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("error", [StatusError(404, "no"), UnreachableError("no")])
def test_what_the_server_says_comes_through(tmp_path: Path, stored: bool, error: Exception) -> None:
    def ask(_start: int) -> Reply:
        raise error

    order = FileToFetch("", "x", "x", hashlib.sha256(b"x").hexdigest(), 1, str(tmp_path / "x"))
    with pytest.raises(type(error)):
        fetch_with_retries(order, Store(tmp_path / "store") if stored else None, ask)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("store", ["kept", "none", "broken"])
def test_obtained_with_and_without_a_store(tmp_path: Path, store: str) -> None:
    content = b"content"
    digest = hashlib.sha256(content).hexdigest()
    folder = tmp_path / "store"
    if store == "broken":
        folder.write_text("no folder")
    path = tmp_path / "file"
    order = FileToFetch("", "file", "file", digest, len(content), str(path))
    fetch_with_retries(
        order, None if store == "none" else Store(folder), lambda _start: Reply(content)
    )
    assert path.read_bytes() == content
    assert (Store(folder).find(digest) is not None) is (store == "kept")
    other = FileToFetch("", "o", "o", digest, None, str(tmp_path / "other"))
    if store != "kept":
        with pytest.raises(HashMismatchError):
            fetch_with_retries(other, None, lambda _start: Reply(b"another"))
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("value", "expected"), [("12", 12), (None, None), ("-1", None), ("x", None), ("", None)]
)
def test_length(value: str | None, expected: int | None) -> None:
    assert read_length(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("bytes 5-9/10", 5), ("Bytes 0-1/2", 0), ("5-9", None), (None, None)]
)
def test_start(value: str | None, expected: int | None) -> None:
    assert read_start(value) == expected


@pytest.mark.parametrize("value", ["9" * 5000, "-1", "²", "1_0", "", None])
def test_length_that_is_not_valid(value: str | None) -> None:
    assert read_length(value) is None


@pytest.mark.parametrize("value", [f"bytes {'9' * 5000}-1/2", "bytes -1-2/3", "bytes */2", None])
def test_start_that_is_not_valid(value: str | None) -> None:
    assert read_start(value) is None
