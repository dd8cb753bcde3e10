"""The state of the run and of the current job, which the patched functions use."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pip._internal.cli.main import main as pip_main
from pip._internal.models.search_scope import SearchScope
from pip._vendor.packaging.tags import Tag

from wheeltarget import pip_protocol
from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.freshness import Freshness, WantedPages
from wheeltarget.pip_child.links import modern_wheel_name, normalize_name
from wheeltarget.pip_child.progress import Transfers
from wheeltarget.pip_child.tries import Tries
from wheeltarget.targets.exclusions import matcher
from wheeltarget.targets.markers import reads_old
from wheeltarget.targets.newest_pip import newest_pip
from wheeltarget.targets.specifiers import reads_legacy

USER = ("", "")
"""What stands for the user among the releases that require something."""


class Tags:
    """Tags, most preferred first, as pip's own objects."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.tags = [Tag(*text.split("-")) for text in texts]
        self.tag_set = frozenset(self.tags)


class View(Tags):
    """A target, and its version of Python, which decides what its own pip does.

    ``legacy`` is whether that pip reads specifiers from before PEP 440, ``old_markers`` whether it
    compares texts in markers by their order, and ``old_names`` whether it reads ``_`` in the
    version of a wheel's name as ``-``.
    """

    def __init__(self, target: pip_protocol.TargetView) -> None:
        super().__init__(target.tags)
        self.markers, self.unknown = target.markers, target.unknown
        self.python = target.markers["python_full_version"]
        self.legacy = reads_legacy(self.python)
        self.old_markers = reads_old(self.python)
        self.old_names = newest_pip(self.python) < (25, 1)

    def name_of(self, link: Any) -> str:
        """Return the name of a file as the target's own pip reads it."""
        return modern_wheel_name(link.filename) if self.old_names else str(link.filename)


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all jobs of the process share.

    :param fetched: the files of earlier jobs, by URL.
    :param unhashed: the URLs of files for which the index lists no sha256.
    :param refused: the names of files in the destination that pip did not accept.
    :param sizes: the sizes of files in bytes, by URL.
    :param lengths: the sizes that servers have sent with parts of files, by URL.
    :param uploads: the upload times of files in ISO 8601, by URL.
    :param provenance: the URLs of the provenance of files, by the URLs of the files.
    :param statuses: the statuses of projects that are not active, by the URL of the index page.
    :param transfers: the files that are fetched.
    :param is_watched: whether progress is shown.
    """

    store: Store | None = None
    refresh: bool = False
    freshness: Freshness = field(default_factory=Freshness)
    fetched: dict[str, Path] = field(default_factory=dict)
    unhashed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, pip_protocol.ProjectStatus] = field(default_factory=dict)
    transfers: Transfers = field(default_factory=Transfers)
    is_watched: bool = False


@dataclass(slots=True)
class JobState:
    """A job, and what pip has done for it so far.

    :param is_upcoming: whether it is only prefetched, before its turn.
    :param has_missed: whether a page could not be read meanwhile.
    :param checks_metadata: whether pip is checking that metadata is consistent.
    :param requirement_set: the resolver's result.
    :param tries: the versions that the resolver has tried.
    :param roots: pip's requirements for what the user requested.
    :param links: by project, pip's links that were evaluated.
    :param unread: by project, functions that return the links of a page that was evaluated in part.
    :param linked: the paths of files that were linked into the job's folder, not fetched.
    :param saved: by requirement, file names that differ from those of their links.
    :param page_failures: the index pages that could not be read.
    :param apart: by project, the same two for what was looked up only to fetch ahead.
    :param is_apart: whether something is looked up only for that now.
    :param cut: by name and version of a release, the excluded projects that it requires, each with
        the extras that were asked for; those that the user requires are at :data:`USER`.
    :param left_out: the excluded projects that something needs.
    :param held: what pip has said in a quiet job; the first line names the target.
    :param shown: how many of these lines are shown.
    """

    order: pip_protocol.JobOrder
    is_upcoming: bool = False
    has_missed: bool = False
    was_run: bool = False
    checks_metadata: bool = False
    dependencies: str = "all"
    resolver: Any = None
    requirement_set: Any = None
    tries: Tries = field(default_factory=Tries)
    roots: list[Any] = field(default_factory=list)
    links: dict[str, list[Any]] = field(default_factory=dict)
    unread: dict[str, list[Callable[[], list[Any]]]] = field(default_factory=dict)
    linked: list[Path] = field(default_factory=list)
    saved: dict[str, str] = field(default_factory=dict)
    pages: WantedPages = field(default_factory=WantedPages)
    page_failures: list[pip_protocol.PageFailure] = field(default_factory=list)
    apart: dict[str, tuple[WantedPages, list[pip_protocol.PageFailure]]] = field(
        default_factory=dict
    )
    is_apart: bool = False
    cut: dict[tuple[str, str], set[tuple[str, frozenset[str]]]] = field(default_factory=dict)
    left_out: tuple[pip_protocol.LeftOutProject, ...] = ()
    chosen: tuple[pip_protocol.ChosenFile, ...] = ()
    failure: pip_protocol.Failure | None = None
    messages: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    shown: int = 0
    fresh_until: float | None = None
    listing: pip_protocol.JobListing | None = None
    view: View | None = field(init=False)
    is_excluded: Callable[[str], bool] = field(init=False)
    _indexes: tuple[tuple[Callable[[str], bool], str], ...] = field(init=False)
    _allowed: dict[str, Tags] = field(init=False)

    def __post_init__(self) -> None:
        self.is_excluded = matcher(self.order.excluded)
        self._indexes = tuple((matcher([name]), url) for name, url in self.order.indexes)
        self._allowed = {name: Tags(tags) for name, tags in self.order.allowed_tags.items()}
        self.view = View(self.order.target) if self.order.target else None

    def allowed_tags(self, project: str) -> Tags | None:
        """Return the tags that constraints allow a project, or None if they allow all."""
        return self._allowed.get(normalize_name(project)) if self._allowed else None

    def index_of(self, project: str) -> str | None:
        """Return the URL of the only index of a project, normalized; None if it has no own one."""
        return next((url for matches, url in self._indexes if matches(project)), None)

    def scope_of(self, scope: Any, project: str) -> Any:
        """Return pip's search scope for a project: its own index alone, or that of the run.

        With ``--no-index`` no index is asked, and of --find-links only folders and files of this
        machine count, since a page elsewhere may be anybody's.
        """
        url = self.index_of(normalize_name(project)) if self._indexes else None
        if url is None:
            return scope
        if not scope.no_index:
            return SearchScope([], [url], no_index=False)
        local = [each for each in scope.find_links if _is_local(each)]
        return SearchScope(local, [], no_index=True)

    @contextmanager
    def pages_apart(self, project: str) -> Iterator[None]:
        """Keep the pages and failures of a project apart, which pip itself may not look up."""
        before = self.pages, self.page_failures, self.is_apart
        self.pages, self.page_failures = self.apart.setdefault(project, (WantedPages(), []))
        self.is_apart = True
        try:
            yield
        finally:
            self.pages, self.page_failures, self.is_apart = before

    def take_pages(self, project: str) -> None:
        """Add what was kept apart for a project, since pip looks it up now."""
        if self.is_apart or project not in self.apart:
            return
        pages, failures = self.apart.pop(project)
        self.pages.urls |= pages.urls
        self.pages.are_all &= pages.are_all
        self.page_failures += [each for each in failures if each not in self.page_failures]

    def note_unread(self, project: str, read: Callable[[], list[Any]]) -> None:
        """Record a page of which only some files were evaluated, and how to read all links."""
        self.unread.setdefault(normalize_name(project), []).append(read)

    def links_of(self, project: str) -> Iterator[Any]:
        """Return pip's links to all files on a project's pages."""
        yield from self.links.get(project, ())
        for read in self.unread.get(project, ()):
            yield from read()

    def preference(self, project: str) -> str | None:
        """Return the version of a project to try first, or None."""
        return self.order.preferred.get(normalize_name(project)) if self.order.preferred else None

    def saves(self, requirement: Any) -> bool:
        """Return whether to fetch a chosen file; a dry run does so for its hash, or to build it."""
        link = requirement.link
        kept = self.order.kept
        if kept and not link.is_wheel and normalize_name(requirement.name) in kept:
            return True
        needs_hash = self.order.hashed and link.hash_name != "sha256"
        is_file = not link.is_vcs and not link.is_existing_dir()
        return not self.order.dry_run or (needs_hash and is_file)

    @property
    def is_legacy(self) -> bool:
        """Return whether the target's own pip reads specifiers from before PEP 440."""
        return self.view is not None and self.view.legacy

    def report(
        self, exit_code: int, statuses: Iterable[pip_protocol.ProjectStatus] = ()
    ) -> pip_protocol.JobReport:
        """Return the report of the job, for which pip has ended with an exit code.

        :param statuses: those of all index pages that were read for any job.
        """
        messages, failures = tuple(self.messages), tuple(self.page_failures)
        pages = {file.index for file in self.chosen}
        needed = {demand.project for demand in self.failure.demands} if self.failure else set()
        mine = tuple(each for each in statuses if each.index in pages or each.project in needed)
        result = (self.chosen, self.failure, messages, self.fresh_until, failures, self.left_out)
        return pip_protocol.JobReport(exit_code, self.dependencies, *result, mine)


def _is_local(place: str) -> bool:
    """Return whether a value of --find-links is on this machine."""
    return place.lower().startswith("file:") or "://" not in place


class CurrentJob:
    """The run, and the job that pip is working on, for the patched functions.

    While prefetching is installed, ``place_wheel`` puts a prefetched wheel at a path and returns
    whether it did, and ``ask_for_headers`` returns the responses to HEAD requests by URL.
    ``sees_provenance`` is whether the provenance of files is recorded.
    """

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.job = JobState(pip_protocol.JobOrder("", None, (), {}, "", "", Path()))
        self.place_wheel: Callable[[Any, Path], bool] | None = None
        self.ask_for_headers: Callable[[Iterable[str]], dict[str, Any]] | None = None
        self.sees_provenance = False

    def begin(self, order: pip_protocol.JobOrder) -> JobState:
        """Start a new job and return its state."""
        self.job = JobState(order)
        return self.job

    @contextmanager
    def switched_to(self, job: JobState) -> Iterator[None]:
        """Switch to another job for a while."""
        before, self.job = self.job, job
        try:
            yield
        finally:
            self.job = before


def download(arguments: Sequence[str]) -> int:
    """Run ``pip download`` in this process and return its exit code."""
    try:
        return int(pip_main(["download", *arguments]))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1


def replaces(
    owner: Any, name: str, *, optional: bool = False, undo: ExitStack | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for what replaces a function of pip, and gets that as its first argument.

    :param optional: whether to do nothing, without an AttributeError, if pip does not have it.
    :param undo: gets a function that takes it back.
    """
    original = getattr(owner, name, None)
    if not callable(original) and not optional:
        raise AttributeError(name)

    def install(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original or function)
        def replacement(*arguments: Any, **named: Any) -> Any:
            return function(original, *arguments, **named)

        if callable(original):
            _replace(owner, name, original, replacement)
            if undo is not None:
                undo.callback(_replace, owner, name, replacement, original)
        return function

    return install


def _replace(owner: Any, name: str, original: object, replacement: object) -> None:
    """Replace a method of a class, or a function in every loaded module of pip that has it."""
    if not isinstance(owner, ModuleType):
        setattr(owner, name, replacement)
        return
    for module_name, module in list(sys.modules.items()):
        # Lazy modules, which have another type, must not be loaded by looking into them.
        is_loaded = module_name.partition(".")[0] == "pip" and type(module) is ModuleType
        if is_loaded and module.__dict__.get(name) is original:
            setattr(module, name, replacement)


@contextmanager
def changed_environment(*, unset: Iterable[str], **changes: str) -> Iterator[None]:
    """Change environment variables for a while, and undo pip's own changes, too."""
    before = dict(os.environ)
    for name in unset:
        os.environ.pop(name, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        # Never empty it, even for a moment: threads read the proxies there.
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({k: v for k, v in before.items() if os.environ.get(k) != v})
