"""Patches of pip's resolver that record why it fails: the conflict, and the files of its projects.

After a failure, the user's other requirements are checked, to report all missing projects at once.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pip._internal import exceptions
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link
from pip._internal.operations.prepare import RequirementPreparer
from pip._internal.resolution.resolvelib import candidates
from pip._internal.resolution.resolvelib.factory import Factory
from pip._internal.utils.urls import path_to_url
from pip._vendor.packaging.version import Version
from pip._vendor.requests import RequestException

from wheeltarget.pip_child.job import CurrentJob, JobState, View, replaces
from wheeltarget.pip_child.links import (
    address_of,
    all_hashes_of,
    allowed_hashes,
    normalize_name,
    with_extras,
    without_credentials,
)
from wheeltarget.pip_child.patches.selection import proof_finder
from wheeltarget.pip_protocol import Demand, Failure, FileFact, HashMismatch
from wheeltarget.targets.specifiers import falls_back_to_prereleases, is_pin
from wheeltarget.targets.variants import parse_variant

_LOGGER = logging.getLogger(__name__)
_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2")
_MISMATCH = "platform_mismatch"  # pip's verdict on a wheel that has no tag of the target
_MOST_CHECKED = 25  # of the user's other requirements after a failure


def patch_failures(current: CurrentJob) -> None:
    """Record the links that pip evaluates, and why it fails."""

    @replaces(PackageFinder, "evaluate_links")
    def evaluate_links(original: Any, self: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
        if current.job.view is None:
            return original(self, link_evaluator, links)
        kept = list(links)
        name = normalize_name(link_evaluator.project_name)
        current.job.links.setdefault(name, []).extend(kept)
        return original(self, link_evaluator, kept)

    @replaces(Factory, "get_installation_error")
    def explain(original: Any, self: Any, error: Any, *rest: Any, **named: Any) -> Any:
        if current.job.view is None:
            return original(self, error, *rest, **named)
        constraints = named.get("constraints") or (rest[0] if rest else {})
        with _errors_ignored():
            more, unseen = _more_causes(current.job, self._finder, error.causes, constraints)
            demands = [demand_of(cause, constraints) for cause in (*error.causes, *more)]
            current.job.failure = _failure(current.job, self._finder, demands, unseen)
        with _captured(current, Factory.__module__):
            return original(self, error, *rest, **named)

    # Without these, the explanation has less detail.
    @replaces(Factory, "collect_root_requirements", optional=True)
    def collect_roots(original: Any, self: Any, *rest: Any, **named: Any) -> Any:
        collected = original(self, *rest, **named)
        current.job.roots = list(getattr(collected, "requirements", ()))
        return collected

    @replaces(candidates._InstallRequirementBackedCandidate, "_prepare", optional=True)
    def prepare(original: Any, self: Any) -> Any:
        try:
            return original(self)
        except exceptions.HashError as error:
            is_mismatch = isinstance(error, exceptions.HashMismatch)
            if current.job.view is not None and self._ireq.name and not is_mismatch:
                with _errors_ignored():
                    finder, demand = self._factory._finder, _hash_demand(self._ireq, error)
                    current.job.failure = _failure(current.job, finder, [demand], [])
            raise

    _patch_hashes(current)


def _patch_hashes(current: CurrentJob) -> None:
    """Record which file has none of the allowed hashes, and where they are from."""

    def note(finder: Any, requirement: Any, error: Any, *, is_metadata: bool) -> None:
        if current.job.view is not None and requirement.name:
            with _errors_ignored():
                failure = _failure(current.job, finder, [_hash_demand(requirement, error)], [])
                mismatch = _mismatch(requirement, error, is_metadata=is_metadata)
                current.job.failure = replace(failure, mismatch=mismatch)

    @replaces(RequirementPreparer, "_fetch_metadata_using_link_data_attr", optional=True)
    def fetch_metadata(original: Any, self: Any, req: Any, *rest: Any, **named: Any) -> Any:
        try:
            return original(self, req, *rest, **named)
        except exceptions.HashMismatch as error:
            note(self.finder, req, error, is_metadata=True)
            raise

    @replaces(RequirementPreparer, "_prepare_linked_requirement", optional=True)
    def prepare(original: Any, self: Any, req: Any, *rest: Any, **named: Any) -> Any:
        link = req.link
        if current.job.view is not None and link.hash_name and not link.hash:
            # pip would fetch it, and then end with an error without a message.
            where = f" on {_page_of(link)}" if _page_of(link) else ""
            message = f"the hash of {link.filename}{where} is empty: {link.hash_name}="
            raise exceptions.InstallationError(message)
        try:
            return original(self, req, *rest, **named)
        except exceptions.HashMismatch as error:
            note(self.finder, req, error, is_metadata=False)
            raise


def _mismatch(requirement: Any, error: Any, *, is_metadata: bool) -> HashMismatch:
    link = requirement.link
    is_listed = is_metadata or not requirement.hash_options
    return HashMismatch(
        address_of(link.metadata_link() if is_metadata else link),
        _page_of(link) if is_listed else "",
        is_metadata,
        tuple((name, each) for name, some in error.allowed.items() for each in some),
        tuple((name, got.hexdigest()) for name, got in error.gots.items()),
    )


def _page_of(link: Any) -> str:
    """Return the index page that lists a file, without credentials; empty if none does."""
    page = link.comes_from
    return without_credentials(page) if isinstance(page, str) and "://" in page else ""


@contextlib.contextmanager
def _errors_ignored() -> Iterator[None]:
    """Ignore errors, so that the user sees pip's own."""
    try:
        yield
    except Exception:
        _LOGGER.debug("The failure cannot be explained", exc_info=True)


@contextlib.contextmanager
def _captured(current: CurrentJob, name: str) -> Iterator[None]:
    """Keep the messages of a logger, which list every release of a project, for the report.

    The parent shows an explanation, or else these messages; with ``--verbose`` pip shows them.
    """
    others = (logging.FileHandler, logging.NullHandler)
    consoles = [each for each in logging.getLogger().handlers if not isinstance(each, others)]
    if any(handler.level < logging.INFO for handler in consoles):
        yield
        return

    def keep(handler: logging.Handler, record: logging.LogRecord) -> bool:
        if record.name == name:
            current.job.messages.append(handler.format(record))
        return record.name != name

    with contextlib.ExitStack() as stack:
        for handler in consoles:
            handler.addFilter(taken := functools.partial(keep, handler))
            stack.callback(handler.removeFilter, taken)
        yield


def _more_causes(
    job: JobState, finder: Any, causes: Sequence[Any], constraints: Any
) -> tuple[list[tuple[Any, None]], list[str]]:
    """Return causes for the user's other requirements without files, and unchecked projects."""
    more: list[tuple[Any, None]] = []
    unseen: list[str] = []
    if all(parent is not None for _, parent in causes):
        return more, unseen  # pip has looked at all of them
    known = {normalize_name(requirement.project_name) for requirement, _ in causes}
    others = {normalize_name(each.project_name): each for each in job.roots}
    left = _MOST_CHECKED
    for project, requirement in others.items():
        wanted = requirement.get_candidate_lookup()[1]
        if project in known or wanted is None:
            continue
        left -= project not in job.links
        if left < 0:
            unseen.append(project)
        elif not _is_available(finder, project, wanted, constraints.get(project)):
            more.append((requirement, None))
    return more, unseen


def _is_available(finder: Any, project: str, wanted: Any, constraint: Any) -> bool:
    """Return whether an index has a file for a requirement; True if that is not known."""
    specifier = wanted.specifier & constraint.specifier if constraint else wanted.specifier
    try:
        best = finder.find_best_candidate(project, specifier=specifier).best_candidate
    except (exceptions.PipError, RequestException, OSError):
        return True
    return best is not None and not best.link.is_yanked


def prove_failures(current: CurrentJob) -> bool:
    """Check that a link that pip evaluates is recorded."""
    finder = proof_finder()
    link = Link("https://example.invalid/proof-1.tar.gz")
    finder.evaluate_links(finder.make_link_evaluator("Proof"), iter([link]))
    facts = list(file_facts(finder, "proof", [link], current.job.view))
    fact = FileFact("proof-1.tar.gz", "candidate")
    return current.job.links == {"proof": [link]} and facts == [(link, fact)]


def _failure(job: JobState, finder: Any, demands: list[Demand], unseen: list[str]) -> Failure:
    """Return the failure for some demands, with the files of their projects."""
    files = {
        name: tuple(
            fact
            for _, fact in file_facts(
                finder, name, [*job.links_of(name), *variant_links(job, finder, name)], job.view
            )
        )
        for name in sorted({demand.project for demand in demands if demand.project})
    }
    places = ((name, tuple(places_of(job, finder, name))) for name in files if not files[name])
    return Failure(tuple(demands), tuple(files.items()), tuple(places), tuple(unseen))


def places_of(job: JobState, finder: Any, project: str) -> Iterator[str]:
    """Return the index pages and folders that pip searches for a project."""
    scope = job.scope_of(finder.search_scope, project)
    for place in (*scope.get_index_urls_locations(project), *scope.find_links):
        yield without_credentials(place)


def variant_links(job: JobState, finder: Any, project: str) -> Iterator[Link]:
    """Return links to the variant wheels of a project in local folders, which pip passes over."""
    for place in map(Path, job.scope_of(finder.search_scope, project).find_links):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            variant = parse_variant(file.name)
            if variant is not None and variant[0] == project:
                yield Link(path_to_url(str(file)))


def demand_of(cause: Any, constraints: Any) -> Demand:
    """Return a requirement of pip's resolver, given with its parent, and the constraints on it."""
    requirement, parent = cause
    candidate, wanted = requirement.get_candidate_lookup()
    link = getattr(candidate, "source_link", None)  # a candidate for Python itself has none
    project = normalize_name(requirement.project_name)
    constraint = constraints.get(project) if hasattr(constraints, "get") else None
    specifier = getattr(wanted or requirement, "specifier", "")
    return Demand(
        project=project if wanted is not None or link else "",
        name=str(requirement.name),
        specifier=f"=={candidate.version}" if link and wanted is None else str(specifier),
        constraint=str(constraint.specifier) if constraint is not None else "",
        hashes=allowed_hashes(wanted),
        chain=tuple(_chain(parent)),
        file=address_of(link),
    )


def _hash_demand(requirement: Any, error: Any) -> Demand:
    project = normalize_name(requirement.name)
    return Demand(
        project=project,
        name=with_extras(project, requirement),
        specifier=str(requirement.req.specifier),
        hashes=allowed_hashes(requirement),
        chain=tuple(_chain_of(requirement.comes_from)),
        file=address_of(requirement.original_link),
        lacks_hash=isinstance(error, exceptions.HashMissing | exceptions.HashUnpinned),
    )


def _chain(parent: Any) -> Iterator[tuple[str, str]]:
    """Return name and version of each requiring project, from the nearest to the user's line."""
    if parent is None:
        return
    yield str(parent.name), str(parent.version)
    requirement = getattr(parent, "base", parent).get_install_requirement()
    yield from _chain_of(getattr(requirement, "comes_from", None))


def _chain_of(requirement: Any) -> Iterator[tuple[str, str]]:
    while requirement is not None and not isinstance(requirement, str):
        specifiers = list(requirement.req.specifier) if requirement.req is not None else []
        is_pinned = len(specifiers) == 1 and is_pin(specifiers[0])
        name = with_extras(normalize_name(requirement.name), requirement)
        yield name, str(specifiers[0].version) if is_pinned else ""
        requirement = requirement.comes_from


def file_facts(
    finder: Any, project: str, links: Iterable[Any], view: View | None = None
) -> Iterator[tuple[Any, FileFact]]:
    """Return pip's link and verdict for each file of a project."""
    pre_release = _verdict_on_prereleases(finder, project, view)
    evaluator = finder.make_link_evaluator(project)
    too_late = getattr(evaluator, "_uploaded_prior_to", None)
    unsupported: set[str] = set()

    def verdict(link: Any, uploaded: Any) -> str:
        # The upload time comes before the tags, since another target would not help.
        if uploaded is not None and too_late is not None and uploaded >= too_late:
            return "upload_too_late"
        # Wheels with the same unsupported tags are evaluated once.
        tags = "-".join(link.filename.rsplit("-", 3)[1:])
        if tags in unsupported:
            return _MISMATCH
        kind, version = evaluator.evaluate_link(link)
        if kind.name == _MISMATCH and link.filename.endswith(".whl"):
            unsupported.add(tags)
        if pre_release and kind.name == "candidate" and Version(version).is_prerelease:
            return pre_release
        return str(kind.name)

    for link in {link.url: link for link in links}.values():
        if not link.filename.endswith(_DISTRIBUTIONS):
            continue  # pip also evaluates the page itself as if it were a file
        uploaded = getattr(link, "upload_time", None)
        yanked = (link.yanked_reason or "") if link.is_yanked else None
        when = uploaded.isoformat() if uploaded is not None else None
        facts = (verdict(link, uploaded), link.requires_python, yanked, all_hashes_of(link), when)
        yield link, FileFact(view.name_of(link) if view else link.filename, *facts)


def _verdict_on_prereleases(finder: Any, project: str, view: View | None) -> str:
    """Return the verdict on pre-releases that would be candidates otherwise; may be empty."""
    control = getattr(finder, "release_control", None)
    if control is None:  # before pip 26.0
        allowed = getattr(finder, "allow_all_prereleases", False) or None
    else:
        allowed = control.allows_prereleases(project)
    if allowed is False:
        return "pre_release"
    if allowed or view is None or falls_back_to_prereleases(view.python):
        return ""
    return "pre_release_if_named"
