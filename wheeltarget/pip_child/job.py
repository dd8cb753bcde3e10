"""The job at hand, as the patched functions ask for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_child.patches.freshness import Freshness
from wheeltarget.targets.legacy_specifiers import reads_legacy


class PipMovedError(WheeltargetError):
    """A seam did not take."""


@dataclass(slots=True)
class View:
    """A target as pip's own objects have it."""

    label: str
    tags: list[Any]
    tag_set: frozenset[Any]
    markers: dict[str, str]
    unknown: Collection[str]
    legacy: bool


@dataclass(slots=True)
class Job:
    """A job that is looked at before its turn.

    :param order: its part of the job file.
    :param state: what there is of it so far, by the names of what :class:`Current` has.
    """

    order: dict[str, Any]
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The tags that constraints leave a project, as pip's own objects have them."""

    tags: list[Any]
    tag_set: frozenset[Any]


_OF_A_JOB = (
    "label",
    "view",
    "files",
    "folder",
    "destination",
    "was_asked",
    "dependencies",
    "resolver",
    "requirement_set",
    "chosen",
    "narrowings",
    "sources",
    "preferred",
    "dry_run",
    "hashed",
    "saved",
    "links",
    "failure",
    "unread",
    "brought",
    "fresh_until",
    "roots",
    "said",
    "is_aside",
    "has_missed",
)
"""What of the current job is begun anew for each; all else is shared by the jobs of a run."""


@dataclass(slots=True)
class Current:
    """The job that pip is working on; the patched functions ask it.

    :param is_aside: whether it is not this job's turn yet.
    :param has_missed: whether a page that it needs then says nothing.
    """

    label: str = ""
    view: View | None = None
    files: dict[str, str] = field(default_factory=dict)
    folder: str = ""
    destination: str = ""
    was_asked: bool = False
    only_looks: bool = False
    store: Store | None = None
    freshness: Freshness = field(default_factory=Freshness)
    fresh_until: float | None = None
    refresh: bool = False
    fetched: dict[str, Path] = field(default_factory=dict)
    brought: list[Path] = field(default_factory=list)
    unhashed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    dependencies: str = "all"
    resolver: Any = None
    requirement_set: Any = None
    chosen: list[dict[str, Any]] = field(default_factory=list)
    narrowings: dict[str, Narrowing] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    preferred: dict[str, str] = field(default_factory=dict)
    dry_run: bool = False
    hashed: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    links: dict[str, list[Any]] = field(default_factory=dict)
    roots: list[Any] = field(default_factory=list)
    failure: dict[str, Any] | None = None
    said: list[str] = field(default_factory=list)
    unread: dict[str, list[Callable[[], list[Any]]]] = field(default_factory=dict)
    bring: Callable[[Any, Path], bool] | None = None
    is_aside: bool = False
    has_missed: bool = False
    ask_at_once: Callable[[Iterable[str]], dict[str, Any]] | None = None

    def begin(self, job: dict[str, Any]) -> None:
        """Turn to another job."""
        self.label = job["label"]
        self.view = _view(job["label"], job["target"]) if job["target"] else None
        self.files = job["files"]
        self.folder = job["folder"]
        self.destination = job["destination"]
        self.was_asked = False
        self.dependencies = "all"
        self.resolver = self.requirement_set = None
        self.chosen = []
        self.narrowings = {n: _narrowing(tags) for n, tags in job.get("narrow", {}).items()}
        self.sources = frozenset(job.get("sources", ()))
        self.preferred = job.get("prefer", {})
        self.dry_run = job.get("dry_run", False)
        self.hashed = job.get("hashed", False)
        self.saved, self.links, self.failure, self.unread = {}, {}, None, {}
        self.brought = []
        self.freshness.begin()
        self.fresh_until = None
        self.roots, self.said, self.brought = [], [], []
        self.is_aside = self.has_missed = False

    @contextmanager
    def aside(self, job: Job) -> Iterator[None]:
        """Turn to another job for a while, and leave that at hand as it is.

        :param job: the other job; what there is of it afterwards is kept in it.
        """
        mine = {name: getattr(self, name) for name in _OF_A_JOB}
        wanted = self.freshness.lay_aside()
        try:
            if job.state:
                self._take(job.state)
            else:
                self.begin(job.order)
                self.is_aside = True
            yield
            job.state = {name: getattr(self, name) for name in _OF_A_JOB}
        finally:
            self._take(mine)
            self.freshness.take_up(wanted)

    def _take(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def narrowing(self, project: str) -> Narrowing | None:
        """Give what constraints leave a project, or None where they leave it everything."""
        if not self.narrowings:
            return None
        return self.narrowings.get(_normal(project))

    def let_go(self) -> None:
        """Let go of what pip made for the last job, which takes as much memory as it needed."""
        self.resolver = self.requirement_set = None
        self.links, self.unread = {}, {}

    def passed_over(self, project: str, read: Callable[[], list[Any]]) -> None:
        """Note that not all files of a page were looked at.

        :param project: whose page it is.
        :param read: gives pip's links to all of them.
        """
        self.unread.setdefault(_normal(project), []).append(read)

    def links_of(self, project: str) -> Iterator[Any]:
        """Give pip's links to all files of a project that there are on its pages."""
        yield from self.links.get(project, ())
        for read in self.unread.get(project, ()):
            yield from read()

    def preference(self, project: str) -> str | None:
        """Give the version of a project that is to be tried first, if there is one."""
        if not self.preferred:
            return None
        return self.preferred.get(_normal(project))

    def saves(self, link: Any) -> bool:
        """Tell whether a chosen file is to be fetched: in a dry run only for its hash."""
        if not self.dry_run:
            return True
        archive = not link.is_vcs and not link.is_existing_dir()
        return self.hashed and archive and link.hash_name != "sha256"

    @property
    def is_legacy(self) -> bool:
        """Tell whether the target's own pip reads specifiers from before PEP 440."""
        return self.view is not None and self.view.legacy

    def outcome(self) -> dict[str, Any]:
        """Say what pip was told to fetch, what it chose, what it could not have and said of it."""
        return {
            "dependencies": self.dependencies,
            "files": self.chosen,
            "failure": self.failure,
            "fresh_until": self.fresh_until,
            "said": self.said,
        }


def _normal(name: str) -> str:
    from pip._vendor.packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def _narrowing(texts: Iterable[str]) -> Narrowing:
    from pip._vendor.packaging.tags import Tag

    tags = [Tag(*text.split("-")) for text in texts]
    return Narrowing(tags, frozenset(tags))


def _view(label: str, target: dict[str, Any]) -> View:
    from pip._vendor.packaging.tags import Tag

    tags = [Tag(*tag.split("-")) for tag in target["tags"]]
    markers = target["markers"]
    legacy = reads_legacy(markers["python_full_version"])
    return View(label, tags, frozenset(tags), markers, target["unknown"], legacy)


def rebind(name: str, original: object, replacement: object) -> None:
    """Replace a function in every module of pip that has bound it."""
    for module_name, module in list(sys.modules.items()):
        # Of another type are those that are loaded only once something in them is looked at.
        mine = module_name.partition(".")[0] == "pip" and type(module) is ModuleType
        if mine and module.__dict__.get(name) is original:
            setattr(module, name, replacement)


@contextmanager
def surroundings(*, unset: Iterable[str], **changes: str) -> Iterator[None]:
    """Change environment variables for a while; what pip changes meanwhile goes, too."""
    before = dict(os.environ)
    for name in unset:
        os.environ.pop(name, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        # Never empty meanwhile: threads look there for proxies.
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({k: v for k, v in before.items() if os.environ.get(k) != v})
