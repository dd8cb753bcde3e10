"""Prefetch pages, metadata and wheels for pip, each once in a run.

pip fetches one thing after the other. Threads fetch most of them before, with pip's own session.
pip itself fetches what they did not foresee or could not fetch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from pip._internal.exceptions import NetworkConnectionError
from pip._internal.models.link import Link
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from pip._internal.utils.compatibility_tags import get_supported

from wheeltarget.cache.metadata_store import MetadataStore
from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool, Task, finished_task, host_of
from wheeltarget.pip_child.prefetch.ranges import Ranges
from wheeltarget.pip_child.prefetch.session import SharedSession, is_permanent
from wheeltarget.pip_child.prefetch.wheels import Wheels
from wheeltarget.pip_protocol import JobOrder, ResolveJobs

_LOGGER = logging.getLogger(__name__)
_PAGE, METADATA, _WHEEL = 0, 1, 2  # how urgent tasks are
_HOSTS = 2  # threads per connection to a host: most indexes have pages and files on two hosts


class Prefetcher:
    """Prefetches for all jobs of a run, into a temporary folder if there is no wheel store."""

    get_page: Callable[..., Any]  # pip's own function, set by the patch
    versions: Any  # set by the patch

    def __init__(self, current: CurrentJob, request: ResolveJobs, temporary: Path) -> None:
        self.current, self.jobs = current, request.jobs
        self.wanted = _filter_for_all(request.jobs)
        # pip's own thread uses one connection.
        self.pool = Pool(max(request.connections - 1, 1), _HOSTS * request.connections)
        self.sessions = SharedSession(self.pool, self.forget)
        store = current.run.store
        transfers, is_temporary = current.run.transfers, store is None
        store = store or Store(temporary)
        self.wheels = Wheels(self.sessions, store, transfers, is_temporary=is_temporary)
        kept = None if is_temporary else MetadataStore.beside(store)
        self.ranges = Ranges(self.sessions, self.wheels, current.run, kept)
        self.bar = "off"
        self.evaluator: Any = None
        self.is_resolving = self.takes_whole_wheels = False
        self._tasks: dict[str, Task] = {}
        self._received = 0

    def forget(self) -> None:
        """Forget pages and metadata that were fetched with another session."""
        self._tasks.clear()

    def note(self, url: str, outcome: KeptPage | bytes | Exception) -> None:
        """Keep a page, the error for it, or a metadata file."""
        self._tasks[url] = finished_task(url, outcome)

    def close(self) -> None:
        """Stop the threads, and close the session."""
        self.pool.stop(patience=1.0)
        self.sessions.close()

    def count_pages(self) -> tuple[int, int, int]:
        """Return how many pages are here, of how many, and the bytes of pages and metadata."""
        pages = [task for task in list(self._tasks.values()) if task.rank == _PAGE]
        here = [task for task in pages if not isinstance(task.outcome, LeftToPip | None)]
        return len(here), len(pages), self._received + self.ranges.received

    def _start(self, url: str, rank: int, fetch: Callable[[], Any]) -> Task:
        """Start to fetch something, unless it was started before."""
        if url not in self._tasks:
            self._tasks[url] = self.sessions.submit(url, rank, fetch)
        return self._tasks[url]

    def _outcome(self, url: str) -> Any:
        """Wait for a task, but withdraw it if no thread has begun it; None if pip has to fetch."""
        task = self._tasks.get(url)
        if task is None or self.pool.withdraw(task):
            return None
        outcome = task.wait()
        if isinstance(outcome, LeftToPip):
            self.pool.wait_for_pause(task.host)
            return None
        return outcome

    def fetch_pages(self, finder: Any, name: str) -> list[Task]:
        """Start to fetch the pages that pip would search for a project."""
        if name in getattr(finder, "_locked_links", {}):
            return []
        session = finder._link_collector.session
        scope = self.current.job.scope_of(finder.search_scope, name)
        refreshed = getattr(session, "refresh_package", ())
        named = {"force_revalidate": True} if {":all:", name} & {*refreshed} else {}
        places = [*scope.get_index_urls_locations(name), *scope.find_links]
        links = [Link(place) for place in places if place.startswith(("http:", "https:"))]
        urls = [link.url.partition("#")[0] for link in links if session.is_secure_origin(link)]
        return [self._start(url, _PAGE, partial(self._fetch_page, url, named)) for url in urls]

    def _fetch_page(self, url: str, named: dict[str, Any]) -> KeptPage | LeftToPip:
        response = self.get_page(url, session=self.sessions, **named)
        self._received += len(response.content)
        page = KeptPage(response, self.wanted)
        # Old versions of urllib3 do not notice that a page is incomplete.
        return page if page.is_readable else LeftToPip("it cannot be read")

    def take_page(self, url: str, get: Callable[[], Any]) -> Any:
        """Return a page or raise pip's error for it; pip fetches it if it was not prefetched."""
        outcome = self._outcome(url)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or self._fetch_as_pip(url, get)

    def _fetch_as_pip(self, url: str, get: Callable[[], Any]) -> KeptPage:
        """Fetch a page as pip does, and keep it, or a permanent error for it."""
        try:
            page = KeptPage(get(), self.wanted)
        except NetworkConnectionError as error:
            if is_permanent(error):
                self.note(url, error)
            raise
        self.note(url, page)
        return page

    def identify(self, url: str) -> bool:
        """Fetch a page of a shut host as pip does, which may ask the user for credentials.

        :returns: whether threads may send requests to the host again.
        """
        host = host_of(url)
        if not self.pool.is_shut(host):
            return False
        try:
            self._fetch_as_pip(url, partial(self.get_page, url, session=self.sessions.session))
        except NetworkConnectionError:
            return False
        for each, task in list(self._tasks.items()):
            is_left = isinstance(task.outcome, LeftToPip)
            if is_left and task.host == host and task.rank == _PAGE:
                del self._tasks[each]
        self.pool.reopen(host)
        return True

    def is_forgotten(self, task: Task) -> bool:
        """Return whether the task for a page was replaced or dropped."""
        return self._tasks.get(task.url) is not task

    def metadata(self, link: Any) -> Task:
        """Start to fetch the metadata of a wheel, unless it was started before.

        :returns: a task; its outcome is METADATA, or True if the whole wheel was fetched instead.
        """
        listed = link.metadata_link()
        if listed is None:
            url = f"{link.url_without_fragment}.metadata"
            return self._start(url, METADATA, partial(self.ranges.read, link))
        url = listed.url_without_fragment
        return self._start(url, METADATA, partial(self._fetch_metadata, url, listed.as_hashes()))

    def read_parts(self, link: Any) -> bool:
        """Return whether METADATA of a wheel without a metadata file is here, read from parts.

        It is read now if no thread has begun it.
        """
        if self.wants_whole(link):
            return False
        task = self.metadata(link)
        if self.pool.withdraw(task):
            try:
                outcome = self.ranges.read(link)
            except Exception:
                _LOGGER.debug("Leaving %s to pip", link, exc_info=True)
                return False  # pip requests the wheel, and meets the error itself
            task = self._tasks[task.url] = finished_task(task.url, outcome)
        if isinstance(task.wait(), LeftToPip):
            self.pool.wait_for_pause(task.host)
        return isinstance(task.outcome, bytes)

    def withdraw(self, tasks: Iterable[Task]) -> None:
        """Withdraw pages and metadata that were not begun, so that they can be started again."""
        for task in tasks:
            if self.pool.withdraw(task):
                self._tasks.pop(task.url, None)

    def _fetch_metadata(self, url: str, hashes: Any) -> bytes:
        response = self.sessions.get(url, headers=HEADERS, stream=True)
        raise_for_status(response)
        content = b"".join(response_chunks(response))
        self._received += len(content)
        if hashes:
            hashes.check_against_chunks([content])
        return content

    def is_here(self, link: Any) -> bool:
        """Return whether the metadata of a wheel need not be waited for."""
        task = self._tasks.get(f"{link.url_without_fragment}.metadata")
        return task is not None and task.done()

    def fetched_metadata(self, url: str) -> bytes | None:
        """Return a metadata file; None if pip has to fetch it."""
        outcome = self._outcome(url)
        return outcome if isinstance(outcome, bytes) else None

    def wants_whole(self, link: Any) -> bool:
        """Return whether pip reads the dependencies of a wheel from the whole wheel."""
        has_file = link.metadata_link() is not None
        return self.takes_whole_wheels or not (has_file or self.ranges.takes(link))

    def find_on_disk(self, link: Any) -> Path | None:
        """Find a wheel that pip finds on disk."""
        run, order = self.current.run, self.current.job.order
        if (earlier := run.fetched.get(link.url_without_fragment)) and earlier.is_file():
            return earlier
        existing = Path(order.destination, link.filename)
        if existing.is_file() and link.filename not in run.refused:
            return existing
        is_left = order.dry_run or self.wheels.is_begun(link)
        return None if is_left else self.wheels.find(link)

    def fetch_wheels(self, links: Iterable[Any]) -> None:
        """Start to fetch files that do not exist yet."""
        for link in links:
            if self.find_on_disk(link) is None:
                size = self.current.run.sizes.get(link.url_without_fragment)
                self.wheels.fetch(link, _WHEEL, size)

    def ask_for_headers(self, urls: Iterable[str]) -> dict[str, Any]:
        """Send HEAD requests in threads, and return the responses by URL, if there are any."""
        sessions = self.sessions
        tasks = [sessions.submit(url, METADATA, partial(sessions.head, url)) for url in urls]
        return {task.url: task.outcome for task in tasks if not isinstance(task.wait(), LeftToPip)}


def _filter_for_all(jobs: Iterable[JobOrder]) -> FileFilter:
    """Return the filter for the files that any job needs."""
    targets = [job.target for job in jobs]
    tags = {tag.lower() for target in targets if target for tag in target.tags}
    if None in targets:
        tags.update(map(str, get_supported()))
    sources = None in targets or any(job.sources for job in jobs)
    return FileFilter(frozenset(tags), sources=sources)
