"""While pip backtracks, it hardly waits for the index, and chooses the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pip._internal.resolution.resolvelib.found_candidates import FoundCandidates

from tests.support.child import QUIET, Job, Workshop
from tests.support.index import Dropped, Fault, LocalIndex, Status
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.prefetch.versions import following
from wheeltarget.pip_protocol import JobReport

pytestmark = pytest.mark.seams

COUNT = 30


def pinned(shelf: Path) -> list[str]:
    """Make a project of which only the oldest version accepts a pinned one."""
    make_wheel(shelf, "app", "1", requires=["base"])
    for version in range(2, COUNT + 1):
        make_wheel(shelf, "app", str(version), requires=[f"base<{version}"])
    for version in range(1, COUNT + 2):
        make_wheel(shelf, "base", str(version))
    return ["app", f"base=={COUNT + 1}"]


def in_step(shelf: Path) -> list[str]:
    """Make two projects of which each version needs one of the other, and the oldest fit."""
    make_wheel(shelf, "core", "1", requires=["base"])
    for version in range(1, COUNT + 1):
        make_wheel(shelf, "app", str(version), requires=[f"core=={version}", "pin"])
        if version > 1:
            requires = [f"base<{version}", f"part{version % 5}"]
            make_wheel(shelf, "core", str(version), requires=requires)
        make_wheel(shelf, "base", str(version))
    for number in range(5):
        make_wheel(shelf, f"part{number}", requires=["deep"])
    make_wheel(shelf, "deep")
    make_wheel(shelf, "base", str(COUNT + 1))
    make_wheel(shelf, "pin", requires=[f"base=={COUNT + 1}"])
    return ["app"]


def unsolvable(shelf: Path) -> list[str]:
    """Make a project of which no version accepts a pinned one."""
    pinned(shelf)
    return ["app>1", f"base=={COUNT + 1}"]


SCENES = (pinned, in_step, unsolvable)
Served = tuple[str, int, Counter[str]]


def serve(folder: Path, job: Callable[[LocalIndex], Job], *, ahead: bool, **options: Any) -> Served:
    """Run a job, and return its result, how often the index was idle before, and its requests."""
    home = folder / f"home-{ahead}"
    home.mkdir()
    with LocalIndex(folder / "index", delay=0.02, **options) as index:
        shop = Workshop(home / ".hidden-stage", home / "wheelhouse")
        run = shop.run(job(index), ahead=ahead)
        assert "note:" not in run.stderr
        requests = Counter(request.path for request in index.requests)
        return anonymous(run.report(0), index, home), index.turns, requests


def anonymous(report: JobReport, index: LocalIndex, home: Path) -> str:
    report = replace(report, fresh_until=None)
    return repr(report).replace(index.base, "").replace(str(home), "")


def requesting(*requested: str) -> Callable[[LocalIndex], Job]:
    return lambda index: Job([*QUIET, *index.pip_args(), *requested])


@pytest.mark.parametrize("make", SCENES, ids=lambda make: make.__name__)
def test_pip_hardly_waits_while_it_backtracks(make: Any, tmp_path: Path) -> None:
    job = requesting(*make(tmp_path / "index"))
    result, turns, requests = serve(tmp_path, job, ahead=True)
    same_result, turns_of_pip, requests_of_pip = serve(tmp_path, job, ahead=False)
    assert result == same_result
    assert turns_of_pip > COUNT
    assert turns < turns_of_pip * 2 / 3
    assert set(requests.values()) == {1}
    # At most as many more as are fetched ahead at once.
    assert requests.total() - requests_of_pip.total() <= 16


@pytest.mark.parametrize("make", SCENES, ids=lambda make: make.__name__)
def test_metadata_may_be_read_from_parts_of_wheels(make: Any, tmp_path: Path) -> None:
    job = requesting(*make(tmp_path / "index"))
    options = {"metadata": False, "ranges": True}
    result, turns, _ = serve(tmp_path, job, ahead=True, **options)
    same_result, turns_of_pip, _ = serve(tmp_path, job, ahead=False, **options)
    assert result == same_result
    assert turns < turns_of_pip * 2 / 3


def test_whole_wheels_are_not_fetched_on_a_guess(tmp_path: Path) -> None:
    job = requesting(*pinned(tmp_path / "index"))
    _, _, requests = serve(tmp_path, job, ahead=True, metadata=False, hashes=False)
    _, _, requests_of_pip = serve(tmp_path, job, ahead=False, metadata=False, hashes=False)
    assert requests <= requests_of_pip


def test_pip_hardly_waits_beside_a_requirement_with_a_url(tmp_path: Path) -> None:
    requested = pinned(tmp_path / "index")
    make_wheel(tmp_path / "index", "tool", requires=["base"])

    def job(index: LocalIndex) -> Job:
        url = f"tool @ {index.base}/files/tool-1.0-py3-none-any.whl"
        return requesting(*requested, url)(index)

    result, turns, _ = serve(tmp_path, job, ahead=True)
    same_result, turns_of_pip, _ = serve(tmp_path, job, ahead=False)
    assert result == same_result
    assert turns < turns_of_pip * 2 / 3


@pytest.mark.parametrize("place", ["url", "constraint"])
def test_project_with_a_url_is_not_asked_for(place: str, tmp_path: Path) -> None:
    shelf = tmp_path / "index"
    for version in range(1, COUNT + 1):
        make_wheel(shelf, "app", str(version), requires=["own", f"base<{version}"])
        make_wheel(shelf, "base", str(version))
    make_wheel(shelf, "app", "0", requires=["own"])
    make_wheel(shelf, "own")

    def job(index: LocalIndex) -> Job:
        given = f"own @ {index.base}/files/own-1.0-py3-none-any.whl"
        requested = ["app", f"base=={COUNT}"]
        requested += [given] if place == "url" else ["-c", "c.txt"]
        return Job([*QUIET, *index.pip_args(), *requested], files={"c.txt": given})

    result, _, requests = serve(tmp_path, job, ahead=True)
    same_result, _, requests_of_pip = serve(tmp_path, job, ahead=False)
    assert result == same_result
    assert requests["/simple/own/"] == requests_of_pip["/simple/own/"] == 0


def dropped(shelf: Path) -> list[str]:
    """Make a project whose newest version is in conflict before pip looks at what it needs."""
    make_wheel(shelf, "app", "2", requires=["base<2", "ghost"])
    make_wheel(shelf, "app", "1", requires=["base"])
    make_wheel(shelf, "base", "2")
    return ["app", "base"]


@pytest.mark.parametrize("make", [pinned, in_step, dropped], ids=lambda make: make.__name__)
def test_index_without_tls_is_named_for_what_pip_looks_up(make: Any, tmp_path: Path) -> None:
    requested = make(tmp_path / "index")
    for version in range(1, 4):
        make_wheel(tmp_path / "index", "app", f"0.{version}", requires=["ghost"])
    make_wheel(tmp_path / "index", "ghost")
    outcomes = []
    for ahead in (True, False):
        home = tmp_path / f"home-{ahead}"
        home.mkdir()
        with LocalIndex(tmp_path / "index") as index:
            shop = Workshop(home / ".hidden-stage", home / "wheelhouse")
            more = ["--extra-index-url", "http://unsafe.invalid/simple"]
            run = shop.run(Job([*QUIET, *index.pip_args(), *more, *requested]), ahead=ahead)
        failures = {each.project for each in run.report(0).page_failures}
        outcomes.append((failures, run.stderr.count("not a trusted")))
    (failures, warnings), (failures_of_pip, warnings_of_pip) = outcomes
    assert failures == failures_of_pip
    assert "ghost" not in failures
    assert warnings <= warnings_of_pip


def test_next_target_uses_what_was_fetched_for_the_first(tmp_path: Path, shop: Workshop) -> None:
    requested = pinned(tmp_path / "index")
    with LocalIndex(tmp_path / "index") as index:
        job = Job([*QUIET, *index.pip_args(), *requested])
        run = shop.run(job, job, ahead=True)
        requests = Counter(request.path for request in index.requests)
    assert run.names(0) == run.names(1) == ["app-1-py3-none-any.whl", "base-31-py3-none-any.whl"]
    assert set(requests.values()) == {1}


def test_errors_change_nothing(tmp_path: Path) -> None:
    requested = requesting(*in_step(tmp_path / "index"))
    faults: dict[str, Fault] = {
        f"app-{version}-py3-none-any.whl.metadata": Status(503) for version in (25, 15)
    }
    faults |= {f"core-{version}-py3-none-any.whl.metadata": Dropped() for version in (24, 9)}
    faults["/simple/part1/"] = Status(429, retry_after=1)

    def job(index: LocalIndex) -> Job:
        for name, fault in faults.items():
            index.fault(name, fault, times=1)
        return requested(index)

    result, _, _ = serve(tmp_path, job, ahead=True)
    same_result, _, _ = serve(tmp_path, requested, ahead=False)
    assert result == same_result


def test_pip_hardly_waits_if_another_index_has_nothing(tmp_path: Path) -> None:
    requested = in_step(tmp_path / "index")
    (tmp_path / "other").mkdir()
    with LocalIndex(tmp_path / "other") as other:
        more = ["--extra-index-url", f"{other.base}/simple/"]
        job = requesting(*more, *requested)
        result, turns, _ = serve(tmp_path, job, ahead=True)
        same_result, turns_of_pip, _ = serve(tmp_path, job, ahead=False)
    assert result == same_result
    assert turns < turns_of_pip * 2 / 3


def test_invalid_metadata_ends_nothing(tmp_path: Path) -> None:
    requested = pinned(tmp_path / "index")
    for version in (COUNT - 2, COUNT - 9):
        make_wheel(tmp_path / "index", "app", str(version), requires=["base", "odd>=1.*"])
    job = requesting(*requested)
    result, turns, _ = serve(tmp_path, job, ahead=True)
    same_result, turns_of_pip, _ = serve(tmp_path, job, ahead=False)
    assert result == same_result
    assert turns < turns_of_pip * 2 / 3


def test_what_is_needed_no_more_is_not_requested(tmp_path: Path, shop: Workshop) -> None:
    make_wheel(tmp_path / "index", "base")
    for version in range(1, COUNT + 1):
        requires = ["base>1" if version > COUNT - 8 else "base"]
        make_wheel(tmp_path / "index", "app", str(version), requires=requires)
    with LocalIndex(tmp_path / "index", delay=0.05) as index:
        job = Job([*QUIET, *index.pip_args(), "app"])
        run = shop.run(job, ahead=True, connections=2)
        assert run.names(0)[0] == f"app-{COUNT - 8}-py3-none-any.whl"
        assert index.count(".metadata") <= 8 + 16


# The order

CANDIDATES = st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=9).map(
    lambda drawn: [
        SimpleNamespace(
            version=version,
            link=SimpleNamespace(url=f"u{n}#x", url_without_fragment=f"u{n}", is_yanked=is_yanked),
        )
        for n, (version, is_yanked) in enumerate(sorted(drawn))
    ]
)


@given(candidates=CANDIDATES, is_pinned=st.booleans())
def test_order_is_that_of_pip(candidates: list[Any], is_pinned: bool) -> None:
    all_yanked = is_pinned and all(each.link.is_yanked for each in candidates)
    # As in pip's Factory._iter_found_candidates.
    infos = [
        (each.version, lambda each=each: each)
        for each in reversed(candidates)
        if all_yanked or not each.link.is_yanked
    ]
    tried = [each.link for each in FoundCandidates(lambda: iter(infos), None, False, set())]
    for place, link in enumerate(tried):
        assert list(following(candidates, link)) == tried[place + 1 :]


# What pip chooses

PROJECTS, VERSIONS = "abcd", range(1, 6)
Graph = Mapping[tuple[str, int], list[str]]
SPECIFIERS = st.builds(
    "{}{}{}".format,
    st.sampled_from(PROJECTS),
    st.sampled_from(["<", "<=", "==", ">=", "!="]),
    st.sampled_from(VERSIONS),
)
GRAPHS = st.fixed_dictionaries(
    {
        (project, version): st.lists(SPECIFIERS, max_size=3)
        for project in PROJECTS
        for version in VERSIONS
    }
)


@pytest.mark.thorough
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(graphs=st.lists(GRAPHS, min_size=10, max_size=10))
def test_pip_chooses_the_same(graphs: list[Graph]) -> None:
    with TemporaryDirectory() as name:
        shelf = Path(name, "index")
        for number, graph in enumerate(graphs):
            for (project, version), requires in graph.items():
                needed = [f"g{number}{each}" for each in requires]
                make_wheel(shelf, f"g{number}{project}", str(version), requires=needed)
        results = []
        with LocalIndex(shelf) as index:
            for ahead in (True, False):
                home = Path(name, f"home-{ahead}")
                home.mkdir()
                shop = Workshop(home / ".hidden-stage", home / "wheelhouse")
                jobs = [
                    Job([*QUIET, *index.pip_args(), f"g{number}a", f"g{number}b"])
                    for number in range(len(graphs))
                ]
                run = shop.run(*jobs, ahead=ahead)
                reports = [run.report(number) for number in range(len(graphs))]
                results.append([anonymous(each, index, home) for each in reports])
        assert results[0] == results[1]
