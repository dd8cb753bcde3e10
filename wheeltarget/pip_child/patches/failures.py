"""Seams around failure: which files there are of the projects that could not be had, and who asked.

Nothing is looked at, and nothing is written down, before pip has failed. Then the pages of the
user's other requirements are asked for, if pip has not come to them, so that all that cannot be
had is told at once.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, JobState
from wheeltarget.pip_child.links import hashes_of, normal, without_credentials
from wheeltarget.pip_child.patches.selftest import proof_finder
from wheeltarget.pip_protocol import Demand, Failure, FileFact

_LOGGER = logging.getLogger(__name__)
_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2")

_FOREIGN = "platform_mismatch"
"""pip's word for a wheel of which no tag is the target's."""

_MOST_LOOKED_AT = 25
"""How many of the user's other requirements are looked at after a failure."""


def patch_failures(current: CurrentJob) -> CurrentJob:
    """Keep the links that are looked at, and write down those that count where pip fails."""
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.resolution.resolvelib.factory import Factory

    look_here, explain_here = PackageFinder.evaluate_links, Factory.get_installation_error

    @functools.wraps(look_here)
    def evaluate_links(self: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
        if current.job.view is None:
            return look_here(self, link_evaluator, links)
        kept = list(links)
        name = normal(link_evaluator.project_name)
        current.job.links.setdefault(name, []).extend(kept)
        return look_here(self, link_evaluator, kept)

    @functools.wraps(explain_here)
    def get_installation_error(self: Any, error: Any, *arguments: Any, **named: Any) -> Any:
        if current.job.view is not None:
            constraints = named.get("constraints") or (arguments[0] if arguments else {})
            with _whatever_happens():
                more, unseen = _look_further(current.job, self._finder, error.causes, constraints)
                demands = [_demand(cause, constraints) for cause in (*error.causes, *more)]
                current.job.failure = _failure(current.job, self._finder, demands, unseen)
            with _held_back(current, Factory.__module__):
                return explain_here(self, error, *arguments, **named)
        return explain_here(self, error, *arguments, **named)

    PackageFinder.evaluate_links = evaluate_links
    Factory.get_installation_error = get_installation_error
    _note_roots(current)
    _note_hashes(current)
    return current


@contextmanager
def _whatever_happens() -> Iterator[None]:
    """Let pip's own error be the one that is told, where it cannot be explained."""
    try:
        yield
    except Exception:
        _LOGGER.debug("There is no explanation", exc_info=True)


def _wrap(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a method that only helps to tell more; a pip without it tells less."""
    original = getattr(owner, name, None)
    if callable(original):
        setattr(owner, name, functools.wraps(original)(wrap(original)))


def _note_roots(current: CurrentJob) -> None:
    """Keep what the user asks for himself."""
    from pip._internal.resolution.resolvelib.factory import Factory

    def noting(collect: Any) -> Any:
        def collect_root_requirements(self: Any, *arguments: Any, **named: Any) -> Any:
            collected = collect(self, *arguments, **named)
            current.job.roots = list(getattr(collected, "requirements", ()))
            return collected

        return collect_root_requirements

    _wrap(Factory, "collect_root_requirements", noting)


def _note_hashes(current: CurrentJob) -> None:
    """Write down what counts where the hash of a file is not one that is allowed."""
    from pip._internal.exceptions import HashError
    from pip._internal.resolution.resolvelib import candidates

    def noting(prepare: Any) -> Any:
        def prepare_candidate(self: Any) -> Any:
            try:
                return prepare(self)
            except HashError as error:
                if current.job.view is not None and self._ireq.name:
                    with _whatever_happens():
                        finder, demand = self._factory._finder, _hash_demand(self._ireq, error)
                        current.job.failure = _failure(current.job, finder, [demand], ())
                raise

        return prepare_candidate

    _wrap(candidates._InstallRequirementBackedCandidate, "_prepare", noting)


@contextmanager
def _held_back(current: CurrentJob, name: str) -> Iterator[None]:
    """Keep what a logger says from the terminal; with ``--verbose`` it is shown as ever.

    It names every release of a project, or all who ask for one, and the explanation says what
    matters of that; where there is none it is shown by the parent.
    """
    consoles = [
        handler
        for handler in logging.getLogger().handlers
        if not isinstance(handler, logging.FileHandler | logging.NullHandler)
    ]
    if any(handler.level < logging.INFO for handler in consoles):
        yield
        return

    def holds(handler: Any) -> Callable[[logging.LogRecord], bool]:
        def hold(record: logging.LogRecord) -> bool:
            if record.name == name:
                current.job.said.append(handler.format(record))
            return record.name != name

        return hold

    filters = [(handler, holds(handler)) for handler in consoles]
    for handler, hold in filters:
        handler.addFilter(hold)
    try:
        yield
    finally:
        for handler, hold in filters:
            handler.removeFilter(hold)


def _look_further(
    job: JobState, finder: Any, causes: Sequence[Any], constraints: Any
) -> tuple[list[tuple[Any, None]], list[str]]:
    """Find what else of the user's own requirements cannot be had, as far as the index says.

    :returns: causes as pip has them, and the projects that were not looked at.
    """
    more: list[tuple[Any, None]] = []
    unseen: list[str] = []
    if all(parent is not None for _, parent in causes):
        return more, unseen  # pip has come to all of them
    told = {normal(requirement.project_name) for requirement, _ in causes}
    others = {normal(each.project_name): each for each in job.roots}
    left = _MOST_LOOKED_AT
    for project, requirement in others.items():
        wanted = requirement.get_candidate_lookup()[1]
        if project in told or wanted is None:
            continue
        left -= project not in job.links
        if left < 0:
            unseen.append(project)
        elif not _is_there(finder, project, wanted, constraints.get(project)):
            more.append((requirement, None))
    return more, unseen


def _is_there(finder: Any, project: str, wanted: Any, constraint: Any) -> bool:
    """Return whether an index has a file for a requirement, or whether that cannot be told."""
    from pip._internal.exceptions import PipError
    from pip._vendor.requests import RequestException

    specifier = wanted.specifier & constraint.specifier if constraint else wanted.specifier
    try:
        best = finder.find_best_candidate(project, specifier=specifier).best_candidate
    except (PipError, RequestException, OSError):
        return True
    return best is not None and not best.link.is_yanked


def prove_failures(current: CurrentJob) -> bool:
    """Look at a link for the proof's job, and see it kept."""
    from pip._internal.models.link import Link

    finder = proof_finder()
    link = Link("https://example.invalid/proof-1.tar.gz")
    finder.evaluate_links(finder.make_link_evaluator("Proof"), iter([link]))
    return current.job.links == {"proof": [link]} and list(file_facts(finder, "proof", [link])) == [
        (link, FileFact("proof-1.tar.gz", "candidate"))
    ]


def _failure(
    job: JobState, finder: Any, demands: Sequence[Demand], unseen: Iterable[str]
) -> Failure:
    """Return what could not be had, who asked for it, and which files there are of it."""
    projects = sorted({demand.project for demand in demands if demand.project})
    files = {
        project: tuple(fact for _, fact in file_facts(finder, project, job.links_of(project)))
        for project in projects
    }
    return Failure(
        tuple(demands),
        tuple(files.items()),
        tuple((name, tuple(places_of(finder, name))) for name in projects if not files[name]),
        tuple(unseen),
    )


def places_of(finder: Any, project: str) -> Iterator[str]:
    """Return the index pages and folders in which a project would be.

    :param finder: pip's finder.
    :param project: the project, normalised.
    """
    scope = finder.search_scope
    for place in (*scope.get_index_urls_locations(project), *scope.find_links):
        yield without_credentials(place)


def _demand(cause: Any, constraints: Any) -> Demand:
    """Return one demand that cannot be met with the others."""
    requirement, parent = cause
    candidate, wanted = requirement.get_candidate_lookup()
    link = getattr(candidate, "source_link", None)  # what Requires-Python is about has none
    project = normal(requirement.project_name)
    constraint = constraints.get(project) if hasattr(constraints, "get") else None
    if wanted is not None:
        specifier = str(wanted.specifier)
    else:
        specifier = f"=={candidate.version}" if link else str(getattr(requirement, "specifier", ""))
    return Demand(
        project=project if wanted is not None or link else "",
        name=str(requirement.name),
        specifier=specifier,
        constraint=str(constraint.specifier) if constraint is not None else "",
        hashes=allowed_hashes(wanted) if wanted is not None else (),
        chain=tuple(_chain(parent)),
        file=without_credentials(link.url_without_fragment) if link else "",
    )


def _hash_demand(asked: Any, error: Any) -> Demand:
    """Return the demand for a file of which the hash is not allowed, or not known."""
    from pip._internal.exceptions import HashMissing, HashUnpinned

    link = asked.original_link
    return Demand(
        project=normal(asked.name),
        name=_named(asked),
        specifier=str(asked.req.specifier),
        hashes=allowed_hashes(asked),
        chain=tuple(_chain_of(asked.comes_from)),
        file=without_credentials(link.url_without_fragment) if link else "",
        unlisted=isinstance(error, HashMissing | HashUnpinned),
    )


def allowed_hashes(wanted: Any) -> tuple[tuple[str, str], ...]:
    """Return every hash that a requirement of pip's allows, with its algorithm."""
    return tuple((name, each) for name, some in wanted.hash_options.items() for each in some)


def _chain(parent: Any) -> Iterator[tuple[str, str]]:
    """Return name and version of who asks, then of who asks for that, up to the user's line."""
    if parent is None:
        return
    yield str(parent.name), str(parent.version)
    asked = getattr(parent, "base", parent).get_install_requirement()
    yield from _chain_of(getattr(asked, "comes_from", None))


def _chain_of(asked: Any) -> Iterator[tuple[str, str]]:
    while asked is not None and not isinstance(asked, str):
        yield _named(asked), _pinned(asked)
        asked = asked.comes_from


def _pinned(asked: Any) -> str:
    """Return the only version that a requirement of pip's takes, if it says so."""
    specifiers = list(asked.req.specifier) if asked.req is not None else []
    only = len(specifiers) == 1 and specifiers[0].operator == "=="
    return str(specifiers[0].version) if only and "*" not in specifiers[0].version else ""


def _named(asked: Any) -> str:
    """Name what a requirement of pip's asks for, its extras among it."""
    extras = ",".join(sorted(asked.extras))
    return f"{normal(asked.name)}[{extras}]" if extras else normal(asked.name)


def file_facts(finder: Any, project: str, links: Iterable[Any]) -> Iterator[tuple[Any, FileFact]]:
    """Return each file of a project as pip's link, and what pip says of it.

    :param finder: pip's finder.
    :param project: the project, normalised.
    :param links: its files.
    """
    judge = _Judge(finder, project)
    for link in {link.url: link for link in links}.values():
        filename = link.filename
        if not filename.endswith(_DISTRIBUTIONS):
            continue  # pip looks at the page itself, too, as if it were a file
        uploaded = getattr(link, "upload_time", None)
        yield (
            link,
            FileFact(
                filename,
                judge.ask(link, filename, uploaded),
                link.requires_python,
                (link.yanked_reason or "") if link.is_yanked else None,
                hashes_of(link),
                uploaded.isoformat() if uploaded is not None else None,
            ),
        )


class _Judge:
    """What pip says of files, and of those of a project with the same tags only once."""

    def __init__(self, finder: Any, project: str) -> None:
        control = getattr(finder, "release_control", None)
        self._finals_only = control is not None and control.allows_prereleases(project) is False
        self._evaluator = finder.make_link_evaluator(project)
        self._too_late = getattr(self._evaluator, "_uploaded_prior_to", None)
        self._foreign: set[str] = set()

    def ask(self, link: Any, filename: str, uploaded: Any) -> str:
        """Return pip's word for a file.

        A date is asked about before the tags are, since another target would not help. That final
        releases alone are taken, pip says of none of them.
        """
        from pip._vendor.packaging.version import Version

        if uploaded is not None and self._too_late is not None and uploaded >= self._too_late:
            return "upload_too_late"
        tags = "-".join(filename.rsplit("-", 3)[1:])
        if tags in self._foreign:
            return _FOREIGN
        verdict, version = self._evaluator.evaluate_link(link)
        if verdict.name == _FOREIGN and filename.endswith(".whl"):
            self._foreign.add(tags)
        if self._finals_only and verdict.name == "candidate" and Version(version).is_prerelease:
            return "pre_release"
        return str(verdict.name)
