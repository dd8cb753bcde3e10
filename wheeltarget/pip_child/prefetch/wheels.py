"""Wheels fetched ahead into the wheel store, from which pip's folder has links to them.

They are hashed on the way, against what the index says; a file of which it says nothing is left to
pip. What is in pip's own cache counts.
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
from wheeltarget.utils.hashes import Digest, Mark, mark_of

_SCHEMES = frozenset({"http", "https"})


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@dataclass(slots=True)
class Transfer:
    """How far a file is on its way.

    :param size: its size in bytes, once that is known; 0 if the host does not say it.
    :param received: the bytes that are here.
    :param task: what fetches it.
    """

    size: int | None = None
    received: int = 0
    task: Task | None = None

    @property
    def is_over(self) -> bool:
        """Return whether it is here, or given up."""
        return self.task is None or self.task.is_done


class Wheels:
    """The wheels of a run; sources, too.

    :param pool: the threads.
    :param lend: gives the session as threads may use it.
    :param folder: the folder of the store.
    :param is_passing: whether it is gone when the run ends, and stands where pip's files go.

    Where there is no room in a store that stays, ``is_full`` is true, and the rest is left to pip.
    """

    def __init__(
        self, pool: Pool, lend: Callable[[], Any], folder: Path, *, is_passing: bool
    ) -> None:
        self.store = Store(folder)
        self.is_full = False
        self._is_passing = is_passing
        self._transfers: dict[str, Transfer] = {}
        self._pool = pool
        self._lend = lend
        self._tasks: dict[str, Task] = {}
        self._verified: dict[str, tuple[Digest, Mark | None]] = {}

    def fetch(self, link: Any, rank: int) -> Task | None:
        """Let a file be fetched, unless it is there.

        :param link: pip's link to it.
        :param rank: how urgent it is.
        :returns: a task whose outcome is whether it had to be fetched; None where it is for pip.
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
            return Task.done(url, LeftToPip("its host is left to pip, or there is no room for it"))
        transfer = self._transfers[url] = Transfer()
        task = Task(
            url, rank, lambda: fetch(self._pool, url, lambda: self._load(url, sha256, transfer))
        )
        transfer.task = task
        self._pool.submit(task)
        return task

    def _load(self, url: str, sha256: str, transfer: Transfer) -> bool | LeftToPip:
        """Fetch a file into the store, unless it is known that there is no room in it."""
        if self.is_full:
            return LeftToPip("there is no room for it")
        try:
            return self._load_whole(url, sha256, transfer)
        except OSError as error:
            if not self._is_passing and error.errno in _NO_ROOM:
                self.is_full = True
            raise

    def _load_whole(self, url: str, sha256: str, transfer: Transfer) -> bool:
        from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

        response = self._lend().get(url, headers=HEADERS, stream=True)
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
        """Tell how far a file is that is not here yet, and on its way."""
        transfer = self._transfers.get(link.url_without_fragment)
        return transfer if transfer is not None and not transfer.is_over else None

    def is_begun(self, link: Any) -> bool:
        """Return whether this run has fetched a file, or is about to."""
        return link.url_without_fragment in self._tasks

    def find(self, link: Any) -> Path | None:
        """Find a file in the store, to guess what it needs; nobody has hashed it yet."""
        sha256 = _sha256_of(link)
        return self.store.locate(sha256) if sha256 else None

    def keep_only(self, links: Iterable[Any]) -> None:
        """Let no file be begun but these."""
        wanted = {link.url_without_fragment for link in links}
        for url, task in list(self._tasks.items()):
            if url not in wanted and self._pool.withdraw(task):
                del self._tasks[url], self._transfers[url]

    def place(self, link: Any, path: Path) -> bool | None:
        """Put a file where pip wants it, if it is here; one on its way is waited for.

        :param link: pip's link to it.
        :param path: where to.
        :returns: whether it had to be fetched; None where it is not here.
        """
        sha256 = _sha256_of(link)
        if sha256 is None:
            return None
        task = self._tasks.get(link.url_without_fragment)
        outcome = task.wait() if task else False
        if not isinstance(outcome, bool):
            self._refuse_full_disk(outcome)
            self._pool.heed(host_of(link.url))
            return None
        try:
            digest = self.store.take(sha256, path)
        except OSError:
            return None
        if digest is None:
            return None  # it was removed, or is damaged; pip fetches it
        self._verified[str(path)] = (digest, mark_of(path.stat()))
        return outcome

    def _refuse_full_disk(self, outcome: Any) -> None:
        """Raise the error where pip would find no room for a file, either."""
        reason = outcome.reason if isinstance(outcome, LeftToPip) else None
        if self._is_passing and isinstance(reason, OSError) and reason.errno in _NO_ROOM:
            raise reason

    def is_verified(self, path: str, hashes: Any) -> bool:
        """Return whether a file was hashed, is as it was then, and has a hash that pip would take.

        :param path: where it is.
        :param hashes: pip's hashes.
        """
        digest, mark = self._verified.get(path, (None, None))
        if digest is None or mark is None or mark != mark_of(Path(path).stat()):
            return False
        return bool(hashes.is_hash_allowed("sha256", digest.sha256))


def _sha256_of(link: Any) -> str | None:
    """Return the sha256 that an index says a file has."""
    sha256 = link._hashes.get("sha256") if link.scheme in _SCHEMES else None
    return sha256.lower() if sha256 else None
