"""Which files pip selects for a target."""

from __future__ import annotations

from pathlib import Path

import pytest
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.tags import Tag

from tests.support.child import Job, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.selection import proof_finder, prove_tags
from wheeltarget.pip_child.patches.trial import ODD

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


def test_proof_of_tags_needs_the_right_tags_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other proofs would notice most of it, too, so no whole run shows this."""
    tags = [Tag(*tag.split("-")) for tag in ODD.tags]
    current = CurrentJob(RunContext())
    for ordered, accepted, proved in (
        (tags, set(tags), True),
        (tags[::-1], set(tags), False),
        (tags, {*tags, Tag("py3", "none", "any")}, False),
        (tags, set(tags[:1]), False),
    ):
        monkeypatch.setattr(TargetPython, "get_sorted_tags", lambda _, found=ordered: found)
        monkeypatch.setattr(TargetPython, "get_unsorted_tags", lambda _, found=accepted: found)
        assert prove_tags(current) is proved
