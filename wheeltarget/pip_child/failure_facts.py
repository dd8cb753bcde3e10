"""Seams around failure: which files there are of the projects that could not be had, and who asked.

Nothing is looked at, and nothing is written down, before the resolver has failed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from wheeltarget.pip_child.current import Current
from wheeltarget.pip_child.result import without_credentials

_DISTRIBUTIONS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2")


def patch_failures(current: Current) -> Current:
    """Keep the links that are looked at, and write down those that count where pip fails."""
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.resolution.resolvelib.factory import Factory

    look_here, explain_here = PackageFinder.evaluate_links, Factory.get_installation_error

    @functools.wraps(look_here)
    def evaluate_links(self: Any, link_evaluator: Any, links: Iterable[Any]) -> Any:
        if current.view is None:
            return look_here(self, link_evaluator, links)
        kept = list(links)
        name = _normal(link_evaluator.project_name)
        current.links.setdefault(name, []).extend(kept)
        return look_here(self, link_evaluator, kept)

    @functools.wraps(explain_here)
    def get_installation_error(self: Any, error: Any, *arguments: Any, **named: Any) -> Any:
        if current.view is not None:
            constraints = named.get("constraints") or (arguments[0] if arguments else {})
            current.failure = _facts(current, self._finder, error.causes, constraints)
        return explain_here(self, error, *arguments, **named)

    PackageFinder.evaluate_links = evaluate_links
    Factory.get_installation_error = get_installation_error
    return current


def prove_failures(current: Current) -> bool:
    """Look at a link for the proof's job, and see it kept."""
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.link import Link
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences
    from pip._internal.models.target_python import TargetPython

    finder = PackageFinder.create(
        LinkCollector(None, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True),
        TargetPython(py_version_info=(9, 9, 9)),
    )
    link = Link("https://example.invalid/proof-1.tar.gz")
    finder.evaluate_links(finder.make_link_evaluator("Proof"), iter([link]))
    return current.links == {"proof": [link]} and [*_files(finder, "proof", [link])] == [
        {
            "filename": "proof-1.tar.gz",
            "url": "https://example.invalid/proof-1.tar.gz",
            "verdict": "candidate",
            "requires_python": None,
            "yanked": None,
            "hashes": {},
        }
    ]


def _normal(name: str) -> str:
    from pip._vendor.packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def _facts(
    current: Current, finder: Any, causes: Iterable[Any], constraints: Any
) -> dict[str, Any]:
    """Say what could not be had, who asked for it, and which files there are of it."""
    said = [_cause(cause, constraints) for cause in causes]
    projects = sorted({cause["project"] for cause in said if cause["project"]})
    return {
        "causes": said,
        "files": {
            project: list(_files(finder, project, current.links_of(project)))
            for project in projects
        },
    }


def _cause(cause: Any, constraints: Any) -> dict[str, Any]:
    """Describe one demand that cannot be met with the others."""
    requirement, parent = cause
    _, wanted = requirement.get_candidate_lookup()
    project = _normal(requirement.project_name)
    constraint = constraints.get(project) if hasattr(constraints, "get") else None
    known = wanted is not None
    return {
        "project": project if known else "",
        "name": str(requirement.name),
        "specifier": str(wanted.specifier) if known else str(getattr(requirement, "specifier", "")),
        "constraint": str(constraint.specifier) if constraint is not None else "",
        "hashes": _hashes(wanted) if known else {},
        "chain": list(_chain(parent)),
    }


def _hashes(wanted: Any) -> dict[str, list[str]]:
    return {name: list(values) for name, values in wanted.hash_options.items()}


def _chain(parent: Any) -> Iterator[list[str]]:
    """Give name and version of who asks, then of who asks for that, up to the user's own line."""
    if parent is None:
        return
    yield [_normal(parent.project_name), str(parent.version)]
    asked = getattr(parent.get_install_requirement(), "comes_from", None)
    while asked is not None and not isinstance(asked, str):
        yield [_normal(asked.name), ""]
        asked = asked.comes_from


def _files(finder: Any, project: str, links: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Describe each file of a project, and what pip says of it."""
    judge = finder.make_link_evaluator(project)
    for link in dict.fromkeys(links):
        if not link.filename.endswith(_DISTRIBUTIONS):
            continue  # pip looks at the page itself, too, as if it were a file
        verdict, _ = judge.evaluate_link(link)
        yield {
            "filename": link.filename,
            "url": without_credentials(link.url_without_fragment),
            "verdict": verdict.name,
            "requires_python": link.requires_python,
            "yanked": (link.yanked_reason or "") if link.is_yanked else None,
            "hashes": {link.hash_name: link.hash} if link.has_hash else {},
        }
