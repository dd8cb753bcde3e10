"""Walk the likely dependency graph of a job before pip resolves it, to fetch what pip will need.

Starting from the requirements, the walk takes the best candidate of each project and follows its
dependencies, while threads fetch pages and metadata. pip's own objects choose candidates and
evaluate markers, in pip's own thread. The walk does not backtrack: at a conflict it stops, and pip
resolves it. What pip chooses does not depend on the walk.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pip._internal.metadata import FilesystemWheel, get_wheel_distribution
from pip._internal.resolution.resolvelib.base import Constraint
from pip._internal.utils.hashes import Hashes

from wheeltarget.pip_child.links import first_tried, normalize_name
from wheeltarget.pip_child.prefetch.backtracking import distribution_of
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Task, finished_task
from wheeltarget.pip_child.prefetch.prefetcher import METADATA, Prefetcher

_LOGGER = logging.getLogger(__name__)
_MOST_CHANGES = 16  # of a project, which may change for ever if its candidates exclude themselves
# pip's specifiers, the extras, and pip's object for the allowed hashes.
_Request = tuple[Any, Iterable[str], Any]


@dataclass(slots=True, eq=False)
class _Node:
    """A project.

    :param requests: the requirements on it by the requiring project; "" for the user's own.
    :param chosen_by: the specifiers and hashes that the best candidate was chosen by.
    :param best: pip's link to the best candidate so far.
    :param distribution: pip's object for the metadata of the best candidate.
    :param read: the link and the extras whose dependencies were followed.
    :param changes: how often the best candidate has changed.
    """

    name: str
    requests: dict[str, list[_Request]] = field(default_factory=dict)
    pages: list[Task] | None = None
    chosen_by: Any = None
    best: Any = None
    distribution: Any = None
    read: tuple[Any, frozenset[str]] | None = None
    changes: int = 0
    children: tuple[str, ...] = ()

    def all_requests(self) -> Iterator[_Request]:
        return chain.from_iterable(self.requests.values())

    @property
    def extras(self) -> frozenset[str]:
        return frozenset(extra for request in self.all_requests() for extra in request[1])


class Walk:
    """A walk for one job.

    :param arrivals: gets the finished tasks.
    :param follows: whether to follow dependencies.
    :param in_its_job: switches to the job for a while; None for the current one, for which pip may
        ask the user for credentials.
    """

    def __init__(
        self,
        ahead: Prefetcher,
        finder: Any,
        arrivals: SimpleQueue[Task],
        *,
        follows: bool = True,
        in_its_job: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> None:
        self._ahead, self._finder, self._arrivals = ahead, finder, arrivals
        self._follows, self._may_ask = follows, in_its_job is None
        self.in_its_job = in_its_job or nullcontext
        self._nodes: dict[str, _Node] = {}
        self._constraints: dict[str, Any] = {}
        self._given: set[str] = set()  # by a link, so that pip asks no index for them
        self._todo: deque[_Node] = deque()
        self.waiting: dict[Task, list[_Node]] = {}
        self._identified: set[str] = set()
        self._is_partial = False

    @property
    def is_whole(self) -> bool:
        """Return whether it has visited everything that is needed."""
        return not (self._is_partial or self._todo or self.waiting)

    def step(self) -> bool:
        """Visit the next project, and return whether there is one."""
        if not self._todo:
            return False
        node = self._todo.popleft()
        try:
            with self.in_its_job():
                self._is_partial |= not self._visit(node)
        except EOFError:
            raise  # no terminal for pip's prompt
        except Exception:  # pip meets the error itself later
            _LOGGER.debug("Walked no further than %s", node.name, exc_info=True)
            self._is_partial = True
        return True

    def resume(self, finished: Iterable[Task]) -> None:
        """Continue with the projects that waited for some tasks."""
        for task in finished:
            self._todo.extend(self.waiting.pop(task, ()))

    def links(self) -> Iterator[Any]:
        """Yield pip's links to all files that pip will choose if the walk is right."""
        seen: set[_Node] = set()
        todo = [node for node in self._nodes.values() if node.requests.get("")]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                if node.best is not None:
                    yield node.best
                todo.extend(self._nodes[name] for name in node.children)

    def give_up(self) -> None:
        """Stop waiting."""
        self._is_partial |= bool(self.waiting)
        self.waiting.clear()

    def begin(self, roots: list[Any]) -> None:
        """Start from pip's requirements and constraints of the job."""
        requests: defaultdict[str, list[_Request]] = defaultdict(list)
        for root in roots:
            if root.constraint:
                if root.name and root.match_markers():
                    name = normalize_name(root.name)
                    known = self._constraints.get(name)
                    self._constraints[name] = known & root if known else Constraint.from_ireq(root)
                    if root.link:
                        self._given.add(name)
            elif root.match_markers(()):
                if root.link or root.req is None:
                    self._is_partial = True
                    if root.name:
                        self._given.add(normalize_name(root.name))
                    continue
                request = (root.req.specifier, root.extras, root.hashes(trust_internet=False))
                requests[normalize_name(root.req.name)].append(request)
        for name, mine in requests.items():
            self._request(name, "", mine)

    def _request(self, name: str, parent: str, requests: list[_Request]) -> None:
        """Set the requirements of a parent on a project."""
        if name in self._given:
            self._is_partial = True
            return
        node = self._nodes.setdefault(name, _Node(name))
        if requests:
            node.requests[parent] = requests
        elif node.requests.pop(parent, None) is None:
            return
        if node.pages is None:
            node.pages = self._ahead.fetch_pages(self._finder, name)
        self._todo.append(node)

    def _visit(self, node: _Node) -> bool:
        """Go as far with a project as finished tasks allow; return false if it is left to pip."""
        pages = node.pages or []
        if not node.requests or self._waits_for(node, pages):
            return True
        left = [page for page in pages if isinstance(page.outcome, LeftToPip)]
        if left and self._identify(left[0]):
            node.pages = self._ahead.fetch_pages(self._finder, node.name)
            self._todo.append(node)
            return True
        if left or not self._choose(node):
            return False
        if (node.best, node.extras) == node.read:
            return True
        if node.distribution is None:
            source = self._source(node.best)
            if source is not None and self._waits_for(node, [source]):
                return True
            if source is None or isinstance(source.outcome, LeftToPip):
                return False
            node.distribution = read_metadata(self._ahead, node.best, source.outcome)
        self._expand(node)
        return True

    def _identify(self, page: Task) -> bool:
        """Make pip ask for credentials, once for each host, if a page needs them.

        :returns: whether the pages that were left to pip can be prefetched now.
        """
        is_refused = isinstance(page.outcome.reason, Exception)
        if page.host in self._identified or not is_refused or not self._may_ask:
            return self._ahead.is_forgotten(page)
        self._identified.add(page.host)
        if not self._ahead.identify(page.url):
            return False
        self._todo.extend(self._nodes.values())
        return True

    def _waits_for(self, node: _Node, tasks: Iterable[Task]) -> bool:
        """Return whether a project has to wait for tasks, and register it for them."""
        missing = [task for task in tasks if not task.done()]
        for task in missing:
            if task not in self.waiting:
                self.waiting[task] = []
                task.add_done_callback(self._arrivals.put)  # type: ignore[arg-type]
            if node not in self.waiting[task]:
                self.waiting[task].append(node)
        return bool(missing)

    def _choose(self, node: _Node) -> bool:
        """Find the best candidate of a project; return whether there is one."""
        constraint = self._constraints.get(node.name, Constraint.empty())
        specifier, hashes = constraint.specifier, constraint.hashes
        for wanted, _, allowed in node.all_requests():
            specifier &= wanted
            hashes &= allowed
        if node.best is not None and (specifier, hashes) == node.chosen_by:
            return True
        node.chosen_by = (specifier, hashes)
        with self._ahead.current.job.pages_apart(node.name):
            found = self._finder.find_best_candidate(
                project_name=node.name, specifier=specifier, hashes=hashes
            )
        best = first_tried(found.applicable_candidates, specifier)
        if best is None or best.link != node.best:
            node.best = best and best.link
            node.distribution = None
            node.changes += 1
        return best is not None and node.changes <= _MOST_CHANGES

    def _source(self, link: Any) -> Task | None:
        """Start to fetch the metadata of a candidate; None if it has to be built or left to pip."""
        existing = self._ahead.find_on_disk(link)
        if not link.is_wheel:
            # Its dependencies are not known before it is built.
            if existing is None:
                self._ahead.wheels.fetch(link, METADATA)
            return None
        if existing is not None or link.is_file:
            return finished_task(link.url, existing or Path(link.file_path))
        if not self._ahead.wants_whole(link):
            return self._ahead.metadata(link)
        return self._ahead.wheels.fetch(link, METADATA)

    def _expand(self, node: _Node) -> None:
        """Follow the dependencies of a candidate, and drop those of the last one."""
        node.read = (node.best, node.extras)
        requests: defaultdict[str, list[_Request]] = defaultdict(list)
        if self._follows:
            for need in node.distribution.iter_dependencies(node.extras):
                if need.url:
                    self._is_partial = True
                    continue
                requests[normalize_name(need.name)].append((need.specifier, need.extras, Hashes()))
        names = dict.fromkeys((*node.children, *requests))
        node.children = tuple(requests)
        for name in names:
            self._request(name, node.name, requests[name])


def read_metadata(ahead: Prefetcher, link: Any, outcome: Any) -> Any:
    """Return pip's object for the metadata of a wheel.

    :param outcome: of the task for it: METADATA, the path of the wheel, or that the store has it.
    """
    if isinstance(outcome, bytes):
        return distribution_of(outcome)
    path = outcome if isinstance(outcome, Path) else ahead.wheels.find(link)
    name = normalize_name(link.filename.partition("-")[0])
    return get_wheel_distribution(FilesystemWheel(str(path)), name)
