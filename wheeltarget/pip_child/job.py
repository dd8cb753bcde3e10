"""The run and the job at hand, as the patched functions ask for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.freshness import Freshness, WantedPages
from wheeltarget.pip_child.links import normal
from wheeltarget.pip_protocol import (
    ChosenFile,
    Failure,
    JobListing,
    JobOrder,
    JobReport,
    TargetView,
)
from wheeltarget.targets.legacy_specifiers import reads_legacy


@dataclass(frozen=True, slots=True)
class View:
    """A target as pip's own objects have it.

    :param tags: pip's tags, most preferred first.
    :param tag_set: the same, without an order.
    :param markers: the known marker variables.
    :param unknown: the names of the others.
    :param legacy: whether the target's own pip reads specifiers from before PEP 440.
    """

    tags: list[Any]
    tag_set: frozenset[Any]
    markers: dict[str, str]
    unknown: tuple[str, ...]
    legacy: bool


@dataclass(frozen=True, slots=True)
class AllowedTags:
    """The tags that constraints leave a project, as pip's own objects have them."""

    tags: list[Any]
    tag_set: frozenset[Any]


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all jobs of the process share.

    :param store: the wheel store, or None.
    :param refresh: whether pages that are fresh in pip's cache are asked for again.
    :param freshness: until when the index pages hold that came.
    :param fetched: the files of earlier jobs, by URL.
    :param unhashed: the URLs of files of which the index does not have the sha256.
    :param refused: the names of files in the destination that pip did not take.
    :param sizes: the sizes of files in bytes, by URL.
    """

    store: Store | None = None
    refresh: bool = False
    freshness: Freshness = field(default_factory=Freshness)
    fetched: dict[str, Path] = field(default_factory=dict)
    unhashed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class JobState:
    """A job, and what pip has made of it so far.

    :param order: the job.
    :param is_upcoming: whether it is looked at before its turn.
    :param has_missed: whether a page that it needs could not be read then.
    :param was_run: whether pip came to it.
    :param checks_metadata: whether pip only compares metadata with itself at the moment.
    :param resolver: pip's resolver after it has resolved, and what it gave.
    :param roots: pip's requirements for what the user asks for.
    :param links: by project, pip's links that were looked at.
    :param unread: by project, functions that give pip's links to all files of a page, of which
        only some were looked at.
    :param linked: the paths of files that were not fetched, but linked into its folder.
    :param saved: names of files that are not those of their links, by requirement.
    :param pages: the index pages that pip looked for.
    """

    order: JobOrder
    is_upcoming: bool = False
    has_missed: bool = False
    was_run: bool = False
    checks_metadata: bool = False
    dependencies: str = "all"
    resolver: Any = None
    requirement_set: Any = None
    roots: list[Any] = field(default_factory=list)
    links: dict[str, list[Any]] = field(default_factory=dict)
    unread: dict[str, list[Callable[[], list[Any]]]] = field(default_factory=dict)
    linked: list[Path] = field(default_factory=list)
    saved: dict[str, str] = field(default_factory=dict)
    pages: WantedPages = field(default_factory=WantedPages)
    chosen: tuple[ChosenFile, ...] = ()
    failure: Failure | None = None
    said: list[str] = field(default_factory=list)
    fresh_until: float | None = None
    listing: JobListing | None = None
    view: View | None = field(init=False)
    _allowed: dict[str, AllowedTags] = field(init=False)

    def __post_init__(self) -> None:
        self.view = _view(self.order.target) if self.order.target else None
        self._allowed = {name: _allowed_tags(tags) for name, tags in self.order.narrow.items()}

    def allowed_tags(self, project: str) -> AllowedTags | None:
        """Return the tags that constraints leave a project; None if they leave it all."""
        return self._allowed.get(normal(project)) if self._allowed else None

    def note_unread(self, project: str, read: Callable[[], list[Any]]) -> None:
        """Note that not all files of a page were looked at.

        :param project: the project of the page.
        :param read: returns pip's links to all of them.
        """
        self.unread.setdefault(normal(project), []).append(read)

    def links_of(self, project: str) -> Iterator[Any]:
        """Return pip's links to all files of a project that are on its pages."""
        yield from self.links.get(project, ())
        for read in self.unread.get(project, ()):
            yield from read()

    def preference(self, project: str) -> str | None:
        """Return the version of a project that is to be tried first, if there is one."""
        return self.order.prefer.get(normal(project)) if self.order.prefer else None

    def saves(self, link: Any) -> bool:
        """Return whether a chosen file is to be fetched: in a dry run only for its hash."""
        if not self.order.dry_run:
            return True
        archive = not link.is_vcs and not link.is_existing_dir()
        return self.order.hashed and archive and link.hash_name != "sha256"

    @property
    def is_legacy(self) -> bool:
        """Return whether the target's own pip reads specifiers from before PEP 440."""
        return self.view is not None and self.view.legacy

    def report(self, exit_code: int) -> JobReport:
        """Return what came of the job.

        :param exit_code: pip's exit code.
        """
        return JobReport(
            exit_code,
            self.dependencies,
            self.chosen,
            self.failure,
            tuple(self.said),
            self.fresh_until,
        )


class CurrentJob:
    """The one thing that patched functions hold: the run, and the job that pip is working on.

    ``job`` is the only thing that is exchanged when another job is looked at for a while. As long
    as things are fetched ahead of pip, ``place_wheel`` puts a wheel where pip wants it and returns
    whether it is there, and ``ask_for_headers`` returns the answers to HEAD requests by URL.

    :param run: what all jobs share.
    """

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.job = JobState(_NO_JOB)
        self.place_wheel: Callable[[Any, Path], bool] | None = None
        self.ask_for_headers: Callable[[Iterable[str]], dict[str, Any]] | None = None

    def begin(self, order: JobOrder) -> JobState:
        """Turn to a new job.

        :param order: the job.
        :returns: its state.
        """
        self.job = JobState(order)
        return self.job

    def end(self) -> None:
        """Drop what pip made for the job, which may take a lot of memory."""
        self.job = JobState(_NO_JOB)

    @contextmanager
    def switched_to(self, job: JobState) -> Iterator[None]:
        """Turn to another job for a while.

        :param job: the other job.
        """
        before, self.job = self.job, job
        try:
            yield
        finally:
            self.job = before


_NO_JOB = JobOrder("", None, (), {}, "", "", Path())


def _allowed_tags(texts: Iterable[str]) -> AllowedTags:
    from pip._vendor.packaging.tags import Tag

    tags = [Tag(*text.split("-")) for text in texts]
    return AllowedTags(tags, frozenset(tags))


def _view(target: TargetView) -> View:
    allowed = _allowed_tags(target.tags)
    legacy = reads_legacy(target.markers["python_full_version"])
    return View(allowed.tags, allowed.tag_set, dict(target.markers), target.unknown, legacy)


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
