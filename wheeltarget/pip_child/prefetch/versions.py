"""Fetch what pip will need for the versions that it tries next while it backtracks.

The walk foresees one version of each project. If pip tries another one, it is likely to try those
that follow in its own list. The more versions of a project it has tried, the more metadata is
fetched ahead. The dependencies of the very next ones are looked up as pip will do it: with what it
requires at the moment. A version that conflicts with that needs nothing else.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import Any

from pip._internal.resolution.resolvelib.base import Constraint

from wheeltarget.pip_child.links import first_tried, normalize_name
from wheeltarget.pip_child.prefetch.pages import KeptPage
from wheeltarget.pip_child.prefetch.pool import Task
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.scheduler import SESSION, muted
from wheeltarget.pip_child.prefetch.walk import read_metadata

_LOGGER = logging.getLogger(__name__)

_PER_TRY, _MOST = 2, 16  # versions ahead for each version that was tried in vain, and at most
_MOST_PARTS = 8  # the same if metadata is read from parts of wheels, which are larger
_STUDIED = 4  # versions ahead whose dependencies are looked up
_DEPTH = 2  # how far their dependencies are followed


@dataclass(slots=True)
class _Project:
    """What pip has done with a project.

    :param found: the candidates that pip found last, in ascending order.
    :param extras: the extras that something requires.
    :param tried: the URLs of files whose metadata pip has asked for.
    """

    found: list[Any] = field(default_factory=list)
    extras: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)


class NextVersions:
    """The versions that pip will try next, while its resolver runs.

    ``begun`` has the tasks for metadata by the URLs of files; None if it cannot be fetched.
    """

    def __init__(self, ahead: Prefetcher) -> None:
        self._ahead = ahead
        self._is_active = False
        self._forget()

    def _forget(self) -> None:
        self._provider: Any = None
        self._required: Any = {}
        self._projects: defaultdict[str, _Project] = defaultdict(_Project)
        self.begun: dict[str, Task | None] = {}
        self._studied: set[str] = set()
        self._looked_up: dict[Any, bool] = {}
        self._waiting: defaultdict[Task, list[Callable[[], object]]] = defaultdict(list)
        self._arrivals: SimpleQueue[Task] = SimpleQueue()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Fetch ahead within the block; requests that were not begun by its end are withdrawn."""
        self._is_active = True
        try:
            yield
        finally:
            self._is_active = False
            self._ahead.withdraw(filter(None, self.begun.values()))
            self._forget()

    def note_required(self, provider: Any, identifier: str, required: Any) -> None:
        """Note what is required at the moment.

        :param provider: pip's provider for its resolver.
        :param identifier: the name of the project that pip looks up, and extras.
        :param required: pip's requirements by such identifiers.
        """
        if self._is_active:
            self._provider, self._required = provider, required
            name, _, extras = identifier.rstrip("]").partition("[")
            if extras:
                self._projects[name].extras.update(extras.split(","))
            if not self._arrivals.empty():
                self._guess(self._go_on)

    def note_found(self, name: str, candidates: list[Any]) -> None:
        """Note the candidates that pip has found for a project, in ascending order."""
        if self._is_active:
            self._projects[name].found = candidates

    def note_asked(self, link: Any) -> None:
        """Fetch what follows a file, whose metadata pip asks for now."""
        if self._is_active:
            self._guess(partial(self._fetch_after, link))

    def note_read(self, link: Any, distribution: Any) -> None:
        """Fetch what pip needs for the dependencies of a file, whose metadata it has read."""
        # pip reads what the user requires by a URL before it looks for anything.
        if self._is_active and self._provider is not None:
            self._guess(lambda: self._study((_project_of(link),), link, distribution))

    def _guess(self, act: Callable[[], object]) -> None:
        """Do something that only saves time."""
        self._is_active = False  # pip's functions that it calls are not for pip
        with muted(SESSION):
            _attempt(act)
        self._is_active = True

    def _fetch_after(self, link: Any) -> None:
        name = _project_of(link)
        project = self._projects[name]
        project.tried.add(link.url_without_fragment)
        most = _MOST if link.metadata_link() is not None else _MOST_PARTS
        count = min(_PER_TRY * (len(project.tried) - 1), most)
        for number, each in enumerate(islice(following(project.found, link), count)):
            task = self._fetch(each)
            if task is not None and number < _STUDIED:
                self._when_done(task, partial(self._study_task, (name,), each, task))
        self._go_on()

    def _fetch(self, link: Any) -> Task | None:
        """Start to fetch the metadata of a wheel, unless that was done, or pip reads it whole."""
        url, ahead = link.url_without_fragment, self._ahead
        if url not in self.begun:
            is_left = not link.is_wheel or link.is_file or ahead.wants_whole(link)
            is_left = is_left or ahead.find_on_disk(link) is not None
            self.begun[url] = None if is_left else ahead.metadata(link)
        return self.begun[url]

    def _when_done(self, task: Task, act: Callable[[], object]) -> None:
        """Do something when a task is done, and pip asks for something again."""
        if task.done():
            _attempt(act)
            return
        if task not in self._waiting:
            task.add_done_callback(self._arrivals.put)  # type: ignore[arg-type]
        self._waiting[task].append(act)

    def _go_on(self) -> None:
        """Go on with what waited for tasks that have finished."""
        while not self._arrivals.empty():
            for act in self._waiting.pop(self._arrivals.get(), ()):
                _attempt(act)

    def _study_task(self, parents: tuple[str, ...], link: Any, task: Task) -> None:
        is_here = isinstance(task.outcome, bytes | bool)
        if is_here and link.url_without_fragment not in self._studied:
            self._study(parents, link, read_metadata(self._ahead, link, task.outcome))

    def _study(self, parents: tuple[str, ...], link: Any, distribution: Any) -> None:
        """Look up the dependencies of a file in their order, until one is in conflict.

        :param parents: its project, and before it those that require it.
        """
        url = link.url_without_fragment
        if url in self._studied or self._provider._ignore_dependencies:
            return
        self._studied.add(url)
        extras = self._projects[parents[-1]].extras
        for need in distribution.iter_dependencies(extras):
            if not need.url and not self._look_up(parents, need):
                return

    def _look_up(self, parents: tuple[str, ...], need: Any) -> bool:
        """Look up a dependency as pip will; return false if nothing satisfies it."""
        name = normalize_name(need.name)
        if self._merge(parents, name, need.specifier) is None:
            return True  # pip asks no index for it
        pages = self._ahead.fetch_pages(self._provider._factory._finder, name)
        for page in pages:
            if not page.done():
                self._when_done(page, partial(self._look_up, parents, need))
                return True
        request = self._merge(parents, name, need.specifier)
        # Another index may not have the project; pip takes that answer from the task, too.
        are_here = all(isinstance(page.outcome, KeptPage | Exception) for page in pages)
        if request is None or not are_here:
            return True
        key = (name, *request)
        if key not in self._looked_up:
            self._looked_up[key] = self._choose(parents, name, *request)
        return self._looked_up[key]

    def _choose(self, parents: tuple[str, ...], name: str, specifier: Any, hashes: Any) -> bool:
        """Start to fetch the metadata of the best candidate; return whether there is one."""
        finder = self._provider._factory._finder
        with self._ahead.current.job.pages_apart(name):
            found = finder.find_best_candidate(
                project_name=name, specifier=specifier, hashes=hashes
            )
        best = first_tried(found.applicable_candidates, specifier)
        if best is None:
            return False
        task = self._fetch(best.link)
        if task is not None and len(parents) < _DEPTH:
            self._when_done(task, partial(self._study_task, (*parents, name), best.link, task))
        return True

    def _merge(self, parents: tuple[str, ...], name: str, specifier: Any) -> tuple[Any, Any] | None:
        """Return the specifiers and hashes that apply to a dependency; None if a link does.

        What its parents require in another version, pip drops before it tries the next one.
        """
        constraint = self._provider._constraints.get(name, Constraint.empty())
        if constraint.links:
            return None
        specifier, hashes = constraint.specifier & specifier, constraint.hashes
        for requirement in self._required.get(name, ()):
            candidate, request = requirement.get_candidate_lookup()
            if candidate is not None or request is None:
                return None
            if _parent_of(request) not in parents:
                specifier &= request.req.specifier
                hashes &= request.hashes(trust_internet=False)
        return specifier, hashes


def _attempt(act: Callable[[], object]) -> None:
    """Do something, or go on without it after an error, such as one in METADATA of an old version.

    If pip needs the same, it meets the error itself.
    """
    try:
        act()
    except Exception:
        _LOGGER.debug("Not fetching for a version", exc_info=True)


def _parent_of(request: Any) -> str:
    """Return the name of the project that has a requirement; empty if it is the user's."""
    name = getattr(request.comes_from, "name", None)
    return normalize_name(name) if name else ""


def _project_of(link: Any) -> str:
    """Return the normalized name of the project of a file."""
    return normalize_name(link.filename.partition("-")[0])


def following(candidates: list[Any], link: Any) -> Iterator[Any]:
    """Yield pip's link to each file that its resolver tries after another one.

    It takes the best file of each version, and yanked ones only if nothing else is left.

    :param candidates: pip's candidates, in ascending order.
    """
    url, last = link.url_without_fragment, None
    for each in reversed(candidates):
        if last is None:
            last = each if each.link.url.partition("#")[0] == url else None
        elif each.version != last.version and each.link.is_yanked <= last.link.is_yanked:
            last = each
            yield each.link
