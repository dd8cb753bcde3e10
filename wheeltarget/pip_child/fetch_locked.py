"""Fetch the files that a lock names with pip's own session.

It handles credentials, keyrings, proxies, certificates, redirections and retries. Threads share it
for GET requests only. It prompts in the main thread, once for each host, before they start.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import PipError
from pip._internal.index.collector import LinkCollector, parse_links
from pip._internal.models.link import Link
from pip._internal.utils.urls import url_to_path
from pip._vendor.requests import RequestException
from pip._vendor.urllib3.exceptions import HTTPError

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError, PipMovedError
from wheeltarget.network import transfer
from wheeltarget.network.transfer import (
    BrokenError,
    StatusError,
    TooLargeError,
    UnreachableError,
    WrongSizeError,
)
from wheeltarget.pip_child.job import JobState, download
from wheeltarget.pip_child.links import normalize_name
from wheeltarget.pip_child.patches.terminal import share_terminal
from wheeltarget.pip_child.prefetch.session import BoundedRetry, set_retry
from wheeltarget.pip_child.progress import Transfer, Transfers, reporting
from wheeltarget.pip_protocol import (
    INTERRUPTED,
    FetchFailure,
    FetchLocked,
    FetchReport,
    JobOrder,
    write_message,
)
from wheeltarget.utils.files import FileToFetch
from wheeltarget.utils.progress import Progress

_NOT_ALLOWED = frozenset({401, 403, 407})
_CONTENT = (HashMismatchError, WrongSizeError, TooLargeError)
_FAILURES = (*_CONTENT, StatusError, BrokenError, UnreachableError)
_FETCHED_URL = re.compile(r" while fetching \S+?(?=:? |:?$)")
_MARKUP = re.compile(r"\[/?[a-z_ ]*\]")


def run(request: FetchLocked, result: Path, interrupts: list[int]) -> int:
    """Fetch files with the session that pip would make for a download."""
    failures: tuple[FetchFailure, ...] | None = None
    transfers = Transfers()
    sizes = [order.size or 0 for order in request.files]
    total_size = sum(sizes) if all(sizes) else 0
    if request.watched:
        share_terminal(result, transfers)

    def fetch(self: Any, options: Any, _arguments: list[str]) -> int:
        nonlocal failures
        session = self.get_default_session(options)
        if not all(hasattr(session, name) for name in ("get", "auth", "adapters")):
            raise AttributeError("session")
        urls = (url for _, url in request.indexes)
        session.auth.index_urls = [*(session.auth.index_urls or ()), *urls]  # for credentials
        order = JobOrder("locks", None, (), {}, "", "", Path(), indexes=request.indexes)
        job = JobState(order)

        def find_elsewhere(file: FileToFetch) -> Iterator[str]:
            if request.elsewhere or job.index_of(normalize_name(file.project)):
                yield from _find_elsewhere(session, options, job, file)

        find = find_elsewhere if request.elsewhere or request.indexes else None
        store = Store(request.store) if request.store else None
        failures = _LockedFetch(session, request, find, store, transfers).run()
        return 0

    DownloadCommand.run = fetch

    def find_progress() -> Progress:
        # Files that no thread has begun yet are not among the transfers.
        progress = transfers.progress() or Progress("Fetching")
        return replace(progress, total=len(request.files), total_size=total_size)

    with reporting(result, find_progress, watched=request.watched):
        exit_code = download(["--disable-pip-version-check", *request.arguments])
    if failures is None and exit_code == 0:
        raise PipMovedError("pip did not create its session for a download")
    if interrupts:
        return INTERRUPTED
    write_message(result, FetchReport(exit_code, failures))
    return 0


def _find_elsewhere(session: Any, options: Any, job: JobState, order: FileToFetch) -> Iterator[str]:
    """Return the URLs of files of the same name on the indexes and --find-links of this run."""
    collector = LinkCollector.create(session, options=options)
    collector.search_scope = job.scope_of(collector.search_scope, order.project)
    places = [Link(url) for url in collector.search_scope.get_index_urls_locations(order.project)]
    for place in collector.find_links:
        path = _local_path(place)
        if path is None:
            places.append(Link(place))
        elif path.name == order.filename and path.is_file():
            yield path.resolve().as_uri()
        elif (path / order.filename).is_file():
            yield (path / order.filename).resolve().as_uri()
        elif path.suffix in {".htm", ".html"} and path.is_file():
            places.append(Link(path.resolve().as_uri()))
    for link in places:
        page = collector.fetch_response(link)
        for found in parse_links(page) if page else ():
            if found.filename == order.filename:
                yield str(found.url_without_fragment)


def _local_path(place: str) -> Path | None:
    """Return the path of a value of --find-links; None if it is on another host."""
    if Path(place).exists() or "://" not in place:
        return Path(place)
    try:
        return Path(url_to_path(place)) if place.lower().startswith("file:") else None
    except ValueError:
        return None


@dataclass(slots=True)
class _LockedFetch:
    """A fetch of the files of a request, in threads.

    :param find: returns URLs for a file that is not at its own.
    :param closed: by host, why no more files are requested from it.
    """

    session: Any
    request: FetchLocked
    find: Callable[[FileToFetch], Iterator[str]] | None
    store: Store | None
    transfers: Transfers
    closed: dict[str, Exception] = field(default_factory=dict)
    failed: dict[FileToFetch, Exception] = field(default_factory=dict)

    def run(self) -> tuple[FetchFailure, ...]:
        """Fetch everything, and return what could not be fetched."""
        for adapter in self.session.adapters.values():
            with contextlib.suppress(AttributeError):  # one connection to a host for each thread
                adapter.poolmanager.connection_pool_kw["maxsize"] = self.request.connections
        set_retry(self.session, BoundedRetry)
        # A host that did not answer a plain connection is tried last, if there is an alternative.
        last = self.request.unreachable if self.find else frozenset()
        late = [order for order in self.request.files if _host(order) in last]
        self._fetch_all([order for order in self.request.files if order not in late])
        self.failed |= dict.fromkeys(late, UnreachableError("the host does not answer"))
        if self.find is not None:
            self._look_elsewhere(self.find)
        self._fetch_all([order for order in late if self.failed.pop(order, None)])
        for order, error in list(self.failed.items()):
            # Another path on the host may need another password; only the main thread may prompt.
            if _code(error) == 401 and _host(order) not in self.closed:
                del self.failed[order]
                self._fetch(order, None)
        return tuple(_failure(order, error) for order, error in self.failed.items())

    def _fetch_all(self, orders: list[FileToFetch]) -> None:
        """Fetch files, and request the first of each host in the main thread, which may prompt."""
        first: dict[FileToFetch, _Answer] = {}
        for order in {_host(order): order for order in reversed(orders)}.values():
            try:
                answer = _ask(self.session, order.url, 0)
            except UnreachableError as error:
                self.closed[_host(order)] = error
            except EOFError:  # no terminal to ask for a password
                self.closed[_host(order)] = StatusError(401, "Unauthorized")
            else:
                if answer.status in _NOT_ALLOWED:
                    answer.close()
                    self.closed[_host(order)] = StatusError(answer.status, answer.reason)
                else:
                    first[order] = answer
        self._in_threads(orders, lambda order: self._fetch(order, first.pop(order, None)))

    def _look_elsewhere(self, find: Callable[[FileToFetch], Iterator[str]]) -> None:
        """Look for missing files by their names, for the first one in the main thread."""

        def find_one(order: FileToFetch) -> None:
            for url in find(order):
                try:
                    self._receive(order, functools.partial(_ask, self.session, url))
                except _FAILURES:
                    continue  # report the error of its own URL
                del self.failed[order]
                return

        missing = [
            order
            for order, error in self.failed.items()
            if isinstance(error, UnreachableError) or _code(error) in {404, 410}
        ]
        for order in missing[:1]:
            find_one(order)
        self._in_threads(missing[1:], find_one)

    def _receive(self, order: FileToFetch, ask: Callable[..., _Answer]) -> None:
        patience = transfer.RetryPolicy(resumes=self.request.resumes)
        counted = self.transfers.begin(order.size)

        def ask_and_count(start: int) -> transfer.Answer:
            answer = ask(start)
            answer.transfer, counted.received = counted, start
            return answer

        try:
            transfer.fetch_with_retries(order, self.store, ask_and_count, patience)
        except BaseException:
            self.transfers.drop(counted)
            raise
        counted.is_done = True

    def _in_threads(self, orders: list[FileToFetch], do: Callable[[FileToFetch], None]) -> None:
        """Call a function for each file in threads, with prompts disabled."""
        auth = self.session.auth
        auth.prompting, before = False, auth.prompting
        try:
            run_threads(orders.copy(), do, self.request.connections)
        finally:
            auth.prompting = before

    def _fetch(self, order: FileToFetch, opened: _Answer | None) -> None:
        """Fetch a file, whose response may be open already."""
        if closed := self.closed.get(_host(order)):
            self.failed[order] = closed
            return
        answers = [opened] if opened is not None else []
        is_cached = False

        def ask(start: int, *, fresh: bool = False) -> _Answer:
            nonlocal is_cached
            answer = answers.pop() if answers else _ask(self.session, order.url, start, fresh=fresh)
            is_cached = is_cached or answer.is_cached
            return answer

        try:
            try:
                self._receive(order, ask)
            except (HashMismatchError, WrongSizeError):
                if not is_cached:
                    raise
                self._receive(order, functools.partial(ask, fresh=True))  # pip's cache is damaged
        except (UnreachableError, BrokenError) as error:
            self.closed[_host(order)] = self.failed[order] = error
        except _FAILURES as error:
            self.failed[order] = error


def run_threads(left: list[FileToFetch], do: Callable[[FileToFetch], None], count: int) -> None:
    """Call a function for each file in threads; an error in one of them ends all."""
    todo = iter(left)  # shared by all threads, and at its end when the list is empty
    broken: list[BaseException] = []

    def work() -> None:
        try:
            for order in todo:
                do(order)
        except BaseException as error:  # noqa: BLE001 - raised in the main thread
            broken.append(error)
            left.clear()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(count, len(left)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # without a timeout, Windows blocks signals
    finally:
        left.clear()
    if broken:
        raise broken[0]


def _host(order: FileToFetch) -> str:
    return urlsplit(order.url).netloc


def _code(error: Exception) -> int:
    return error.code if isinstance(error, StatusError) else 0


def _failure(order: FileToFetch, error: Exception) -> FetchFailure:
    kinds = {StatusError: "status", **dict.fromkeys(_CONTENT, "content")}
    return FetchFailure(order.path, kinds.get(type(error), "connection"), _code(error), str(error))


def _ask(session: Any, url: str, start: int, *, fresh: bool = False) -> _Answer:
    """Request a file from a byte on; if ``fresh``, not from pip's cache."""
    headers = {"Accept-Encoding": "identity"}
    headers |= {"Range": f"bytes={start}-"} if start else {}
    headers |= {"Cache-Control": "no-cache"} if fresh else {}
    try:
        return _Answer(session.get(url, headers=headers, stream=True))
    except (PipError, RequestException, OSError, ValueError) as error:
        raise UnreachableError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return pip's message for a failure in one line, without URL and colour marks."""
    parts = [str(getattr(error, "message", "") or error), str(getattr(error, "context", "") or "")]
    # The reason is repeated for other files of the host, whose URLs differ.
    text = _FETCHED_URL.sub("", _MARKUP.sub("", ": ".join(filter(None, parts))))
    return " ".join(text.split())[:300]


class _Answer:
    """A response of pip's session; ``transfer`` counts what is read of it."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.transfer = Transfer()
        self.is_cached = bool(getattr(response, "from_cache", False))
        self.status = int(response.status_code)
        self.reason = str(response.reason or "")
        # For a local file, pip before 26.0 has a number here.
        self.length = transfer.read_length(str(response.headers.get("Content-Length", "")))
        self.start = transfer.read_start(response.headers.get("Content-Range"))

    def read(self, size: int) -> bytes:
        """Return the next bytes of the body, not decoded."""
        raw = self._response.raw
        try:
            try:
                data = bytes(raw.read(size, decode_content=False))
            except TypeError:
                data = bytes(raw.read(size))  # a local file
        except (HTTPError, OSError, ValueError) as error:  # such as a chunk of a negative length
            raise BrokenError(_reason(error)) from error
        self.transfer.received += len(data)
        return data

    def close(self) -> None:
        """Close the response."""
        self._response.close()
