"""Serve a recorded index over the loopback, in a process of its own, as fast as it can.

HTTP/1.1 with connections that stay open, ETags, byte ranges of files, and the cache rules of the
public index: a page counts for ten minutes, a file for ever. Each answer can be made to wait, the
bytes to flow slowly, the metadata files to be missing, and some requests to fail. ``GET /-/told``
says what was asked for, and ``GET /-/set`` changes the behaviour from then on and starts the counts
anew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import email.utils
import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

from tests.benchmarks.recorded import JSON, METADATA, Recording, Upstream, html_page
from tests.support.cli import ROOT

HOST = "127.0.0.1"
_PAGES = "max-age=600, public"
_FILES = "max-age=365000000, immutable, public"
_CHUNK = 1 << 16
_SMALL = 1 << 18
_BYTES = {"metadata": "metadata_bytes", "files": "file_bytes", "ranges": "range_bytes"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an index answers.

    :param delay: seconds that each answer waits.
    :param bandwidth: bytes a second, of all connections together; 0 for no limit.
    :param drop: every so many requests, one's connection is cut without an answer; 0 for none.
    :param busy: every so many requests, one is answered 429; 0 for none.
    :param retry_after: the seconds that such an answer asks to wait.
    :param stall: every so many requests, one is answered only after a while; 0 for none.
    :param stall_seconds: how long that is.
    :param wrong: so many wheels, the first ones, are sent with a byte that is wrong.
    :param metadata: whether there are metadata files, and pages list them (PEP 658).
    """

    delay: float = 0.0
    bandwidth: float = 0.0
    drop: int = 0
    busy: int = 0
    retry_after: int = 1
    stall: int = 0
    stall_seconds: float = 2.0
    wrong: int = 0
    metadata: bool = True

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Read it from the query of a URL, a quoted JSON object."""
        return cls(**json.loads(unquote(query)))


@dataclass(frozen=True, slots=True)
class Told:
    """What an index was asked for.

    :param pages: how many pages.
    :param metadata: how many metadata files.
    :param files: how many whole distributions.
    :param ranges: how many ranges of distributions.
    :param heads: how many requests for the headers of a distribution alone.
    :param unchanged: how many of all these were answered with 304.
    :param missing: how many requests for something that is not there.
    :param failed: how many requests failed on purpose.
    :param recorded: how many had to be recorded first, which takes longer.
    :param bytes: how many bytes the answers had.
    :param metadata_bytes: how many of them were those of metadata files.
    :param file_bytes: how many of them were those of whole distributions.
    :param range_bytes: how many of them were those of ranges.
    :param connections: how many connections were made.
    :param at_once: how many requests were open at the same time, at most.
    """

    pages: int = 0
    metadata: int = 0
    files: int = 0
    ranges: int = 0
    heads: int = 0
    unchanged: int = 0
    missing: int = 0
    failed: int = 0
    recorded: int = 0
    bytes: int = 0
    metadata_bytes: int = 0
    file_bytes: int = 0
    range_bytes: int = 0
    connections: int = 0
    at_once: int = 0

    @property
    def requests(self) -> int:
        """Return the number of all requests."""
        of_files = self.metadata + self.files + self.ranges + self.heads
        return self.pages + of_files + self.missing

    @property
    def bytes_of_files(self) -> int:
        """Return how many bytes were read of distributions and their metadata files."""
        return self.metadata_bytes + self.file_bytes + self.range_bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """What to send: a body, or a file.

    :param span: the bytes of the file that are sent; all of them if it is empty.
    """

    kind: str
    status: int = 200
    body: bytes = b""
    path: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    span: range = range(0)

    @property
    def size(self) -> int:
        """Return how many bytes its body has."""
        return len(self.span) if self.path is not None else len(self.body)


class _Index:
    """Find answers, and count what was asked for."""

    def __init__(self, recording: Recording, behaviour: Behaviour) -> None:
        self.recording = recording
        self.behaviour = behaviour
        self.base = ""
        self.counts: Counter[str] = Counter()
        self.asked = 0
        self.open = 0
        self._pages: dict[tuple[str, bool, bool, bool], tuple[bytes, str] | None] = {}
        self._free_at = 0.0

    def set(self, query: str) -> None:
        """Take another behaviour, and begin to count anew."""
        self.behaviour = Behaviour.from_query(query)
        self.counts.clear()
        self.asked = 0
        self._free_at = 0.0
        self.recording.fetched = 0

    async def answer(self, method: str, target: str, headers: Mapping[str, str]) -> _Answer:
        """Find what to answer."""
        path, _, query = target.partition("?")
        match path.strip("/").split("/"):
            case ["-", "told"]:
                counts = {**self.counts, "recorded": self.recording.fetched}
                return _Answer("", body=json.dumps(counts).encode())
            case ["-", "set"]:
                self.set(query)
                return _Answer("")
            case ["simple", project]:
                return await self._page(project, headers)
            case ["files", host, *rest]:
                found = await self._file(host, unquote("/".join(rest)), headers)
                is_head = method == "HEAD" and found.kind in {"files", "ranges"}
                return replace(found, kind="heads") if is_head else found
        return _Answer("missing", 404)

    async def _page(self, project: str, headers: Mapping[str, str]) -> _Answer:
        as_json = JSON in headers.get("accept", "")
        packed = "gzip" in headers.get("accept-encoding", "")
        key = project, as_json, packed, self.behaviour.metadata
        if key not in self._pages:
            self._pages[key] = await asyncio.to_thread(self._render, *key)
        found = self._pages[key]
        if found is None:
            return _Answer("missing", 404)
        body, etag = found
        said = {"ETag": etag, "Cache-Control": _PAGES, "Vary": "Accept, Accept-Encoding"}
        if headers.get("if-none-match") == etag:
            return _Answer("pages", 304, headers=said)
        said["Content-Type"] = JSON if as_json else "text/html; charset=utf-8"
        if packed:
            said["Content-Encoding"] = "gzip"
        return _Answer("pages", body=body, headers=said)

    def _render(
        self, project: str, as_json: bool, packed: bool, metadata: bool
    ) -> tuple[bytes, str] | None:
        page = self.recording.page(project, self.base, metadata=metadata)
        if page is None:
            return None
        body = page if as_json else html_page(page)
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        return (gzip.compress(body, 6, mtime=0) if packed else body), etag

    async def _file(self, host: str, path: str, headers: Mapping[str, str]) -> _Answer:
        kind = "metadata" if path.endswith(METADATA) else "files"
        if kind == "metadata" and not self.behaviour.metadata:
            return _Answer("missing", 404)
        found = self.recording.file(host, path)
        if found is None and self.recording.upstream:
            found = await asyncio.to_thread(self.recording.file, host, path)
        if found is None:
            return _Answer("missing", 404)
        etag = f'"{hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()}"'
        said = {"ETag": etag, "Cache-Control": _FILES, "Content-Type": "application/octet-stream"}
        if headers.get("if-none-match") == etag:
            return _Answer(kind, 304, headers=said)
        size = found.stat().st_size
        if kind == "files":
            said["Accept-Ranges"] = "bytes"
            asked = headers.get("range", "")
            if asked and headers.get("if-range", etag) == etag:
                span = span_of(asked, size)
                if span is not None:
                    return _range(found, span, size, said)
        if size > _SMALL:
            return _Answer(kind, path=found, headers=said, span=range(size))
        return _Answer(kind, body=found.read_bytes(), headers=said)

    def fault(self, answer: _Answer) -> tuple[str, _Answer]:
        """Decide whether a request fails, and how; give what to answer then."""
        self.asked += 1
        behaviour = self.behaviour
        if _is_turn(self.asked, behaviour.drop):
            return "drop", answer
        if _is_turn(self.asked, behaviour.busy):
            return "busy", _Answer(
                answer.kind, 429, headers={"Retry-After": str(behaviour.retry_after)}
            )
        if _is_turn(self.asked, behaviour.stall):
            return "stall", answer
        if behaviour.wrong and answer.kind == "files" and answer.status == 200:
            self.behaviour = replace(behaviour, wrong=behaviour.wrong - 1)
            body = answer.path.read_bytes() if answer.path else answer.body
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 255]) + body[middle + 1 :]
            return "wrong", replace(answer, body=body, path=None)
        return "", answer

    async def flow(self, size: int) -> None:
        """Wait until so many bytes have had their turn on the line that all share."""
        if self.behaviour.bandwidth:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self.behaviour.bandwidth
            await asyncio.sleep(self._free_at - now)


def span_of(asked: str, size: int) -> range | None:
    """Return the bytes that a request asks for; no bytes if the file does not have them.

    Several ranges at once, and what is not understood, are None: then the whole file is the answer.
    Specification: RFC 9110, section 14.

    :param asked: the value of the header ``Range``.
    :param size: how many bytes the file has.
    """
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    is_read = asked.startswith("bytes=") and dash and (first + last).isdecimal()
    if not is_read:
        return None
    if not first:
        return range(max(size - int(last), 0), size) if int(last) else range(0)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _range(found: Path, span: range, size: int, headers: Mapping[str, str]) -> _Answer:
    """Answer with a range of a file, or that it has no such range."""
    if not span:
        return _Answer("ranges", 416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers = {**headers, "Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}"}
    if len(span) > _SMALL:
        return _Answer("ranges", 206, path=found, headers=headers, span=span)
    with found.open("rb", buffering=0) as file:
        body = os.pread(file.fileno(), len(span), span.start)
    return _Answer("ranges", 206, body=body, headers=headers)


def _is_turn(asked: int, every: int) -> bool:
    return bool(every) and asked % every == 0


class _Connection(asyncio.Protocol):
    """One client's connection; its requests are answered one after another."""

    def __init__(self, index: _Index) -> None:
        self._index = index
        self._said = b""
        self._counted = False
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Forget a connection."""
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Wait with the next piece."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on with the next piece."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._said += data
        if self._task is None and b"\r\n\r\n" in self._said:
            self._task = asyncio.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while b"\r\n\r\n" in self._said:
            head, _, self._said = self._said.partition(b"\r\n\r\n")
            await self._answer(head.decode("latin-1"))
        self._task = None

    async def _answer(self, head: str) -> None:
        line, *rest = head.split("\r\n")
        method, target, _ = line.split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in rest)
        }
        index, transport = self._index, self._transport
        assert transport is not None
        begin = time.monotonic()
        try:
            answer = await index.answer(method, target, headers)
        except OSError:  # what is not recorded cannot be had now
            answer = _Answer("missing", 503)
        if not answer.kind:
            self._send_head(answer)
            transport.write(answer.body)
            return
        how, answer = index.fault(answer)
        self._count(answer, how)
        index.open += 1
        index.counts["at_once"] = max(index.counts["at_once"], index.open)
        try:
            stall = index.behaviour.stall_seconds if how == "stall" else 0.0
            await asyncio.sleep(max(index.behaviour.delay + stall - (time.monotonic() - begin), 0))
            if how == "drop":
                transport.abort()
            else:
                await self._send(answer, with_body=method != "HEAD")
        finally:
            index.open -= 1

    def _count(self, answer: _Answer, how: str) -> None:
        counts = self._index.counts
        counts[answer.kind] += 1
        counts["unchanged"] += answer.status == 304
        counts["failed"] += bool(how)
        counts["connections"] += not self._counted
        self._counted = True

    def _send_head(self, answer: _Answer) -> None:
        assert self._transport is not None
        lines = [f"HTTP/1.1 {answer.status} -", f"Date: {email.utils.formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status != 304:
            lines.append(f"Content-Length: {answer.size}")
        self._transport.write("\r\n".join([*lines, "\r\n"]).encode())

    async def _send(self, answer: _Answer, *, with_body: bool) -> None:
        assert self._transport is not None
        self._send_head(answer)
        if not with_body or answer.status == 304:
            return
        counts = self._index.counts
        counts["bytes"] += answer.size
        if sort := _BYTES.get(answer.kind):
            counts[sort] += answer.size
        if answer.path is None and not self._index.behaviour.bandwidth:
            self._transport.write(answer.body)
            return
        for piece in _pieces(answer):
            await self._index.flow(len(piece))
            await self._writable.wait()
            if self._transport.is_closing():
                return  # the client has gone
            self._transport.write(piece)


def _pieces(answer: _Answer) -> Iterator[bytes]:
    if answer.path is None:
        for start in range(0, len(answer.body), _CHUNK):
            yield answer.body[start : start + _CHUNK]
        return
    with answer.path.open("rb", buffering=0) as file:
        for start in range(answer.span.start, answer.span.stop, _CHUNK):
            yield os.pread(file.fileno(), min(_CHUNK, answer.span.stop - start), start)


async def _serve(index: _Index) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(index), HOST, 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    index.base = f"http://{HOST}:{port}"
    sys.stdout.write(f"{index.base}\n")
    sys.stdout.flush()
    # The end of its input ends the server, so that it never outlives who started it.
    await asyncio.to_thread(sys.stdin.read)
    server.close()


class Server:
    """A server in a process of its own, as its client sees it.

    :param folder: the recording.
    :param upstream: the URL of the index that what it lacks is recorded from, or an empty string.
    """

    def __init__(self, folder: Path, upstream: str = "") -> None:
        self._folder = folder
        self._upstream = upstream

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.server", str(self._folder), self._upstream],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.base = self._process.stdout.readline().strip()
        if not self.base:
            raise RuntimeError("the server of the benchmark did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    @property
    def url(self) -> str:
        """Return the URL of the index, with a final slash."""
        return f"{self.base}/simple/"

    def set(self, behaviour: Behaviour) -> None:
        """Change how it answers, and begin to count anew."""
        self._ask(f"/-/set?{quote(json.dumps(asdict(behaviour)))}")

    def told(self) -> Told:
        """Return what it was asked for since then."""
        return Told(**json.loads(self._ask("/-/told")))

    def _ask(self, path: str) -> bytes:
        with contextlib.closing(urllib.request.urlopen(self.base + path, timeout=60)) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body


def main() -> None:
    """Serve the recording that the command line names until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("upstream", nargs="?", default="")
    arguments = parser.parse_args()
    upstream = Upstream(arguments.upstream) if arguments.upstream else None
    asyncio.run(_serve(_Index(Recording(arguments.folder, upstream), Behaviour())))


if __name__ == "__main__":
    main()
