"""Which findings may be copied between finders of the installed pip."""

from __future__ import annotations

from typing import Any, cast

import pytest
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.format_control import FormatControl
from pip._internal.models.link import Link
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython

from wheeltarget.pip_child.prefetch.scheduler import copy_findings

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
    assert copy_findings(finder, other) == ["app"]
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
    assert copy_findings(finder, other) == []
    assert not finder._all_candidates


def test_finder_that_has_found_something_itself_is_handed_nothing() -> None:
    session = object()
    other, finder = make_finder(session), make_finder(session)
    other._all_candidates["app"] = [object()]
    finder._all_candidates["lib"] = []
    assert copy_findings(finder, other) == []
