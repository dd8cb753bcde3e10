"""Writing a pack: reproducible archives, and folders that are replaced whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.commands.pack.layout import manifest_text
from wheeltarget.commands.pack.write import (
    StoredGzip,
    earlier_place,
    is_same,
    require_place,
    take_back,
    write_pack,
)
from wheeltarget.errors import PackError

pytestmark = pytest.mark.thorough

LONG = "wheels/" + "long_" * 30 + ".whl"


@pytest.fixture
def files(tmp_path: Path) -> list[BundledFile]:
    """Return the files of a small pack."""
    contents = {
        "install.sh": b"#!/bin/sh\n",
        "pack.json": b"{}",
        LONG: b"x",
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    contents["manifest.sha256"] = manifest_text(hashes).encode()
    made = []
    for number, (name, content) in enumerate(sorted(contents.items())):
        path = tmp_path / "source" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        made.append(BundledFile(name, path, "", len(content), digest, name.endswith(".sh")))
    return made


def write(path: Path, files: list[BundledFile]) -> bool:
    return write_pack(path, files, 1_600_000_000, begin=lambda: None)


@given(st.lists(st.binary(max_size=200_000), max_size=5))
def test_stored_gzip_is_read_by_gzip(parts: list[bytes]) -> None:
    stream = io.BytesIO()
    packed = StoredGzip(stream, 7)
    for part in parts:
        packed.write(part)
    packed.close()
    assert gzip.decompress(stream.getvalue()) == b"".join(parts)


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("pack.tar.gz", "398a48d6e849563e56d309f2da44d9f495b588afc9e9efb0346ac751ea0c18f6"),
        ("pack.zip", "77c608649043a0da18c4a4fa261fa3b270e9864627747ce1657c639a18121dcc"),
    ],
)
def test_same_bytes_on_every_python(
    tmp_path: Path, files: list[BundledFile], name: str, sha256: str
) -> None:
    """These hashes hold for each Python and each zlib; change them only with the format."""
    assert write(tmp_path / name, files)
    assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha256
    assert not write(tmp_path / name, files)


def test_tar(tmp_path: Path, files: list[BundledFile]) -> None:
    write(tmp_path / "mine.tar.gz", files)
    with tarfile.open(tmp_path / "mine.tar.gz") as archive:
        members = {each.name: (each.mode, each.mtime) for each in archive.getmembers()}
    assert members == {
        f"mine/{file.name}": (0o755 if file.executable else 0o644, 1_600_000_000) for file in files
    }


def test_folder_is_replaced_whole(tmp_path: Path, files: list[BundledFile]) -> None:
    pack = tmp_path / "pack"
    assert write(pack, files)
    assert (pack / "install.sh").stat().st_mode & 0o111
    assert not write(pack, files)
    (pack / "install.sh").write_text("damaged")
    assert not is_same(pack, files)
    assert write(pack, files)
    assert is_same(pack, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "source"]


def test_folder_stays_if_it_cannot_be_replaced(tmp_path: Path, files: list[BundledFile]) -> None:
    pack = tmp_path / "pack"
    write(pack, files[:3])
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if target == pack and not path.name.endswith(".earlier"):
            raise OSError(28, "No space left on device")
        return rename(path, target)

    with mock.patch.object(Path, "rename", refuse), pytest.raises(PackError, match="No space"):
        write(pack, files)
    assert is_same(pack, files[:3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "source"]


def test_killed_run_is_taken_back(tmp_path: Path, files: list[BundledFile]) -> None:
    """A run may be killed between the two renames, or before the earlier pack is removed."""
    pack = tmp_path / "pack"
    write(pack, files)
    pack.rename(earlier_place(pack))
    take_back(pack)
    assert is_same(pack, files)
    shutil.copytree(pack, earlier_place(pack))
    take_back(pack)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "source"]


def test_root_is_refused() -> None:
    """It has no name, so nothing can be beside it."""
    take_back(Path("/"))
    with pytest.raises(PackError, match="already exists, and is not a pack") as caught:
        require_place(Path("/"))
    assert caught.value.hint == "name another folder with --output"


def test_what_is_not_of_the_pack_is_not_lost(tmp_path: Path, files: list[BundledFile]) -> None:
    pack = tmp_path / "pack"
    write(pack, files)
    require_place(pack)
    (pack / "mine").mkdir()
    (pack / "mine" / "notes.txt").write_text("mine")
    (pack / "wheels" / "link.whl").symlink_to("elsewhere")
    message = "has files besides those of the pack: mine/notes.txt and 1 more"
    with pytest.raises(PackError, match=message):
        require_place(pack)
    with pytest.raises(PackError, match=message):
        write(pack, files)
    assert (pack / "mine" / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tgz"])
def test_archive_that_is_not_a_pack_is_not_lost(
    tmp_path: Path, files: list[BundledFile], name: str
) -> None:
    archive = tmp_path / name
    archive.touch()
    require_place(archive)  # as mktemp leaves it
    write(archive, files)
    require_place(archive)
    write(archive, [file for file in files if file.name != "manifest.sha256"])
    for content in archive.read_bytes(), archive.read_bytes()[:100], b"mine":
        archive.write_bytes(content)
        with pytest.raises(PackError, match="already exists, and is not a pack"):
            require_place(archive)


@pytest.mark.parametrize("name", ["x.tar", "x.TAR.BZ2", "x.7z"])
def test_other_archives(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackError, match="a pack cannot be such an archive"):
        require_place(tmp_path / name)


def test_places(tmp_path: Path, files: list[BundledFile]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.zip").mkdir()
    for name, message in (
        ("full", "already exists, and is not a pack"),
        ("folder.zip", "it is not a file"),
        ("full/x", "it is a file"),
        ("full/x/pack", "is a file, not a folder"),
    ):
        with pytest.raises(PackError, match=message):
            require_place(tmp_path / name)
    require_place(tmp_path / "empty")
    assert write(tmp_path / "empty", files)
    require_place(tmp_path / "empty")
    (tmp_path / ".empty.earlier").mkdir()
    with pytest.raises(PackError, match="in the way"):
        write(tmp_path / "empty", files[:3])
