"""Files by URL and hash, in threads, over plain connections.

This way is for what needs nothing that only pip knows: no credentials, no proxy, no certificates of
one's own. Whatever is answered with anything else than the file is left over, for pip's own session
to ask again: that is where redirections, prompts, retries and messages come from.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.network.http import Connection
from wheeltarget.network.policy import Network
from wheeltarget.network.transfer import (
    BrokenError,
    NoAnswerError,
    StatusError,
    UnreachableError,
    WrongSizeError,
    obtain,
)
from wheeltarget.utils.file_to_fetch import FileToFetch
from wheeltarget.utils.hashes import Digest, copy_file, hash_file
from wheeltarget.utils.links import link
from wheeltarget.utils.regular_files import is_archive

if TYPE_CHECKING:
    import ssl

_HOST_IS_NOT_PLAIN = frozenset({401, 403, 407, 429, 503})
_PATIENCE = 2.0
_WATCHED_EVERY = 0.1
_TURN = 0.001
"""Seconds that a thread computes at most, while another one has an answer to take in."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    :param files: how many files are there.
    :param all_files: how many there will be.
    :param size: how many bytes have come.
    :param all_size: how many will, as far as that is known.
    """

    files: int
    all_files: int
    size: int
    all_size: int


Watch = Callable[[Progress], None]
"""Is told now and then how far a run has come."""


@dataclass(slots=True)
class Fetched:
    """What came of fetching.

    :param digests: what was computed of the files that are there, by their paths.
    :param left: what pip's session has to fetch.
    :param wrong: what is not what it should be, and why.
    :param broken: what broke off again and again, and why.
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
    meanwhile: Callable[[], None],
    watch: Watch | None = None,
) -> Fetched:
    """Fetch files over plain connections, as far as those will do.

    :param orders: the files.
    :param network: what the network is like.
    :param store: keeps them for the next run.
    :param meanwhile: is called once while they come.
    :param watch: is told of it.
    :returns: what is left over, and what is wrong.
    :raises OSError: where a file cannot be written.
    """
    fetched = Fetched(left=[each for each in orders if not network.takes(each.url)])
    hosts: dict[tuple[str, str], deque[FileToFetch]] = {}
    # Large and small as they come: while some files flow, other connections wait for answers. The
    # largest ones first would flow all at once, and nothing with the waiting that is left then.
    for order in orders:
        if network.takes(order.url):
            parts = urlsplit(order.url)
            hosts.setdefault((parts.scheme.lower(), parts.netloc), deque()).append(order)
    _Crew(network, store, fetched, watch).work_through(hosts, meanwhile)
    return fetched


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads that wait for answers not wait for this one, too."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Crew:
    """The threads, and what they share."""

    def __init__(
        self, network: Network, store: Store | None, fetched: Fetched, watch: Watch | None
    ) -> None:
        self._network = network
        self._store = store
        self._fetched = fetched
        self._stop = threading.Event()
        self._connections: list[Connection] = []
        self._failure: list[BaseException] = []
        self._certificates = _Certificates(network.certificates)
        self._watch = watch
        self._done = 0

    def work_through(
        self, hosts: Mapping[tuple[str, str], deque[FileToFetch]], meanwhile: Callable[[], None]
    ) -> None:
        """Work through everything; whatever ends it early, no thread works on afterwards."""
        orders = [order for queue in hosts.values() for order in queue]
        total = (len(orders), sum(order.size or 0 for order in orders))
        threads = [
            threading.Thread(target=self._work, args=(host, queue), daemon=True)
            for host, queue in hosts.items()
            for _ in range(min(self._network.connections, len(queue)))
        ]
        try:
            for thread in threads:
                thread.start()
            with _short_turns():
                meanwhile()
            for thread in threads:
                while thread.is_alive():
                    # Not without end: on Windows no signal is seen meanwhile.
                    thread.join(_WATCHED_EVERY)
                    self._tell(total)
        finally:
            self._stop.set()
            for connection in list(self._connections):
                connection.cut()
            self._wait(threads)
        if self._failure:
            raise self._failure[0]

    def _tell(self, total: tuple[int, int]) -> None:
        if self._watch is not None:
            size = sum(connection.received for connection in list(self._connections))
            self._watch(Progress(self._done, total[0], size, total[1]))

    def _wait(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for the threads, but not for one that waits for a name server."""
        end = time.monotonic() + _PATIENCE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(end - time.monotonic(), 0))

    def _work(self, host: tuple[str, str], queue: deque[FileToFetch]) -> None:
        connection = Connection(host, self._network.timeout, self._certificates.read)
        self._connections.append(connection)
        try:
            while not self._stop.is_set():
                try:
                    order = queue.popleft()
                except IndexError:
                    break
                self._fetch(order, connection, queue)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._failure.append(error)
            self._stop.set()
        finally:
            connection.close()

    def _fetch(self, order: FileToFetch, connection: Connection, queue: deque[FileToFetch]) -> None:
        try:
            digest = obtain(
                order,
                self._store,
                lambda start: connection.ask(order.url, start),
                self._network.patience,
                self._stop.wait,
            )
            self._fetched.digests[order.path] = digest
            self._done += 1
        except (HashMismatchError, WrongSizeError) as error:
            self._fetched.wrong.append((order, error))
        except StatusError as error:
            self._leave(order, queue, rest=error.code in _HOST_IS_NOT_PLAIN or error.code < 400)
        except UnreachableError:
            self._fetched.unreachable.add(urlsplit(order.url).netloc)
            self._leave(order, queue, rest=True)
        except NoAnswerError:
            self._leave(order, queue, rest=True)
        except BrokenError as error:
            # pip has no more patience, and what it would say is known.
            self._fetched.broken.append((order, error))
            queue.clear()

    def _leave(self, order: FileToFetch, queue: deque[FileToFetch], *, rest: bool) -> None:
        """Leave a file to pip's session, and with it all that would fare as badly."""
        self._fetched.left.append(order)
        while rest:
            try:
                self._fetched.left.append(queue.popleft())
            except IndexError:
                return


class _Certificates:
    """What is trusted, read once, by the thread that needs it first.

    Reading takes about as long as a connection takes to come about.

    :param place: a file or folder of certificates; empty for the system's.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._reading = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def read(self) -> ssl.SSLContext:
        """Give what is trusted; where it cannot be read, pip is to say so."""
        with self._reading:
            if self._context is None:
                try:
                    self._context = _trust(self._place)
                except (OSError, ValueError) as error:
                    raise StatusError(0, str(error)) from error
            return self._context


def _trust(place: str) -> ssl.SSLContext:
    import ssl

    if not place:
        return ssl.create_default_context()
    folder = os.path.isdir(place)  # noqa: PTH112 - any text
    return ssl.create_default_context(
        cafile=None if folder else place, capath=place if folder else None
    )


def take_file(order: FileToFetch, place: Path, *, linked: bool = True) -> Digest | None:
    """Take a file that is on this machine already, if it is the right one.

    :param order: the file, and where to.
    :param place: where it may be.
    :param linked: whether to give it a second name, if that can be, not to copy it.
    :returns: what was computed of the file that is there now; None if it was not the right one.
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
