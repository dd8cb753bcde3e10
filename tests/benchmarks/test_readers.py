"""The time and the memory of every reader grow as its input does, and not with the square.

The threat is T14 of docs/security.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.readers import KINDS, memory_of, seconds_of

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="its clock is too coarse"),
]

TIMES = 20
LEAST_SECONDS, LEAST_MEMORY = 0.01, 500_000
"""Below these, the size of the input is not what counts."""

LARGE = ("pylock, wrong in one line", "pyproject, dots", "pyproject, dotted", "METADATA, nested")
"""What took hundreds of times its size."""


@pytest.mark.parametrize("name", KINDS)
def test_cost_grows_with_the_input(name: str, tmp_path: Path) -> None:
    """It would be 400 times the cost for 20 times the input if it grew with the square."""
    kind = KINDS[name]
    seconds_of(kind, kind.usual, tmp_path)  # with what is loaded and remembered the first time
    small, large = (seconds_of(kind, kind.usual * times, tmp_path) for times in (1, TIMES))
    assert large < 4 * TIMES * max(small, LEAST_SECONDS)


@pytest.mark.parametrize("name", LARGE)
def test_memory_grows_with_the_input(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    memory_of(kind, kind.usual, tmp_path)
    small, large = (memory_of(kind, kind.usual * times, tmp_path) for times in (1, 10))
    assert large < 3 * 10 * max(small, LEAST_MEMORY)
