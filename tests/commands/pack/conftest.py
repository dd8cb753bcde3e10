"""What the tests of packs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.index import LocalIndex
from tests.support.packing import Packer


@pytest.fixture
def run(index: LocalIndex, tmp_path: Path) -> Packer:
    """Return what makes packs in a folder of its own."""
    (tmp_path / "here").mkdir()
    return Packer(index, tmp_path / "here")
