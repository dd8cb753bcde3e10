"""The walk over the likely dependency graph, with pages and metadata that are there already."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.req.constructors import install_req_from_line

from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage
from wheeltarget.pip_child.prefetch.patches import patch_pages
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.walk import Walk
from wheeltarget.pip_protocol import ResolveJobs

INDEX = "https://example.invalid/simple"
PROJECTS = "abcdef"
NEEDS = st.frozensets(st.sampled_from(PROJECTS))


@contextmanager
def walked(graph: Mapping[str, Collection[str]], *requested: str) -> Iterator[Walk]:
    """Walk from some requirements.

    :param graph: the requirements of version 1 of each project, or of another one behind ``-``.
    """
    ahead = Prefetcher(CurrentJob(RunContext()), ResolveJobs((), True, 1), Path("nowhere"))
    ahead.sessions.session = session = SimpleNamespace(
        is_secure_origin=lambda _link: True, refresh_package=set()
    )
    pages = defaultdict(list)
    for release, needs in graph.items():
        project, _, version = release.partition("-")
        url = f"{INDEX}/{project}-{version or 1}-py3-none-any.whl"
        pages[project].append({"url": url, "hashes": {}, "core-metadata": True})
        lines = [f"Name: {project}", f"Version: {version or 1}"]
        lines += [f"Requires-Dist: {each}" for each in needs]
        ahead.note(f"{url}.metadata", "\n".join(["Metadata-Version: 2.1", *lines]).encode())
    for project, files in pages.items():
        response = SimpleNamespace(
            url=f"{INDEX}/{project}/",
            headers={"Content-Type": "application/vnd.pypi.simple.v1+json"},
            content=json.dumps({"files": files}).encode(),
        )
        wanted = FileFilter(frozenset({"py3-none-any"}), sources=True)
        ahead.note(response.url, KeptPage(response, wanted))
    scope = SearchScope([], [INDEX], no_index=False)
    preferences = SelectionPreferences(allow_yanked=True)
    collector: Any = LinkCollector(session, scope)
    with ExitStack() as undo:
        patch_pages(ahead, undo)
        walk = Walk(ahead, PackageFinder.create(collector, preferences), SimpleQueue())
        walk.begin([install_req_from_line(each) for each in requested])
        while walk.step():
            pass
        yield walk


def names_of(walk: Walk) -> set[str]:
    return {link.filename.partition("-")[0] for link in walk.links()}


def needed(graph: Mapping[str, Collection[str]], *todo: str) -> set[str]:
    """Return every project that others need, themselves included."""
    seen = set(todo)
    while more := {need for each in seen for need in graph[each]} - seen:
        seen |= more
    return seen


@settings(max_examples=30, deadline=None)
@given(
    graph=st.fixed_dictionaries(dict.fromkeys(PROJECTS, NEEDS)),
    requested=st.sets(st.sampled_from(PROJECTS), min_size=1, max_size=2),
)
def test_walk_finds_every_project_that_is_needed(
    graph: dict[str, frozenset[str]], requested: set[str]
) -> None:
    with walked(graph, *requested) as walk:
        assert walk.is_whole
        assert names_of(walk) == needed(graph, *requested)


def test_walk_stops_where_there_is_no_candidate() -> None:
    with walked({"a": ["b", "c>=2"], "b": [], "c": []}, "a") as walk:
        assert not walk.is_whole
        assert {"a", "b"} <= names_of(walk)


def test_walk_ends_if_a_project_excludes_its_own_releases() -> None:
    with walked({"a": [], "a-2": ["a<2"]}, "a") as walk:
        assert not walk.is_whole


def test_walk_ends_if_projects_exclude_each_other_in_a_circle() -> None:
    graph = {"a": [], "a-2": ["b<2"], "b": ["a<2"], "b-2": []}
    with walked(graph, "a", "b") as walk:
        assert names_of(walk) == {"a", "b"}
