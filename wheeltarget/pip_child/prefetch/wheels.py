"""Prefetch wheels into the wheel store, link them into pip's folder, and log them as pip does.

They are hashed while they are received. A file for which the index lists no hash is left to pip.
pip's own cache is used.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from pip._internal.cli.progress_bars import get_download_progress_renderer
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from pip._internal.utils.misc import format_size, redact_auth_from_url

from wheeltarget.cache.wheel_store import Store
from wheeltarget.network.transfer import read_length
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Task, finished_task
from wheeltarget.pip_child.prefetch.session import SharedSession
from wheeltarget.pip_child.progress import Transfer, Transfers
from wheeltarget.utils.files import Digest, Mark, stamp_of

# pip's own logger, so that options for its output apply.
_LOGGER = logging.getLogger("pip._internal.network.download")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_LARGE, _POLL_INTERVAL = 512 * 1024, 0.05


class Wheels:
    """The wheels and sources of a run.

    If the disk of a permanent store is full, ``is_full`` is set, and the rest is left to pip.

    :param is_temporary: whether the store is removed after the run, and on the disk of pip's files.
    """

    def __init__(
        self, sessions: SharedSession, store: Store, transfers: Transfers, *, is_temporary: bool
    ) -> None:
        self.store, self._is_temporary = store, is_temporary
        self.is_full = False
        self._sessions, self._pool = sessions, sessions.pool
        self._tasks: dict[str, Task] = {}
        self._transfers = transfers
        self._begun: dict[str, Transfer] = {}
        self._verified: dict[str, tuple[Digest, Mark | None]] = {}

    def fetch(self, link: Any, rank: int, size: int | None = None) -> Task | None:
        """Start to fetch a file, unless it was started before.

        :param size: its size in bytes, if that is known.
        :returns: a task, whose outcome is whether it was fetched; None if it is left to pip.
        """
        sha256, url = _sha256_of(link), link.url_without_fragment
        if sha256 is None:
            return None
        if url not in self._tasks and self.store.locate(sha256):
            self._tasks[url] = finished_task(url, outcome=False)
        elif url not in self._tasks:
            transfer = self._begun[url] = self._transfers.begin(size)
            load = partial(self._load, url, sha256, transfer)
            task = self._tasks[url] = self._sessions.submit(url, rank, load)
            task.add_done_callback(partial(self._settle, transfer))
        return self._tasks[url]

    def can_keep(self, link: Any) -> bool:
        """Return whether the hash of a file is known, so that it can be kept."""
        return _sha256_of(link) is not None

    def fetch_here(
        self, link: Any, chunks: Iterable[bytes] | None = None, size: int | None = None
    ) -> bool | LeftToPip:
        """Fetch a file in this thread, as :meth:`fetch` does in another one.

        :param chunks: its content, if it was requested already.
        :param size: its size in bytes, if that is known.
        :returns: what the task of :meth:`fetch` has as its outcome.
        """
        sha256, url = _sha256_of(link), link.url_without_fragment
        if sha256 is None:
            return LeftToPip("the index lists no hash")
        if (begun := self._tasks.get(url)) is not None:
            return LeftToPip("another thread fetches it") if not begun.done() else begun.outcome
        transfer = self._begun[url] = self._transfers.begin(size)
        task = self._tasks[url] = Task(url, 0, lambda: None)
        task.add_done_callback(partial(self._settle, transfer))
        outcome: bool | LeftToPip = LeftToPip("it was interrupted")
        try:
            if chunks is None:
                outcome = self._load(url, sha256, transfer)
            else:
                outcome = self._write(sha256, transfer, chunks)
        except Exception as error:
            outcome = LeftToPip(error)
            raise
        finally:
            task.set_result(outcome)
        return outcome

    def _settle(self, transfer: Transfer, task: Task) -> None:
        """Count a file as done, or not at all if pip has to fetch it."""
        transfer.is_done = task.outcome is True
        if not transfer.is_done:
            self._transfers.drop(transfer)

    def _load(self, url: str, sha256: str, transfer: Transfer) -> bool | LeftToPip:
        """Fetch a file into the store, unless its disk is full."""
        if self.is_full:
            return LeftToPip("the disk is full")
        with closing(self._sessions.get(url, headers=HEADERS, stream=True)) as response:
            raise_for_status(response)
            transfer.size = read_length(response.headers.get("Content-Length")) or 0
            return self._write(sha256, transfer, response_chunks(response))

    def _write(self, sha256: str, transfer: Transfer, chunks: Iterable[bytes]) -> bool | LeftToPip:
        """Write a file into the store, unless its disk is full."""
        if self.is_full:
            return LeftToPip("the disk is full")
        try:
            with self.store.writing(sha256) as writer:
                for chunk in chunks:
                    if self._pool.is_stopped:
                        raise InterruptedError("the run is over")
                    transfer.received += writer.write(chunk)
        except OSError as error:
            self.is_full |= not self._is_temporary and error.errno in _NO_ROOM
            raise
        return True

    def is_begun(self, link: Any) -> bool:
        """Return whether this run has fetched a file, or is fetching it."""
        return link.url_without_fragment in self._tasks

    def find(self, link: Any) -> Path | None:
        """Find a file in the store, without checking its hash."""
        sha256 = _sha256_of(link)
        return self.store.locate(sha256) if sha256 else None

    def keep_only(self, links: Iterable[Any]) -> None:
        """Withdraw all other files that were not begun yet."""
        wanted = {link.url_without_fragment for link in links}
        for url, task in list(self._tasks.items()):
            if url not in wanted and self._pool.withdraw(task):
                del self._tasks[url]

    def place(self, link: Any, path: Path, bar: str) -> bool:
        """Put a file at a path, and log it; if it is being fetched, wait for it.

        :param bar: the value of pip's option for the progress bar.
        :returns: false if pip has to fetch it.
        """
        sha256 = _sha256_of(link)
        if sha256 is None:
            return False
        is_new = was_logged = False
        if task := self._tasks.get(link.url_without_fragment):
            was_logged = self._show_progress(link, task, bar)
            is_new = task.wait()
            if not isinstance(is_new, bool):
                reason = getattr(is_new, "reason", None)
                if self._is_temporary and isinstance(reason, OSError) and reason.errno in _NO_ROOM:
                    raise reason  # pip's own files have no room, either
                self._pool.wait_for_pause(task.host)
                return False
        digest = None
        with suppress(OSError):
            digest = self.store.take(sha256, path)
        if digest is None:
            return False  # removed or damaged
        self._verified[str(path)] = (digest, stamp_of(path.stat()))
        if not was_logged:
            log_file(link, digest.size, is_new=is_new)
            if is_new:
                _draw_bar(bar, digest.size, [range(digest.size)])
        return True

    def _show_progress(self, link: Any, task: Task, bar: str) -> bool:
        """Draw pip's bar for a file until it is fetched; return whether anything was logged."""
        if task.done():
            return False
        transfer = self._begun[task.url]
        while not (transfer.size or transfer.received or task.done()):
            time.sleep(_POLL_INTERVAL)
        if not (transfer.size or transfer.received):
            return False
        log_file(link, transfer.size, is_new=True)
        _draw_bar(bar, transfer.size, _pieces(task, transfer))
        return True

    def is_verified(self, path: str, hashes: Any) -> bool:
        """Return whether a file was hashed, has not changed since, and has an allowed hash."""
        digest, mark = self._verified.get(path, (None, None))
        if digest is None or mark is None or mark != stamp_of(Path(path).stat()):
            return False
        return bool(hashes.is_hash_allowed("sha256", digest.sha256))


def _sha256_of(link: Any) -> str | None:
    """Return the sha256 that the index lists for a file."""
    sha256 = link._hashes.get("sha256") if link.scheme in {"http", "https"} else None
    return sha256.lower() if sha256 else None


def log_file(link: Any, size: int, *, is_new: bool) -> None:
    """Log that a file is downloaded; it is new if it was fetched over the network in this run."""
    verb = "Downloading" if is_new else "Using cached"
    length = f" ({format_size(size)})" if size else ""
    _LOGGER.info("%s %s%s", verb, redact_auth_from_url(link.show_url), length)


def _draw_bar(bar: str, size: int, pieces: Iterable[Any]) -> None:
    """Draw pip's bar for a large file."""
    if size > _LARGE and _LOGGER.getEffectiveLevel() <= logging.INFO:
        for _ in get_download_progress_renderer(bar_type=bar, size=size)(pieces):
            pass


def _pieces(task: Task, transfer: Transfer) -> Iterator[Any]:
    """Yield ranges that are as long as what was received since the last one."""
    seen = 0
    while True:
        is_over, received = task.done(), transfer.received
        if received > seen:
            yield range(received - seen)
            seen = received
        if is_over:
            return
        time.sleep(_POLL_INTERVAL)
