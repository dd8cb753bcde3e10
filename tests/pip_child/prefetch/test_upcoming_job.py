"""What one of pip's finders may know of another, on the pip at hand."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.format_control import FormatControl
from pip._internal.models.link import Link
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython

from tests.support.child import LINUX
from wheeltarget.pip_child.job import Current, Job
from wheeltarget.pip_child.patches.freshness import Freshness
from wheeltarget.pip_child.prefetch.upcoming_job import hand_over

pytestmark = pytest.mark.seams


def make_finder(session: object, python: tuple[int, ...] = (3, 9, 20), **preferences: Any) -> Any:
    scope = SearchScope.create([], ["https://example.invalid/simple"], no_index=False)
    collector = LinkCollector(cast("Any", session), scope)
    selection = SelectionPreferences(allow_yanked=True, **preferences)
    return PackageFinder.create(collector, selection, TargetPython(py_version_info=python))


def test_finder_is_handed_what_one_that_goes_by_the_same_has_found() -> None:
    session = object()
    other, finder = (make_finder(session, format_control=FormatControl()) for _ in "ab")
    other._all_candidates["app"] = candidates = [object()]
    passed_over = Link("https://example.invalid/app-1.0.tar.gz", requires_python=">=4")
    other.evaluate_links(other.make_link_evaluator("app"), [passed_over])
    reasons = other.requires_python_skipped_reasons()
    assert hand_over(finder, other) == ["app"]
    assert finder.find_all_candidates("app") is candidates
    assert finder.requires_python_skipped_reasons() == reasons == ["1.0 Requires-Python >=4"]


@pytest.mark.parametrize(
    "change",
    [
        {"python": (3, 10, 1)},
        {"prefer_binary": True},
        {"ignore_requires_python": True},
        {"format_control": FormatControl({"app"})},
        {"session": object()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_finder_that_may_find_something_else_is_handed_nothing(change: dict[str, Any]) -> None:
    session = object()
    other = make_finder(session)
    other._all_candidates["app"] = [object()]
    finder = make_finder(**{"session": session, **change})
    assert hand_over(finder, other) == []
    assert not finder._all_candidates


def test_finder_that_has_found_something_itself_is_handed_nothing() -> None:
    session = object()
    other, finder = make_finder(session), make_finder(session)
    other._all_candidates["app"] = [object()]
    finder._all_candidates["lib"] = []
    assert hand_over(finder, other) == []


ORDER = {
    "label": "one",
    "target": LINUX.order(),
    "files": {"a.txt": "app"},
    "folder": "stage",
    "destination": "house",
}


def test_job_at_hand_is_as_it_was_after_a_look_at_another_one() -> None:
    current = Current()
    for each in fields(current):
        setattr(current, each.name, object())
    current.freshness = freshness = Freshness()
    freshness.want(SimpleNamespace(find_links=[]), "app")
    before = {each.name: getattr(current, each.name) for each in fields(current)}
    wanted = freshness.lay_aside()
    other = Job({**ORDER, "label": "another"})
    with current.aside(other):
        begun = {name for name, value in before.items() if getattr(current, name) is not value}
        assert (current.label, current.is_aside) == ("another", True)
        links: dict[str, list[Any]] = {"lib": []}
        current.links = links
    assert {each.name: getattr(current, each.name) for each in fields(current)} == before
    assert freshness.lay_aside() == wanted
    # What is begun for a job is kept with it; what is not, all jobs share.
    assert begun == set(other.state)
    with current.aside(other):
        assert current.links is links
