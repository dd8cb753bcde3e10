"""A workshop for pip's child process, and an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.child import Workshop
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """Return a workshop beside the folder ``wheelhouse``, like the parent's."""
    home = tmp_path / "home"
    home.mkdir()
    return Workshop(home / ".hidden-stage", home / "wheelhouse")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return the folder that the index serves."""
    return tmp_path / "index"


@pytest.fixture
def guarded(shelf: Path) -> Iterator[LocalIndex]:
    """Serve an application and its dependencies, with a password."""
    make_wheel(
        shelf,
        "Some.App",
        requires=["lib>=1", 'turbo ; extra == "fast"', 'never ; sys_platform == "win32"'],
        extras=["fast", "slow"],
    )
    make_wheel(shelf, "lib", "1.5rc1", requires_python=">=3.8")
    make_wheel(shelf, "turbo", "2.0", tag="cp39-cp39-manylinux_2_28_x86_64", requires=["lib"])
    with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106 - it is a test
        index.yank("lib-1.5rc1-py3-none-any.whl", "it bites")
        index.yank("turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl")
        yield index
