"""Patch of the resolver: list the files of the requested projects instead of resolving.

pip reads its options, the requirements and the constraints as for a download. Instead of resolving,
its finder looks up every project that a requirement names: each file with pip's verdict, and the
file that pip would choose.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.links import first_tried, normalize_name, without_credentials
from wheeltarget.pip_child.patches.error_messages import UnusablePages
from wheeltarget.pip_child.patches.failures import allowed_hashes, file_facts, places_of
from wheeltarget.pip_child.patches.selftest import ODD, proof_finder
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_protocol import Asked, FoundFile, FoundProject, JobListing

_OTHER = "different_project"
"""pip's verdict on a file of another project on the same page."""

_UNDATED = "upload_time_missing"
"""pip's verdict on a file without an upload time, if that is needed."""

_CANDIDATES = frozenset({"candidate", "pre_release"})


@dataclass(frozen=True, slots=True)
class _Found:
    """The files of a project, which are the same for every target.

    :param links: its links, and those of other projects on the same pages.
    :param problem: why not all files are known, or an empty string.
    """

    links: list[Any]
    problem: str = ""


@dataclass(slots=True)
class ProjectLister:
    """Lists projects instead of resolving; the result is the listing of the current job.

    :param current: the current job.
    :param pages: the index pages without files.
    :param prefetching: what fetches pages ahead, if anything.
    :param found: the files by project, for all jobs.
    :param collected: while the links of a project are collected, those that pip evaluates.
    """

    current: CurrentJob
    pages: UnusablePages
    prefetching: Prefetching | None = None
    found: dict[str, _Found] = field(default_factory=dict)
    collected: list[Any] | None = None

    def list_projects(
        self, finder: Any, requirements: Sequence[Any], *, hashed: bool = False
    ) -> None:
        """List every project that requirements name.

        :param finder: pip's finder.
        :param requirements: pip's requirements and constraints.
        :param hashed: whether pip checks the hash of every file.
        """
        limits = [each for each in requirements if each.constraint and each.match_markers()]
        requested = [each for each in requirements if not each.constraint]
        described = [_describe(each) for each in requested]
        wanted: dict[str, list[Any]] = {}
        for requirement, each in zip(requested, described, strict=True):
            if each.needed and not each.url:
                wanted.setdefault(each.project, []).append(requirement)
        if self.prefetching is not None and self.prefetching.ahead is not None:
            for project in wanted:
                if project not in self.found:
                    self.prefetching.ahead.fetch_pages(finder, project)
        self.current.job.listing = JobListing(
            hashed,
            tuple(described),
            tuple(_describe(each) for each in limits),
            tuple(
                (project, self._project(finder, project, [*mine, *_of(project, limits)]))
                for project, mine in wanted.items()
            ),
        )

    def _project(self, finder: Any, project: str, requirements: Sequence[Any]) -> FoundProject:
        """Return one project as the job's target sees it."""
        if project not in self.found:
            self.found[project] = self._collect(finder, project)
        found = self.found[project]
        facts = list(file_facts(finder, project, found.links))
        links = [link for link, fact in facts if fact.verdict in _CANDIDATES]
        best, taken, applicable = _choice(finder, project, links, requirements)
        if any(fact.verdict == _UNDATED for _, fact in facts):
            taken = None  # pip ends with an error
        files = tuple(
            FoundFile(
                fact,
                _address(link),
                self.current.run.sizes.get(link.url_without_fragment),
                best.get(_address(link)),
            )
            for link, fact in facts
            if fact.verdict != _OTHER
        )
        return FoundProject(
            files,
            taken,
            applicable,
            found.problem,
            () if files else tuple(places_of(finder, project)),
            () if files else tuple(sorted(_neighbours(finder, facts))),
        )

    def _collect(self, finder: Any, project: str) -> _Found:
        """Collect the links of a project, once for all targets."""
        from pip._internal.exceptions import PipError

        self.pages.clear()
        self.current.job.unread.pop(project, None)
        self.collected, problem = [], ""
        try:
            finder.find_all_candidates(project)
            for read in self.current.job.unread.get(project, ()):
                self.collected += read()
        except PipError as error:
            problem = str(error)
        # pip reads pages first, but prefers files in folders.
        links = sorted(dict.fromkeys(self.collected), key=lambda link: link.comes_from is not None)
        self.collected = None
        problem = "; ".join(self.pages.sentences()) or problem
        return _Found([*{_address(link): link for link in links}.values()], problem)


def patch_listing(lister: ProjectLister) -> ProjectLister:
    """List projects instead of resolving, and return the lister."""
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.req.req_set import RequirementSet
    from pip._internal.resolution.resolvelib.resolver import Resolver

    original_resolve = Resolver.resolve

    @functools.wraps(original_resolve)
    def resolve(self: Any, root_reqs: Sequence[Any], *_arguments: Any, **_named: Any) -> Any:
        preparer = self.factory.preparer
        lister.list_projects(self.factory._finder, root_reqs, hashed=bool(preparer.require_hashes))
        return RequirementSet()

    original_look = PackageFinder.evaluate_links

    @functools.wraps(original_look)
    def evaluate_links(self: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
        if lister.collected is None:
            return original_look(self, link_evaluator, links)
        lister.collected += links
        return []

    Resolver.resolve = resolve
    PackageFinder.evaluate_links = evaluate_links
    return lister


def prove_listing(lister: ProjectLister) -> bool:
    """Check the listing of a project with some links."""
    from pip._internal.models.link import Link
    from pip._internal.req.constructors import install_req_from_line

    finder = proof_finder()
    address = "https://example.invalid/proof"
    names = [f"{version}-{tag}.whl" for version in (1, 2) for tag in (*ODD.tags, "py3-none-any")]
    links = [Link(f"{address}-{name}") for name in names]
    lister.collected = []
    finder.evaluate_links(finder.make_link_evaluator("proof"), iter(links))
    lister.found["proof"] = _Found(lister.collected)
    lister.collected = None
    requirements = [
        install_req_from_line(line)
        for line in ('Proof<3 ; sys_platform == "odd"', 'proof ; sys_platform == "even"')
    ]
    limit = install_req_from_line("proof<2", constraint=True)
    lister.list_projects(finder, [limit, *requirements])
    lister.found = {}
    listing = lister.current.job.listing
    assert listing is not None  # noqa: S101 - it was just made
    project = dict(listing.projects)["proof"]
    return (
        [each.needed for each in listing.requirements] == [True, False]
        and project.taken == f"{address}-{names[0]}"
        and project.applicable == {"1"}
        and [each.best_of for each in project.files] == ["1", None, None, "2", None, None]
    )


def _of(project: str, requirements: Iterable[Any]) -> Iterator[Any]:
    return (each for each in requirements if normalize_name(each.name or "") == project)


def _describe(requirement: Any) -> Asked:
    from pip._internal.exceptions import InstallationError

    problem, needed = "", False
    try:
        needed = requirement.constraint or bool(requirement.match_markers())
    except InstallationError as error:
        problem = str(error)
    named = requirement.req
    link = requirement.original_link or requirement.link
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return Asked(
        normalize_name(named.name) if named else "",
        f"{named.name}{extras}" if named else "",
        str(named.specifier) if named else "",
        str(requirement.markers or ""),
        allowed_hashes(requirement),
        _address(link) if link else "",
        needed,
        problem,
    )


def _choice(
    finder: Any, project: str, links: Sequence[Any], requirements: Sequence[Any]
) -> tuple[dict[str, str], str | None, frozenset[str]]:
    """Choose the best file of each release, and of all, as pip's resolver does.

    :returns: the versions by the URLs of their best files; the URL of the file that pip would
        choose, if any; the versions that can be chosen.
    """
    from pip._internal.utils.hashes import Hashes
    from pip._vendor.packaging.specifiers import SpecifierSet

    specifier, hashes = SpecifierSet(), Hashes()
    for requirement in requirements:
        specifier &= requirement.specifier
        hashes &= requirement.hashes(trust_internet=False)
    candidates = finder.evaluate_links(finder.make_link_evaluator(project), iter(links))
    judge = finder.make_candidate_evaluator(project, specifier=specifier, hashes=hashes)
    version = attrgetter("version")
    releases = groupby(sorted(candidates, key=version), key=version)
    # If several are equally good, the resolver prefers the last, and this function the first.
    best = [judge.sort_best_candidate(list(files)[::-1]) for _, files in releases]
    applicable = judge.get_applicable_candidates(candidates)
    first = first_tried(applicable, specifier)
    taken = first.link if first is not None else None
    if taken is not None and hashes and taken.has_hash and not taken.is_hash_allowed(hashes):
        taken = None  # pip would fetch it and then refuse it
    return (
        {_address(each.link): str(each.version) for each in best},
        _address(taken) if taken else None,
        frozenset(str(each.version) for each in applicable),
    )


def _address(link: Any) -> str:
    return without_credentials(link.url_without_fragment)


def _neighbours(finder: Any, facts: Iterable[Any]) -> set[str]:
    """Return the names of other projects on the same pages and in the same folders."""
    names = {fact.filename for _, fact in facts if fact.verdict == _OTHER}
    for place in finder.find_links:
        if Path(place).is_dir():
            names.update(each.name for each in Path(place).iterdir())
    return {normalize_name(name.split("-")[0]) for name in names if name.endswith(".whl")}
