"""Patch of the resolver: list the files of the requested projects instead of resolving.

pip reads options, requirements and constraints as for a download. Then its finder looks up every
project that a requirement names: each file with pip's verdict, and the file that pip would choose.

If a page or folder gives no ``Requires-Python``, pip's resolver reads the metadata of the file that
it tries, and goes on to another version if it is not for the Python. So that is done here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pip._internal.exceptions import InstallationError, PipError
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line
from pip._internal.req.req_set import RequirementSet
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.hashes import Hashes
from pip._vendor.packaging.specifiers import SpecifierSet

from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.links import (
    address_of,
    allowed_hashes,
    first_tried,
    normalize_name,
    with_extras,
)
from wheeltarget.pip_child.patches.failures import file_facts, places_of, variant_links
from wheeltarget.pip_child.patches.selection import proof_finder
from wheeltarget.pip_child.patches.trial import ODD
from wheeltarget.pip_protocol import (
    FoundFile,
    FoundProject,
    JobListing,
    ListedRequirement,
    PageFailure,
)

# Verdicts of pip on files: of another project on the same page, and without a needed upload time.
_OTHER, _UNDATED = "different_project", "upload_time_missing"
_CANDIDATES = frozenset({"candidate", "pre_release", "pre_release_if_named"})
_OTHER_PYTHON = "requires_python_mismatch"

UnmetPython = Callable[[Any, Any], str | None]
"""Returns the ``Requires-Python`` of a candidate that excludes the Python."""


class ProjectLister:
    """Lists projects instead of resolving; the result is the listing of the current job.

    :param fetch_ahead: starts to fetch the pages of a project that pip's finder will read.
    """

    def __init__(self, current: CurrentJob, fetch_ahead: Callable[[Any, str], None]) -> None:
        self._current = current
        self._fetch_ahead = fetch_ahead
        # For all jobs, the links on the pages of a project, the pages that could not be read, and
        # another reason why not all links are known.
        self._found: dict[str, tuple[list[Any], tuple[PageFailure, ...], str]] = {}
        self._collected: list[Any] | None = None  # while they are collected

    def patch(self, _current: CurrentJob) -> None:
        """List projects instead of resolving."""

        @replaces(Resolver, "resolve")
        def resolve(_original: Any, resolver: Any, roots: Any, *_rest: Any, **_named: Any) -> Any:
            hashed = bool(resolver.factory.preparer.require_hashes)
            reader = _MetadataReader(resolver.factory)
            self._list(resolver.factory._finder, roots, reader, hashed=hashed)
            return RequirementSet()

        @replaces(PackageFinder, "evaluate_links")
        def look(original: Any, finder: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
            if self._collected is None:
                return original(finder, link_evaluator, links)
            self._collected += links
            return []

    def prove(self, _current: CurrentJob) -> bool:
        """Check the listing of a project with some links."""
        finder = proof_finder()
        url, tags = "https://example.invalid/proof", (*ODD.tags, "py3-none-any")
        urls = [f"{url}-{version}-{tag}.whl" for version in (1, 2) for tag in tags]
        self._collected = []
        finder.evaluate_links(finder.make_link_evaluator("proof"), iter(map(Link, urls)))
        self._found["proof"] = self._collected, (), ""
        self._collected = None
        lines = ('Proof<3 ; sys_platform == "odd"', 'proof ; sys_platform == "even"')
        limit = install_req_from_line("proof<2", constraint=True)
        roots = [limit, *map(install_req_from_line, lines)]
        self._list(finder, roots, lambda _candidate, _root: None, hashed=False)
        self._found.clear()
        listing = self._current.job.listing
        assert listing is not None  # noqa: S101 - it was just made
        project = dict(listing.projects)["proof"]
        return (
            [each.needed for each in listing.requirements] == [True, False]
            and project.taken == urls[0]
            and project.applicable == {"1"}
            and [each.best_of for each in project.files] == ["1", None, None, "2", None, None]
        )

    def _list(
        self,
        finder: Any,
        requirements: Sequence[Any],
        unmet_python: UnmetPython,
        *,
        hashed: bool,
    ) -> None:
        """List every project that pip's requirements name, which include constraints."""
        limits = [each for each in requirements if each.constraint and each.match_markers()]
        requested = [each for each in requirements if not each.constraint]
        described = [_describe(each) for each in requested]
        wanted: dict[str, list[Any]] = {}
        for requirement, each in zip(requested, described, strict=True):
            if each.needed and not each.url:
                wanted.setdefault(each.project, []).append(requirement)
        for project in [each for each in wanted if each not in self._found]:
            self._fetch_ahead(finder, project)
        projects = []
        for project, mine in wanted.items():
            mine += [each for each in limits if normalize_name(each.name or "") == project]
            projects.append((project, self._project(finder, project, mine, unmet_python)))
        self._current.job.listing = JobListing(
            hashed, tuple(described), tuple(map(_describe, limits)), tuple(projects)
        )

    def _project(
        self, finder: Any, project: str, requirements: Sequence[Any], unmet_python: UnmetPython
    ) -> FoundProject:
        if project not in self._found:
            self._found[project] = self._collect(finder, project)
        found, failures, problem = self._found[project]
        every = [*found, *variant_links(self._current.job, finder, project)]
        facts = list(file_facts(finder, project, every, self._current.job.view))
        links = [link for link, fact in facts if fact.verdict in _CANDIDATES]
        rejected: set[str] = set()
        choice = _choose(finder, project, links, requirements, rejected)
        # A page that gives it for one file gives it for all.
        is_given = any(link.requires_python for link in found)
        while choice.taken and not is_given:
            requires = unmet_python(choice.tried, requirements[0])
            if requires is None:
                break
            # pip tries no other file of this version.
            rejected.add(str(choice.tried.version))
            same = choice.files[str(choice.tried.version)]
            facts = [
                (link, replace(fact, verdict=_OTHER_PYTHON, requires_python=requires))
                if link in same
                else (link, fact)
                for link, fact in facts
            ]
            choice = _choose(finder, project, links, requirements, rejected)
        taken = choice.taken
        if any(fact.verdict == _UNDATED for _, fact in facts):
            taken = None  # pip ends with an error
        sizes = self._current.run.sizes
        files = tuple(
            FoundFile(fact, url, sizes.get(link.url_without_fragment), choice.best.get(url))
            for link, fact in facts
            if fact.verdict != _OTHER
            for url in [address_of(link)]
        )
        known = self._current.run.statuses.values()
        statuses = tuple(each for each in known if each.project == project)
        places: tuple[Any, ...] = ()
        others: tuple[Any, ...] = ()
        if not files:
            job = self._current.job
            places = tuple(places_of(job, finder, project))
            folders = job.scope_of(finder.search_scope, project).find_links
            others = tuple(sorted(_neighbours(folders, facts)))
        return FoundProject(
            files, taken, choice.applicable, problem, places, others, failures, statuses
        )

    def _collect(self, finder: Any, project: str) -> tuple[list[Any], tuple[PageFailure, ...], str]:
        """Collect the links of a project, once for all targets; return why some are missing."""
        job = self._current.job
        job.page_failures.clear()
        job.unread.pop(project, None)
        self._collected, problem = [], ""
        try:
            finder.find_all_candidates(project)
            for read in job.unread.get(project, ()):
                self._collected += read()
        except PipError as error:
            problem = str(error)
        # pip reads pages first, but prefers files in folders.
        links = sorted(dict.fromkeys(self._collected), key=lambda link: link.comes_from is not None)
        self._collected = None
        unique = {address_of(link): link for link in links}
        return [*unique.values()], tuple(job.page_failures), problem


def _describe(requirement: Any) -> ListedRequirement:
    problem, needed = "", False
    try:
        needed = requirement.constraint or bool(requirement.match_markers())
    except InstallationError as error:
        problem = str(error)
    named = requirement.req
    return ListedRequirement(
        normalize_name(named.name) if named else "",
        with_extras(named.name, requirement) if named else "",
        str(named.specifier) if named else "",
        str(requirement.markers or ""),
        allowed_hashes(requirement),
        address_of(requirement.original_link or requirement.link),
        needed,
        problem,
    )


class _Choice(NamedTuple):
    """What pip's resolver chooses from the files of a project.

    :param best: the version by the URL of its best file.
    :param tried: the candidate that is tried first; None if no candidate is left.
    :param taken: its URL; None if pip would then refuse it.
    :param applicable: the versions that can be chosen.
    :param files: the links of each version.
    """

    best: dict[str, str]
    tried: Any
    taken: str | None
    applicable: frozenset[str]
    files: dict[str, list[Any]]


def _choose(
    finder: Any,
    project: str,
    links: Sequence[Any],
    requirements: Sequence[Any],
    rejected: Collection[str],
) -> _Choice:
    """Choose the best file of each release, and of all, as pip's resolver does.

    :param rejected: the versions that the resolver has tried in vain.
    """
    specifier, hashes = SpecifierSet(), Hashes()
    for requirement in requirements:
        specifier &= requirement.specifier
        hashes &= requirement.hashes(trust_internet=False)
    candidates = finder.evaluate_links(finder.make_link_evaluator(project), iter(links))
    judge = finder.make_candidate_evaluator(project, specifier=specifier, hashes=hashes)
    version = attrgetter("version")
    releases = {
        str(number): list(files)
        for number, files in groupby(sorted(candidates, key=version), key=version)
    }
    # If several are equally good, the resolver prefers the last, and this function the first.
    best = [judge.sort_best_candidate(files[::-1]) for files in releases.values()]
    # A rejected final release still excludes the pre-releases.
    applicable = [
        each
        for each in judge.get_applicable_candidates(candidates)
        if str(each.version) not in rejected
    ]
    tried = first_tried(applicable, specifier)
    taken = getattr(tried, "link", None)
    if taken is not None and hashes and taken.has_hash and not taken.is_hash_allowed(hashes):
        taken = None  # pip would fetch it and then refuse it
    return _Choice(
        {address_of(each.link): str(each.version) for each in best},
        tried,
        address_of(taken) or None,
        frozenset(str(each.version) for each in applicable),
        {number: [each.link for each in files] for number, files in releases.items()},
    )


class _MetadataReader:
    """Reads the ``Requires-Python`` of a file that pip's resolver tries."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(self, candidate: Any, requirement: Any) -> str | None:
        """Return it if it excludes the Python; None if the file can be taken.

        :param candidate: the file.
        :param requirement: the requirement that asks for it.
        """
        try:
            made = self._factory._make_candidate_from_link(
                candidate.link, frozenset(), requirement, candidate.name, candidate.version
            )
        except (PipError, OSError):
            return None  # pip would end with this error
        if made is None:
            return ""  # pip passes over it: its metadata has another name or version
        requires = self._factory.make_requires_python_requirement(made.dist.requires_python)
        if requires is None or requires.is_satisfied_by(self._factory._python_candidate):
            return None
        return str(made.dist.requires_python)


def _neighbours(folders: Iterable[str], facts: Iterable[Any]) -> set[str]:
    """Return the names of other projects on the same pages and in the same folders."""
    names = {fact.filename for _, fact in facts if fact.verdict == _OTHER}
    for place in folders:
        if Path(place).is_dir():
            names.update(each.name for each in Path(place).iterdir())
    return {normalize_name(name.split("-")[0]) for name in names if name.endswith(".whl")}
