"""The command ``cache``: what its command is called with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.here import run_here
from wheeltarget.cache import wheel_store


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Return the environment variables of an empty cache."""
    return {"WHEELTARGET_CACHE_DIR": str(tmp_path / "cache")}


def test_folder(tmp_path: Path, variables: dict[str, str]) -> None:
    result = run_here("cache", "dir", cwd=tmp_path, variables=variables)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'cache'}\n")


def test_empty(tmp_path: Path, variables: dict[str, str]) -> None:
    arguments = ["cache", "info", "--format=json"]
    document = json.loads(run_here(*arguments, cwd=tmp_path, variables=variables).stdout)
    assert document["folder"] == str(tmp_path / "cache")
    assert document["wheels"] == {"count": 0, "size": 0, "limit": 10 * 1000**3}
    for command in ("prune", "clear"):
        result = run_here("cache", command, cwd=tmp_path, variables=variables)
        assert (result.exit_code, result.stdout) == (0, "Nothing to remove\n")


@pytest.mark.parametrize(
    ("arguments", "limit", "seconds"),
    [
        ([], 7000, None),
        (["--max-size", "2kB"], 2000, None),
        (["--max-age=0.5"], None, 43200.0),
        (["--max-age", "1", "--max-size", "1MB"], 1_000_000, 86400.0),
    ],
)
def test_what_is_pruned(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    limit: int | None,
    seconds: float | None,
) -> None:
    asked: list[object] = []

    def prune(_: object, *, limit: int | None, max_age: float | None) -> wheel_store.CacheRemoved:
        asked.append((limit, max_age))
        return wheel_store.CacheRemoved(1, 5, 2)

    monkeypatch.setattr(wheel_store, "prune", prune)
    variables = {"WHEELTARGET_CACHE_LIMIT": "7kB"}
    result = run_here("cache", "prune", *arguments, cwd=tmp_path, variables=variables)
    assert asked == [(limit, seconds)]
    assert result.stdout == "Removed 1 wheel, 5 bytes and 2 remembered runs\n"
