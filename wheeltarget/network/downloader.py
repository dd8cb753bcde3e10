"""Fetch files by URL and hash, in threads, over plain connections.

Plain connections serve files that need neither credentials nor a proxy nor a client certificate.
If a server answers with anything but the file, the file is left to pip's own session, which handles
redirections, prompts, retries and messages.

start-up: http.client and ssl are loaded in the threads, if there is anything to fetch.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.network.policy import Network
from wheeltarget.network.transfer import (
    BrokenError,
    NoAnswerError,
    StatusError,
    TooLargeError,
    UnreachableError,
    WrongSizeError,
    fetch_with_retries,
)
from wheeltarget.utils.files import Digest, FileToFetch
from wheeltarget.utils.progress import Progress, report

if TYPE_CHECKING:
    import ssl

    from wheeltarget.network.http import Connection

_WrongFile = HashMismatchError | WrongSizeError | TooLargeError
_NOT_PLAIN_STATUSES = frozenset({401, 403, 407, 429, 503})
_JOIN_SECONDS, _PROGRESS_SECONDS = 2.0, 0.1


@dataclass(slots=True)
class Fetched:
    """The result of fetching.

    :param digests: the digests of the files that were fetched, by path.
    :param left: the files that pip's session has to fetch.
    :param wrong: the files with a wrong hash or size, and the error.
    :param broken: the files whose connection broke again and again, and the error.
    :param unreachable: hosts that did not answer at all.
    """

    digests: dict[str, Digest] = field(default_factory=dict)
    left: list[FileToFetch] = field(default_factory=list)
    wrong: list[tuple[FileToFetch, _WrongFile]] = field(default_factory=list)
    broken: list[tuple[FileToFetch, BrokenError]] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)


def fetch_plain(
    orders: Sequence[FileToFetch],
    network: Network,
    store: Store | None,
) -> Fetched:
    """Fetch files over plain connections, as far as possible.

    :param store: the wheel store that keeps the files for the next run.
    :raises OSError: if a file cannot be written.
    """
    fetched = Fetched()
    hosts: dict[tuple[str, str], deque[FileToFetch]] = {}
    # Not sorted by size: while some connections transfer files, others wait for answers. With the
    # largest files first, all would transfer at once, and later all would wait.
    for order in orders:
        if not network.takes(order.url):
            fetched.left.append(order)
            continue
        parts = urlsplit(order.url)
        hosts.setdefault((parts.scheme.lower(), parts.netloc), deque()).append(order)
    _Downloader(network, store, fetched).run(hosts)
    return fetched


@dataclass(slots=True)
class _Downloader:
    """The download threads and their shared state."""

    network: Network
    store: Store | None
    fetched: Fetched
    stop: threading.Event = field(default_factory=threading.Event)
    connections: list[Connection] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    reading: threading.Lock = field(default_factory=threading.Lock)
    certificates: ssl.SSLContext | None = None

    def run(self, hosts: Mapping[tuple[str, str], deque[FileToFetch]]) -> None:
        """Fetch everything; no thread goes on when this returns or raises."""
        sizes = [order.size or 0 for queue in hosts.values() for order in queue]
        threads = [
            threading.Thread(target=self._work, args=(host, queue), daemon=True)
            for host, queue in hosts.items()
            for _ in range(min(self.network.connections, len(queue)))
        ]
        try:
            if sizes:
                self._report(sizes)
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    # With a timeout: on Windows, a join without one blocks signals.
                    thread.join(_PROGRESS_SECONDS)
                    self._report(sizes)
        finally:
            self.stop.set()
            for connection in list(self.connections):
                connection.cut()
            # Not for long: one may be waiting for a name server.
            end = time.monotonic() + _JOIN_SECONDS
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(end - time.monotonic(), 0))
        if self.failures:
            raise self.failures[0]

    def _report(self, sizes: Sequence[int]) -> None:
        received = sum(each.received for each in list(self.connections))
        done, size = len(self.fetched.digests), sum(sizes) if all(sizes) else 0
        report(Progress("Fetching", "files", done, len(sizes), received, size))

    def _work(self, host: tuple[str, str], queue: deque[FileToFetch]) -> None:
        from wheeltarget.network.http import Connection

        connection = Connection(host, self.network.timeout, self._trust)
        self.connections.append(connection)
        try:
            while not self.stop.is_set() and (order := _pop(queue)):
                self._fetch(order, connection, queue)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.failures.append(error)
            self.stop.set()
        finally:
            connection.close()

    def _fetch(self, order: FileToFetch, connection: Connection, queue: deque[FileToFetch]) -> None:
        try:
            self.fetched.digests[order.path] = fetch_with_retries(
                order,
                self.store,
                partial(connection.ask, order.url),
                self.network.patience,
                self.stop.wait,
            )
        except (HashMismatchError, WrongSizeError, TooLargeError) as error:
            self.fetched.wrong.append((order, error))
        except StatusError as error:
            self._leave(order, queue, rest=error.code in _NOT_PLAIN_STATUSES or error.code < 400)
        except UnreachableError:
            self.fetched.unreachable.add(urlsplit(order.url).netloc)
            self._leave(order, queue, rest=True)
        except NoAnswerError:
            self._leave(order, queue, rest=True)
        except BrokenError as error:
            # pip would not retry more often, and its message is known.
            self.fetched.broken.append((order, error))
            queue.clear()

    def _trust(self) -> ssl.SSLContext:
        """Return the trusted certificates, read once, by the thread that needs them first."""
        import ssl

        place = self.network.certificates or None
        is_folder = place is not None and os.path.isdir(place)  # noqa: PTH112 - any text
        cafile, capath = (None, place) if is_folder else (place, None)
        try:
            with self.reading:
                if self.certificates is None:
                    self.certificates = ssl.create_default_context(cafile=cafile, capath=capath)
                return self.certificates
        except (OSError, ValueError) as error:  # pip reports it
            raise StatusError(0, str(error)) from error

    def _leave(self, order: FileToFetch, queue: deque[FileToFetch], *, rest: bool) -> None:
        """Leave a file to pip's session; with ``rest``, also the other files of its host."""
        self.fetched.left.append(order)
        while rest and (other := _pop(queue)):
            self.fetched.left.append(other)


def _pop(queue: deque[FileToFetch]) -> FileToFetch | None:
    try:
        return queue.popleft()
    except IndexError:  # another thread may have taken the last one
        return None
