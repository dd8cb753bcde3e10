"""What there is of the projects that are asked for, in place of a resolution.

pip reads its options, the requirements and the constraints as it does for a download, and its own
finder asks the indexes. Where the resolver would begin, every project that a requirement names is
looked at instead: each of its files with pip's verdict, and the one that pip would take.
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
from wheeltarget.pip_child.links import normal, without_credentials
from wheeltarget.pip_child.patches.error_messages import Pages
from wheeltarget.pip_child.patches.failures import allowed_hashes, file_facts, places_of
from wheeltarget.pip_child.patches.selftest import ODD, proof_finder
from wheeltarget.pip_child.prefetch.graph import fetch_pages, first_tried
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_protocol import Asked, FoundFile, FoundProject, JobListing

_OTHER = "different_project"
"""pip's word for a file that only stands on the same page."""

_UNDATED = "upload_time_missing"
"""pip's word for a file of which nobody says when it was uploaded, where that counts."""

_CANDIDATES = frozenset({"candidate", "pre_release"})


@dataclass(frozen=True, slots=True)
class _Found:
    """What the indexes have of a project; it is the same for every target.

    :param links: its links, and on pages of several projects those of others.
    :param problem: why not everything of it is known, or an empty string.
    """

    links: list[Any]
    problem: str = ""


@dataclass(slots=True)
class ProjectLister:
    """Looks at projects where pip would resolve; what it finds is the listing of the job at hand.

    :param current: the holder of the job at hand.
    :param pages: the index pages that say nothing.
    :param prefetching: fetches pages ahead, if that can be done.
    :param found: what there is by project; it is kept from job to job.
    :param kept: the links that pip looks at, while it does so only to find out which there are.
    """

    current: CurrentJob
    pages: Pages
    prefetching: Prefetching | None = None
    found: dict[str, _Found] = field(default_factory=dict)
    kept: list[Any] | None = None

    def look(self, finder: Any, requirements: Sequence[Any], *, hashed: bool = False) -> None:
        """Look at every project that requirements name.

        :param finder: pip's finder.
        :param requirements: pip's requirements, the constraints among them.
        :param hashed: whether pip compares the hash of every file with one that is listed.
        """
        limits = [each for each in requirements if each.constraint and each.match_markers()]
        asked = [each for each in requirements if not each.constraint]
        described = [_describe(each) for each in asked]
        wanted: dict[str, list[Any]] = {}
        for requirement, each in zip(asked, described, strict=True):
            if each.needed and not each.url:
                wanted.setdefault(each.project, []).append(requirement)
        if self.prefetching is not None and self.prefetching.ahead is not None:
            for project in wanted:
                if project not in self.found:
                    fetch_pages(self.prefetching.ahead, finder, project)
        self.current.job.listing = JobListing(
            hashed,
            tuple(described),
            tuple(_describe(each) for each in limits),
            tuple(
                (project, self._project(finder, project, [*mine, *_of(project, limits)]))
                for project, mine in wanted.items()
            ),
        )

    def _project(self, finder: Any, project: str, asked: Sequence[Any]) -> FoundProject:
        """Return one project as the job's target sees it."""
        if project not in self.found:
            self.found[project] = self._ask(finder, project)
        found = self.found[project]
        facts = list(file_facts(finder, project, found.links))
        links = [link for link, fact in facts if fact.verdict in _CANDIDATES]
        best, taken, applicable = _choice(finder, project, links, asked)
        if any(fact.verdict == _UNDATED for _, fact in facts):
            taken = None  # pip ends there
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

    def _ask(self, finder: Any, project: str) -> _Found:
        """Ask the indexes for a project, once for all targets."""
        from pip._internal.exceptions import PipError

        self.pages.clear()
        self.current.job.unread.pop(project, None)
        self.kept, problem = [], ""
        try:
            finder.find_all_candidates(project)
            for read in self.current.job.unread.get(project, ()):
                self.kept += read()
        except PipError as error:
            problem = str(error)
        # pip looks at pages first, and puts what lies in folders before what they list.
        links = sorted(dict.fromkeys(self.kept), key=lambda link: link.comes_from is not None)
        self.kept = None
        problem = "; ".join(self.pages.sentences()) or problem
        return _Found(list({_address(link): link for link in links}.values()), problem)


def patch_listing(lister: ProjectLister) -> ProjectLister:
    """Let the projects be looked at where the resolver would begin.

    :param lister: looks at the projects.
    :returns: the same.
    """
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.req.req_set import RequirementSet
    from pip._internal.resolution.resolvelib.resolver import Resolver

    resolve_here = Resolver.resolve

    @functools.wraps(resolve_here)
    def resolve(self: Any, root_reqs: Sequence[Any], *_arguments: Any, **_named: Any) -> Any:
        preparer = self.factory.preparer
        lister.look(self.factory._finder, root_reqs, hashed=bool(preparer.require_hashes))
        return RequirementSet()

    look_here = PackageFinder.evaluate_links

    @functools.wraps(look_here)
    def evaluate_links(self: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
        if lister.kept is None:
            return look_here(self, link_evaluator, links)
        lister.kept += links
        return []

    Resolver.resolve = resolve
    PackageFinder.evaluate_links = evaluate_links
    return lister


def prove_listing(lister: ProjectLister) -> bool:
    """Look at links for the proof's job, and see what would be told of them."""
    from pip._internal.models.link import Link
    from pip._internal.req.constructors import install_req_from_line

    finder = proof_finder()
    address = "https://example.invalid/proof"
    names = [f"{version}-{tag}.whl" for version in (1, 2) for tag in (*ODD.tags, "py3-none-any")]
    links = [Link(f"{address}-{name}") for name in names]
    lister.kept = []
    finder.evaluate_links(finder.make_link_evaluator("proof"), iter(links))
    lister.found["proof"] = _Found(lister.kept)
    lister.kept = None
    asked = [
        install_req_from_line(line)
        for line in ('Proof<3 ; sys_platform == "odd"', 'proof ; sys_platform == "even"')
    ]
    limit = install_req_from_line("proof<2", constraint=True)
    lister.look(finder, [limit, *asked])
    lister.found = {}
    listing = lister.current.job.listing
    assert listing is not None  # noqa: S101 - it was looked at
    project = dict(listing.projects)["proof"]
    return (
        [each.needed for each in listing.requirements] == [True, False]
        and project.taken == f"{address}-{names[0]}"
        and project.applicable == {"1"}
        and [each.best_of for each in project.files] == ["1", None, None, "2", None, None]
    )


def _of(project: str, requirements: Iterable[Any]) -> Iterator[Any]:
    """Return the requirements on a project."""
    return (each for each in requirements if normal(each.name or "") == project)


def _describe(requirement: Any) -> Asked:
    """Describe a requirement or constraint, and whether its marker holds for the target."""
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
        normal(named.name) if named else "",
        f"{named.name}{extras}" if named else "",
        str(named.specifier) if named else "",
        str(requirement.markers or ""),
        allowed_hashes(requirement),
        _address(link) if link else "",
        needed,
        problem,
    )


def _choice(
    finder: Any, project: str, links: Sequence[Any], asked: Sequence[Any]
) -> tuple[dict[str, str], str | None, frozenset[str]]:
    """Choose as pip would, of each release and of all that are asked for.

    What is asked for is put together as pip's resolver does it for one project.

    :returns: the version of each file that is the best of one, by the file's URL; the URL of the
        file that pip would take, if any; the versions that can be taken.
    """
    from pip._internal.utils.hashes import Hashes
    from pip._vendor.packaging.specifiers import SpecifierSet

    specifier, hashes = SpecifierSet(), Hashes()
    for requirement in asked:
        specifier &= requirement.specifier
        hashes &= requirement.hashes(trust_internet=False)
    candidates = finder.evaluate_links(finder.make_link_evaluator(project), iter(links))
    judge = finder.make_candidate_evaluator(project, specifier=specifier, hashes=hashes)
    version = attrgetter("version")
    releases = groupby(sorted(candidates, key=version), key=version)
    # Of several that are as good, the resolver takes the last, and this function the first.
    best = [judge.sort_best_candidate(list(files)[::-1]) for _, files in releases]
    applicable = judge.get_applicable_candidates(candidates)
    first = first_tried(applicable, specifier)
    taken = first.link if first is not None else None
    if taken is not None and hashes and taken.has_hash and not taken.is_hash_allowed(hashes):
        taken = None  # it would be fetched, and then refused
    return (
        {_address(each.link): str(each.version) for each in best},
        _address(taken) if taken else None,
        frozenset(str(each.version) for each in applicable),
    )


def _address(link: Any) -> str:
    """Return the URL of a file as messages have it."""
    return without_credentials(link.url_without_fragment)


def _neighbours(finder: Any, facts: Iterable[Any]) -> set[str]:
    """Name the projects that lie beside one of which there is nothing, as far as that is known."""
    names = {fact.filename for _, fact in facts if fact.verdict == _OTHER}
    for place in finder.find_links:
        if Path(place).is_dir():
            names.update(each.name for each in Path(place).iterdir())
    return {normal(name.split("-")[0]) for name in names if name.endswith(".whl")}
