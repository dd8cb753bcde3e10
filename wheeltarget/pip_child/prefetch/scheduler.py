"""Walks for several jobs at once, so that a further target does not wait for what is its own.

Before pip resolves the first of them, those behind it are looked at, too. What a finder of pip's
has found for such a job is handed to the one that pip makes for it when its turn comes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from wheeltarget.pip_child.job import JobState
from wheeltarget.pip_child.prefetch.graph import Walk, fetch_wheels
from wheeltarget.pip_child.prefetch.pool import Arrivals
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.upcoming_job import (
    UpcomingRequirements,
    copy_findings,
    is_same,
    look_at,
    read_options,
)

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 8
"""How many jobs are walked for at once; what is found for each stays in memory until its turn."""

_SHORT = 0.5
"""Seconds to wait at least for what only the jobs behind the one at hand need."""

_SESSION = "pip._internal.network.session"
_LOOKING = ("pip._internal.index.collector", "pip._internal.index.package_finder")


@dataclass(frozen=True, slots=True)
class Ready:
    """A job whose turn has not come, as far as it was looked at.

    :param job: the job.
    :param upcoming: what it asks for.
    :param walk: its walk.
    """

    job: JobState
    upcoming: UpcomingRequirements
    walk: Walk


class WalkScheduler:
    """The walks of a run.

    :param ahead: what is fetched ahead.
    """

    def __init__(self, ahead: Prefetcher) -> None:
        self._ahead = ahead
        self._ready: dict[str, Ready] = {}

    def walk(self, resolver: Any, roots: Iterable[Any], *, takes_wheels: bool) -> None:
        """Walk for the job at hand, unless that was done, and for those behind it.

        :param resolver: pip's resolver for the job at hand.
        :param roots: pip's requirements for it, its constraints among them.
        :param takes_wheels: whether the wheels themselves are needed.
        """
        finder, asked = resolver.factory._finder, list(roots)
        if self._is_done(finder, asked):
            return
        arrivals = Arrivals(self._ahead.pool)
        own = Walk(
            self._ahead, finder, arrivals, with_dependencies=not resolver.ignore_dependencies
        )
        with _quiet(_SESSION):
            own.begin(asked)
            self._go(own, arrivals, takes_wheels=takes_wheels)

    def keep_only(self, links: Iterable[Any]) -> None:
        """Let no file be begun but some, and those that the jobs behind the one at hand will need.

        :param links: pip's links to the files that the job at hand needs.
        """
        walks = [each.walk for each in self._ready.values()]
        theirs = [link for walk in walks if walk.is_whole for link in walk.links()]
        self._ahead.wheels.keep_only([*links, *theirs])

    def _is_done(self, finder: Any, roots: list[Any]) -> bool:
        """Take up what was found for the job at hand, and tell whether that is all it needs."""
        current = self._ahead.current
        ready = self._ready.pop(current.job.order.folder, None)
        if ready is None or ready.job.has_missed:
            return False
        projects = copy_findings(finder, ready.upcoming.finder)
        if projects:
            current.job.links, current.job.unread = ready.job.links, ready.job.unread
        for project in projects:
            current.job.pages.add(finder.search_scope, project)
        return ready.walk.is_whole and is_same(roots, ready.upcoming.roots)

    def _go(self, own: Walk, arrivals: Arrivals, *, takes_wheels: bool) -> None:
        """Walk for the job at hand, and for others while it has to wait."""
        looking = self._look_further(arrivals)
        begun: set[Walk] = set()
        while True:
            if takes_wheels:
                self._begin_wheels(own, begun)
            come = arrivals.come()
            if not (come or self._step(own) or next(looking, False)):
                waits = own.waits or any(each.walk.waits for each in self._ready.values())
                come = arrivals.listen(*(() if own.waits else (_SHORT,))) if waits else []
                if not come:
                    break
            for walk in (own, *(each.walk for each in self._ready.values())):
                walk.note(come)
        for each in self._ready.values():
            each.walk.give_up()
        if own in begun:
            self.keep_only(own.links())

    def _begin_wheels(self, own: Walk, begun: set[Walk]) -> None:
        """Let the wheels of every walk be fetched that has come to its end by now."""
        if own.is_whole and own not in begun:
            begun.add(own)
            fetch_wheels(self._ahead, own.links())
        for each in self._ready.values():
            if each.walk.is_whole and each.walk not in begun:
                begun.add(each.walk)
                with self._aside(each.job):
                    fetch_wheels(self._ahead, each.walk.links())

    def _step(self, own: Walk) -> bool:
        """Do the next thing that there is to do in a walk, if there is one."""
        if own.can_go_on:
            own.go_on()
            return True
        for each in self._ready.values():
            if each.walk.can_go_on:
                with self._aside(each.job):
                    each.walk.go_on()
                return True
        return False

    def _look_further(self, arrivals: Arrivals) -> Iterator[bool]:
        """Begin to walk for the jobs behind the one at hand, one after the other."""
        jobs, folder = self._ahead.jobs, self._ahead.current.job.order.folder
        here = next((number for number, job in enumerate(jobs) if job.folder == folder), None)
        if here is None or not jobs[here].target or _tells_of_every_file():
            return
        _, like, _ = read_options(jobs[here].arguments)
        for order in jobs[here + 1 : here + _AT_ONCE]:
            if order.target and order.folder not in self._ready:
                self._make_ready(JobState(order, is_upcoming=True), like, arrivals)
                yield True

    def _make_ready(self, job: JobState, like: Any, arrivals: Arrivals) -> None:
        """Begin to walk for a job; what is wrong with it, pip finds when it is its turn."""
        try:
            with self._aside(job):
                upcoming = look_at(job.order.arguments, self._ahead.sessions, like)
                if upcoming is None or upcoming.options.require_hashes is not bool(
                    self._ahead.takes_whole_wheels
                ):
                    return
                walk = Walk(
                    self._ahead,
                    upcoming.finder,
                    arrivals,
                    with_dependencies=not upcoming.options.ignore_dependencies,
                    may_ask=False,
                )
                walk.begin(upcoming.roots)
            self._ready[job.order.folder] = Ready(job, upcoming, walk)
        except (Exception, SystemExit):
            _LOGGER.debug("Not looking at %s before its turn", job.order.label, exc_info=True)

    @contextmanager
    def _aside(self, job: JobState) -> Iterator[None]:
        with self._ahead.current.switched_to(job), _quiet(*_LOOKING):
            yield


def _tells_of_every_file() -> bool:
    """Return whether the user wants to read, for each job, of every file that is passed over."""
    return logging.getLogger(_LOOKING[1]).isEnabledFor(logging.DEBUG)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let loggers of pip's say nothing of what it says when it comes there itself."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
