"""Which files pip selects for a target."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import Job, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.pip_child.patches.selection import proof_finder

pytestmark = pytest.mark.seams


def test_source_distribution_is_nothing_for_a_target(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_sdist(shelf, "app", "2")
    make_wheel(shelf, "app", "1")
    run = shop.run(Job(online(index, "app")))
    assert run.names(0) == ["app-1-py3-none-any.whl"]


def test_finder_looks_nowhere_and_is_for_a_python_that_no_machine_has() -> None:
    finder = proof_finder()
    assert finder.find_all_candidates("proof") == []
    assert finder.target_python.py_version_info == (9, 9, 9)
