"""Walk the graphs of several jobs at once, so that later targets find their files prefetched.

While pip works on a job, the upcoming ones are walked as well. pip's own command parses their
arguments and reads their files, with the session of the run, whose state is restored. A job with
other indexes or credentials than the current one is left until its turn. What pip's finder has
found for an upcoming job is copied to the finder that pip makes for it later.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from pip._internal.cli.cmdoptions import make_target_python
from pip._internal.commands import create_command

from wheeltarget.pip_child.job import JobState
from wheeltarget.pip_child.prefetch.pool import POLL_INTERVAL, Task
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.session import session_options
from wheeltarget.pip_child.prefetch.walk import Walk

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 8  # jobs that are walked; what is found for each stays in memory until its turn
_TIMES_THE_LONGEST = 3.0  # how many times longer than the longest wait so far another may take

_PATIENCE, _SHORT_PATIENCE = 5.0, 0.5
"""Seconds without a finished task after which pip begins; the second if only upcoming jobs wait."""

_FOUND = ("_all_candidates", "_best_candidates", "_requires_python_skipped", "_logged_links")
"""Attributes of a finder for files that it has found or skipped; each pip has some of them."""

SESSION = "pip._internal.network.session"
_FINDER = ("pip._internal.index.collector", "pip._internal.index.package_finder")


class _UpcomingJob(NamedTuple):
    """An upcoming job, with pip's finder, requirements and constraints for it."""

    job: JobState
    finder: Any
    roots: list[Any]
    walk: Walk


class WalkScheduler:
    """The walks of a run."""

    def __init__(self, ahead: Prefetcher) -> None:
        self._ahead = ahead
        self._upcoming: dict[str, _UpcomingJob] = {}
        self._arrivals: SimpleQueue[Task] = SimpleQueue()
        self._longest = 0.0

    def walk(self, resolver: Any, roots: Iterable[Any], *, takes_wheels: bool) -> None:
        """Walk the graphs of the current job, unless that was done, and of the upcoming ones."""
        finder, requirements = resolver.factory._finder, list(roots)
        if self._is_done(finder, requirements):
            return
        own = Walk(self._ahead, finder, self._arrivals, follows=not resolver.ignore_dependencies)
        with muted(SESSION):
            own.begin(requirements)
            self._run(own, takes_wheels=takes_wheels)

    def keep_only(self, links: Iterable[Any]) -> None:
        """Withdraw the wheels that neither the current job nor upcoming ones will need."""
        walks = [each.walk for each in self._upcoming.values()]
        theirs = [link for walk in walks if walk.is_whole for link in walk.links()]
        self._ahead.wheels.keep_only([*links, *theirs])

    def _is_done(self, finder: Any, roots: list[Any]) -> bool:
        """Use what was found for the current job, and return whether that is all it needs."""
        current = self._ahead.current
        mine = self._upcoming.pop(current.job.order.folder, None)
        if mine is None or mine.job.has_missed:
            return False
        projects = copy_findings(finder, mine.finder)
        if projects:
            current.job.links, current.job.unread = mine.job.links, mine.job.unread
        for project in projects:
            scope = current.job.scope_of(finder.search_scope, project)
            current.job.pages.add(scope, project)
        return mine.walk.is_whole and _keys(roots) == _keys(mine.roots)

    def _run(self, own: Walk, *, takes_wheels: bool) -> None:
        """Walk for the current job, and for upcoming ones while it has to wait."""
        starts = self._start_upcoming()
        begun: set[Walk] = set()
        self._longest = 0.0
        while True:
            walks = [own, *(each.walk for each in self._upcoming.values())]
            for walk in walks if takes_wheels else ():
                if walk.is_whole and walk not in begun:
                    begun.add(walk)
                    with walk.in_its_job():
                        self._ahead.fetch_wheels(walk.links())
            finished = self._take_arrivals()
            if not (finished or any(walk.step() for walk in walks) or next(starts, False)):
                finished = self._wait(walks)
                if not finished:
                    break
            for walk in walks:
                walk.resume(finished)
        for each in self._upcoming.values():
            each.walk.give_up()
        if own in begun:
            self.keep_only(own.links())

    def _take_arrivals(self) -> list[Task]:
        """Return the tasks that have finished meanwhile."""
        return [self._arrivals.get() for _ in range(self._arrivals.qsize())]

    def _wait(self, walks: Sequence[Walk]) -> list[Task]:
        """Wait for tasks that walks need; return none if they need none or that takes too long."""
        begun = time.monotonic()
        least = _PATIENCE if walks[0].waiting else _SHORT_PATIENCE
        patience = max(least, _TIMES_THE_LONGEST * self._longest)
        while any(walk.waiting for walk in walks):
            try:
                finished = [self._arrivals.get(timeout=POLL_INTERVAL)]
            except Empty:
                if time.monotonic() - max(begun, self._ahead.pool.pause_ends()) > patience:
                    break
            else:
                self._longest = max(self._longest, time.monotonic() - begun)
                return finished + self._take_arrivals()
        return []

    def _start_upcoming(self) -> Iterator[bool]:
        """Start the walks of upcoming jobs, one with each iteration."""
        jobs, folder = self._ahead.jobs, self._ahead.current.job.order.folder
        here = next((number for number, job in enumerate(jobs) if job.folder == folder), None)
        # For each job, pip may log every file that it skips.
        logs_every_file = logging.getLogger(_FINDER[1]).isEnabledFor(logging.DEBUG)
        if here is None or not jobs[here].target or logs_every_file:
            return
        _, like, _ = _read_options(jobs[here].arguments)
        for order in jobs[here + 1 : here + _AT_ONCE]:
            if order.target and order.folder not in self._upcoming:
                self._start(JobState(order, is_upcoming=True), like)
                yield True

    def _start(self, job: JobState, like: Any) -> None:
        """Start the walk of an upcoming job, unless it needs another session or other settings.

        :param like: pip's options for the current job.
        """
        ahead, session = self._ahead, self._ahead.sessions.session
        in_its_job = partial(self._switched_to, job)
        try:
            with in_its_job(), _silenced():
                command, options, requirements = _read_options(job.order.arguments)
                if session_options(options) != session_options(like):
                    return
                options.editables = []  # as pip's command does first
                with ahead.sessions.reset() as is_as_before:
                    finder = command._build_package_finder(
                        options=options,
                        session=session,
                        target_python=make_target_python(options),
                        ignore_requires_python=options.ignore_requires_python,
                    )
                    roots = command.get_requirements(requirements, options, finder, session)
                    is_alike = is_as_before()
                if not is_alike or options.require_hashes is not bool(ahead.takes_whole_wheels):
                    return
                follows = not options.ignore_dependencies
                walk = Walk(ahead, finder, self._arrivals, follows=follows, in_its_job=in_its_job)
                walk.begin(roots)
            self._upcoming[job.order.folder] = _UpcomingJob(job, finder, roots, walk)
        except (Exception, SystemExit):  # pip reports it when it is the turn of the job
            _LOGGER.debug("Not prefetching for %s before its turn", job.order.label, exc_info=True)

    @contextmanager
    def _switched_to(self, job: JobState) -> Iterator[None]:
        with self._ahead.current.switched_to(job), muted(*_FINDER):
            yield


@contextmanager
def muted(*names: str) -> Iterator[None]:
    """Disable loggers of pip, which will log the same again later."""
    before = {logger: logger.disabled for logger in map(logging.getLogger, names)}
    for logger in before:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was_disabled in before.items():
            logger.disabled = was_disabled


@contextmanager
def _silenced() -> Iterator[None]:
    """Hide pip's output; it prints the same when it is the turn of the job."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _read_options(arguments: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """Parse the arguments of a job; return pip's command, its options and the requirements."""
    command: Any = create_command("download")
    options, requirements = command.parse_args(list(arguments))
    return command, options, requirements


def _keys(roots: Iterable[Any]) -> list[tuple[str, bool, list[str], dict[str, list[str]]]]:
    """Return pip's requirements in a form to compare."""
    return [(str(each), each.constraint, sorted(each.extras), each.hash_options) for each in roots]


def copy_findings(finder: Any, other: Any) -> list[str]:
    """Copy what another of pip's finders has found to one that would find the same.

    :returns: the names of the copied projects.
    """
    if _settings(finder) != _settings(other) or finder._all_candidates:
        return []
    for name in _FOUND:
        if name in vars(other):
            vars(finder)[name].update(vars(other)[name])
    return list(other._all_candidates)


def _settings(finder: Any) -> list[Any]:
    """Return everything that decides what one of pip's finders finds."""
    target, collector = finder._target_python, finder._link_collector
    names = ("platforms", "py_version_info", "abis", "implementation")
    target_settings = [getattr(target, name) for name in names]
    others = {*_FOUND, "_link_collector", "_target_python"}  # these two are compared by content
    settings = {name: value for name, value in vars(finder).items() if name not in others}
    return [settings, target_settings, collector.search_scope, id(collector.session)]
