"""What is left out of a lock: excluded projects, and what only they need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.lockfile.leave_out import ALL_KEPT, LeftOut, leave_out, unknown_needs
from wheeltarget.targets.exclusions import Exclusion, Exclusions

NAMES = ("a", "b", "c", "d", "e", "f")
GRAPHS = st.fixed_dictionaries({name: st.sets(st.sampled_from(NAMES)) for name in NAMES})
SOME = st.sets(st.sampled_from(NAMES))


def exclusions(*patterns: str) -> Exclusions:
    """Return what leaves out these projects."""
    return Exclusions(tuple(map(Exclusion, patterns)))


def reach(graph: dict[str, set[str]], begin: set[str], without: set[str]) -> set[str]:
    """Walk until nothing is new."""
    found = begin - without
    while True:
        more = found | {below for name in found for below in graph.get(name, set())} - without
        if more == found:
            return found
        found = more


@given(GRAPHS, SOME.filter(bool), SOME)
def test_what_is_kept_is_reached_without_passing_an_excluded_one(
    graph: dict[str, set[str]], roots: set[str], excluded: set[str]
) -> None:
    locked = reach(graph, roots, set())
    needs = {name: graph[name] & locked for name in locked}
    inputs = [f"{name}>=1 ; tags=x" for name in roots]
    out = leave_out(needs, exclusions(*excluded), inputs)
    assert {name for name in locked if name not in out} == reach(graph, roots, excluded)
    assert set(out.excluded) == excluded & locked
    assert excluded.isdisjoint(out.only_needed)


def test_of_another_tool_those_are_requested_that_nothing_needs() -> None:
    needs = {"app": ["sdk"], "sdk": ["core"], "core": [], "web": ["core2"], "core2": []}
    out = leave_out(needs, exclusions("sdk"), None)
    assert out == LeftOut(("sdk",), ("core",))
    assert leave_out(needs, exclusions("nothing"), None) is ALL_KEPT


def test_project_with_a_url_is_requested() -> None:
    needs = {"sdk": ["core"], "core": []}
    inputs = ["sdk ; tags=x", "https://h/core-1.zip ; tags=x"]
    assert leave_out(needs, exclusions("sdk"), inputs).only_needed == ("core",)
    assert leave_out(needs, exclusions("sdk"), inputs, ["core"]).only_needed == ()


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        (None, "the lock does not say which project needs which"),
        (["--requirements-from-script=x.py"], "the lock does not name what its script requests"),
    ],
)
def test_what_only_they_need_may_not_be_known(inputs: list[str] | None, problem: str) -> None:
    out = leave_out({"sdk": [], "core": []}, exclusions("sdk"), inputs)
    assert out.problem.startswith(problem)
    assert unknown_needs(out) == (
        f"cannot leave out sdk and what only that needs: {out.problem}",
        "leave it out in the lock: wheeltarget lock --exclude sdk",
    )


def test_two_locks_add_up() -> None:
    one, two = LeftOut(("b",), ("y",)), LeftOut(("a", "b"), ("x",))
    assert one.joined(two) == LeftOut(("a", "b"), ("x", "y"))
