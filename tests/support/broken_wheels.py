"""Wheels that lie, are damaged, or mean harm, made at test time, and what is wrong with each."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.wheels import make_wheel

Members = list[tuple[str | zipfile.ZipInfo, bytes]]
INFORMATION = "lib-1.0.dist-info"
NAME = "lib-1.0-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Broken:
    """A wheel that is not right.

    :param what: what is wrong with it.
    :param code: the code of the finding that says so.
    :param says: a part of the finding's message.
    :param make: writes it into a folder and gives its path.
    """

    what: str
    code: str
    says: str
    make: Callable[[Path], Path]


def read(wheel: Path) -> dict[str, bytes]:
    """Read everything that is in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(
    path: Path, files: Mapping[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]]
) -> Path:
    """Write an archive, whatever its members are called and however often."""
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in pairs:
            archive.writestr(member, content)
    return path


def _changed(
    edit: Callable[[dict[str, bytes]], object], name: str = NAME
) -> Callable[[Path], Path]:
    """Make a good wheel, change what is in it, and leave RECORD as it was."""

    def make(folder: Path) -> Path:
        good = make_wheel(folder / "good", "lib")
        files = read(good)
        good.unlink()
        good.parent.rmdir()
        edit(files)
        return write(folder / name, files)

    return make


def _file(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], object]:
    """Replace a text in a file of the ``.dist-info`` folder."""

    def edit(files: dict[str, bytes]) -> None:
        member = f"{INFORMATION}/{name}"
        assert old in files[member]
        files[member] = files[member].replace(old, new)

    return edit


def _gone(name: str) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.pop(f"{INFORMATION}/{name}")


def _added(name: str, content: bytes = b"x") -> Callable[[Path], Path]:
    """Add a member with a name of its own, and list it in RECORD as well."""

    def make(folder: Path) -> Path:
        good = make_wheel(folder / "good", "lib", files={name: content})
        return good.replace(folder / NAME)

    return make


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """Change the bytes of the whole file."""

    def make(folder: Path) -> Path:
        good = make_wheel(folder, "lib")
        good.write_bytes(change(good.read_bytes()))
        return good

    return make


def _flipped(data: bytes) -> bytes:
    """Change a byte of the module, which the archive's own checksum notices."""
    return data.replace(b"Stand for", b"Stand fur", 1)


def _member(kind: int) -> Callable[[Path], Path]:
    """Add a member of another kind than a file."""

    def make(folder: Path) -> Path:
        files: Members = [*read(make_wheel(folder, "lib")).items()]
        info = zipfile.ZipInfo("odd")
        info.create_system = 3
        info.external_attr = (kind | 0o777) << 16
        return write(folder / NAME, [*files, (info, b"/etc/passwd")])

    return make


def _twice(folder: Path) -> Path:
    files: Members = [*read(make_wheel(folder, "lib")).items()]
    other = zipfile.ZipInfo("lib_py")
    path = write(folder / NAME, [*files, (other, b"import os")])
    return _patch(path, b"lib_py", b"lib.py")


def _patch(path: Path, old: bytes, new: bytes) -> Path:
    """Put other bytes of the same length into a file."""
    assert len(old) == len(new)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def _encrypted(folder: Path) -> Path:
    path = make_wheel(folder, "lib")
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(signature) + place
        data[start : start + 2] = struct.pack("<H", data[start] | 1)
    path.write_bytes(bytes(data))
    return path


def _bomb(folder: Path) -> Path:
    """Pack 512 MB of nothing, which deflate makes half a megabyte of."""
    path = make_wheel(folder, "lib")
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("big", "w") as big,
    ):
        for _ in range(512):
            big.write(bytes(1 << 20))
    return path


def _nul(folder: Path) -> Path:
    return _patch(_added("ab/evil.py")(folder), b"ab/evil.py", b"ab\0evil.py")


def _no_deflate(folder: Path) -> Path:
    """Say that a member is packed by a method that there is not."""
    path = make_wheel(folder, "lib")
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = data.index(signature) + place
        data[start : start + 2] = struct.pack("<H", 97)
    path.write_bytes(bytes(data))
    return path


def _long_record(folder: Path) -> Path:
    path = make_wheel(folder, "lib")
    files = read(path)
    files[f"{INFORMATION}/METADATA"] += bytes(65 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _renamed(old: str, new: str) -> Callable[[dict[str, bytes]], object]:
    def edit(files: dict[str, bytes]) -> None:
        for name in [each for each in files if each.startswith(old)]:
            files[name.replace(old, new)] = files.pop(name)

    return edit


def _named(name: str) -> Callable[[Path], Path]:
    return lambda folder: make_wheel(folder, "lib").replace(folder / name)


def broken_wheels() -> Iterator[Broken]:
    """Give every one of them."""
    yield from _damaged()
    yield from _hostile()
    yield from _untrue()


def _damaged() -> Iterator[Broken]:
    yield Broken("empty", "WC102", "no archive", _bytes(lambda _: b""))
    yield Broken("half", "WC102", "no archive", _bytes(lambda data: data[: len(data) // 2]))
    yield Broken("a page", "WC102", "no archive", _bytes(lambda _: b"<html>log in</html>"))
    yield Broken("a flipped byte", "WC102", "lib.py cannot be read", _bytes(_flipped))
    yield Broken("encrypted", "WC102", "is encrypted", _encrypted)
    yield Broken("an odd method", "WC102", "cannot be read", _no_deflate)
    yield Broken("no METADATA", "WC108", "it has no", _changed(_gone("METADATA")))
    yield Broken("no WHEEL", "WC110", "it has no", _changed(_gone("WHEEL")))
    yield Broken("no RECORD", "WC112", "it has no", _changed(_gone("RECORD")))
    yield Broken(
        "no text", "WC108", "cannot be read", _changed(_file("METADATA", b"Name", b"\xff\xfe"))
    )
    yield Broken(
        "no Version", "WC108", "no Version", _changed(_file("METADATA", b"Version: 1.0", b"X: 1"))
    )
    yield Broken("half a RECORD", "WC112", "line 1", _changed(_file("RECORD", b",sha", b";sha")))


def _hostile() -> Iterator[Broken]:
    yield Broken("up", "WC103", "leads out", _added("../evil.py"))
    yield Broken("deep up", "WC103", "leads out", _added("lib/../../evil.py"))
    yield Broken("absolute", "WC103", "leads out", _added("/tmp/evil.py"))  # noqa: S108 - a lie
    yield Broken("a drive", "WC103", "leads out", _added("C:/evil.py"))
    yield Broken("a backslash", "WC103", "leads out", _added("..\\evil.py"))
    yield Broken("a NUL", "WC103", "leads out", _nul)
    yield Broken("a link", "WC106", "odd is a link", _member(stat.S_IFLNK))
    yield Broken("a pipe", "WC106", "no plain file", _member(stat.S_IFIFO))
    yield Broken("one name twice", "WC104", "lib.py 2 times", _twice)
    yield Broken("a case clash", "WC105", "by case only", _added("LIB.py"))
    yield Broken("a bomb", "WC118", "unpack to 53687", _bomb)
    yield Broken("a long METADATA", "WC108", "more than 64 MB", _long_record)


def _untrue() -> Iterator[Broken]:
    yield Broken("no wheel's name", "WC101", "no wheel's", _named("lib.whl"))
    yield Broken("a bad version", "WC101", "no wheel's", _named("lib-x-py3-none-any.whl"))
    yield Broken("another folder", "WC107", "other-1.0", _changed(_renamed("lib-", "other-")))
    yield Broken("two folders", "WC107", "one .dist-info", _added("b-2.dist-info/METADATA"))
    yield Broken(
        "another name", "WC109", "other 1.0", _changed(_file("METADATA", b": lib", b": other"))
    )
    yield Broken(
        "another version", "WC109", "lib 2.0", _changed(_file("METADATA", b"n: 1.0", b"n: 2.0"))
    )
    yield Broken("a renamed wheel", "WC109", "lib 1.0", _named("lib-1.1-py3-none-any.whl"))
    yield Broken(
        "a renamed tag",
        "WC111",
        "cp39-cp39-manylinux1_x86_64 is in its name",
        _named("lib-1.0-cp39-cp39-manylinux1_x86_64.whl"),
    )
    yield Broken(
        "a new format", "WC110", "Wheel-Version 2.0", _changed(_file("WHEEL", b": 1.0", b": 2.0"))
    )
    yield Broken(
        "too much", "WC113", "evil.py", _changed(lambda files: files.update({"evil.py": b""}))
    )
    yield Broken("too little", "WC114", "lists lib.py", _changed(lambda files: files.pop("lib.py")))
    yield Broken(
        "another content",
        "WC115",
        "lib.py has not",
        _changed(lambda files: files.update({"lib.py": b'"""Evil."""'})),
    )
    yield Broken(
        "another size",
        "WC116",
        "lib.py has",
        _changed(lambda files: files.update({"lib.py": b'"""Evil."""'})),
    )
    yield Broken(
        "a weak hash", "WC117", "only a md5", _changed(_file("RECORD", b"sha256=", b"md5="))
    )
    yield Broken("no hash", "WC117", "no hash of lib.py", _changed(_without_hashes))


def _without_hashes(files: dict[str, bytes]) -> None:
    record = f"{INFORMATION}/RECORD"
    names = files[record].decode().splitlines()
    files[record] = "".join(f"{line.partition(',')[0]},,\n" for line in names).encode()
