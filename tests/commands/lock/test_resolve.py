"""One version of each project for all targets, without pip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.locking import NEW, OLD
from wheeltarget.commands.lock.resolve import (
    Bound,
    check_same,
    lower_bounds,
    projects_above,
    with_failures,
)
from wheeltarget.errors import LockError
from wheeltarget.pip_protocol import ChosenFile, PageFailure
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job


def test_bounds_come_down_to_the_lowest() -> None:
    chosen = [(OLD, {"a": "1.10", "b": "2+cpu", "c": "3"}), (NEW, {"a": "1.9", "b": "3", "d": "1"})]
    bounds = lower_bounds(chosen, {})
    assert bounds == {"a": Bound("1.9", NEW), "b": Bound("2", OLD)}
    assert lower_bounds(chosen, bounds) == bounds
    assert projects_above(chosen[0][1], bounds) == ["a"]
    assert projects_above(chosen[1][1], bounds) == ["b"]


def test_failure_that_may_have_lowered_a_bound_is_kept() -> None:
    """Later the page may be read, but then the bound hides what is on it."""
    bounded, free, gone, now = (
        PageFailure(name, "https://a.invalid/simple/", "503") for name in ("a", "b", "c", "a")
    )
    files = tuple(ChosenFile(name, "1", Path(name), "", True, (), (), None) for name in ("a", "b"))
    job = Job(None, (), (), ())
    result = JobResult(job, 0, "all", files, Path(), page_failures=(now,))
    kept = with_failures(result, [bounded, free, gone], {"a": Bound("1", OLD)})
    assert kept.page_failures == (now, gone)


versions = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9).map(str), max_size=3)


@given(st.lists(versions, min_size=1, max_size=4), st.data())
def test_bounds_never_go_up_and_come_to_an_end(
    found: list[Mapping[str, str]], data: st.DataObject
) -> None:
    """Whatever targets take below the bounds, there are no more rounds than versions."""
    bounds: dict[str, Bound] = {}
    chosen = [(f"t{number}", dict(each)) for number, each in enumerate(found)]
    for _ in range(30):
        new = lower_bounds(chosen, bounds)
        assert all(int(new[name].version) <= int(bounds[name].version) for name in bounds)
        if new == bounds:
            break
        bounds = new
        for _, each in chosen:
            for name in projects_above(each, bounds):
                each[name] = str(data.draw(st.integers(1, int(bounds[name].version))))
    check_same(chosen)


def test_builds_of_one_release_are_not_the_same() -> None:
    with pytest.raises(LockError, match=r"no version of a .*: 1\+cpu for x; 1\+gpu for y"):
        check_same([("x", {"a": "1+cpu"}), ("y", {"a": "1+gpu"})])
