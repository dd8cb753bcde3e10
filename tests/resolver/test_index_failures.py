"""Indexes that could not be read, and what was chosen without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheeltarget.pip_protocol import ChosenFile, PageFailure
from wheeltarget.resolver.index_failures import IndexFailure, find_index_failures, may_explain
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job

INDEX, OTHER = "https://a.invalid/simple/", "https://b.invalid/simple/"
DOWN = "503 Service Unavailable"


def result(chosen: dict[str, str], *failures: PageFailure) -> JobResult:
    """Return a result with these versions of projects."""
    files = tuple(
        ChosenFile(name, version, Path(name), "", True, (), (), None)
        for name, version in chosen.items()
    )
    return JobResult(Job(None, (), (), ()), 0, "all", files, Path(), page_failures=failures)


def test_failures_of_all_targets_are_grouped_by_index_and_reason() -> None:
    a, b = PageFailure("app", INDEX, DOWN), PageFailure("lib", INDEX, DOWN)
    found = find_index_failures(
        [
            result({"app": "1.0", "lib": "2.0"}, b, a),
            result({"app": "1.1"}, a, PageFailure("app", OTHER, "403 Forbidden")),
            result({"app": "9"}),
        ]
    )
    assert found == (
        IndexFailure(INDEX, DOWN, (("app", ("1.0", "1.1")), ("lib", ("2.0",)))),
        IndexFailure(OTHER, "403 Forbidden", (("app", ("1.1",)),)),
    )


def test_sentence_has_index_status_and_what_was_chosen_instead() -> None:
    failure = IndexFailure(INDEX, DOWN, (("app", ("1.0", "1.1")), ("lib", ()), ("old", ("3",))))
    assert failure.describe({"app": "5.0", "old": "3"}) == (
        f"the index {INDEX} could not be read ({DOWN}); "
        "chosen without it: app 1.0 and 1.1 instead of 5.0, old 3; not found without it: lib"
    )


def test_only_some_of_many_projects_are_listed() -> None:
    failure = IndexFailure(INDEX, DOWN, tuple((f"p{n:03}", ("1",)) for n in range(300)))
    assert failure.describe().endswith("p009 1 and 290 more")


def test_failure_as_data() -> None:
    failure = IndexFailure(INDEX, DOWN, (("app", ("1.0",)), ("lib", ())))
    chosen = {"app": ["1.0"], "lib": []}
    assert failure.as_dict() == {"index": INDEX, "reason": DOWN, "chosen": chosen}


@pytest.mark.parametrize(
    ("project", "changed", "expected"),
    [
        ("app", {"app"}, True),
        ("app", {"lib"}, False),  # of another one, every page was read
        ("app", set(), False),
        ("gone", {"app"}, True),  # pip may have gone back to an app that does not need it
    ],
)
def test_failure_that_may_explain_a_change(
    project: str, changed: set[str], *, expected: bool
) -> None:
    failures = [PageFailure(project, INDEX, DOWN)]
    assert may_explain(failures, changed, {"app", "lib"}) is expected
