"""A wheelhouse to check."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checks import NEW, OLD
from tests.support.wheels import make_wheel


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a wheelhouse that is right for two targets."""
    folder = tmp_path / "house"
    make_wheel(folder, "app", "2.0", requires=["lib>=1", 'compat ; python_version < "3.8"'])
    make_wheel(folder, "lib", "1.5", tag="cp37-cp37m-manylinux1_x86_64")
    make_wheel(folder, "lib", "2.5", tag="cp312-cp312-manylinux2014_x86_64")
    make_wheel(folder, "compat", "1.0", requires_python="<3.8")
    (tmp_path / "needed.txt").write_text(f"app ; tags={OLD},{NEW}\n")
    return folder
