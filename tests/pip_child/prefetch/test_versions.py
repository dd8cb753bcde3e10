"""While pip backtracks, it hardly waits for the index, and chooses the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.child import QUIET, Job, Workshop
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import JobReport

pytestmark = pytest.mark.seams

COUNT = 40


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


@pytest.mark.parametrize(
    ("make", "most_turns"), [(pinned, 10), (in_step, 30), (unsolvable, 10)], ids=lambda each: each
)
def test_pip_hardly_waits_while_it_goes_back(
    make: Any, most_turns: int, tmp_path: Path, shop: Workshop
) -> None:
    requested = make(tmp_path / "index")
    results, turns, requests = [], [], []
    for ahead in (True, False):
        with LocalIndex(tmp_path / "index", delay=0.02) as index:
            job = Job([*QUIET, *index.pip_args(), *requested])
            results.append(anonymous(shop.run(job, ahead=ahead).report(0), index))
            turns.append(index.turns)
            requests.append(Counter(request.path for request in index.requests))
    assert results[0] == results[1]
    assert turns[1] > COUNT
    assert turns[0] <= most_turns
    assert set(requests[0].values()) == {1}
    # At most as many more as are fetched ahead at once.
    assert requests[0].total() - requests[1].total() <= 32


def anonymous(report: JobReport, index: LocalIndex) -> str:
    return repr(report).replace(index.base, "")
