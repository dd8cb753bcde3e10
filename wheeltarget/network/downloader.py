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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.network.policy import Network
from wheeltarget.network.transfer import (
    BrokenError,
    NoAnswerError,
    StatusError,
    UnreachableError,
    WrongSizeError,
    fetch_with_retries,
)
from wheeltarget.utils.files import Digest, FileToFetch, copy_file, hash_file, is_archive, link

if TYPE_CHECKING:
    import ssl

    from wheeltarget.network.http import Connection

_NOT_PLAIN_STATUSES = frozenset({401, 403, 407, 429, 503})
_JOIN_SECONDS = 2.0
_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How many files and bytes of a run have been fetched.

    :param all_size: the number of bytes to fetch, as far as it is known.
    """

    files: int
    all_files: int
    size: int
    all_size: int


Watch = Callable[[Progress], None]
"""Called now and then with the progress."""


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
    wrong: list[tuple[FileToFetch, HashMismatchError | WrongSizeError]] = field(
        default_factory=list
    )
    broken: list[tuple[FileToFetch, BrokenError]] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)


def fetch_plain(
    orders: Sequence[FileToFetch],
    network: Network,
    store: Store | None,
    watch: Watch | None = None,
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
    _Downloader(network, store, fetched, watch).run(hosts)
    return fetched


class _Downloader:
    """The download threads and their shared state."""

    def __init__(
        self, network: Network, store: Store | None, fetched: Fetched, watch: Watch | None
    ) -> None:
        self._network = network
        self._store = store
        self._fetched = fetched
        self._stop = threading.Event()
        self._connections: list[Connection] = []
        self._failure: list[BaseException] = []
        self._reading = threading.Lock()
        self._certificates: ssl.SSLContext | None = None
        self._watch = watch

    def run(self, hosts: Mapping[tuple[str, str], deque[FileToFetch]]) -> None:
        """Fetch everything; no thread goes on when this returns or raises."""
        sizes = [order.size or 0 for queue in hosts.values() for order in queue]
        threads = [
            threading.Thread(target=self._work, args=(host, queue), daemon=True)
            for host, queue in hosts.items()
            for _ in range(min(self._network.connections, len(queue)))
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    # With a timeout: on Windows, a join without one blocks signals.
                    thread.join(_PROGRESS_SECONDS)
                    self._report(len(sizes), sum(sizes))
        finally:
            self._stop.set()
            for connection in list(self._connections):
                connection.cut()
            # Not for long: one may be waiting for a name server.
            end = time.monotonic() + _JOIN_SECONDS
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(end - time.monotonic(), 0))
        if self._failure:
            raise self._failure[0]

    def _report(self, files: int, size: int) -> None:
        if self._watch is not None:
            received = sum(connection.received for connection in list(self._connections))
            self._watch(Progress(len(self._fetched.digests), files, received, size))

    def _work(self, host: tuple[str, str], queue: deque[FileToFetch]) -> None:
        from wheeltarget.network.http import Connection

        connection = Connection(host, self._network.timeout, self._trust)
        self._connections.append(connection)
        try:
            while not self._stop.is_set():
                try:
                    order = queue.popleft()
                except IndexError:
                    break
                self._fetch(order, connection, queue)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._failure.append(error)
            self._stop.set()
        finally:
            connection.close()

    def _fetch(self, order: FileToFetch, connection: Connection, queue: deque[FileToFetch]) -> None:
        try:
            self._fetched.digests[order.path] = fetch_with_retries(
                order,
                self._store,
                partial(connection.ask, order.url),
                self._network.patience,
                self._stop.wait,
            )
        except (HashMismatchError, WrongSizeError) as error:
            self._fetched.wrong.append((order, error))
        except StatusError as error:
            self._leave(order, queue, rest=error.code in _NOT_PLAIN_STATUSES or error.code < 400)
        except UnreachableError:
            self._fetched.unreachable.add(urlsplit(order.url).netloc)
            self._leave(order, queue, rest=True)
        except NoAnswerError:
            self._leave(order, queue, rest=True)
        except BrokenError as error:
            # pip would not retry more often, and its message is known.
            self._fetched.broken.append((order, error))
            queue.clear()

    def _trust(self) -> ssl.SSLContext:
        """Return the trusted certificates, read once, by the thread that needs them first.

        :raises StatusError: if they cannot be read, so that pip reports what is wrong.
        """
        import ssl

        place = self._network.certificates or None
        is_folder = place is not None and os.path.isdir(place)  # noqa: PTH112 - any text
        cafile, capath = (None, place) if is_folder else (place, None)
        try:
            with self._reading:
                if self._certificates is None:
                    self._certificates = ssl.create_default_context(cafile=cafile, capath=capath)
                return self._certificates
        except (OSError, ValueError) as error:
            raise StatusError(0, str(error)) from error

    def _leave(self, order: FileToFetch, queue: deque[FileToFetch], *, rest: bool) -> None:
        """Leave a file to pip's session; with ``rest``, also the other files of its host."""
        self._fetched.left.append(order)
        while rest:
            try:
                self._fetched.left.append(queue.popleft())
            except IndexError:
                return


def place_file(order: FileToFetch, place: Path, *, linked: bool = True) -> Digest | None:
    """Link or copy a file that is on this machine already, if it has the right hash.

    :param place: where it may be.
    :param linked: whether to make a hard link, if possible, instead of a copy.
    :returns: the digest of the file at its new place; None if it is not the right file.
    :raises OSError: if it cannot be read or written.
    """
    if not is_archive(place):
        return None
    path = Path(order.path)
    is_linked = linked and link(place.resolve(), path)
    digest = hash_file(path) if is_linked else copy_file(place, path)
    if digest.sha256 != order.sha256:
        path.unlink()
        return None
    return digest
