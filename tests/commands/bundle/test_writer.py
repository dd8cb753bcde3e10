"""A bundle is the same each time, and does not replace a folder."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

from tests.support.bundles import ENTRY, LINUX, bundle, content, good
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel


def test_it_is_the_same_each_time(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/a.py": b"a" * 999})
    here = house.parent
    good(bundle(house, to="one.zip"))
    for wheel in house.iterdir():
        os.utime(wheel, (1, 1))
    good(bundle(house, "--scripts", to="two.zip"))
    assert (here / "one.zip").read_bytes() == (here / "two.zip").read_bytes()
    good(bundle(house, "--store", to="three.zip"))
    assert content(here / "one.zip") == content(here / "three.zip")
    assert (here / "one.zip").stat().st_size < (here / "three.zip").stat().st_size


def test_source_date(house: Path) -> None:
    make_wheel(house, "lib")
    lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.l.toml")
    command = ["bundle", "-r", "pylock.l.toml", "--wheels", "house", "-o"]
    for text, code in (("1600000000", 0), ("soon", 2)):
        result = run_here(
            *command, f"{code}.zip", cwd=house.parent, variables={"SOURCE_DATE_EPOCH": text}
        )
        assert result.exit_code == code, result.stderr
    with zipfile.ZipFile(house.parent / "0.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 9, 13, 12, 26, 40)}


def test_modes(house: Path) -> None:
    make_wheel(house, "lib", files=ENTRY)
    good(bundle(house, "--scripts", to="out"))
    assert stat.S_IMODE((house.parent / "out" / "bin" / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((house.parent / "out" / "lib.py").stat().st_mode) == 0o644


def test_existing_folder(house: Path) -> None:
    make_wheel(house, "lib")
    (house.parent / "out").mkdir()
    (house.parent / "out" / "mine").write_text("keep")
    result = bundle(house, to="out")
    assert (result.exit_code, "out already exists" in result.stderr) == (3, True)
    assert (house.parent / "out" / "mine").read_text() == "keep"
