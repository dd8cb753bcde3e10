"""Files that are renamed into a folder that is there already."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import names
from wheeltarget.staging.folders import Folder, open_state
from wheeltarget.staging.placing import place
from wheeltarget.staging.recovery import Record, has_journal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="inodes as POSIX has them")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "old.whl").write_text("old")
    with open_state() as state:
        record = Record(state, str(tmp_path / "house"))
        yield record
        record.close()
        assert state.names() == []


def _place(record: Record, tmp_path: Path, *placed: str) -> list[int]:
    """Place files with the text "new", and return how many names change."""
    changes: list[int] = []
    stage = Path(record.make_folder(str(tmp_path), "house"))
    files = {}
    for number, name in enumerate(placed):
        (stage / str(number)).write_text("new")
        files[name] = str(stage / str(number))
    with Folder.open(str(tmp_path / "house")) as house:
        place(record, house, files, changes.append)
    return changes


def test_new_and_old_files(record: Record, tmp_path: Path) -> None:
    assert _place(record, tmp_path, "a.whl", "old.whl", "x/b.whl") == [5]
    assert not has_journal(record.state, record.key)
    house = tmp_path / "house"
    assert (names(house), names(house / "x")) == (["a.whl", "old.whl", "x"], ["b.whl"])
    assert (house / "old.whl").read_text() == "new"


def test_folder_in_the_way(record: Record, tmp_path: Path) -> None:
    (tmp_path / "house" / "z.whl").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        _place(record, tmp_path, "old.whl", "z.whl")
    assert caught.value.filename == str(tmp_path / "house" / "z.whl")
    assert (tmp_path / "house" / "old.whl").read_text() == "old"


def test_same_file_is_not_replaced(record: Record, tmp_path: Path) -> None:
    changes: list[int] = []
    stage = Path(record.make_folder(str(tmp_path), "house"))
    (stage / "0").hardlink_to(tmp_path / "house" / "old.whl")
    with Folder.open(str(tmp_path / "house")) as house:
        place(record, house, {"old.whl": str(stage / "0")}, changes.append)
    assert changes == [0]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b/c", "a/", "/"])
def test_names_that_lead_elsewhere(record: Record, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads nowhere in the destination"):
        _place(record, tmp_path, name)


def test_placed_twice_across_file_systems(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time, the further hidden folder of the first time is used again."""

    def mount(self: Folder) -> tuple[int, str]:
        return 1, "x" if "x" in Path(self.path).parts else ""

    monkeypatch.setattr(Folder, "mount", property(mount))
    (tmp_path / "house" / "x").mkdir()
    stage = Path(record.make_folder(str(tmp_path), "house"))
    for text in ("one", "two"):
        (stage / "file").write_text(text)
        with Folder.open(str(tmp_path / "house")) as house:
            place(record, house, {"x/a.whl": str(stage / "file")}, lambda _: None)
        assert (tmp_path / "house" / "x" / "a.whl").read_text() == text
    assert len(record.folders) == 2
    assert [Path(path).parent for path in record.folders] == [tmp_path, tmp_path / "house" / "x"]
