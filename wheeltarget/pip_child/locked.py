"""Files that a lock names, fetched by pip's own session.

Here is whatever a plain connection will not do for: credentials, prompts, keyrings, proxies,
certificates, redirections, retries. The session is shared among threads for GETs only; it asks
its user for a password in the main thread alone, once for each host, before any thread begins.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wheeltarget.errors import HashMismatchError
from wheeltarget.pip_child.current import PipMovedError
from wheeltarget.store import Store
from wheeltarget.transfer import (
    Answer,
    BrokenError,
    Order,
    StatusError,
    UnreachableError,
    WrongSizeError,
    obtain,
    read_length,
    read_start,
)

_NOT_THERE = frozenset({404, 410})
_NOT_ALLOWED = frozenset({401, 403, 407})
_NEEDS = ("get", "auth", "adapters")
_LONGEST_REASON = 300
_MARKUP = re.compile(r"\[/?[a-z_ ]*\]")


def fetch_locked(order: dict[str, Any], download: Callable[[list[str]], int]) -> dict[str, Any]:
    """Fetch files with the session that pip would make for a download.

    :param order: the content of the job file.
    :param download: runs ``pip download`` and gives its exit code.
    :returns: the content of the result file.
    :raises PipMovedError: where pip is not built as expected.
    """
    from pip._internal.commands.download import DownloadCommand

    failures: list[dict[str, Any]] | None = None

    def run(self: Any, options: Any, _arguments: list[str]) -> int:
        nonlocal failures
        session = self.get_default_session(options)
        if not all(hasattr(session, name) for name in _NEEDS):
            raise AttributeError("session")
        find = functools.partial(_find_elsewhere, session, options) if order["elsewhere"] else None
        failures = _Desk(session, order, find).work()
        return 0

    DownloadCommand.run = run
    # It would ask an index whether there is a newer pip.
    exit_code = download(["--disable-pip-version-check", *order["arguments"]])
    if failures is None and exit_code == 0:
        raise PipMovedError("pip did not give its session")
    return {"exit_code": exit_code, "failures": failures}


def _find_elsewhere(session: Any, options: Any, order: Order) -> Iterator[str]:
    """Give where the indexes and --find-links of this run have a file of that name."""
    from pip._internal.index.collector import LinkCollector, parse_links
    from pip._internal.models.link import Link

    collector = LinkCollector.create(session, options=options)
    places = [Link(url) for url in collector.search_scope.get_index_urls_locations(order.project)]
    for place in collector.find_links:
        folder = Path(place)
        if (folder / order.filename).is_file():
            yield (folder / order.filename).resolve().as_uri()
        elif "://" in place:
            places.append(Link(place))
    for link in places:
        page = collector.fetch_response(link)
        for found in parse_links(page) if page else ():
            if found.filename == order.filename:
                yield str(found.url_without_fragment)


class _Desk:
    """Where files are handed out to the threads, and failures noted."""

    def __init__(
        self,
        session: Any,
        order: dict[str, Any],
        find: Callable[[Order], Iterator[str]] | None,
    ) -> None:
        self._session = session
        self._orders = [Order(**each) for each in order["locked"]]
        self._connections: int = order["connections"]
        self._store = Store(Path(order["store"])) if order["store"] else None
        self._find = find
        self._unreachable = set(order["unreachable"])
        self._barred: dict[str, Exception] = {}
        self._failed: list[tuple[Order, Exception]] = []
        self._stopped = threading.Event()
        self._broken: list[BaseException] = []

    def work(self) -> list[dict[str, Any]]:
        """Fetch everything, and say what could not be had."""
        first = self._open_each_host()
        _widen(self._session, self._connections)
        prompting = self._session.auth.prompting
        self._session.auth.prompting = False
        try:
            self._run_threads(list(reversed(self._orders)), first)
        finally:
            self._session.auth.prompting = prompting
        again, self._failed = self._failed, []
        for order, error in again:
            self._try_again(order, error)
        return [_failure(order, error) for order, error in self._failed]

    def _open_each_host(self) -> dict[Order, Answer]:
        """Ask for the first file of each host in the main thread, where it may prompt."""
        first: dict[Order, Answer] = {}
        seen = set(self._unreachable)
        for order in self._orders:
            host = urlsplit(order.url).netloc
            if host in seen:
                continue
            seen.add(host)
            try:
                answer = _ask(self._session, order.url, 0)
            except UnreachableError:
                self._unreachable.add(host)
                continue
            except EOFError:  # nobody is there to give a password
                self._barred[host] = StatusError(401, "Unauthorized")
                continue
            if answer.status in _NOT_ALLOWED:
                answer.close()
                self._barred[host] = StatusError(answer.status, answer.reason)
            else:
                first[order] = answer
        return first

    def _run_threads(self, orders: list[Order], first: dict[Order, Answer]) -> None:
        def work() -> None:
            try:
                while orders and not self._stopped.is_set():
                    try:
                        order = orders.pop()
                    except IndexError:
                        return
                    self._fetch(order, first.pop(order, None))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                self._broken.append(error)
                self._stopped.set()

        count = min(self._connections, len(orders))
        threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            self._stopped.set()
        if self._broken:
            raise self._broken[0]

    def _fetch(self, order: Order, opened: Answer | None) -> None:
        host = urlsplit(order.url).netloc
        if host in self._barred:
            self._failed.append((order, self._barred[host]))
            return
        if host in self._unreachable:
            self._failed.append((order, UnreachableError("the host does not answer")))
            return
        answers = [opened] if opened is not None else []

        def ask(start: int) -> Answer:
            if self._stopped.is_set():
                raise UnreachableError("the run ends")
            return answers.pop() if answers else _ask(self._session, order.url, start)

        try:
            obtain(order, self._store, ask)
        except (HashMismatchError, WrongSizeError, StatusError, BrokenError) as error:
            self._failed.append((order, error))
        except UnreachableError as error:
            self._unreachable.add(host)
            self._failed.append((order, error))

    def _try_again(self, order: Order, error: Exception) -> None:
        """Look for a file elsewhere, and let pip ask for a password; in the main thread."""
        missing = isinstance(error, UnreachableError) or (
            isinstance(error, StatusError) and error.code in _NOT_THERE
        )
        urls: list[str] = []
        if missing and self._find is not None:
            urls += self._find(order)
        host = urlsplit(order.url).netloc
        if isinstance(error, UnreachableError) or (
            isinstance(error, StatusError) and error.code == 401 and host not in self._barred
        ):
            urls.append(order.url)
        for url in urls:
            try:
                obtain(order, self._store, functools.partial(_ask, self._session, url))
            except (
                HashMismatchError,
                WrongSizeError,
                StatusError,
                BrokenError,
                UnreachableError,
            ) as worse:
                if url == order.url:
                    error = worse
            else:
                return
        self._failed.append((order, error))


def _failure(order: Order, error: Exception) -> dict[str, Any]:
    kind = "status" if isinstance(error, StatusError) else "connection"
    if isinstance(error, HashMismatchError | WrongSizeError):
        kind = "content"
    code = error.code if isinstance(error, StatusError) else 0
    return {"path": order.path, "kind": kind, "code": code, "text": str(error)}


def _widen(session: Any, connections: int) -> None:
    """Let as many connections to a host be kept as there are threads; fewer only take longer."""
    for adapter in session.adapters.values():
        if hasattr(adapter, "poolmanager") and hasattr(adapter, "_pool_block"):
            pools = adapter.poolmanager
            if hasattr(pools, "connection_pool_kw"):
                pools.connection_pool_kw["maxsize"] = connections


def _ask(session: Any, url: str, start: int) -> Answer:
    """Ask for a file from some byte on."""
    from pip._internal.exceptions import PipError
    from pip._vendor.requests import RequestException

    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return _Answer(session.get(url, headers=headers, stream=True))
    except (PipError, RequestException, OSError, ValueError) as error:
        raise UnreachableError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Give what pip says of a failure in one line, without the marks for its colours."""
    parts = [str(getattr(error, "message", "") or error), str(getattr(error, "context", "") or "")]
    said = _MARKUP.sub("", ": ".join(filter(None, parts)))
    return " ".join(said.split())[:_LONGEST_REASON]


class _Answer:
    """An answer of pip's session."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status = int(response.status_code)
        self.reason = str(response.reason or "")
        # Of a file on this machine, pip before 26.0 says a number.
        self.length = read_length(str(response.headers.get("Content-Length", "")))
        self.start = read_start(response.headers.get("Content-Range"))

    def read(self, size: int) -> bytes:
        """Give the next bytes of the body, as they come."""
        from pip._vendor.urllib3.exceptions import HTTPError

        raw = self._response.raw
        try:
            try:
                return bytes(raw.read(size, decode_content=False))
            except TypeError:
                return bytes(raw.read(size))  # a file on this machine
        except (HTTPError, OSError) as error:
            raise BrokenError(_reason(error)) from error

    def close(self) -> None:
        """Let the answer go."""
        self._response.close()
