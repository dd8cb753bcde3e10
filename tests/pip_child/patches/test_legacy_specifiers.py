"""Specifiers from before PEP 440, which only pips for old Pythons read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import Job, Target, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.seams


def test_they_are_read_for_a_target_whose_own_pip_reads_them(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", requires=["lib (>=1.*)"])
    make_wheel(shelf, "lib", requires_python=">=3.6.*")
    jobs = [Job(online(index, "app"), Target(python, "linux")) for python in ("3.7.17", "3.9.20")]
    run = shop.run(*jobs)
    assert run.names(0) == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert run.report(1).exit_code == 1
    assert run.names(1) == []
