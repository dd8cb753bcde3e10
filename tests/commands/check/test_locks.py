"""A wheelhouse compared with locks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checks import NEW, OLD, check, lines
from tests.support.locked import lock_wheels
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget.commands.check import locks
from wheeltarget.utils.files import Digest, hash_file


def test_lock(house: Path) -> None:
    there = sorted(house.iterdir())
    lock_wheels([each for each in there if "2.5" not in each.name], OLD, house / "pylock.old.toml")
    lock_wheels([each for each in there if "app-" in each.name], NEW, house / "pylock.new.toml")
    (house / "lib-2.5-cp312-cp312-manylinux2014_x86_64.whl").unlink()
    result = check(house)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no findings in 3 files for {NEW}, {OLD}\n"

    make_wheel(house, "app", "2.0")
    make_wheel(house, "more")
    (house / "compat-1.0-py3-none-any.whl").unlink()
    app, place = "house/app-2.0-py3-none-any.whl", r"house/pylock\.old\.toml:\d+"
    expected = [
        rf"{app} for {OLD}: WC402 its sha256 differs from {place}",
        r"house/more-1.0-py3-none-any.whl: WC305 no lock names it",
        rf"for {OLD}: WC401 compat-1.0-py3-none-any.whl is missing, required by {place}",
    ]
    found = lines(check(house, "-r", "house/pylock.old.toml"))
    assert len(found) == len(expected)
    for line, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_lock_of_another_tool(house: Path) -> None:
    lock = lock_wheels(sorted(house.glob("app*")), OLD, house / "pylock.toml")
    text = lock.read_text().replace('created-by = "wheeltarget"', 'created-by = "somebody"')
    lock.write_text(text.partition("[tool")[0])
    result = check(house, "-r", "house/pylock.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name one with --tags" in result.stderr
    assert "no lock names it" in check(house, "-r", "house/pylock.toml", "--tags", OLD).stdout


def test_each_file_is_hashed_once(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []

    def hash_and_note(path: Path) -> Digest:
        hashed.append(path.name)
        return hash_file(path)

    for name, tag in (("old", OLD), ("new", NEW)):
        lock_wheels(sorted(house.glob("app*")), tag, house / f"pylock.{name}.toml")
    monkeypatch.setattr(locks, "hash_file", hash_and_note)
    assert check(house).exit_code == 1
    assert hashed == ["app-2.0-py3-none-any.whl"]


def test_lock_of_a_target_with_a_dot_in_its_name(house: Path) -> None:
    target = "ubuntu-22.04-python3.10-x86_64"
    lock_wheels(
        sorted(house.glob("app*")), target, house / "pylock.ubuntu-22_04-python3_10-x86_64.toml"
    )
    result = check(house, "-r", f"house/pylock.{target}.toml")
    assert "no lock names it" in result.stdout
    assert "app-" not in result.stdout
    missing = check(house, "-r", "house/pylock.ubuntu-22.04.toml", "--tags", OLD)
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "cannot read house/pylock.ubuntu-22.04.toml: No such file" in missing.stderr


def test_what_sources_need_to_be_built(tmp_path: Path) -> None:
    """No lock names it, and still it is needed."""
    folder = tmp_path / "house"
    source = make_source(folder, "app", pyproject='[build-system]\nrequires = ["helper"]\n')
    lock_wheels([source], OLD, folder / "pylock.old.toml")
    missing = "WC312 building app-1.0.tar.gz needs helper, which is missing"
    assert lines(check(folder)) == [f"house/app-1.0.tar.gz for {OLD}: {missing}"]
    assert lines(check(folder, "--tags", OLD)) == [f"house/app-1.0.tar.gz for {OLD}: {missing}"]
    make_wheel(folder, "helper")
    assert check(folder).exit_code == 0
    make_wheel(folder, "more")
    assert lines(check(folder)) == ["house/more-1.0-py3-none-any.whl: WC305 no lock names it"]
