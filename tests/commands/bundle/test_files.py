"""The files of a bundle: what is included, compiled and written, and files that contradict."""

from __future__ import annotations

import os
import stat
import sys
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from tests.support.bundles import ENTRY, LINUX, WINDOWS, bundle, content, good, refused
from tests.support.cli import wheeltarget
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.commands.bundle.files import require_place
from wheeltarget.errors import BundleError
from wheeltarget.staging import recovery
from wheeltarget.staging.folders import open_state

HOST = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"


def test_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    (own / "app" / "__pycache__").mkdir(parents=True)
    (own / "app" / "__pycache__" / "x.pyc").write_bytes(b"")
    (own / "app" / "main.py").write_text("import lib\n")
    (own / "handler.py").write_text("")
    good(bundle(house, "--include=own/", "--include", "own/handler.py", to="inner.zip"))
    assert {"app/main.py", "handler.py"} <= content(house.parent / "inner.zip").keys()
    assert not any("pyc" in name for name in content(house.parent / "inner.zip"))
    good(bundle(house, "--include=own", to="whole.zip"))
    assert "own/app/main.py" in content(house.parent / "whole.zip")


def test_link_is_not_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    (own / "secret").symlink_to("/etc/hostname")
    assert "secret is a symbolic link" in refused(bundle(house, "--include=own"), house)
    result = bundle(house, "--include=nowhere")
    assert (result.exit_code, "nowhere does not exist" in result.stderr) == (2, True)


def test_what_cannot_be_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    assert "own contains no files" in bundle(house, "--include=own").stderr
    (own / "lib.py").write_text("mine")
    said = refused(bundle(house, "--include=own/"), house)
    assert "lib and own/ have different files lib.py" in said
    for arguments, to in ((["--include=own"], "own/out.zip"), (["--include=."], "out")):
        result = bundle(house, *arguments, to=to)
        assert (result.exit_code, "would be in" in result.stderr) == (2, True)
    Path(os.fsdecode(os.fsencode(own) + b"/\xff.py")).write_bytes(b"")
    assert "'own/\\udcff.py', which is not valid Unicode" in refused(
        bundle(house, "--include=own"), house
    )


def test_names_as_targets_compare_them(house: Path) -> None:
    make_wheel(house, "one", files={"ns/caf\u00e9": b"1", "A": b""})
    make_wheel(house, "two", files={"ns/cafe\u0301": b"2", "a/b": b""})
    good(bundle(house, to="out"))
    said = refused(bundle(house, target="cp312-cp312-macosx_11_0_arm64"), house)
    assert "same name on the target" in said
    assert "A is a file, and two has a/b below it" in said


def test_names_that_windows_cannot_have(house: Path) -> None:
    for number, name in enumerate(("NUL.txt", "x.", "y ", "a?", "com1")):
        make_wheel(house, f"p{number}", files={f"ns/{name}": b""})
    good(bundle(house))
    (house.parent / "out.zip").unlink()
    said = refused(bundle(house, target=WINDOWS), house)
    assert said.count("which is not a valid file name on Windows") == 5


def test_same_files_are_kept_once(house: Path) -> None:
    make_wheel(house, "one", files={"ns/__init__.py": b"", "ns/one.py": b""})
    make_wheel(house, "two", files={"ns/__init__.py": b"", "ns/two.py": b""})
    good(bundle(house))
    assert {"ns/__init__.py", "ns/one.py", "ns/two.py"} <= content(house.parent / "out.zip").keys()


def test_different_files_of_one_name(house: Path) -> None:
    make_wheel(house, "one", files={"tests/__init__.py": b"1"})
    make_wheel(house, "two", files={"tests/__init__.py": b"2"})
    said = refused(bundle(house), house)
    assert "one and two have different files tests/__init__.py" in said


def test_file_in_the_way(house: Path) -> None:
    make_wheel(house, "one", files={"ns": b"1"})
    make_wheel(house, "two", files={"ns/x.py": b"2"})
    assert "ns is a file, and two has ns/x.py below it" in refused(bundle(house), house)


def test_case(house: Path) -> None:
    make_wheel(house, "one", files={"ns/Readme": b"1"})
    make_wheel(house, "two", files={"ns/README": b"1"})
    good(bundle(house))
    (house.parent / "out.zip").unlink()
    said = refused(bundle(house, target=WINDOWS), house)
    assert "one has ns/Readme, and two has ns/README" in said


def test_compiled(house: Path) -> None:
    old = {"lib/__init__.py": b"x = 1\n", "lib/old.py": b"print 'old'\n"}
    make_wheel(house, "lib", files=old)
    good(bundle(house, "--compile", target=HOST, to="one.zip"))
    good(bundle(house, "--compile", target=HOST, to="two.zip"))
    first, second = (house.parent / name for name in ("one.zip", "two.zip"))
    assert first.read_bytes() == second.read_bytes()
    there = content(first)
    compiled = {name for name in there if name.endswith(".pyc")}
    ending = f".{sys.implementation.cache_tag}.pyc"
    assert compiled == {f"lib/__pycache__/__init__{ending}", f"__pycache__/lib{ending}"}
    for name in compiled:
        # PEP 552: by the hash of the source, and never compared with it.
        assert there[name][:8] == MAGIC_NUMBER + b"\1\0\0\0"
        assert str(house.parent).encode() not in there[name]


def test_compiled_for_another_python(house: Path) -> None:
    make_wheel(house, "lib")
    result = bundle(house, "--compile", target="cp38-none-any")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the target is cp38-none-any" in result.stderr
    assert not (house.parent / "out.zip").exists()


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


@pytest.mark.parametrize("to", ["new/deep/app.zip", "new/deep/out"])
def test_missing_folders_are_created(house: Path, to: str) -> None:
    make_wheel(house, "lib")
    good(bundle(house, to=to))
    assert [each.name for each in (house.parent / "new").iterdir()] == ["deep"]
    assert [each.name for each in (house.parent / "new/deep").iterdir()] == [Path(to).name]


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("file/app.zip", "cannot write file/app.zip: {}/file is a file, not a folder"),
        ("file/deep/out", "cannot write file/deep/out: {}/file is a file, not a folder"),
        (
            "folder.zip",
            (
                "cannot write the archive folder.zip: it is a folder\n"
                "  name another file with --output"
            ),
        ),
    ],
)
def test_place_that_cannot_be_written(house: Path, to: str, message: str) -> None:
    """Nothing is read before the place is checked."""
    (house.parent / "file").touch()
    (house.parent / "folder.zip").mkdir()
    arguments = ["bundle", "-r", "pylock.toml", "-o", to]
    result = wheeltarget(*arguments, cwd=house.parent)
    said = message.format(house.parent)
    assert (result.exit_code, result.stderr.startswith(f"error: {said}\n")) == (3, True)


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    with pytest.raises(BundleError, match="no permission to write to"):
        require_place(tmp_path / "new" / "a.zip")


def test_refused_bundle_removes_what_killed_runs_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHEELTARGET_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "app.zip").mkdir()
    with open_state() as state:
        record = recovery.Record(state, str(tmp_path / "other"))
        left = Path(record.make_folder(str(tmp_path), "other"))
        os.close(record._handle)  # as if the run was killed
    with pytest.raises(BundleError, match="it is a folder"):
        api.bundle(api.BundleRequest("pylock.toml", output=tmp_path / "app.zip"))
    assert not left.exists()
