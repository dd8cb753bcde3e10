"""A bundle that would be made of the same again is left as it is; one that is damaged is not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import LINUX, bundle, content, good
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.files import write_archive
from wheeltarget.utils.files import Digest

OPTIONS = ("--include=own/", "--components=list.json")


@pytest.fixture
def here(house: Path) -> Path:
    """Make a bundle of one wheel and a file, in the folder that is returned."""
    make_wheel(house, "lib", files={"lib.pth": b"x\n"})
    folder = house.parent
    (folder / "own").mkdir()
    (folder / "own" / "handler.py").write_text("1\n")
    said = good(bundle(house, *OPTIONS, "--format=json"))
    assert json.loads(said.stdout)["unchanged"] is False
    return folder


def again(here: Path, *more: str) -> bool:
    """Make the bundle again, and return whether it was left as it was."""
    before = (here / "out.zip").stat() if (here / "out.zip").exists() else None
    said = json.loads(good(bundle(here / "house", *OPTIONS, *more, "--format=json")).stdout)
    unchanged: bool = said["unchanged"]
    assert unchanged == (
        before is not None and os.path.samestat(before, Path(here, "out.zip").stat())
    )
    assert [each["name"] for each in said["projects"]] == ["lib", "own/"]
    assert said["notes"] == ["lib.pth of lib has no effect: Python does not read it in a bundle"]
    assert said["zipped_size"] == (here / "out.zip").stat().st_size
    return unchanged


def test_it_is_left_as_it_is(here: Path) -> None:
    before = (here / "out.zip").read_bytes()
    assert again(here)
    assert again(here, "-q")
    assert (
        good(bundle(here / "house", *OPTIONS)).stdout.splitlines()[-1].startswith("Unchanged ./out")
    )
    (here / "out.zip").unlink()
    assert not again(here)
    assert (here / "out.zip").read_bytes() == before


def _damage(path: Path) -> None:
    """Change a byte, and set all times that can be set back."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "own file": lambda here: (here / "own" / "handler.py").write_text("2\n"),
    "mode of it": lambda here: (here / "own" / "handler.py").chmod(0o755),
    "another file": lambda here: (here / "own" / "more.py").touch(),
    "a rule": lambda here: (here / "own" / ".gitignore").write_text("x\n!*\n"),
    "the archive": lambda here: _damage(here / "out.zip"),
    "no archive": lambda here: (here / "out.zip").unlink(),
    "the list": lambda here: (here / "list.json").write_text("{}"),
    "a wheel": lambda here: make_wheel(here / "house", "lib", files={"lib.pth": b"y\n"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_made_again(here: Path, change: Callable[[Path], object]) -> None:
    first = (here / "list.json").read_text()
    change(here)
    assert not again(here) or change is CHANGES["a rule"]
    assert again(here)
    handler = (here / "own" / "handler.py").read_bytes()
    assert content(here / "out.zip")["handler.py"] == handler
    assert json.loads((here / "list.json").read_text()).keys() == json.loads(first).keys()


@pytest.mark.parametrize("option", ["--store", "--layout=lambda-layer"])
def test_another_option(here: Path, option: str) -> None:
    good(bundle(here / "house", *OPTIONS, option))
    assert "Unchanged" not in good(bundle(here / "house", *OPTIONS)).stdout


def test_time(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert not again(here)
    assert again(here)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"made": 0, "until": 1e300}', "\0"])
def test_a_record_that_cannot_be_read(here: Path, text: str) -> None:
    records = list(Path(os.environ["WHEELTARGET_CACHE_DIR"], "runs").glob("bundle-*"))
    assert records
    for record in records:
        record.write_text(text)
    assert not again(here)
    assert again(here)


def test_own_file_that_changes_meanwhile(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "own" / "handler.py").write_text("2\n")

    def write(path: Path, *rest: Any, **options: Any) -> Digest:
        (here / "own" / "handler.py").write_text("3\n")
        return write_archive(path, *rest, **options)

    monkeypatch.setattr("wheeltarget.commands.bundle.bundle.write_archive", write)
    assert not again(here)
    (here / "own" / "handler.py").write_text("2\n")
    assert not again(here)


def test_without_the_cache(here: Path) -> None:
    assert not again(here, "--no-cache-dir")


def test_a_folder_is_never_left_as_it_is(house: Path) -> None:
    make_wheel(house, "lib")
    good(bundle(house, to="out"))
    lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.t.toml")
    assert bundle(house, to="out").exit_code == 3
