"""What a source distribution says about its build is read without unpacking it, within limits."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from wheeltarget.wheelhouse.source import DAMAGE, SourceFiles, read_source

Members = Iterable[tuple[str, bytes]]


def tar(path: Path, members: Members, *, mode: str = "w:gz", kind: bytes = tarfile.REGTYPE) -> Path:
    """Write a tar archive; the last member is of this kind."""
    members = list(members)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for number, (name, content) in enumerate(members, start=1):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = kind if number == len(members) else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return path


def packed_zip(path: Path, members: Members) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "names",
    [
        ["a-1/pyproject.toml", "a-1/deep/pyproject.toml", "a-1/setup.py"],
        ["./a-1/pyproject.toml", "./a-1/setup.py"],
        ["pyproject.toml", "src/a.py", "src/pyproject.toml", "setup.py"],
    ],
    ids=["folder", "dot", "none"],
)
@pytest.mark.parametrize("ending", ["w:gz", "w:bz2", "w:xz", "w", "zip"])
def test_files_at_the_top(tmp_path: Path, names: list[str], ending: str) -> None:
    members = [(name, b"deep" if name.count("/") > 2 else name[-8:].encode()) for name in names]
    path = tmp_path / "a-1.archive"
    found = read_source(
        packed_zip(path, members) if ending == "zip" else tar(path, members, mode=ending)
    )
    assert found == SourceFiles(pyproject=b"ect.toml", setup_py=b"setup.py")


def test_the_last_of_two_counts(tmp_path: Path) -> None:
    """As when they are unpacked."""
    members = [("a-1/setup.cfg", b"one"), ("a-1/x", b"-" * 5000), ("a-1/setup.cfg", b"two")]
    assert read_source(tar(tmp_path / "a-1.tar.gz", members)).setup_cfg == b"two"


def test_damage(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a-1.tar.gz", [("a-1/pyproject.toml", bytes(range(256)) * 99)])
    content = whole.read_bytes()
    for damaged in (content[:200], b"", b"x" * 600, content[:20] + b"\0" * 80 + content[100:]):
        whole.write_bytes(damaged)
        with pytest.raises(DAMAGE):
            read_source(whole)


@pytest.mark.parametrize(
    ("members", "kind", "why"),
    [
        ([("a-1/pyproject.toml", b"")], tarfile.SYMTYPE, "pyproject.toml is a link"),
        ([("a-1/setup.py", b" " * ((4 << 20) + 1))], tarfile.REGTYPE, "has more than 4 MB"),
        ([("a-1/x", b"p" * (5 << 20))], tarfile.XHDTYPE, "a header that is too long"),
    ],
    ids=["link", "large", "header"],
)
def test_what_is_refused(tmp_path: Path, members: Members, kind: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_source(tar(tmp_path / "a-1.tar.gz", members, kind=kind))


def test_bomb(tmp_path: Path) -> None:
    """It is not decompressed to its end."""
    path = tmp_path / "a-1.tar.gz"
    member = tarfile.TarInfo("a-1/zeros")
    member.size = 1 << 40
    with gzip.open(path, "wb", 1) as file:
        file.write(member.tobuf())
        for _ in range(300):
            file.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="far more than a source distribution can contain"):
        read_source(path)
