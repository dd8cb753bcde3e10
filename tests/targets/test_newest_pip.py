"""Which pip is the newest for a Python."""

from __future__ import annotations

import pytest

from tests.support.interpreters import NEWEST_PIP
from wheeltarget.targets.newest_pip import newest_pip


@pytest.mark.parametrize("python", NEWEST_PIP)
def test_newest_pip_is_that_of_the_real_interpreters(python: str) -> None:
    major, minor = (int(number) for number in NEWEST_PIP[python].split(".")[:2])
    assert newest_pip(f"{python}.1") == min((major, minor), (26, 0))


def test_pythons_without_a_real_interpreter() -> None:
    assert newest_pip("3.5.10") == newest_pip("2.7.18")
    assert newest_pip("3.15.0b1") == newest_pip("3.13.1")
