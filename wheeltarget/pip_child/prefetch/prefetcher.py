"""Prefetch pages, metadata and wheels for pip, each once in a run.

pip fetches one thing after the other. Threads fetch most of them before, with pip's own session.
pip itself fetches what they did not foresee or could not fetch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage, Needs, Packed
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool, Task
from wheeltarget.pip_child.prefetch.rate_limit import Hosts, host_of
from wheeltarget.pip_child.prefetch.session import SharedSession, ThreadSession, fetch, is_permanent
from wheeltarget.pip_child.prefetch.wheels import Wheels
from wheeltarget.pip_protocol import JobOrder

PAGE, METADATA, WHEEL = 0, 1, 2
"""How urgent tasks are."""

_HOSTS = 2
"""Threads for each connection to one host: most indexes have pages and files on two hosts."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run needs.

    :param connections: how many connections to a host are allowed at once.
    :param needs: which files any of the targets needs.
    :param store: the folder of the wheel store.
    :param is_temporary: whether that is removed when the run ends.
    :param jobs: the jobs of the run.
    """

    connections: int
    needs: Needs
    store: Path
    is_temporary: bool
    jobs: tuple[JobOrder, ...]

    @classmethod
    def of(
        cls, jobs: tuple[JobOrder, ...], connections: int, store: Path | None, temporary: Path
    ) -> Scope:
        """Return the scope of some jobs.

        :param jobs: the jobs.
        :param connections: how many connections to a host are allowed at once.
        :param store: the folder of the wheel store, or None.
        :param temporary: the folder for wheels if there is no store.
        """
        targets = [job.target for job in jobs]
        tags = {tag.lower() for target in targets if target for tag in target.tags}
        sources = not all(targets) or any(job.sources for job in jobs)
        needs = Needs(frozenset(tags), sources)
        return cls(max(connections, 1), needs, store or temporary, store is None, jobs)


class Prefetcher:
    """Prefetches for all jobs of a run.

    :param current: the current job.
    :param scope: what the run needs.
    """

    def __init__(self, current: CurrentJob, scope: Scope) -> None:
        self.current = current
        self.jobs = scope.jobs
        self.needs = self._first_needs = scope.needs
        # pip's own thread uses one connection.
        self.pool = Pool(Hosts(max(scope.connections - 1, 1)), _HOSTS * scope.connections)
        self.sessions = SharedSession(self.pool, self.forget)
        self.wheels = Wheels(
            self.pool, self.thread_session, scope.store, is_temporary=scope.is_temporary
        )
        self.bar = "off"
        self.evaluator: Any = None
        self.is_resolving = False
        self.takes_whole_wheels = False
        self._pages: dict[str, Task] = {}
        self._metadata: dict[str, Task] = {}
        self._filters: dict[tuple[int, bool], tuple[Any, FileFilter]] = {}
        self._get_page: Callable[..., Any] | None = None

    def forget(self) -> None:
        """Forget pages and metadata that were fetched with another session."""
        self.needs = self._first_needs
        self._filters.clear()
        self._pages.clear()
        self._metadata.clear()

    def close(self) -> None:
        """Stop the threads, and close the session."""
        self.pool.stop(patience=1.0)
        self.sessions.close()

    def thread_session(self) -> Any:
        """Return the session for use in threads."""
        return ThreadSession(self.sessions.session)

    def wants_whole(self, link: Any) -> bool:
        """Return whether pip reads the dependencies of a wheel from the wheel itself."""
        return self.takes_whole_wheels or link.metadata_link() is None

    def find_on_disk(self, link: Any) -> Path | None:
        """Find a wheel that pip finds on disk."""
        current = self.current
        earlier = current.run.fetched.get(link.url_without_fragment)
        if earlier is not None and earlier.is_file():
            return earlier
        existing = Path(current.job.order.destination, link.filename)
        if existing.is_file() and link.filename not in current.run.refused:
            return existing
        return (
            None
            if current.job.order.dry_run or self.wheels.is_begun(link)
            else self.wheels.find(link)
        )

    # Pages

    def read_pages_with(self, get: Callable[..., Any]) -> None:
        """Set pip's function to fetch a page."""
        self._get_page = get

    def page(self, url: str, **named: Any) -> Task:
        """Start to fetch a page, unless it was started before.

        :param url: its URL.
        :param named: further arguments of pip's function.
        """
        task = self._pages.get(url)
        if task is None:
            task = self._pages[url] = self._submit(url, PAGE, lambda: self._fetch_page(url, named))
        return task

    def _fetch_page(self, url: str, named: dict[str, Any]) -> Any:
        assert self._get_page is not None  # noqa: S101 - it is patched before anything is fetched
        page = self.keep_page(self._get_page(url, session=self.thread_session(), **named))
        # Old versions of urllib3 do not notice that a page is incomplete.
        return page if page.is_readable else LeftToPip("it cannot be read")

    def identify(self, url: str) -> bool:
        """Fetch a page as pip does, which may ask the user for credentials.

        :param url: the URL of a page on a host that was shut.
        :returns: whether threads may send requests to the host again.
        """
        from pip._internal.exceptions import NetworkConnectionError

        host = host_of(url)
        if self._get_page is None or not self.pool.is_shut(host):
            return False
        try:
            page = self.keep_page(self._get_page(url, session=self.sessions.session))
        except NetworkConnectionError as error:
            self.note_page(url, error)
            return False
        left = (each for each in self._pages.items() if isinstance(each[1].outcome, LeftToPip))
        for each in [each for each, task in left if task.host == host]:
            del self._pages[each]
        self.note_page(url, page)
        self.pool.reopen(host)
        return True

    def is_forgotten(self, task: Task) -> bool:
        """Return whether the task for a page was replaced or dropped."""
        return self._pages.get(task.url) is not task

    def keep_page(self, response: Any) -> KeptPage:
        """Return a page for pip's response."""
        from pip._internal.index.collector import _get_encoding_from_headers

        return KeptPage(response, _get_encoding_from_headers(response.headers), self.needs)

    def fetched_page(self, url: str) -> Any:
        """Return a page or pip's error for it; None if pip has to fetch it."""
        return self._outcome(self._pages.get(url))

    def note_page(self, url: str, outcome: Any) -> None:
        """Keep a page that pip fetched itself, or a permanent error for it."""
        if not isinstance(outcome, Exception) or is_permanent(outcome):
            self._pages[url] = Task.done(url, outcome)

    def file_filter(self, evaluator: Any) -> FileFilter:
        """Return the filter for the files that pip's evaluator may accept."""
        tags = evaluator._target_python.get_unsorted_tags()
        sources = "source" in evaluator._formats
        known = self._filters.get((id(tags), sources))
        if known is None or known[0] is not tags:
            needs = Needs(frozenset(map(str, tags)), sources)
            self.needs |= needs
            known = self._filters[id(tags), sources] = (tags, FileFilter(needs))
        return known[1]

    # Metadata

    def metadata(self, link: Any) -> Task:
        """Start to fetch a metadata file, unless it was started before.

        :param link: pip's link to the metadata file.
        """
        url = link.url_without_fragment
        task = self._metadata.get(url)
        if task is None:
            hashes = link.as_hashes()
            task = self._submit(url, METADATA, lambda: self._fetch_metadata(url, hashes))
            self._metadata[url] = task
        return task

    def _fetch_metadata(self, url: str, hashes: Any) -> Packed | LeftToPip:
        from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

        response = self.thread_session().get(url, headers=HEADERS, stream=True)
        raise_for_status(response)
        content = b"".join(response_chunks(response))
        fits = not hashes or _fits(content, hashes)
        return Packed(content) if fits else LeftToPip("it has another hash")

    def fetched_metadata(self, url: str) -> bytes | None:
        """Return a metadata file; None if pip has to fetch it."""
        outcome = self._outcome(self._metadata.get(url))
        return outcome.content if isinstance(outcome, Packed) else None

    def note_metadata(self, url: str, content: bytes) -> None:
        """Keep a metadata file that pip fetched itself."""
        self._metadata[url] = Task.done(url, Packed(content))

    # Headers

    def ask_for_headers(self, urls: Iterable[str]) -> dict[str, Any]:
        """Send HEAD requests in threads, and return the responses by URL, if there are any."""
        tasks = {url: self._submit(url, METADATA, partial(self._ask, url)) for url in urls}
        outcomes = {url: task.wait() for url, task in tasks.items()}
        return {url: got for url, got in outcomes.items() if not isinstance(got, LeftToPip)}

    def _ask(self, url: str) -> Any:
        return self.thread_session().head(url)

    # All tasks

    def _submit(self, url: str, rank: int, get: Callable[[], Any]) -> Task:
        if self.pool.is_shut(host_of(url)):
            return Task.done(url, LeftToPip("its host is left to pip"))
        task = Task(url, rank, lambda: fetch(self.pool, url, get))
        self.pool.submit(task)
        return task

    def _outcome(self, task: Task | None) -> Any:
        """Wait for a task, but withdraw it if no thread has begun it."""
        if task is None or self.pool.withdraw(task):
            return None
        outcome = task.wait()
        if isinstance(outcome, LeftToPip):
            self.pool.wait_for_pause(task.host)
            return None
        return outcome


def _fits(content: bytes, hashes: Any) -> bool:
    """Return whether a file has one of the allowed hashes."""
    return any(
        hashes.is_hash_allowed(name, hashlib.new(name, content).hexdigest())
        for name in hashes._allowed
    )
