"""How the versions that pip tries are counted, and which requirements are found to be rivals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.pip_child.tries import (
    NOTES_AFTER,
    Attempt,
    Claim,
    Claims,
    Rivals,
    Tries,
    find_rivals,
)

LOW, HIGH = Claim("lib", "front", "lib>=2", "9"), Claim("lib", "back", "lib<2", "8")
ANY = Claim("lib", "", "lib", "")


def allowed(_project: str) -> Collection[str]:
    return [str(number) for number in range(20)]


def excludes(claims: Claims) -> bool:
    """Return whether no number from 0 to 9 satisfies all claims, such as ``lib<2``."""
    ranges = [range(10)]
    for claim in claims:
        text = claim.requirement.removeprefix(claim.project)
        if text.startswith(">="):
            ranges.append(range(int(text[2:]), 10))
        elif text.startswith("<"):
            ranges.append(range(int(text[1:])))
    return not set.intersection(*map(set, ranges))


CLAIMS = st.builds(
    Claim,
    st.sampled_from(["lib", "core"]),
    st.sampled_from(["", "app", "front", "back"]),
    st.sampled_from(["lib", "lib<2", "lib<5", "lib>=2", "lib>=7", "lib>=30"]),
    st.sampled_from(["1", "2"]),
)
REJECTIONS = st.lists(st.lists(CLAIMS, min_size=1, max_size=4).map(tuple), max_size=12)


def test_version_is_shown_once_several_of_its_project_are_tried() -> None:
    tries = Tries()
    shown = []
    for project, version, claims in (
        ("app", "3", None),
        ("lib", "9", (LOW, HIGH)),
        ("lib", "8", (LOW, HIGH)),
        ("lib", "7", (LOW, HIGH)),
        ("app", "3", None),  # a version that is taken again is not what takes time
        ("lib", "8", (LOW, HIGH)),
        ("lib", "9", None),
        ("lib", "6", None),
        ("new", "1", None),
    ):
        tries.add(project, version, allowed, claims)
        shown.append(tries.latest and (tries.latest.version, tries.latest.number))
    assert shown == [None, None, None, ("7", 3), ("7", 3), ("8", 3), ("8", 3), ("6", 4), None]
    assert (tries.versions, tries.projects, tries.tried_most()) == (6, 3, ("lib", 4))


def test_run_in_which_each_project_is_tried_once_shows_nothing() -> None:
    def refuse(_project: str) -> Collection[str]:
        raise AssertionError

    tries = Tries()
    for name in ("a", "b", "c", "a", "b"):
        tries.add(name, "1", refuse)
        tries.begin(name, "2")
        assert tries.latest is None
    tries.add("a", "2", refuse)
    assert tries.latest is None
    assert not tries.are_many


def test_version_is_shown_while_its_metadata_is_read() -> None:
    tries = Tries()
    for version in ("9", "8", "7"):
        tries.add("lib", version, lambda _project: ["9", "8", "7"])
    tries.begin("other", "1")
    tries.begin("lib", "8")
    assert tries.latest == Attempt("lib", "7", 3, 3)
    tries.begin("lib", "6")
    assert tries.latest == Attempt("lib", "6", 4, 4)
    tries.add("lib", "6", allowed)
    assert tries.latest == Attempt("lib", "6", 4, 4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.booleans()), max_size=60))
def test_counts_add_up(events: list[tuple[str, int, bool]]) -> None:
    tries, seen = Tries(), set()
    for project, number, is_rejected in events:
        tries.add(project, str(number), allowed, (LOW, HIGH) if is_rejected else None)
        seen.add((project, number))
        if (shown := tries.latest) is not None:
            assert 3 <= shown.number <= shown.total
            assert shown.number == len([each for each in seen if each[0] == shown.project])
    assert tries.versions == len(seen)
    assert tries.projects == len({project for project, _ in seen})
    assert tries.are_many == (len(seen) - tries.projects >= 10)
    assert tries.tried_most()[1] == max(Counter(name for name, _ in seen).values(), default=0)
    assert tries.rivals(excludes).times == sum(is_rejected for *_, is_rejected in events)


def test_notes_are_due_once_each() -> None:
    tries = Tries()
    assert not tries.is_note_due(1000.0)
    assert not tries.is_note_due(1000.0 + NOTES_AFTER[0])  # pip has not gone back
    for number in range(12):
        tries.add("lib", str(number), allowed)
    assert not tries.is_note_due(999.0 + NOTES_AFTER[0])
    due = [second for second in range(2000) if tries.is_note_due(1000.0 + second)]
    assert due == list(NOTES_AFTER)
    assert tries.seconds_at(1090.0) == 90.0


def test_two_requirements_that_exclude_each_other_are_rivals() -> None:
    other = Claim("core", "app", "core>=7", "1"), Claim("core", "", "core<2", "")
    rejections: Counter[Claims] = Counter({(ANY, LOW, HIGH): 3, other: 2})
    assert find_rivals(rejections, excludes) == Rivals((HIGH, LOW), 3, is_alone=True)
    possible: Counter[Claims] = Counter({(ANY, LOW): 3})
    assert find_rivals(possible, excludes) == Rivals((), 0, is_alone=True)
    assert find_rivals(Counter(), excludes) == Rivals((), 0, is_alone=True)


def test_requirement_that_no_version_satisfies_is_its_own_rival() -> None:
    none = Claim("lib", "front", "lib>=30", "9")
    found = find_rivals(Counter({(ANY, HIGH, none): 1}), excludes)
    assert found == Rivals((none,), 1, is_alone=True)


def test_releases_of_the_same_projects_count_together() -> None:
    exact = Claim("core", "", "core<2", ""), Claim("core", "app", "core>=7", "1")
    releases = [
        (HIGH, Claim("lib", "front", f"lib>={least}", str(number)))
        for number, least in enumerate((5, 4, 4, 3))
    ]
    rejections: Counter[Claims] = Counter({exact: 3, **dict.fromkeys(releases, 1)})
    found = find_rivals(rejections, excludes)
    assert found == Rivals((HIGH, Claim("lib", "front", "lib>=4", "1")), 4, is_alone=False)
    # Releases that state the same are no other requirements.
    same: Counter[Claims] = Counter({(HIGH, LOW): 1, (HIGH, LOW._replace(version="10")): 1})
    assert find_rivals(same, excludes) == Rivals((HIGH, LOW), 2, is_alone=True)


@given(REJECTIONS, st.randoms(use_true_random=False))
def test_order_of_rejections_does_not_matter(rejections: list[Claims], random: object) -> None:
    shuffled = list(rejections)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found, again = (find_rivals(Counter(each), excludes) for each in (rejections, shuffled))
    assert found.times == again.times
    assert bool(found.claims) == bool(again.claims)
    assert not found.claims or (excludes(found.claims) and excludes(again.claims))


@given(REJECTIONS, REJECTIONS)
def test_more_rejections_make_no_fewer_rivals(first: list[Claims], second: list[Claims]) -> None:
    times = [find_rivals(Counter(each), excludes).times for each in (first, second, first + second)]
    assert max(times[:2]) <= times[2] <= times[0] + times[1]
    assert times[2] <= len(first) + len(second)
