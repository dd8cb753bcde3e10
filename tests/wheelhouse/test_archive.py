"""Names of members, and how file systems compare them.

The threat is T10 of docs/security.md.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.wheelhouse import archive
from wheeltarget.wheelhouse.archive import (
    DAMAGE,
    check_members,
    describe_bomb,
    describe_damage,
    find_name_problem,
    fold_case,
    leaves_folder,
)


@given(st.lists(st.text(st.characters(exclude_characters="/\\\0:"), min_size=1), min_size=1))
def test_plain_names_stay_inside(parts: list[str]) -> None:
    good = [part for part in parts if part not in {".", ".."}] or ["x"]
    assert not leaves_folder("/".join(good))
    assert leaves_folder("/".join([*good, "..", "x"]))
    assert leaves_folder("/" + "/".join(good))


@pytest.mark.parametrize("name", ["C:/x", "a/c:b", "a//b", "./a", "a\\b", "a\0b", "", "/"])
def test_names_that_leave_the_folder(name: str) -> None:
    assert leaves_folder(name)


@pytest.mark.parametrize(
    ("name", "anywhere", "on_windows"),
    [
        ("lib/a.py", True, True),
        ("lib/", True, True),
        ("lib/Nul", True, False),
        ("lib/nul.tar.gz", True, False),
        ("com¹/x", True, False),
        ("COM10", True, True),
        ("console.py", True, True),
        ("a./b", True, False),
        ("a b", True, True),
        ("a ", True, False),
        ("what?.py", True, False),
        ("a\nb", False, False),
        ("a\u2028b", False, False),
        ("\udcff", False, False),
        ("é" * 128, False, False),
        ("a/" * 513, False, False),
    ],
)
def test_name_problems(name: str, anywhere: bool, on_windows: bool) -> None:
    assert (find_name_problem(name, windows=False) == "") is anywhere
    assert (find_name_problem(name, windows=True) == "") is on_windows


@given(st.text())
def test_normal_forms_fold_alike(name: str) -> None:
    assert fold_case(unicodedata.normalize("NFD", name)) == fold_case(name)


def test_spellings_of_one_name() -> None:
    assert fold_case("Caf\u00c9") == fold_case("cafe\u0301")


def test_a_bomb_is_what_unpacks_to_very_much_of_little() -> None:
    small, large = zipfile.ZipInfo("a"), zipfile.ZipInfo("b")
    small.file_size, small.compress_size = 1 << 20, 1 << 10
    large.file_size, large.compress_size = 1 << 30, 1 << 20
    small.header_offset, large.header_offset = 0, 99
    assert describe_bomb([small]) == ""
    assert describe_bomb([small, large]).startswith("it would unpack from 1049600 to ")
    large.compress_size = 1 << 28
    assert describe_bomb([small, large]) == ""


@given(st.binary(max_size=200))
def test_damage_is_described_in_a_line(data: bytes) -> None:
    with pytest.raises(DAMAGE) as raised:
        zipfile.ZipFile(io.BytesIO(data))
    text = describe_damage(raised.value)
    assert text
    assert "\n" not in text


@pytest.mark.parametrize(
    "name",
    ["a" + "\u0301\u0323" * 30_000, "a/" * 30_000, "../" + "b" * 2000],
    ids=["marks", "deep", "up"],
)
def test_long_name_is_not_looked_at_further(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To normalize a name takes a time that grows with the square of its length."""
    monkeypatch.setattr(archive, "fold_case", lambda name: pytest.fail(f"folds {len(name)}"))
    (flaw,) = check_members([zipfile.ZipInfo(name)], windows=True)
    assert flaw.code == "WC120"
    assert flaw.message.endswith("is too long for a file name")
