"""What a long task reports, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.utils.progress import Progress, combined, is_watched, report, reported, watching

NUMBERS = st.integers(0, 1000)
PARTS = st.builds(
    Progress,
    st.sampled_from(["Resolving", "Fetching"]),
    st.just("files"),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
)


def test_only_the_watcher_of_the_moment_is_told() -> None:
    outer: list[Progress | None] = []
    inner: list[Progress | None] = []
    report(Progress("Before"))
    with watching(outer.append):
        assert is_watched()
        with watching(inner.append):
            report(Progress("Within"))
        report(None)
    report(Progress("After"))
    assert not is_watched()
    assert (outer, inner) == ([None], [Progress("Within")])


def test_loop_reports_before_each_item() -> None:
    seen: list[Progress | None] = []
    with watching(seen.append):
        assert list(reported(["ab", "cde"], "Hashing", size=len)) == ["ab", "cde"]
    assert seen == [
        Progress("Hashing", "files", 0, 2, 0, 5),
        Progress("Hashing", "files", 1, 2, 2, 5),
    ]


def test_loop_that_nobody_watches_asks_for_no_sizes() -> None:
    asked: list[str] = []

    def size(item: str) -> int:
        asked.append(item)
        return 1

    assert list(reported(["a", "b"], "Hashing", size=size)) == ["a", "b"]
    assert asked == []


def test_processes_are_added_up() -> None:
    resolving = Progress("Resolving", "projects", 2, 5, 10)
    fetching = [Progress("Fetching", "files", 1, 3, 100, 300), Progress("Fetching", total=2)]
    assert combined([]) is None
    assert combined([Progress("Resolving", "projects", 5, 5), *fetching]) == Progress(
        "Fetching", "files", 1, 5, 100, 0
    )
    assert combined([resolving, *fetching]) == resolving
    whole = [fetching[0], Progress("Fetching", "files", 0, 1, 0, 50)]
    assert combined(whole) == Progress("Fetching", "files", 1, 4, 100, 350)


def test_version_that_is_tried_stands_for_itself() -> None:
    trying = [Progress("Trying", "versions", 3, 9, 10, 20, name) for name in ("a 1", "b 2")]
    fetching = Progress("Fetching", "files", 1, 3, 100, 300)
    assert combined(trying) == trying[0]
    assert combined([fetching, *trying]) == fetching
    assert combined([replace(trying[0], done=9), trying[1]]) == trying[1]


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_sum_does_what_a_part_does(parts: list[Progress]) -> None:
    found = combined(parts)
    assert found is not None
    assert found.what in {part.what for part in parts}
    assert found.size <= sum(part.size for part in parts)
    assert all(part.total_size for part in parts if part.what == found.what) or not found.total_size
