"""What is fetched ahead of pip, and kept for it: pages, metadata and wheels, each once in a run.

pip asks for one thing after the other. Here threads have fetched most of them by then, through its
own session, and what they did not foresee, or could not fetch, pip fetches itself.
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
from wheeltarget.pip_child.prefetch.session import SharedSession, ThreadSession, fetch, is_for_good
from wheeltarget.pip_child.prefetch.wheels import Wheels
from wheeltarget.pip_protocol import JobOrder

PAGE, METADATA, WHEEL = 0, 1, 2
"""How urgent things are."""

_WIDTH = 2
"""Threads for each connection to one host: pages and files are on two, as a rule."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the run is about.

    :param connections: how many connections to a host there may be at once.
    :param needs: which files may be of use to any of the targets.
    :param store: the folder of the wheel store.
    :param is_passing: whether that is gone when the run ends.
    :param jobs: the jobs of the run.
    """

    connections: int
    needs: Needs
    store: Path
    is_passing: bool
    jobs: tuple[JobOrder, ...]

    @classmethod
    def of(
        cls, jobs: tuple[JobOrder, ...], connections: int, store: Path | None, temporary: Path
    ) -> Scope:
        """Return the scope of some jobs.

        :param jobs: the jobs.
        :param connections: how many connections to a host there may be at once.
        :param store: the folder of the wheel store, or None.
        :param temporary: the folder for wheels if there is no store.
        """
        targets = [job.target for job in jobs]
        tags = {tag.lower() for target in targets if target for tag in target.tags}
        sources = not all(targets) or any(job.sources for job in jobs)
        needs = Needs(frozenset(tags), sources)
        return cls(max(connections, 1), needs, store or temporary, store is None, jobs)


class Prefetcher:
    """What is fetched ahead in a run, for all of its jobs.

    :param current: the holder of the job at hand.
    :param scope: what the run is about.
    """

    def __init__(self, current: CurrentJob, scope: Scope) -> None:
        self.current = current
        self.jobs = scope.jobs
        self.needs = self._first_needs = scope.needs
        # pip's own thread may have a connection, too.
        self.pool = Pool(Hosts(max(scope.connections - 1, 1)), _WIDTH * scope.connections)
        self.sessions = SharedSession(self.pool, self.forget)
        self.wheels = Wheels(
            self.pool, self.thread_session, scope.store, is_passing=scope.is_passing
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
        """Forget what was fetched with another session."""
        self.needs = self._first_needs
        self._filters.clear()
        self._pages.clear()
        self._metadata.clear()

    def close(self) -> None:
        """End all that goes on."""
        self.pool.stop(patience=1.0)
        self.sessions.close()

    def thread_session(self) -> Any:
        """Return the session as threads may use it."""
        return ThreadSession(self.sessions.session)

    def wants_whole(self, link: Any) -> bool:
        """Return whether pip takes a wheel to know what it needs, and not its metadata alone."""
        return self.takes_whole_wheels or link.metadata_link() is None

    def find_here(self, link: Any) -> Path | None:
        """Find a wheel where pip finds it without asking for anything."""
        current = self.current
        earlier = current.run.fetched.get(link.url_without_fragment)
        if earlier is not None and earlier.is_file():
            return earlier
        there = Path(current.job.order.destination, link.filename)
        if there.is_file() and link.filename not in current.run.refused:
            return there
        return (
            None
            if current.job.order.dry_run or self.wheels.is_begun(link)
            else self.wheels.find(link)
        )

    # Pages

    def read_pages_with(self, get: Callable[..., Any]) -> None:
        """Take pip's function that fetches a page."""
        self._get_page = get

    def page(self, url: str, **named: Any) -> Task:
        """Let a page be fetched, unless it was.

        :param url: where it is.
        :param named: what else pip tells its function that fetches it.
        """
        task = self._pages.get(url)
        if task is None:
            task = self._pages[url] = self._submit(url, PAGE, lambda: self._fetch_page(url, named))
        return task

    def _fetch_page(self, url: str, named: dict[str, Any]) -> Any:
        assert self._get_page is not None  # noqa: S101 - it is patched before anything is fetched
        page = self.keep_page(self._get_page(url, session=self.thread_session(), **named))
        # Old versions of what pip fetches with take half of a page for all of it.
        return page if page.is_readable else LeftToPip("it cannot be read")

    def identify(self, url: str) -> bool:
        """Let pip fetch a page itself, who may have to ask the user who is asking.

        :param url: where it is, on a host that was shut for this.
        :returns: whether the host can be asked from here again.
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
        """Return whether what became of a page does not count any more."""
        return self._pages.get(task.url) is not task

    def keep_page(self, response: Any) -> KeptPage:
        """Keep pip's response to a question for a page."""
        from pip._internal.index.collector import _get_encoding_from_headers

        return KeptPage(response, _get_encoding_from_headers(response.headers), self.needs)

    def fetched_page(self, url: str) -> Any:
        """Return the outcome for a page: a page, or pip's error; None where pip has to fetch it."""
        return self._outcome(self._pages.get(url))

    def note_page(self, url: str, outcome: Any) -> None:
        """Keep what pip itself got for a page: the page, or an answer for good that it has none."""
        if not isinstance(outcome, Exception) or is_for_good(outcome):
            self._pages[url] = Task.done(url, outcome)

    def file_filter(self, evaluator: Any) -> FileFilter:
        """Return the filter for the files that pip's evaluator can take."""
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
        """Let the metadata file of a wheel be fetched, unless it was.

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
        """Return a metadata file; None where pip has to fetch it."""
        outcome = self._outcome(self._metadata.get(url))
        return outcome.content if isinstance(outcome, Packed) else None

    def note_metadata(self, url: str, content: bytes) -> None:
        """Keep a metadata file that pip itself got."""
        self._metadata[url] = Task.done(url, Packed(content))

    # Headers

    def ask_for_headers(self, urls: Iterable[str]) -> dict[str, Any]:
        """Ask for the headers of files, as many at once as their hosts allow.

        :param urls: where they are.
        :returns: the answers; none where there was none, or the host is left to pip.
        """
        tasks = {url: self._submit(url, METADATA, partial(self._ask, url)) for url in urls}
        outcomes = {url: task.wait() for url, task in tasks.items()}
        return {url: got for url, got in outcomes.items() if not isinstance(got, LeftToPip)}

    def _ask(self, url: str) -> Any:
        return self.thread_session().head(url)

    # All of them

    def _submit(self, url: str, rank: int, get: Callable[[], Any]) -> Task:
        if self.pool.is_shut(host_of(url)):
            return Task.done(url, LeftToPip("its host is left to pip"))
        task = Task(url, rank, lambda: fetch(self.pool, url, get))
        self.pool.submit(task)
        return task

    def _outcome(self, task: Task | None) -> Any:
        """Wait for what a thread is about, and do without what none has begun."""
        if task is None or self.pool.withdraw(task):
            return None
        outcome = task.wait()
        if isinstance(outcome, LeftToPip):
            self.pool.heed(task.host)
            return None
        return outcome


def _fits(content: bytes, hashes: Any) -> bool:
    """Return whether a file has one of the hashes that pip would take."""
    return any(
        hashes.is_hash_allowed(name, hashlib.new(name, content).hexdigest())
        for name in hashes._allowed
    )
