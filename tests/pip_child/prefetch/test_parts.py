"""METADATA that is read from parts of a wheel is what pip reads from the whole wheel."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._internal.metadata import FilesystemWheel, get_wheel_distribution

from tests.support.wheels import make_wheel
from wheeltarget.pip_child.prefetch import parts
from wheeltarget.pip_child.prefetch.parts import (
    DAMAGED,
    ContentRange,
    PartError,
    PartialFile,
    Validators,
    read_content_range,
    read_metadata,
    read_validators,
)

pytestmark = pytest.mark.seams

NAME = "proof-1.0-py3-none-any.whl"
METADATA = b"Metadata-Version: 2.1\nName: proof\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Source:
    """Bytes that are given out in parts; what was requested is recorded."""

    def __init__(self, content: bytes, tail: int) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []
        self.file = PartialFile(len(content), self.fetch)
        start = max(len(content) - tail, 0)
        self.file.add(start, content[start:])

    def fetch(self, start: int, stop: int) -> bytes:
        assert 0 <= start < stop <= len(self.content)
        self.asked.append((start, stop))
        return self.content[start:stop]


def noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that cannot be compressed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


@contextmanager
def writing(stream: io.BytesIO, comment: bytes = b"") -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        yield archive
        archive.comment = comment


def zipfile_of(members: dict[str, bytes]) -> bytes:
    """Return an archive without compression."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def wheel(**members: bytes) -> bytes:
    """Return a wheel with members after others; ``/`` in a name is ``__`` here."""
    stream = io.BytesIO()
    with writing(stream) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
        for name, content in {"METADATA": METADATA, "WHEEL": WHEEL}.items():
            archive.writestr(f"proof-1.0.dist-info/{name}", content)
    return stream.getvalue()


def as_pip_reads_it(folder: Path, content: bytes) -> bytes:
    path = folder / NAME
    path.write_bytes(content)
    found = get_wheel_distribution(FilesystemWheel(str(path)), "proof")
    return str(found.read_text("METADATA")).encode()


FILES = st.dictionaries(
    st.sampled_from(
        [f"proof/{letter}.bin" for letter in "abcdef"] + ["proof-1.0.dist-info/RECORD"]
    ),
    st.integers(0, 30_000),
)


@given(data=st.data())
def test_what_is_read_is_what_the_whole_file_has(data: st.DataObject) -> None:
    """For any sizes, compression, order, comment, junk before the archive, and size of the end."""
    metadata = METADATA + b"\n" + noise(data.draw(st.integers(0, 9_000))).hex().encode()
    members = {name: noise(size) for name, size in data.draw(FILES).items()}
    members |= {"proof-1.0.dist-info/METADATA": metadata, "proof-1.0.dist-info/WHEEL": WHEEL}
    order = data.draw(st.permutations(list(members)))
    stream = io.BytesIO()
    stream.write(noise(data.draw(st.integers(0, 500))))
    with writing(stream, noise(data.draw(st.sampled_from([0, 1, 300, 65_535])))) as archive:
        for name in order:
            info = zipfile.ZipInfo(name)
            info.compress_type = data.draw(st.sampled_from([zipfile.ZIP_STORED, 8]))
            with archive.open(info, "w", force_zip64=data.draw(st.booleans())) as member:
                member.write(members[name])
    content = stream.getvalue()
    source = Source(content, data.draw(st.integers(0, len(content) + 10)))
    assert read_metadata(source.file, NAME) == metadata
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        assert whole.read("proof-1.0.dist-info/METADATA") == metadata


def test_few_requests_are_needed() -> None:
    """The members at the end come with it; others with one request for the directory, and one."""
    files = {f"proof__{n}.bin": noise(40_000, n) for n in range(9)}
    at_the_end = Source(wheel(**files), parts.TAIL)
    assert read_metadata(at_the_end.file, NAME) == METADATA
    assert at_the_end.asked == []
    stream = io.BytesIO()
    with writing(stream) as archive:
        archive.writestr("proof-1.0.dist-info/METADATA", METADATA)
        archive.writestr("proof-1.0.dist-info/WHEEL", WHEEL)
        for n in range(2_000):
            archive.writestr(f"proof/{n}-{'x' * 60}", noise(99, n))
    at_the_start = Source(stream.getvalue(), parts.TAIL)
    assert read_metadata(at_the_start.file, NAME) == METADATA
    assert len(at_the_start.asked) == 2
    assert sum(stop - start for start, stop in at_the_start.asked) < len(stream.getvalue()) * 0.6


def test_it_is_what_pip_reads(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "Proof", "1.0", requires=["other>=1"])
    source = Source(path.read_bytes(), 100)
    assert read_metadata(source.file, path.name) == as_pip_reads_it(tmp_path, path.read_bytes())


def test_members_of_the_same_name(tmp_path: Path) -> None:
    """The last one counts for pip, also if its name is spelled with a dot."""
    first = METADATA + b"Summary: first\n"
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = with_member("proof-1.0.dist-info__METADATA", first)
    assert read_metadata(Source(content, 100).file, NAME) == METADATA
    assert as_pip_reads_it(tmp_path, content) == METADATA
    stream = io.BytesIO(wheel())
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("proof-1.0.dist-info/./METADATA", first)
    assert as_pip_reads_it(tmp_path, stream.getvalue()) == first
    with pytest.raises(PartError, match="several"):
        read_metadata(Source(stream.getvalue(), 100).file, NAME)


def with_member(name: str, content: bytes) -> bytes:
    return wheel(**{name: content})


BROKEN = {
    "no archive": noise(500),
    "empty": b"",
    "no end": wheel()[:-30],
    "no wheel": zipfile_of({"proof/__init__.py": b""}),
    "two directories": with_member("other-1.dist-info__METADATA", b""),
    "another project": zipfile_of(
        {"other-1.0.dist-info/METADATA": METADATA, "other-1.0.dist-info/WHEEL": WHEEL}
    ),
    "no METADATA": zipfile_of({"proof-1.0.dist-info/WHEEL": WHEEL}),
    "no WHEEL": zipfile_of({"proof-1.0.dist-info/METADATA": METADATA}),
    "another version of the format": zipfile_of(
        {
            "proof-1.0.dist-info/METADATA": METADATA,
            "proof-1.0.dist-info/WHEEL": WHEEL.replace(b"1.0", b"1.9", 1),
        }
    ),
    "no text": zipfile_of(
        {"proof-1.0.dist-info/METADATA": b"\xff\xfe", "proof-1.0.dist-info/WHEEL": WHEEL}
    ),
    "flipped byte": zipfile_of(
        {"proof-1.0.dist-info/METADATA": METADATA, "proof-1.0.dist-info/WHEEL": WHEEL}
    ).replace(b"Name: proof", b"Name: qroof"),
    "METADATA twice": with_member("proof-1.0.dist-info__.__METADATA", METADATA),
    "empty METADATA": zipfile_of(
        {
            "proof-1.0.dist-info/METADATA": b"",
            "proof-1.0.dist-info/PKG-INFO": METADATA,
            "proof-1.0.dist-info/WHEEL": WHEEL,
        }
    ),
    "METADATA over the limit": zipfile_of(
        {"proof-1.0.dist-info/METADATA": b"x" * 10_000_001, "proof-1.0.dist-info/WHEEL": WHEEL}
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_is_wrong_the_whole_wheel_is_needed(name: str) -> None:
    with pytest.raises(DAMAGED):
        read_metadata(Source(BROKEN[name], 50).file, NAME)


def test_directory_over_the_limit_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LONGEST", 5_000)
    stream = io.BytesIO()
    with writing(stream) as archive:
        for n in range(200):
            archive.writestr(f"proof/{n}", b"")
    source = Source(stream.getvalue(), 200)
    with pytest.raises(PartError, match="is needed"):
        read_metadata(source.file, NAME)
    assert all(stop - start <= 5_000 for start, stop in source.asked)


def test_only_what_is_missing_is_fetched() -> None:
    source = Source(bytes(range(100)), 20)
    source.file.add(0, source.content[:10])
    source.file.need(5, 95)
    source.file.need(0, 100)
    source.file.need(40, 40)
    assert source.asked == [(10, 80)]
    source.file.seek(-100, 2)
    assert source.file.read() == source.content
    assert source.file.read(5) == b""


def test_answer_that_is_too_short_is_an_error() -> None:
    file = PartialFile(100, lambda _start, _stop: b"short")
    with pytest.raises(PartError, match="missing"):
        file.read(50)


def test_content_range() -> None:
    headers = {"Content-Range": "Bytes 5-9/100", "Content-Length": "5"}
    assert read_content_range(headers) == ContentRange(5, 10, 100)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Range": "bytes */100"},
        {"Content-Range": "bytes 5-9/*"},
        {"Content-Range": "bytes 9-5/100"},
        {"Content-Range": "bytes 90-100/100"},
        {"Content-Range": "bytes 5-9/100, bytes 20-30/100"},
        {"Content-Range": "bytes \u0665-\u0669/100"},
        {"Content-Range": f"bytes 0-9/{'9' * 400}"},
        {"Content-Range": "bytes 5-9/100", "Content-Encoding": "gzip"},
        {"Content-Range": "bytes 5-9/100", "Content-Length": "6"},
        {"Content-Type": "multipart/byteranges; boundary=x", "Content-Length": "500"},
    ],
)
def test_answer_that_is_not_one_part_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PartError):
        read_content_range(headers)


def test_only_a_strong_etag_stands_for_the_bytes() -> None:
    assert read_validators({"ETag": ' "a" '}).strong_etag == '"a"'
    assert read_validators({"ETag": 'W/"a"'}).strong_etag == ""
    assert read_validators({"Last-Modified": "now"}) == Validators("", "now")
    assert read_validators({}).strong_etag == ""
