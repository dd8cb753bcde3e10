"""The wheelhouse of a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return tmp_path / "house"
