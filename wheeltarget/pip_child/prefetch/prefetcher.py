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

from wheeltarget.pip_child.job import Current
from wheeltarget.pip_child.patches.sizes import QUESTION
from wheeltarget.pip_child.prefetch.pages import KeptPage, Needs, Packed, Sieve
from wheeltarget.pip_child.prefetch.pool import Left, Pool, Task
from wheeltarget.pip_child.prefetch.rate_limit import Hosts, host_of
from wheeltarget.pip_child.prefetch.session import Keeper, Lent, fetch, is_for_good
from wheeltarget.pip_child.prefetch.wheels import Wheels

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
    :param jobs: the jobs of the run, as the job file has them.
    """

    connections: int
    needs: Needs
    store: Path
    is_passing: bool
    jobs: list[dict[str, Any]]

    @classmethod
    def of(cls, order: dict[str, Any], temporary: Path) -> Scope:
        """Read it from a job file.

        :param order: the content of the job file.
        :param temporary: a folder for wheels where there is no store.
        """
        targets = [job["target"] for job in order["jobs"]]
        tags = {tag.lower() for target in targets if target for tag in target["tags"]}
        sources = not all(targets) or any(job.get("sources") for job in order["jobs"])
        needs = Needs(frozenset(tags), sources)
        store = Path(order["store"] or temporary)
        connections = max(order["connections"], 1)
        return cls(connections, needs, store, not order["store"], order["jobs"])


class Ahead:
    """What is fetched ahead in a run, for all of its jobs.

    :param current: the holder of the job at hand.
    :param scope: what the run is about.
    """

    def __init__(self, current: Current, scope: Scope) -> None:
        self.current = current
        self.jobs = scope.jobs
        self.needs = self._first_needs = scope.needs
        # pip's own thread may have a connection, too.
        self.pool = Pool(Hosts(max(scope.connections - 1, 1)), _WIDTH * scope.connections)
        self.keeper = Keeper(self.pool, self.forget)
        self.wheels = Wheels(self.pool, self.lent, scope.store, is_passing=scope.is_passing)
        self.bar = "off"
        self.evaluator: Any = None
        self.is_resolving = False
        self.takes_whole_wheels = False
        self._pages: dict[str, Task] = {}
        self._metadata: dict[str, Task] = {}
        self._sieves: dict[tuple[int, bool], tuple[Any, Sieve]] = {}
        self._get_page: Callable[..., Any] | None = None

    def forget(self) -> None:
        """Forget what was fetched with another session."""
        self.needs = self._first_needs
        self._sieves.clear()
        self._pages.clear()
        self._metadata.clear()

    def close(self) -> None:
        """End all that goes on."""
        self.pool.stop(patience=1.0)
        self.keeper.close()

    def lent(self) -> Any:
        """Give the session as threads may use it."""
        return Lent(self.keeper.session)

    def wants_whole(self, link: Any) -> bool:
        """Tell whether pip takes a wheel to know what it needs, and not its metadata alone."""
        return self.takes_whole_wheels or link.metadata_link() is None

    def find_here(self, link: Any) -> Path | None:
        """Find a wheel where pip finds it without asking for anything."""
        current = self.current
        earlier = current.fetched.get(link.url_without_fragment)
        if earlier is not None and earlier.is_file():
            return earlier
        there = Path(current.destination, link.filename)
        if there.is_file() and link.filename not in current.refused:
            return there
        return None if current.dry_run or self.wheels.is_begun(link) else self.wheels.find(link)

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
        page = self.keep_page(self._get_page(url, session=self.lent(), **named))
        # Old versions of what pip fetches with take half of a page for all of it.
        return page if page.is_readable else Left("it cannot be read")

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
            page = self.keep_page(self._get_page(url, session=self.keeper.session))
        except NetworkConnectionError as error:
            self.note_page(url, error)
            return False
        left = (each for each in self._pages.items() if isinstance(each[1].outcome, Left))
        for each in [each for each, task in left if task.host == host]:
            del self._pages[each]
        self.note_page(url, page)
        self.pool.reopen(host)
        return True

    def is_forgotten(self, task: Task) -> bool:
        """Tell whether what became of a page does not count any more."""
        return self._pages.get(task.url) is not task

    def keep_page(self, response: Any) -> KeptPage:
        """Keep pip's response to a question for a page."""
        from pip._internal.index.collector import _get_encoding_from_headers

        return KeptPage(response, _get_encoding_from_headers(response.headers), self.needs)

    def fetched_page(self, url: str) -> Any:
        """Give the outcome for a page: a page, or pip's error; None where pip has to fetch it."""
        return self._outcome(self._pages.get(url))

    def note_page(self, url: str, outcome: Any) -> None:
        """Keep what pip itself got for a page: the page, or an answer for good that it has none."""
        if not isinstance(outcome, Exception) or is_for_good(outcome):
            self._pages[url] = Task.done(url, outcome)

    def sieve(self, evaluator: Any) -> Sieve:
        """Give what tells which files of a page pip's evaluator can take."""
        tags = evaluator._target_python.get_unsorted_tags()
        sources = "source" in evaluator._formats
        known = self._sieves.get((id(tags), sources))
        if known is None or known[0] is not tags:
            needs = Needs(frozenset(map(str, tags)), sources)
            self.needs |= needs
            known = self._sieves[id(tags), sources] = (tags, Sieve(needs))
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

    def _fetch_metadata(self, url: str, hashes: Any) -> Packed | Left:
        from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

        response = self.lent().get(url, headers=HEADERS, stream=True)
        raise_for_status(response)
        content = b"".join(response_chunks(response))
        fits = not hashes or _fits(content, hashes)
        return Packed(content) if fits else Left("it has another hash")

    def fetched_metadata(self, url: str) -> bytes | None:
        """Give a metadata file; None where pip has to fetch it."""
        outcome = self._outcome(self._metadata.get(url))
        return outcome.content if isinstance(outcome, Packed) else None

    def note_metadata(self, url: str, content: bytes) -> None:
        """Keep a metadata file that pip itself got."""
        self._metadata[url] = Task.done(url, Packed(content))

    # Headers

    def ask_at_once(self, urls: Iterable[str]) -> dict[str, Any]:
        """Ask for the headers of files, as many at once as their hosts allow.

        :param urls: where they are.
        :returns: the answers; none where there was none, or the host is left to pip.
        """
        tasks = {url: self._submit(url, METADATA, partial(self._ask, url)) for url in urls}
        outcomes = {url: task.wait() for url, task in tasks.items()}
        return {url: got for url, got in outcomes.items() if not isinstance(got, Left)}

    def _ask(self, url: str) -> Any:
        return self.lent().head(url, **QUESTION)

    # All of them

    def _submit(self, url: str, rank: int, get: Callable[[], Any]) -> Task:
        if self.pool.is_shut(host_of(url)):
            return Task.done(url, Left("its host is left to pip"))
        task = Task(url, rank, lambda: fetch(self.pool, url, get))
        self.pool.submit(task)
        return task

    def _outcome(self, task: Task | None) -> Any:
        """Wait for what a thread is about, and do without what none has begun."""
        if task is None or self.pool.withdraw(task):
            return None
        outcome = task.wait()
        if isinstance(outcome, Left):
            self.pool.heed(task.host)
            return None
        return outcome


def _fits(content: bytes, hashes: Any) -> bool:
    """Tell whether a file has one of the hashes that pip would take."""
    return any(
        hashes.is_hash_allowed(name, hashlib.new(name, content).hexdigest())
        for name in hashes._allowed
    )
