"""A plain run is pip, but for the content of requirements files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import (
    Job,
    Workshop,
    online,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.seams


@pytest.mark.parametrize(
    ("requirement", "exit_code", "fetched"),
    [
        pytest.param("app", 0, ["app-1.0-py3-none-any.whl"], id="good"),
        pytest.param("missing", 1, [], id="failing"),
    ],
)
def test_plain_is_pip_with_the_content_of_files(
    shop: Workshop,
    index: LocalIndex,
    shelf: Path,
    requirement: str,
    exit_code: int,
    fetched: list[str],
) -> None:
    make_wheel(shelf, "app")
    shop.destination.mkdir()
    files = {"reqs.txt": f"\n{requirement}\n"}
    run = shop.run(Job(online(index, "-r", "reqs.txt"), None, files), plain=True)
    assert run.exit_code == exit_code
    assert run.results == (None,)
    assert run.sentence is None
    assert names(shop.destination) == fetched
    assert names(shop.folder) == ["job.json"]
    assert "Resolving for" not in run.stdout
    assert ("Successfully downloaded app" in run.stdout) == (not exit_code)
    assert ("Saved ./wheelhouse/app-1.0-py3-none-any.whl" in run.stdout) == (not exit_code)
