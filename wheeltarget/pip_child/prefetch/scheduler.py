"""Walk the graphs of several jobs at once, so that later targets find their files prefetched.

While pip works on a job, the upcoming ones are walked as well. What pip's finder has found for an
upcoming job is copied to the finder that pip makes for it later.
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
    read_options,
    read_requirements,
)

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 8
"""How many jobs are walked at once; what is found for each stays in memory until its turn."""

_SHORT_PATIENCE = 0.5
"""Seconds to wait at least for what only upcoming jobs need."""

_SESSION = "pip._internal.network.session"
_FINDER = ("pip._internal.index.collector", "pip._internal.index.package_finder")


@dataclass(frozen=True, slots=True)
class _UpcomingJob:
    job: JobState
    upcoming: UpcomingRequirements
    walk: Walk


class WalkScheduler:
    """The walks of a run.

    :param ahead: the prefetcher.
    """

    def __init__(self, ahead: Prefetcher) -> None:
        self._ahead = ahead
        self._upcoming: dict[str, _UpcomingJob] = {}

    def walk(self, resolver: Any, roots: Iterable[Any], *, takes_wheels: bool) -> None:
        """Walk the graphs of the current job, unless that was done, and of the upcoming ones.

        :param resolver: pip's resolver for the current job.
        :param roots: pip's requirements and constraints for it.
        :param takes_wheels: whether wheels are needed, not only metadata.
        """
        finder, requirements = resolver.factory._finder, list(roots)
        if self._is_done(finder, requirements):
            return
        arrivals = Arrivals(self._ahead.pool)
        own = Walk(
            self._ahead, finder, arrivals, with_dependencies=not resolver.ignore_dependencies
        )
        with _muted(_SESSION):
            own.begin(requirements)
            self._run(own, arrivals, takes_wheels=takes_wheels)

    def keep_only(self, links: Iterable[Any]) -> None:
        """Withdraw the wheels that neither the current job nor upcoming ones will need.

        :param links: pip's links to the files that the current job needs.
        """
        walks = [each.walk for each in self._upcoming.values()]
        theirs = [link for walk in walks if walk.is_whole for link in walk.links()]
        self._ahead.wheels.keep_only([*links, *theirs])

    def _is_done(self, finder: Any, roots: list[Any]) -> bool:
        """Use what was found for the current job, and return whether that is all it needs."""
        current = self._ahead.current
        mine = self._upcoming.pop(current.job.order.folder, None)
        if mine is None or mine.job.has_missed:
            return False
        projects = copy_findings(finder, mine.upcoming.finder)
        if projects:
            current.job.links, current.job.unread = mine.job.links, mine.job.unread
        for project in projects:
            current.job.pages.add(finder.search_scope, project)
        return mine.walk.is_whole and is_same(roots, mine.upcoming.roots)

    def _run(self, own: Walk, arrivals: Arrivals, *, takes_wheels: bool) -> None:
        """Walk for the current job, and for upcoming ones while it has to wait."""
        starts = self._start_upcoming(arrivals)
        begun: set[Walk] = set()
        while True:
            if takes_wheels:
                self._begin_wheels(own, begun)
            finished = arrivals.take()
            if not (finished or self._step(own) or next(starts, False)):
                waits = own.waits or any(each.walk.waits for each in self._upcoming.values())
                patience = () if own.waits else (_SHORT_PATIENCE,)
                finished = arrivals.wait(*patience) if waits else []
                if not finished:
                    break
            for walk in (own, *(each.walk for each in self._upcoming.values())):
                walk.resume(finished)
        for each in self._upcoming.values():
            each.walk.give_up()
        if own in begun:
            self.keep_only(own.links())

    def _begin_wheels(self, own: Walk, begun: set[Walk]) -> None:
        """Start to fetch the wheels of every walk that is complete."""
        if own.is_whole and own not in begun:
            begun.add(own)
            fetch_wheels(self._ahead, own.links())
        for each in self._upcoming.values():
            if each.walk.is_whole and each.walk not in begun:
                begun.add(each.walk)
                with self._switched_to(each.job):
                    fetch_wheels(self._ahead, each.walk.links())

    def _step(self, own: Walk) -> bool:
        """Make a step in one of the walks, and return whether there was one to make."""
        if own.can_step:
            own.step()
            return True
        for each in self._upcoming.values():
            if each.walk.can_step:
                with self._switched_to(each.job):
                    each.walk.step()
                return True
        return False

    def _start_upcoming(self, arrivals: Arrivals) -> Iterator[bool]:
        """Start the walks of upcoming jobs, one with each iteration."""
        jobs, folder = self._ahead.jobs, self._ahead.current.job.order.folder
        here = next((number for number, job in enumerate(jobs) if job.folder == folder), None)
        if here is None or not jobs[here].target or _logs_every_file():
            return
        _, like, _ = read_options(jobs[here].arguments)
        for order in jobs[here + 1 : here + _AT_ONCE]:
            if order.target and order.folder not in self._upcoming:
                self._start(JobState(order, is_upcoming=True), like, arrivals)
                yield True

    def _start(self, job: JobState, like: Any, arrivals: Arrivals) -> None:
        """Start the walk of an upcoming job; pip reports any error when it is its turn."""
        try:
            with self._switched_to(job):
                upcoming = read_requirements(job.order.arguments, self._ahead.sessions, like)
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
            self._upcoming[job.order.folder] = _UpcomingJob(job, upcoming, walk)
        except (Exception, SystemExit):
            _LOGGER.debug("Not prefetching for %s before its turn", job.order.label, exc_info=True)

    @contextmanager
    def _switched_to(self, job: JobState) -> Iterator[None]:
        with self._ahead.current.switched_to(job), _muted(*_FINDER):
            yield


def _logs_every_file() -> bool:
    """Return whether pip logs, for each job, every file that it skips."""
    return logging.getLogger(_FINDER[1]).isEnabledFor(logging.DEBUG)


@contextmanager
def _muted(*names: str) -> Iterator[None]:
    """Disable loggers of pip, which will log the same again later."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
