"""The benchmark of backtracking measures what it says, here on a small index that is made."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import backtracking, made
from tests.benchmarks.backtracking import OURS, PIP, Pair
from tests.benchmarks.download import BenchmarkError, Run
from tests.benchmarks.jobs import DEEP, JOBS, OLDER, Job
from tests.benchmarks.server import Behaviour, Server, Told

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="memory is measured as POSIX does"),
]

RELEASES = 12
JOB = Job("deep-made", ("deep-app", "deep-lib<2"), OLDER, made=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the made index."""
    folder = tmp_path_factory.mktemp("deep")
    made.make_deep(folder, releases=RELEASES)
    with Server(folder) as running:
        yield running


def test_both_go_back_to_the_same_release(server: Server, tmp_path: Path) -> None:
    pair = backtracking.run_pair(JOB, server, Behaviour(), 2, tmp_path)
    chosen = {"deep_app-1.0-py3-none-any.whl", "deep_lib-1.0-py3-none-any.whl"}
    assert {run.files for runs in pair.runs.values() for run in runs} == {frozenset(chosen)}
    assert pair.rejected == RELEASES - 1
    assert pair.requests(PIP) == 2 + RELEASES + 1, "two pages, and the metadata of each release"
    assert [len(pair.ratios), pair.differences] == [2, []]
    *_, line = backtracking.lines([pair])
    assert re.fullmatch(
        r"\| deep-made \| 2 \| 11 (\| [\d.]+ s ){2}\| [\d.]+ \([\d.]+ to [\d.]+\) "
        r"(\| [\d.]+ s ){2}\| 15 \| \d+ \| [\d.]+ \|",
        line,
    )


def test_failures_are_measured(server: Server, tmp_path: Path) -> None:
    job = replace(JOB, requirements=("deep-app>1", "deep-lib<2"))
    pair = backtracking.run_pair(job, server, Behaviour(), 1, tmp_path)
    assert pair.rejected >= RELEASES - 1
    assert [run.exit_code for runs in pair.runs.values() for run in runs] == [1, 1]
    assert pair.differences == []
    *_, line = backtracking.lines([pair])
    assert line.startswith("| deep-made | none fit | ")


def test_another_failure_ends_the_benchmark(server: Server, tmp_path: Path) -> None:
    job = replace(JOB, requirements=("deep-nothing",))
    with pytest.raises(BenchmarkError, match="deep-nothing"):
        backtracking.run_pair(job, server, Behaviour(), 1, tmp_path)


def test_pip_sees_the_markers_of_the_target(server: Server, tmp_path: Path) -> None:
    needs = ('deep-lib<2; python_version == "3.8"', 'deep-lib>=2; python_version != "3.8"')
    pair = backtracking.run_pair(replace(JOB, requirements=needs), server, Behaviour(), 1, tmp_path)
    assert pair.runs[PIP][0].files == {"deep_lib-1.0-py3-none-any.whl"}
    assert pair.differences == []


def test_differences_are_shown() -> None:
    run = Run(1.0, 1.0, 10, Told(), frozenset({"a", "b"}))
    other = replace(run, files=frozenset({"a"}), exit_code=1, said="ResolutionImpossible")
    pair = Pair(JOB, 1, {OURS: [run], PIP: [other]})
    assert pair.differences == ["b", "other exit codes or errors"]
    assert list(backtracking.lines([pair]))[-1].startswith("deep-made: NOT THE SAME: b, other")


def test_jobs_are_for_one_target_each() -> None:
    assert all(len(job.tags) == 1 and JOBS[job.name] is job for job in DEEP)
