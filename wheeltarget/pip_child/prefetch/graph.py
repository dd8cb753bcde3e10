"""Walk the likely dependency graph of a job before pip resolves it, to fetch what pip will need.

Starting from the requirements, the walk takes the best candidate of each project and follows its
dependencies, while threads fetch pages and metadata. pip's own objects choose candidates and
evaluate markers, in pip's own thread. The walk does not backtrack: at a conflict it stops, and pip
resolves it. What pip chooses does not depend on the walk.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.links import first_tried, normalize_name
from wheeltarget.pip_child.prefetch.pages import Packed
from wheeltarget.pip_child.prefetch.pool import Arrivals, LeftToPip, Task
from wheeltarget.pip_child.prefetch.prefetcher import METADATA, WHEEL, Prefetcher

_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class Node:
    """A project.

    :param requests: the requirements on it by the requiring project; "" for the user's own.
    :param pages: the tasks for its index pages.
    :param specifier: what the best candidate was chosen by.
    :param best: pip's link to the best candidate so far.
    :param distribution: pip's object for the metadata of the best candidate.
    :param read: the link and the extras whose dependencies were followed.
    """

    name: str
    requests: dict[str, list[Any]] = field(default_factory=dict)
    pages: list[Task] | None = None
    specifier: Any = None
    best: Any = None
    distribution: Any = None
    read: tuple[Any, frozenset[str]] | None = None
    children: tuple[str, ...] = ()

    @property
    def extras(self) -> frozenset[str]:
        """Return the extras that are requested."""
        return frozenset(
            extra for each in self.requests.values() for one in each for extra in one[1]
        )


def fetch_pages(ahead: Prefetcher, finder: Any, name: str) -> list[Task]:
    """Start to fetch the pages that pip would search for a project.

    :param ahead: the prefetcher.
    :param finder: pip's finder.
    :param name: the project, normalised.
    """
    from pip._internal.models.link import Link

    if name in getattr(finder, "_locked_links", {}):
        return []
    session = finder._link_collector.session
    scope = finder.search_scope
    pages = []
    for place in [*scope.get_index_urls_locations(name), *scope.find_links]:
        if not place.startswith(("http:", "https:")):
            continue
        link = Link(place)
        if session.is_secure_origin(link):
            refreshed = getattr(session, "refresh_package", ())
            fresh = ":all:" in refreshed or name in refreshed
            named = {"force_revalidate": True} if fresh else {}
            pages.append(ahead.page(link.url.partition("#")[0], **named))
    return pages


class Walk:
    """A walk for one job.

    :param ahead: the prefetcher.
    :param finder: pip's finder for the job.
    :param arrivals: gets the finished tasks.
    :param with_dependencies: whether to follow dependencies.
    :param may_ask: whether pip may ask the user for credentials.
    """

    def __init__(
        self,
        ahead: Prefetcher,
        finder: Any,
        arrivals: Arrivals,
        *,
        with_dependencies: bool = True,
        may_ask: bool = True,
    ) -> None:
        self._ahead = ahead
        self._finder = finder
        self._arrivals = arrivals
        self._with_dependencies = with_dependencies
        self._may_ask = may_ask
        self._nodes: dict[str, Node] = {}
        self._constraints: dict[str, Any] = {}
        self._todo: deque[Node] = deque()
        self._waiting: dict[Task, list[Node]] = {}
        self._identified: set[str] = set()
        self._is_partial = False

    @property
    def can_step(self) -> bool:
        """Return whether there is something to do now."""
        return bool(self._todo)

    @property
    def waits(self) -> bool:
        """Return whether it waits for tasks."""
        return bool(self._waiting)

    @property
    def is_whole(self) -> bool:
        """Return whether it has visited everything that is needed."""
        return not (self._is_partial or self._todo or self._waiting)

    def step(self) -> None:
        """Visit the next project."""
        self._try_to_visit(self._todo.popleft())

    def resume(self, finished: Iterable[Task]) -> None:
        """Continue with the projects that waited for some tasks."""
        for task in finished:
            self._todo.extend(self._waiting.pop(task, ()))

    def links(self) -> Iterator[Any]:
        """Return pip's links to all files that pip will choose if the walk is right."""
        seen: set[str] = set()
        todo = [name for name, node in self._nodes.items() if node.requests.get("")]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            node = self._nodes[name]
            if node.best is not None:
                yield node.best
            todo.extend(node.children)

    def give_up(self) -> None:
        """Stop waiting."""
        self._is_partial |= self.waits
        self._waiting.clear()

    def begin(self, roots: list[Any]) -> None:
        """Start from the user's requirements.

        :param roots: pip's requirements and constraints of the job.
        """
        from pip._internal.resolution.resolvelib.base import Constraint

        for root in roots:
            if root.constraint and root.name and root.match_markers():
                name = normalize_name(root.name)
                known = self._constraints.get(name)
                self._constraints[name] = known & root if known else Constraint.from_ireq(root)
        requests: dict[str, list[Any]] = {}
        for root in roots:
            if root.constraint or not root.match_markers(()):
                continue
            if root.link or root.req is None:
                self._is_partial = True
                continue
            hashes = root.hashes(trust_internet=False)
            request = (root.req.specifier, frozenset(root.extras), hashes)
            requests.setdefault(normalize_name(root.req.name), []).append(request)
        for name, mine in requests.items():
            self._request(name, "", mine)

    def _request(self, name: str, parent: str, requests: list[Any]) -> None:
        """Set the requirements of a parent on a project."""
        node = self._nodes.setdefault(name, Node(name))
        if requests:
            node.requests[parent] = requests
        elif node.requests.pop(parent, None) is None:
            return
        if node.pages is None:
            node.pages = fetch_pages(self._ahead, self._finder, name)
        self._todo.append(node)

    def _try_to_visit(self, node: Node) -> None:
        """Visit a project; if that fails, pip meets the error itself later."""
        try:
            self._visit(node)
        except EOFError:
            raise
        except Exception:
            _LOGGER.debug("Walked no further than %s", node.name, exc_info=True)
            self._is_partial = True

    def _visit(self, node: Node) -> None:
        """Go as far with a project as finished tasks allow."""
        if not node.requests or self._waits_for(node, node.pages or []):
            return
        left = [page for page in node.pages or [] if isinstance(page.outcome, LeftToPip)]
        if left and self._identify(left[0]):
            node.pages = fetch_pages(self._ahead, self._finder, node.name)
            self._todo.append(node)
            return
        if left:
            self._is_partial = True
            return
        if not self._choose(node):
            self._is_partial = True
            return
        if (node.best, node.extras) == node.read:
            return
        if node.distribution is None:
            source = self._source(node.best)
            if source is None or self._waits_for(node, [source]):
                # The dependencies of a source are not known before it is built.
                self._is_partial |= source is None
                return
            if isinstance(source.outcome, LeftToPip):
                self._is_partial = True
                return
            node.distribution = self._read(node, source.outcome)
        self._expand(node)

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

    def _waits_for(self, node: Node, tasks: Iterable[Task]) -> bool:
        """Return whether a project has to wait for tasks, and register it for them."""
        missing = [task for task in tasks if not task.is_done]
        for task in missing:
            nodes = self._waiting.get(task)
            if nodes is None:
                self._waiting[task] = [node]
                task.notify(self._arrivals.queue)
            elif node not in nodes:
                nodes.append(node)
        return bool(missing)

    def _choose(self, node: Node) -> bool:
        """Find the best candidate of a project; return whether there is one."""
        from pip._internal.utils.hashes import Hashes
        from pip._vendor.packaging.specifiers import SpecifierSet

        constraint = self._constraints.get(node.name)
        specifier = constraint.specifier if constraint else SpecifierSet()
        hashes = constraint.hashes if constraint else Hashes()
        if constraint and constraint.links:
            return False
        for wanted, _, allowed in (one for each in node.requests.values() for one in each):
            specifier &= wanted
            hashes &= allowed if allowed is not None else Hashes()
        if node.best is not None and (specifier, hashes) == node.specifier:
            return True
        node.specifier = (specifier, hashes)
        found = self._finder.find_best_candidate(
            project_name=node.name, specifier=specifier, hashes=hashes
        )
        best = first_tried(found.applicable_candidates, specifier)
        if best is None or best.link != node.best:
            node.best = best and best.link
            node.distribution = None
        return best is not None

    def _source(self, link: Any) -> Task | None:
        """Start to fetch the metadata of a candidate; None if it has to be built."""
        existing = self._ahead.find_on_disk(link)
        if existing is not None and link.is_wheel:
            return Task.done(link.url, existing)
        if not link.is_wheel:
            self._ahead.wheels.fetch(link, METADATA)
            return None
        if link.is_file:
            return Task.done(link.url, Path(link.file_path))
        if not self._ahead.wants_whole(link):
            return self._ahead.metadata(link.metadata_link())
        return self._ahead.wheels.fetch(link, METADATA)

    def _read(self, node: Node, outcome: Any) -> Any:
        """Return pip's object for the metadata of a candidate."""
        from pip._internal.metadata import (
            FilesystemWheel,
            get_wheel_distribution,
            select_backend,
        )

        if isinstance(outcome, Packed):
            return select_backend().Distribution(_Headers(outcome.content), None, None)
        path = outcome if isinstance(outcome, Path) else self._ahead.wheels.find(node.best)
        return get_wheel_distribution(FilesystemWheel(str(path)), node.name)

    def _expand(self, node: Node) -> None:
        """Follow the dependencies of a candidate, and drop those of the last one."""
        node.read = (node.best, node.extras)
        requests: dict[str, list[Any]] = {}
        if self._with_dependencies:
            for need in node.distribution.iter_dependencies(node.extras):
                if need.url:
                    self._is_partial = True
                    continue
                request = (need.specifier, frozenset(need.extras), None)
                requests.setdefault(normalize_name(need.name), []).append(request)
        before, node.children = node.children, tuple(requests)
        for name in dict.fromkeys((*before, *requests)):
            self._request(name, node.name, requests.get(name, []))


class _Headers(importlib.metadata.Distribution):
    """The metadata of a wheel in memory, without its description."""

    def __init__(self, content: bytes) -> None:
        self._text = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0].decode("utf-8")

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise FileNotFoundError(path)


def fetch_wheels(ahead: Prefetcher, links: Iterable[Any]) -> None:
    """Start to fetch files that do not exist yet."""
    for link in links:
        if ahead.find_on_disk(link) is None:
            ahead.wheels.fetch(link, WHEEL)
