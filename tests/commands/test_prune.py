"""``wheeltarget prune``: what no lock names goes, and what a machine lacks is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Result, proposed, wheeltarget
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.projects import make_source
from tests.support.wheels import make_wheel

TAG = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a wheelhouse with two locks, the newer of which has one wheel in common."""
    folder = tmp_path / "house"
    same = make_wheel(folder, "same")
    older, newer = (make_wheel(folder, "lib", version) for version in ("1.0", "2.0"))
    lock_wheels([same, older], TAG, tmp_path / "pylock.old.toml")
    lock_wheels([same, newer], TAG, tmp_path / "pylock.new.toml")
    make_wheel(folder, "stray")
    for name in ("README", "app.zip", "backup.tar.gz"):
        (folder / name).write_text("mine")
    return folder


def prune(house: Path, *arguments: str) -> Result:
    return run_here("prune", "house", *arguments, cwd=house.parent)


def names(folder: Path) -> list[str]:
    return sorted(path.name.split("-py3")[0] for path in folder.iterdir())


def test_removed(house: Path) -> None:
    result = prune(house, "-r", "pylock.new.toml")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "house/lib-1.0-py3-none-any.whl",
        "house/stray-1.0-py3-none-any.whl",
    ]
    assert result.stderr.startswith("2 files (")
    assert result.stderr.endswith(" removed\n")
    assert names(house) == ["README", "app.zip", "backup.tar.gz", "lib-2.0", "same-1.0"]
    assert prune(house, "-r", "pylock.new.toml").stderr == "no files (0 bytes) removed\n"


def test_several_locks(house: Path) -> None:
    result = prune(house, "-r", "pylock.new.toml", "-r", "pylock.old.toml", "--list")
    assert result.stdout == "house/stray-1.0-py3-none-any.whl\n"
    assert len(names(house)) == 7


def test_transfer(house: Path) -> None:
    arguments = ["-r", "pylock.new.toml", "--transfer-since", "pylock.old.toml"]
    assert prune(house, *arguments).stdout == "house/lib-2.0-py3-none-any.whl\n"
    document = json.loads(prune(house, *arguments, "--to", "a/stick", "--format=json").stdout)
    assert (document["files"], document["done"]) == (["house/lib-2.0-py3-none-any.whl"], True)
    assert names(house.parent / "a" / "stick") == ["lib-2.0"]
    assert len(names(house)) == 7


def test_what_is_to_be_taken_has_to_be_there(house: Path) -> None:
    make_wheel(house, "lib", "2.0", files={"evil.py": b""})
    result = prune(house, "-r", "pylock.new.toml", "--transfer-since=pylock.old.toml", "--to=stick")
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "lib-2.0-py3-none-any.whl is missing in house, or different from what the lock says"
        in result.stderr
    )
    assert not (house.parent / "stick").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (["-r", "needed.txt"], 2, "needed.txt is not a lock"),
        (["-r", "pylock.nowhere.toml"], 2, "cannot read pylock.nowhere.toml"),
        (["-r", "pylock.new.toml", "--to=x"], 2, "--to needs --transfer-since"),
        (
            ["-r", "pylock.new.toml", "--transfer-since=pylock.old.toml", "--to=x", "--list"],
            2,
            "--list and --to exclude each other",
        ),
        ([], 2, "requirement"),
    ],
)
def test_wrong_arguments(house: Path, arguments: list[str], exit_code: int, says: str) -> None:
    result = prune(house, *arguments)
    assert (result.exit_code, says in result.stderr) == (exit_code, True), result.stderr
    assert len(names(house)) == 7


def test_locks_of_another_wheelhouse_remove_nothing(house: Path) -> None:
    for path in house.glob("*-[12].0-*"):
        if not path.name.startswith("stray"):
            path.unlink()
    before = names(house)
    for arguments in ([], ["--list"]):
        result = prune(house, "-r", "pylock.new.toml", *arguments)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "house contains no file that the locks name; nothing was removed" in result.stderr
    assert names(house) == before


def test_a_lock_without_files_removes_nothing(house: Path) -> None:
    lock_wheels([], TAG, house.parent / "pylock.empty.toml")
    result = prune(house, "-r", "pylock.empty.toml")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: the locks name no files; nothing was removed\n")
    assert len(names(house)) == 7


def test_broken_lock_removes_nothing(house: Path) -> None:
    lock = house.parent / "pylock.new.toml"
    lock.write_text(lock.read_text()[:300])
    assert prune(house, "-r", "pylock.new.toml").exit_code == 2
    assert len(names(house)) == 7


@pytest.mark.parametrize("fault", ["missing", "changed"])
@pytest.mark.parametrize("arguments", [[], ["--transfer-since=pylock.old.toml"]])
def test_what_is_proposed_can_be_run(
    house: Path, index: LocalIndex, fault: str, arguments: list[str]
) -> None:
    """The command fetches what the locks name, for the same target, into the wheelhouse."""
    lock = house.parent / "pylock.toml"
    wheels = sorted(house.glob("*-2.0-*"))
    content = wheels[0].read_bytes()
    url = index.add_file(f"files/{wheels[0].name}", content)
    text = lock_wheels(wheels, TAG, lock).read_text()
    text = text.replace(f"https://example.invalid/{wheels[0].name}", url)
    lock.write_text(
        text.replace('created-by = "wheeltarget"', "created-by = 'x'").partition("[tool")[0]
    )
    wheels[0].unlink()
    if fault == "changed" and arguments:
        make_wheel(house, "lib", "2.0", files={"evil.py": b""})
    if not arguments:
        (house / "same-1.0-py3-none-any.whl").unlink()
    result = prune(house, "-r", "pylock.toml", "--tags", TAG, *arguments)
    assert result.exit_code in {2, 3}
    done = wheeltarget(*proposed(result), cwd=house.parent)
    assert done.exit_code == 0, done.stderr
    assert wheels[0].read_bytes() == content
    assert prune(house, "-r", "pylock.toml", "--tags", TAG, *arguments).exit_code == 0


def test_provenance_goes_with_its_file(house: Path) -> None:
    old, new = (f"lib-{version}-py3-none-any.whl" for version in ("1.0", "2.0"))
    for name in (old, new, "gone-1.0-py3-none-any.whl"):
        (house / f"{name}.provenance").write_text("{}")
    arguments = ("-r", "pylock.new.toml", "--transfer-since", "pylock.old.toml", "--to", "stick")
    result = prune(house, *arguments)
    assert result.exit_code == 0, result.stderr
    stick = house.parent / "stick"
    assert {path.name for path in stick.iterdir()} == {new, f"{new}.provenance"}
    result = prune(house, "-r", "pylock.new.toml")
    assert result.exit_code == 0, result.stderr
    assert f"house/{old}.provenance" in result.stdout.splitlines()
    assert not (house / f"{old}.provenance").exists()
    assert (house / f"{new}.provenance").exists()


def test_what_sources_need_to_be_built(tmp_path: Path) -> None:
    """It stays, and it is taken along."""
    folder = tmp_path / "house"
    source = make_source(folder, "app", pyproject='[build-system]\nrequires = ["helper"]\n')
    lock_wheels([source], TAG, tmp_path / "pylock.new.toml")
    lock_wheels([make_wheel(folder, "stray")], TAG, tmp_path / "pylock.old.toml")
    make_wheel(folder, "helper", requires=["lib"])
    make_wheel(folder, "lib")
    since = ["--transfer-since=pylock.old.toml", "--to=stick"]
    assert prune(folder, "-r", "pylock.new.toml", *since).exit_code == 0
    kept = ["app-1.0.tar.gz", "helper-1.0", "lib-1.0"]
    assert names(tmp_path / "stick") == kept
    assert prune(folder, "-r", "pylock.new.toml").exit_code == 0
    assert names(folder) == kept
