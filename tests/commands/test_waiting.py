"""What commands report of work that takes long in their own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.bundle import BundleRequest, bundle
from wheeltarget.commands.check.check import CheckRequest, check
from wheeltarget.commands.merge import MergeRequest, merge
from wheeltarget.utils.progress import Progress, watching

TARGET = "cp39-cp39-manylinux2014_x86_64"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a wheelhouse with two wheels."""
    for name in ("app", "lib"):
        make_wheel(tmp_path / "house", name, requires=["lib"] if name == "app" else [])
    return tmp_path / "house"


def sizes(house: Path) -> list[int]:
    return [path.stat().st_size for path in sorted(house.iterdir())]


def test_check_reports_each_wheel(house: Path) -> None:
    first, second = sizes(house)
    seen: list[Progress | None] = []
    with watching(seen.append):
        assert check(CheckRequest((str(house),))).exit_code == 0
    assert seen == [
        Progress("Checking", "wheels", 0, 2, 0, first + second),
        Progress("Checking", "wheels", 1, 2, first, first + second),
    ]


def test_merge_reports_what_it_hashes_and_copies(house: Path, tmp_path: Path) -> None:
    first, second = sizes(house)
    seen: list[Progress | None] = []
    with watching(seen.append):
        merge(MergeRequest((house,), tmp_path / "merged"))
    assert seen == [
        Progress(what, "files", number, 2, size, first + second)
        for what in ("Hashing", "Copying")
        for number, size in ((0, 0), (1, first))
    ]


@pytest.mark.parametrize("output", ["out.zip", "out"])
def test_bundle_reports_what_it_fetches_unpacks_and_writes(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalIndex(house) as index:
        done = wheeltarget("lock", *index.pip_args(), f"app ; tags={TARGET}", cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        seen: list[Progress | None] = []
        with watching(seen.append):
            bundle(BundleRequest(f"pylock.{TARGET}.toml", output=Path(output)))
    told = [each for each in seen if each is not None]
    assert all(each.what for each in told)
    whats = list(dict.fromkeys(each.what for each in told))
    assert whats == ["Looking for", "Fetching", "Hashing", "Checking", "Unpacking", "Writing"]
    unpacking = [each for each in told if each.what == "Unpacking"]
    assert [(each.done, each.total, each.unit) for each in unpacking] == [
        (0, 2, "wheels"),
        (1, 2, "wheels"),
    ]
    writing = [each for each in told if each.what == "Writing"]
    assert [each.done for each in writing] == list(range(writing[0].total))
    assert writing[-1].size <= writing[-1].total_size
