"""Serve a folder of distributions as a package index that can be told to misbehave."""

import base64
import contextlib
import hashlib
import html
import json as json_module
import socket
import socketserver
import ssl
import sys
import tarfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

from packaging.metadata import parse_email
from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
)

from tests.support.ranges import (
    Answer,
    Changed,
    RangeFault,
    Retagged,
    Turns,
    is_unchanged,
    part_of,
)
from tests.support.wheels import metadata_of, pkg_info_of
from wheeltarget.targets.variants import parse_variant

_HOST = "127.0.0.1"
_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = "application/vnd.pypi.simple.v1+html"
_PIECE = 1 << 16  # how many bytes of a body are sent at once
_INVERTED = bytes(255 - byte for byte in range(256))


@dataclass(frozen=True)
class Status:
    """Answer with this status code and no body.

    :param code: the code.
    :param retry_after: the Retry-After header, left out if empty.
    """

    code: int
    retry_after: int | str = ""


@dataclass(frozen=True)
class Dropped:
    """Close the connection without an answer."""


@dataclass(frozen=True)
class Truncated:
    """Announce the whole body, send half of it, and close the connection."""


@dataclass(frozen=True)
class Garbage:
    """Send a body of the right length in which every byte is wrong."""


@dataclass(frozen=True)
class Stall:
    """Send nothing for a while, then the right answer.

    :param seconds: how long; the index cuts it short, and answers nothing, when it closes.
    """

    seconds: float


@dataclass(frozen=True)
class Slow:
    """Send the right answer at this speed.

    :param rate: bytes per second.
    """

    rate: int


@dataclass(frozen=True)
class Redirected:
    """Send the client to a signed URL of another index, which works once.

    :param to: the index that serves the file there.
    """

    to: "LocalIndex"


Fault = Status | Truncated | Garbage | Stall | Slow | Dropped | Redirected | RangeFault


@dataclass(frozen=True)
class Request:
    """Record one request.

    :param method: the HTTP method.
    :param path: the path, decoded, without its query.
    :param status: the code answered, or that a stalled answer was going to have.
    :param headers: the request's headers, by lower-case name.
    :param sent: how many bytes of the body were sent so far.
    """

    method: str
    path: str
    status: int
    headers: dict[str, str]
    sent: int = 0

    @property
    def range(self) -> str:
        """Return the request's Range header; empty if there is none."""
        return self.headers.get("range", "")


@dataclass
class Sending:
    """Hold a request, and how many bytes of the body were sent."""

    request: Request
    sent: int = 0


@dataclass(frozen=True)
class _Link:
    """Hold what a project's page says of one file."""

    filename: str
    sha256: str | None
    requires_python: str | None
    yanked: str | None
    uploaded: str | None
    has_metadata: bool
    metadata_sha256: str | None
    size: int | None = None
    provenance: str | None = None

    @property
    def href(self) -> str:
        return f"/files/{quote(self.filename)}"


class LocalIndex:
    """Serve the distributions of a folder on a free port of 127.0.0.1, until closed.

    The folder is looked at on each request. A file that `add_file` adds wins over what the folder
    would give, so that a test can replace any page, metadata file or distribution.

    :param folder: where the distributions are.
    :param json: whether to answer in JSON those who ask for it.
    :param metadata: whether to offer the metadata files of wheels.
    :param hashes: whether pages give the hashes of files and of metadata files.
    :param requires_python: whether pages give the Requires-Python of files.
    :param delay: seconds to wait before each answer.
    :param username: who to let in; anyone if absent.
    :param password: what the user has to give, nothing if absent.
    :param ranges: whether to give a part of a file to those who ask for one.
    :param etags: whether distributions and metadata files have an ETag, made of their content.
    :param modified: the Last-Modified header of the same files, left out if empty.
    :param tls: what it needs to speak TLS; without, it does not.

    What is in ``page_headers`` and ``file_headers`` is sent with every page, and with every
    distribution and metadata file; a test may change them at any time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        json: bool = True,
        metadata: bool = True,
        hashes: bool = True,
        requires_python: bool = True,
        delay: float = 0.0,
        username: str | None = None,
        password: str | None = None,
        ranges: bool = False,
        etags: bool = False,
        modified: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._folder = folder
        self.tls = tls
        self._ranges, self._etags, self._modified = ranges, etags, modified
        self._json = json
        self._metadata = metadata
        self._hashes = hashes
        self._requires_python = requires_python
        self._delay = delay
        self.page_headers: dict[str, str] = {}
        self.file_headers: dict[str, str] = {}
        self._authorization = None if username is None else _basic(username, password or "")
        self._lock = threading.Lock()
        self._yanked: dict[str, str] = {}
        self._uploaded: dict[str, str] = {}
        self._provenance: dict[str, str] = {}
        self._statuses: dict[str, tuple[str, str]] = {}
        self._faults: dict[str, Iterator[Fault]] = {}
        self._refusal: Iterator[Status | None] = repeat(None)
        self._range_faults: list[Turns[Fault]] = []
        self._whole_only: set[str] = set()
        self._signed: dict[str, Answer] = {}
        self._added: dict[str, Answer] = {}
        self._requests: list[Sending] = []
        self._open: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            # The loop looks at most this often whether it should end, so closing takes as long.
            kwargs={"poll_interval": 0.02},
            name="local-index",
            daemon=True,
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
        self.close()

    @property
    def base(self) -> str:
        """Return the URL of the root, without a final slash."""
        # Over TLS, not every pip takes an address for a name.
        host = f"http://{_HOST}" if self.tls is None else "https://localhost"
        return f"{host}:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Return the URL of the index, with a final slash."""
        return f"{self.base}/simple/"

    @property
    def requests(self) -> tuple[Request, ...]:
        """Return the requests so far, in the order in which they came."""
        with self._lock:
            return tuple(replace(each.request, sent=each.sent) for each in self._requests)

    @property
    def most_at_once(self) -> int:
        """Return the largest number of simultaneous requests for files and pages."""
        with self._lock:
            return self._most["GET"]

    @property
    def most_heads_at_once(self) -> int:
        """Return the largest number of HEAD requests that were open at the same time."""
        with self._lock:
            return self._most["HEAD"]

    @contextlib.contextmanager
    def answering(self, method: str) -> Iterator[None]:
        """Count a request among those that are open."""
        with self._lock:
            self._open[method] += 1
            self._most[method] = max(self._most[method], self._open[method])
        try:
            yield
        finally:
            with self._lock:
                self._open[method] -= 1

    def count(self, path_suffix: str) -> int:
        """Count the requests so far whose path ends so.

        :param path_suffix: the end of the decoded path.
        :returns: how many there were.
        """
        return sum(request.path.endswith(path_suffix) for request in self.requests)

    def clear(self) -> None:
        """Forget the requests so far, and nothing else."""
        with self._lock:
            self._requests.clear()

    def pip_args(self) -> list[str]:
        """Return the arguments that point pip at this index.

        :returns: the arguments, without credentials.
        """
        return ["--index-url", self.url, "--trusted-host", _HOST]

    def upload(self, filename: str, time: str) -> None:
        """Set the upload time of a file in JSON pages (PEP 700).

        :param filename: the name of the file.
        :param time: the time in ISO 8601, with its zone.
        """
        with self._lock:
            self._uploaded[filename] = time

    def attest(self, filename: str, url: str) -> None:
        """Name the provenance of a file on pages (PEP 740).

        :param filename: the distribution's name.
        :param url: where it is, or a path on this index.
        """
        with self._lock:
            self._provenance[filename] = url

    def mark(self, project: str, status: str, reason: str = "") -> None:
        """Give a project a status (PEP 792); as the standard has it, quarantined ones lose files.

        :param project: its normalized name.
        :param status: such as ``archived``.
        :param reason: why; left out if it is empty.
        """
        with self._lock:
            self._statuses[project] = (status, reason)

    def yank(self, filename: str, reason: str = "") -> None:
        """Mark a file as yanked.

        :param filename: the distribution's name.
        :param reason: why.
        """
        with self._lock:
            self._yanked[filename] = reason

    def fault(self, path_or_filename: str, fault: Fault, *, times: int | None = None) -> None:
        """Misbehave on requests for one path; faults of the same path take turns in order.

        :param path_or_filename: a decoded path from its slash on, or the last part of one.
        :param fault: how to misbehave.
        :param times: on how many requests; on all that follow if absent.
        """
        planned = repeat(fault) if times is None else repeat(fault, times)
        with self._lock:
            earlier = self._faults.get(path_or_filename, iter(()))
            self._faults[path_or_filename] = chain(earlier, planned)

    def fault_ranges(
        self,
        fault: Fault,
        *,
        of: str = "",
        kind: str = "",
        after: int = 0,
        times: int | None = None,
    ) -> None:
        """Misbehave on requests for a part of a file; of several faults, the oldest comes first.

        :param fault: how to misbehave.
        :param of: a decoded path, or the last part of one; all files if empty.
        :param kind: of which ranges, `SUFFIX` or `EXPLICIT`; both if empty.
        :param after: how many such requests to answer rightly before that.
        :param times: on how many requests; on all that follow if absent.
        """
        with self._lock:
            self._range_faults.append(Turns(of, kind, after, fault, times))

    def forget_faults(self) -> None:
        """Answer all that follows rightly."""
        with self._lock:
            self._faults.clear()
            self._range_faults.clear()
            self._refusal = repeat(None)

    def refuse_after(self, count: int, fault: Status) -> None:
        """Refuse all requests, for whatever, that come after some more.

        :param count: how many are answered as usual.
        """
        with self._lock:
            self._refusal = chain(repeat(None, count), repeat(fault))

    def refuse_ranges(self, filename: str) -> None:
        """Ignore the Range header for one file, and do not offer ranges of it.

        :param filename: the name of the file.
        """
        with self._lock:
            self._whole_only.add(filename)

    def sign(self, filename: str, answer: Answer) -> str:
        """Serve a file once at a URL of its own, which is for one request.

        :param filename: the name of the file.
        :param answer: the file as it is served.
        :returns: the URL, with a signature that requests have to repeat.
        """
        with self._lock:
            path = f"/signed/{len(self._signed)}/{filename}"
            self._signed[path] = answer
        return f"{self.base}{quote(path)}?signature=s3%2Fcret"

    def add_file(
        self, path: str, content: bytes, content_type: str = "text/plain; charset=utf-8"
    ) -> str:
        """Serve one more file.

        :param path: its decoded path.
        :param content: the body.
        :param content_type: the Content-Type header.
        :returns: the file's URL.
        """
        path = f"/{path.lstrip('/')}"
        with self._lock:
            self._added[path] = Answer(200, content, content_type)
        return f"{self.base}{quote(path)}"

    def close(self) -> None:
        """Stop serving, cut every connection, and wait for the threads to end.

        :raises ExceptionGroup: if an answer failed for a reason other than the client's leaving.
        """
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.cut_connections()
        # Raised here because in a handler's thread it would be lost, and the client's complaint
        # about a cut connection would be taken for a fault of the project.
        if errors := self._server.take_errors():
            raise ExceptionGroup("the test index failed to answer", errors)

    def plan(
        self, method: str, path: str, headers: Message
    ) -> tuple[Answer, Fault | None, Sending]:
        """Decide how to answer a request, and record it before the client can see the answer.

        :param method: the HTTP method.
        :param path: the decoded path.
        :param headers: the request's headers.
        :returns: the answer, the fault to commit on it, and where to count what is sent.
        """
        fault: Fault | None = None
        lowered = _lowered(headers)
        # A range means something to GET alone.
        wanted = lowered.get("range", "") if method == "GET" else ""
        if self._authorization not in (None, headers.get("Authorization")):
            answer = Answer(401)
        else:
            with self._lock:
                fault = next(self._refusal)
            fault = fault or self._next_range_fault(path, wanted) or self._next_fault(path)
            answer = self._answer(
                path, fault, lowered if method == "GET" else {**lowered, "range": ""}
            )
        if answer.status == 401:
            answer = replace(answer, headers={"WWW-Authenticate": 'Basic realm="test index"'})
        sending = Sending(Request(method, path, answer.status, lowered))
        with self._lock:
            self._requests.append(sending)
        return answer, fault, sending

    def count_sent(self, sending: Sending, size: int) -> None:
        """Count bytes of a body that are about to be sent."""
        with self._lock:
            sending.sent += size

    def _answer(self, path: str, fault: Fault | None, headers: Mapping[str, str]) -> Answer:
        """Make the answer to a request, with those faults that need no connection."""
        if isinstance(fault, Status):
            return _refusal(fault)
        whole = self._find(path, headers.get("accept", ""))
        if isinstance(fault, Changed):
            whole = replace(whole, body=fault.content)
        whole = self._with_headers(path, whole)
        if isinstance(fault, Retagged):
            whole = whole.with_headers(ETag=fault.etag)
        filename = path.rpartition("/")[2]
        if whole.status != 200:
            return whole
        if isinstance(fault, Redirected):
            return Answer(302).with_headers(Location=fault.to.sign(filename, whole))
        if is_unchanged(whole, headers):
            return replace(whole, status=304, body=b"")
        if not self._ranges or filename in self._whole_only:
            return whole
        part = part_of(whole, headers)
        if part.status == 206 and isinstance(fault, RangeFault):
            return fault.spoil(part, whole)
        return part

    def _next_range_fault(self, path: str, wanted: str) -> Fault | None:
        """Use up one turn of a fault of ranges, if the request has a range."""
        with self._lock:
            turns = (each.next(path, wanted) for each in self._range_faults if wanted)
            return next((fault for fault in turns if fault is not None), None)

    def pause(self, fault: Fault | None) -> bool:
        """Wait as long as the delay and the fault say, or until the index closes.

        :param fault: the fault to commit.
        :returns: whether the client is still connected.
        """
        stalled = fault.seconds if isinstance(fault, Stall) else 0.0
        return not self._server.closing.wait(self._delay + stalled)

    def _next_fault(self, path: str) -> Fault | None:
        """Use up one turn of the faults of a path."""
        with self._lock:
            for key in (path, path.rpartition("/")[2]):
                if fault := next(self._faults.get(key, iter(())), None):
                    return fault
        return None

    def _with_headers(self, path: str, answer: Answer) -> Answer:
        """Add the headers that the test asks for."""
        if path.startswith("/simple/"):
            return replace(answer, headers={**answer.headers, **self.page_headers})
        if self._etags and answer.status == 200:
            answer = answer.with_headers(ETag=f'"{_sha256(answer.body)[:16]}"')
        if self._modified and answer.status == 200:
            answer = answer.with_headers(Last_Modified=self._modified)
        return replace(answer, headers={**answer.headers, **self.file_headers})

    def _find(self, path: str, accept: str) -> Answer:
        """Make the right answer for a path."""
        with self._lock:
            added = self._added.get(path)
            if path in self._signed:
                added, self._signed[path] = self._signed[path], Answer(403)
        if added is not None:
            return added
        match path.strip("/").split("/"):
            case ["simple", project]:
                return self._page(canonicalize_name(project), accept)
            case ["files", filename]:
                return self._file(filename)
        return Answer(404)

    def _page(self, project: NormalizedName, accept: str) -> Answer:
        """Make the page of a project."""
        found = [path for path, name in _distributions(self._folder) if name == project]
        if not found:
            return Answer(404)
        with self._lock:
            status = self._statuses.get(project, ("", ""))
        links = [self._link(path) for path in found if status[0] != "quarantined"]
        vary = {"Vary": "Accept"}
        if self._json and _prefers_json(accept):
            return Answer(200, _json_page(project, links, status), _JSON, vary)
        page = _html_page(project, links, status)
        return Answer(200, page, "text/html; charset=utf-8", vary)

    def _link(self, path: Path) -> _Link:
        """Describe a distribution as this index's options have it."""
        metadata = _metadata_in(path)
        offered = metadata if self._metadata and path.suffix == ".whl" else None
        with self._lock:
            yanked = self._yanked.get(path.name)
            uploaded = self._uploaded.get(path.name)
            provenance = self._provenance.get(path.name)
        return _Link(
            filename=path.name,
            sha256=_sha256(path.read_bytes()) if self._hashes else None,
            requires_python=parse_email(metadata or b"")[0].get("requires_python")
            if self._requires_python
            else None,
            yanked=yanked,
            uploaded=uploaded,
            has_metadata=offered is not None,
            metadata_sha256=_sha256(offered) if self._hashes and offered is not None else None,
            size=path.stat().st_size,
            provenance=provenance,
        )

    def _file(self, filename: str) -> Answer:
        """Send a distribution, or the metadata file beside a wheel."""
        known = {path.name: path for path, _ in _distributions(self._folder)}
        if path := known.get(filename):
            return Answer(200, path.read_bytes())
        wheel = known.get(filename.removesuffix(".metadata"))
        if self._metadata and wheel is not None and wheel.suffix == ".whl":
            metadata = _metadata_in(wheel)
            if metadata is not None:
                return Answer(200, metadata)
        return Answer(404)


class _Server(ThreadingHTTPServer):
    """Serve one index, and know every connection so as to be able to cut it."""

    # Where it means anything for a free port, it means sharing the port with another process.
    allow_reuse_address = False
    # The default of 5 refuses clients that come all at once.
    request_queue_size = 128

    def __init__(self, index: LocalIndex) -> None:
        self.index = index
        self.closing = threading.Event()
        self._connections: list[tuple[threading.Thread, socket.socket]] = []
        self._errors: list[Exception] = []
        super().__init__((_HOST, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = _HOST
        self.server_port = self.server_address[1]

    def get_request(self) -> tuple[Any, Any]:
        """Take a connection; what comes first over TLS is for its own thread."""
        connection, address = super().get_request()
        if self.index.tls is None:
            return connection, address
        wrapped = self.index.tls.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that is remembered, which the base class does not do."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="local-index-connection",
            daemon=True,
        )
        thread.start()
        alive = [entry for entry in self._connections if entry[0].is_alive()]
        self._connections = [*alive, (thread, request)]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep an error for the end, unless it only says that the client has left."""
        error = sys.exception()
        # A client that does not trust the certificate leaves in its own way.
        has_left = isinstance(error, ConnectionError | ssl.SSLError)
        if isinstance(error, Exception) and not has_left:
            self._errors.append(error)

    def cut_connections(self) -> None:
        """End all connections, and wait for their threads; no new ones may come any more."""
        for _, connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread, _ in self._connections:
            thread.join()

    def take_errors(self) -> list[Exception]:
        """Return the errors so far, and forget them."""
        errors, self._errors = self._errors, []
        return errors


class _Handler(BaseHTTPRequestHandler):
    """Answer the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes: with Nagle's algorithm each answer would wait 40 ms for an ACK.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        with self.server.index.answering("GET"):
            self._answer(with_body=True)

    def do_HEAD(self) -> None:
        with self.server.index.answering("HEAD"):
            self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Log nothing: the index keeps its own record."""

    def _answer(self, *, with_body: bool) -> None:
        """Send the planned answer, with its fault."""
        path = unquote(self.path.partition("?")[0])
        index = self.server.index
        answer, fault, sending = index.plan(self.command, path, self.headers)
        if not index.pause(fault) or isinstance(fault, Dropped):
            self.close_connection = True
            return
        self._send_head(answer)
        if not with_body:
            return
        body = answer.body
        if isinstance(fault, Garbage):
            body = body.translate(_INVERTED)
        elif isinstance(fault, Truncated):
            body = body[: len(body) // 2]
            self.close_connection = True
        for piece in self._pieces(body, fault.rate if isinstance(fault, Slow) else 0):
            # Counted before, so that whoever has received it finds it counted.
            index.count_sent(sending, len(piece))
            self.wfile.write(piece)

    def _pieces(self, body: bytes, rate: int) -> Iterator[bytes]:
        """Cut a body into pieces, and wait before each one if there is a rate."""
        step = max(rate // 50, 1) if rate else _PIECE
        for start in range(0, len(body), step):
            if rate:
                self.server.closing.wait(step / rate)
            yield body[start : start + step]

    def _send_head(self, answer: Answer) -> None:
        """Send status and headers."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()


def _refusal(fault: Status) -> Answer:
    """Answer with a status and no body."""
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after != "" else {}
    return Answer(fault.code, headers=headers)


def _distributions(folder: Path) -> Iterator[tuple[Path, NormalizedName]]:
    """Find the files of a folder that are named as distributions, with their projects."""
    for path in sorted(folder.glob("*")):
        if path.suffix == ".whl":
            # An index also has wheels with names that pip refuses today, and variant wheels.
            if parse_variant(path.name) or path.name.count("-") in {4, 5}:
                yield path, canonicalize_name(path.name.partition("-")[0])
            continue
        with contextlib.suppress(InvalidSdistFilename):
            yield path, parse_sdist_filename(path.name)[0]


def _metadata_in(path: Path) -> bytes | None:
    """Read a distribution's metadata, or nothing from a file that a test broke on purpose."""
    broken = (ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
    with contextlib.suppress(*broken):
        return metadata_of(path) if path.suffix == ".whl" else pkg_info_of(path)
    return None


def _html_page(project: NormalizedName, links: list[_Link], status: tuple[str, str]) -> bytes:
    """Write a project's page as PEP 503 has it."""
    lines = ["<!DOCTYPE html>", "<html>", "<head>"]
    lines.append('<meta name="pypi:repository-version" content="1.0">')
    named = zip(("pypi:project-status", "pypi:project-status-reason"), status, strict=True)
    lines += [
        f'<meta name="{name}" content="{html.escape(value)}">' for name, value in named if value
    ]
    lines += [f"<title>Links for {project}</title>", "</head>", "<body>"]
    lines += [f"{_anchor(link)}<br>" for link in links]
    lines += ["</body>", "</html>", ""]
    return "\n".join(lines).encode()


def _anchor(link: _Link) -> str:
    """Write one link of an HTML page."""
    fragment = f"#sha256={link.sha256}" if link.sha256 else ""
    attributes = {"href": f"{link.href}{fragment}"}
    if link.requires_python is not None:
        attributes["data-requires-python"] = link.requires_python
    if link.yanked is not None:
        attributes["data-yanked"] = link.yanked
    if link.has_metadata:
        digest = link.metadata_sha256
        attributes["data-core-metadata"] = f"sha256={digest}" if digest else "true"
    if link.provenance is not None:
        attributes["data-provenance"] = link.provenance
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{html.escape(link.filename)}</a>"


def _json_page(project: NormalizedName, links: list[_Link], status: tuple[str, str]) -> bytes:
    """Write a project's page as PEP 691 has it."""
    page: dict[str, object] = {
        "meta": {"api-version": "1.1"},
        "name": project,
        "files": [_json_file(link) for link in links],
    }
    if status[0]:
        named = zip(("status", "reason"), status, strict=True)
        page["project-status"] = {name: value for name, value in named if value}
    return json_module.dumps(page).encode()


def _json_file(link: _Link) -> dict[str, object]:
    """Write one file of a JSON page."""
    entry: dict[str, object] = {
        "filename": link.filename,
        "url": link.href,
        "hashes": {"sha256": link.sha256} if link.sha256 else {},
        "yanked": False if link.yanked is None else link.yanked or True,
    }
    if link.size is not None:
        entry["size"] = link.size
    if link.uploaded is not None:
        entry["upload-time"] = link.uploaded
    if link.requires_python is not None:
        entry["requires-python"] = link.requires_python
    if link.has_metadata:
        digest = link.metadata_sha256
        entry["core-metadata"] = {"sha256": digest} if digest else True
    if link.provenance is not None:
        entry["provenance"] = link.provenance
    return entry


def _prefers_json(accept: str) -> bool:
    """Return whether an Accept header prefers JSON."""
    wish = _quality(accept, _JSON)
    return wish > 0 and wish >= max(_quality(accept, _HTML), _quality(accept, "text/html"))


def _quality(accept: str, content_type: str) -> float:
    """Find how much an Accept header likes a type that it names."""
    for choice in accept.split(","):
        kind, *parameters = (part.strip() for part in choice.split(";"))
        if kind.lower() == content_type:
            weights = (part.removeprefix("q=") for part in parameters if part.startswith("q="))
            return float(next(weights, 1.0))
    return 0.0


def _lowered(headers: Message) -> dict[str, str]:
    """Return headers by lower-case name, with the values of a repeated one joined."""
    return {name.lower(): ", ".join(headers.get_all(name, [])) for name in headers}


def _basic(username: str, password: str) -> str:
    """Write the Authorization header that is expected."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _sha256(content: bytes) -> str:
    """Digest some bytes."""
    return hashlib.sha256(content).hexdigest()
