"""Prefetch wheels into the wheel store, and link them into pip's folder.

They are hashed while they are received. A file for which the index lists no hash is left to pip.
pip's own cache is used.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool, Task
from wheeltarget.pip_child.prefetch.rate_limit import host_of
from wheeltarget.pip_child.prefetch.session import fetch
from wheeltarget.utils.files import Digest, Mark, stamp_of

_SCHEMES = frozenset({"http", "https"})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@dataclass(slots=True)
class Transfer:
    """The progress of a file.

    :param size: its size in bytes; None before the server answers, 0 if it does not send it.
    :param received: the number of bytes received.
    :param task: the task that fetches it.
    """

    size: int | None = None
    received: int = 0
    task: Task | None = None

    @property
    def is_over(self) -> bool:
        """Return whether it has ended."""
        return self.task is None or self.task.is_done


class Wheels:
    """The wheels and sources of a run.

    If the disk of a permanent store is full, ``is_full`` is set, and the rest is left to pip.

    :param pool: the threads.
    :param get_session: returns the session for use in threads.
    :param folder: the folder of the store.
    :param is_temporary: whether it is removed after the run, and on the same disk as pip's files.
    """

    def __init__(
        self, pool: Pool, get_session: Callable[[], Any], folder: Path, *, is_temporary: bool
    ) -> None:
        self.store = Store(folder)
        self.is_full = False
        self._is_temporary = is_temporary
        self._transfers: dict[str, Transfer] = {}
        self._pool = pool
        self._get_session = get_session
        self._tasks: dict[str, Task] = {}
        self._verified: dict[str, tuple[Digest, Mark | None]] = {}

    def fetch(self, link: Any, rank: int) -> Task | None:
        """Start to fetch a file, unless it was started before.

        :param link: pip's link to it.
        :param rank: how urgent it is.
        :returns: a task, whose outcome is whether it was fetched; None if it is left to pip.
        """
        sha256 = _sha256_of(link)
        url = link.url_without_fragment
        if sha256 is None:
            return None
        task = self._tasks.get(url)
        if task is None:
            task = self._tasks[url] = self._begin(url, sha256, rank)
        return task

    def _begin(self, url: str, sha256: str, rank: int) -> Task:
        if self.store.locate(sha256):
            return Task.done(url, outcome=False)
        if self.is_full or self._pool.is_shut(host_of(url)):
            return Task.done(url, LeftToPip("its host is left to pip, or the disk is full"))
        transfer = self._transfers[url] = Transfer()
        task = Task(
            url, rank, lambda: fetch(self._pool, url, lambda: self._load(url, sha256, transfer))
        )
        transfer.task = task
        self._pool.submit(task)
        return task

    def _load(self, url: str, sha256: str, transfer: Transfer) -> bool | LeftToPip:
        """Fetch a file into the store, unless its disk is full."""
        if self.is_full:
            return LeftToPip("the disk is full")
        try:
            return self._load_whole(url, sha256, transfer)
        except OSError as error:
            if not self._is_temporary and error.errno in _NO_ROOM:
                self.is_full = True
            raise

    def _load_whole(self, url: str, sha256: str, transfer: Transfer) -> bool:
        from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

        response = self._get_session().get(url, headers=HEADERS, stream=True)
        try:
            raise_for_status(response)
            size = response.headers.get("Content-Length", "")
            transfer.size = int(size) if size.isdecimal() else 0
            with self.store.writing(sha256) as writer:
                for chunk in response_chunks(response):
                    self._pool.check()
                    transfer.received += writer.write(chunk)
        finally:
            response.close()
        return True

    def transfer(self, link: Any) -> Transfer | None:
        """Return the progress of a file that is being fetched, or None."""
        transfer = self._transfers.get(link.url_without_fragment)
        return transfer if transfer is not None and not transfer.is_over else None

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
                del self._tasks[url], self._transfers[url]

    def place(self, link: Any, path: Path) -> bool | None:
        """Put a file at a path; if it is being fetched, wait for it.

        :param link: pip's link to it.
        :param path: the path.
        :returns: whether it was fetched in this run; None if pip has to fetch it.
        """
        sha256 = _sha256_of(link)
        if sha256 is None:
            return None
        task = self._tasks.get(link.url_without_fragment)
        outcome = task.wait() if task else False
        if not isinstance(outcome, bool):
            self._refuse_full_disk(outcome)
            self._pool.wait_for_pause(host_of(link.url))
            return None
        try:
            digest = self.store.take(sha256, path)
        except OSError:
            return None
        if digest is None:
            return None  # removed or damaged
        self._verified[str(path)] = (digest, stamp_of(path.stat()))
        return outcome

    def _refuse_full_disk(self, outcome: Any) -> None:
        """Raise the error if the disk of pip's own files is full."""
        reason = outcome.reason if isinstance(outcome, LeftToPip) else None
        if self._is_temporary and isinstance(reason, OSError) and reason.errno in _NO_ROOM:
            raise reason

    def is_verified(self, path: str, hashes: Any) -> bool:
        """Return whether a file was hashed, has not changed since, and has an allowed hash.

        :param path: the path of the file.
        :param hashes: pip's object for the allowed hashes.
        """
        digest, mark = self._verified.get(path, (None, None))
        if digest is None or mark is None or mark != stamp_of(Path(path).stat()):
            return False
        return bool(hashes.is_hash_allowed("sha256", digest.sha256))


def _sha256_of(link: Any) -> str | None:
    """Return the sha256 that the index lists for a file."""
    sha256 = link._hashes.get("sha256") if link.scheme in _SCHEMES else None
    return sha256.lower() if sha256 else None
