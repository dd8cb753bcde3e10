"""The wheel store: what is in it has its hash, whoever writes it, and however a run ends."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.cli import environment
from wheeltarget.cache.wheel_store import TEMPORARY, Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.utils.files import Digest, Writer, hash_file

CONTENT = b"a wheel" * 1000
OTHER = b"the wheel of somebody else"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(store: Store, content: bytes) -> Path:
    """Write a file and give its place."""
    with store.writing(sha256(content)) as writer:
        writer.write(content)
    path = store.find(sha256(content))
    assert path is not None
    return path


def leftovers(store: Store) -> list[Path]:
    return list((store.folder / TEMPORARY).iterdir())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@given(pieces=st.lists(st.binary(max_size=50), max_size=5), upper=st.booleans())
def test_what_goes_in_comes_out(*, pieces: list[bytes], upper: bool) -> None:
    content = b"".join(pieces)
    digest = sha256(content).upper() if upper else sha256(content)
    with tempfile.TemporaryDirectory() as folder:
        store, target = Store(Path(folder, "store")), Path(folder, "target")
        assert (store.find(digest), store.take(digest, target)) == (None, None)
        with store.writing(digest) as writer:
            for piece in pieces:
                writer.write(piece)
        assert store.take(digest, target)
        assert target.read_bytes() == content
        assert leftovers(store) == []


@given(content=st.binary(max_size=50), expected=st.binary(max_size=50))
def test_what_has_another_hash_does_not_go_in(content: bytes, expected: bytes) -> None:
    assume(content != expected)
    wrong = sha256(expected)
    with tempfile.TemporaryDirectory() as folder:
        store, path = Store(Path(folder, "store")), Path(folder, "file")
        path.write_bytes(content)
        with pytest.raises(HashMismatchError) as raised, store.writing(wrong) as writer:
            writer.write(content)
        assert raised.value.message == f"expected the sha256 {wrong}, got {sha256(content)}"
        with pytest.raises(HashMismatchError):
            store.add(wrong, path)
        assert (store.find(wrong), store.find(sha256(content))) == (None, None)
        assert leftovers(store) == []
        assert path.read_bytes() == content


@pytest.mark.parametrize("digest", ["", "../../outside", "a" * 63, "g" * 64, "ab/" + "c" * 61])
def test_what_is_no_hash_is_not_there(store: Store, tmp_path: Path, digest: str) -> None:
    assert (store.find(digest), store.take(digest, tmp_path / "target")) == (None, None)
    store.remove(digest)
    with pytest.raises(HashMismatchError), store.writing(digest) as writer:
        writer.write(CONTENT)


def test_taken_files_are_links_with_the_mode_of_new_files(store: Store, tmp_path: Path) -> None:
    path = put(store, CONTENT)
    for name in ("one", "two"):
        assert store.take(sha256(CONTENT), tmp_path / name)
    assert path.stat().st_nlink == 3
    (tmp_path / "new").touch()
    assert path.stat().st_mode == (tmp_path / "new").stat().st_mode


@pytest.mark.parametrize("linked", [True, False])
def test_written_and_taken_in_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    if not linked:
        monkeypatch.setattr(os, "link", refuse)
    with store.writing(sha256(CONTENT), tmp_path / "taken") as writer:
        writer.write(memoryview(CONTENT))
    kept = store.find(sha256(CONTENT))
    assert kept is not None
    assert (tmp_path / "taken").read_bytes() == CONTENT
    assert (tmp_path / "taken").samefile(kept) is linked
    with pytest.raises(FileExistsError), store.writing(sha256(OTHER), tmp_path / "taken") as writer:
        writer.write(OTHER)
    assert (tmp_path / "taken").read_bytes() == CONTENT
    with pytest.raises(HashMismatchError), store.writing(sha256(OTHER), tmp_path / "no") as writer:
        writer.write(CONTENT)
    assert not (tmp_path / "no").exists()
    assert leftovers(store) == []


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    put(store, CONTENT)
    target = tmp_path / "target"
    target.write_bytes(OTHER)
    with pytest.raises(FileExistsError):
        store.take(sha256(CONTENT), target)
    assert target.read_bytes() == OTHER


def test_a_file_on_the_disk_is_added_by_linking(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    store.add(sha256(CONTENT), path)
    store.add(sha256(CONTENT), path)
    found = store.find(sha256(CONTENT))
    assert found is not None
    assert found.samefile(path)
    path.unlink()
    assert found.read_bytes() == CONTENT
    assert leftovers(store) == []


def test_a_file_that_is_added_keeps_its_time(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    os.utime(path, (1_000_000, 1_000_000))
    store.add(sha256(CONTENT), path)
    assert path.stat().st_mtime == 1_000_000


def test_what_earlier_versions_left_is_swept_away(store: Store) -> None:
    there = put(store, CONTENT)
    Path(f"{there}.stamp").write_text("7000 0")
    store.sweep()
    assert list(store.folder.glob("??/*")) == [there]


def _damage_in_place(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.write(b"damaged")


def _damage_without_a_trace(path: Path) -> None:
    """Leave size and time as they were."""
    before = path.stat()
    with path.open("r+b") as handle:
        handle.write(b"damaged")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _cut_short(path: Path) -> None:
    os.truncate(path, 10)


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(OTHER)


def _make_a_link(path: Path) -> None:
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


_DAMAGES = [_damage_in_place, _damage_without_a_trace, _cut_short, _replace]


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_file_is_removed(
    store: Store, tmp_path: Path, damage: Callable[[Path], None], *, linked: bool
) -> None:
    path = put(store, CONTENT)
    link = tmp_path / "link"
    assert store.take(sha256(CONTENT), link)
    damage(path if damage is _replace else link)
    store._mode = store._mode if linked else 0
    assert store.take(sha256(CONTENT), tmp_path / "again") is None
    assert not path.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "store"]
    assert put(store, CONTENT).read_bytes() == CONTENT


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_file_is_not_found(store: Store, damage: Callable[[Path], None]) -> None:
    path = put(store, CONTENT)
    damage(path)
    assert store.locate(sha256(CONTENT)) == path
    assert store.find(sha256(CONTENT)) is None
    assert not path.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a privilege")
def test_a_link_in_the_store_is_not_taken(store: Store, tmp_path: Path) -> None:
    _make_a_link(put(store, CONTENT))
    assert store.find(sha256(CONTENT)) is None
    assert store.take(sha256(CONTENT), tmp_path / "target") is None


@pytest.mark.parametrize("linked", [True, False])
def test_what_is_hashed_is_what_was_taken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    """Another process swaps the file in the store at the last moment."""
    path = put(store, CONTENT)
    real = store._put

    def swap_and_put(source: Path, status: os.stat_result, target: Path) -> Digest | None:
        spare = path.with_name("spare")
        spare.write_bytes(OTHER)
        spare.replace(path)
        return real(source, status, target)

    monkeypatch.setattr(store, "_put", swap_and_put)
    store._mode = store._mode if linked else 0
    assert store.take(sha256(CONTENT), tmp_path / "target") is None
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("linked", [True, False])
def test_a_new_file_is_taken_from_its_draft(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    """What another process puts into the store under its name is not what was hashed."""
    real = store._keep

    def keep_and_swap(draft: Path, expected: str, digest: Digest) -> None:
        real(draft, expected, digest)
        _replace(store.folder / digest.sha256[:2] / digest.sha256[2:])

    monkeypatch.setattr(store, "_keep", keep_and_swap)
    store._mode = store._mode if linked else 0
    with store.writing(sha256(CONTENT), tmp_path / "target") as writer:
        writer.write(CONTENT)
    assert hash_file(tmp_path / "target") == writer.digest
    assert writer.digest.sha256 == sha256(CONTENT)


def test_a_file_that_cannot_be_read_is_as_good_as_damaged(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> Digest:
        raise OSError(errno.EIO, "Input/output error")

    path = put(store, CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr("wheeltarget.cache.wheel_store.hash_file", fail)
        assert store.take(sha256(CONTENT), tmp_path / "target") is None
    assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has one mode")
def test_another_mode_than_that_of_new_files_makes_a_copy(store: Store, tmp_path: Path) -> None:
    path = put(store, CONTENT)
    path.chmod(0o400)
    assert store.take(sha256(CONTENT), tmp_path / "target")
    (tmp_path / "new").touch()
    target, new = (tmp_path / "target").stat(), (tmp_path / "new").stat()
    assert (target.st_mode, target.st_nlink) == (new.st_mode, 1)
    assert (tmp_path / "target").read_bytes() == CONTENT


@pytest.fixture
def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a file system of one's own."""

    def link(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("_no_links")
def test_across_file_systems_files_are_copied(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    store.add(sha256(CONTENT), path)
    target = tmp_path / "target"
    assert store.take(sha256(CONTENT), target)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_nlink == 1
    with pytest.raises(FileExistsError):
        store.take(sha256(CONTENT), target)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "store", "target"]


@pytest.mark.usefixtures("_no_links")
def test_half_a_copy_is_not_left(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, CONTENT)

    def write(self: Writer, data: bytes) -> int:
        self._handle.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Writer, "write", write)
    with pytest.raises(OSError, match="No space left"):
        store.take(sha256(CONTENT), tmp_path / "target")
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_cleared_away_meanwhile_is_not_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    path = put(store, CONTENT)
    look = store._look

    def look_then_remove(digest: str) -> object:
        found = look(digest)
        store.remove(digest)
        return found

    monkeypatch.setattr(store, "_look", look_then_remove)
    if not links:
        monkeypatch.setattr(store, "_mode", 0)
    assert not store.take(sha256(CONTENT), tmp_path / "target")
    assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def test_an_error_while_writing_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.writing(sha256(CONTENT)) as writer:
            writer.write(CONTENT)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert store.find(sha256(CONTENT)) is None
    assert leftovers(store) == []


def test_use_is_noted(store: Store, tmp_path: Path) -> None:
    path = put(store, CONTENT)
    os.utime(path, (1_000_000, 2_000_000))
    assert store.take(sha256(CONTENT), tmp_path / "target")
    ((_, _, used),) = store.entries()
    assert time.time() - used < 60
    assert path.stat().st_mtime == 2_000_000


def _processes(script: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    for number in range(4):
        yield subprocess.Popen(
            [sys.executable, "-c", script, *words, str(number)],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )


_WRITERS = """
import hashlib, sys
from pathlib import Path
from wheeltarget.cache.wheel_store import Store
store, number = Store(Path(sys.argv[1])), sys.argv[2]
for turn in range(20):
    content = f"content {turn % 5}".encode() * 20000
    digest = hashlib.sha256(content).hexdigest()
    with store.writing(digest) as writer:
        for start in range(0, len(content), 9999):
            writer.write(content[start : start + 9999])
    target = Path(sys.argv[1], f"{number}-{turn}")
    if turn % 7 == 6:
        store.remove(digest)
    elif store.take(digest, target):
        assert target.read_bytes() == content
        target.unlink()
"""


def test_processes_write_the_same_files_at_once(store: Store) -> None:
    store.folder.mkdir()
    running = list(_processes(_WRITERS, str(store.folder)))
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert leftovers(store) == []
    for turn in range(5):
        content = f"content {turn}".encode() * 20000
        found = store.find(sha256(content))
        assert found is None or found.read_bytes() == content


_KILLED = """
import sys
from pathlib import Path
from wheeltarget.cache.wheel_store import Store
with Store(Path(sys.argv[1])).writing(sys.argv[2]) as writer:
    writer.write(b"half of it")
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_a_killed_writer_leaves_nothing_that_counts(store: Store) -> None:
    digest = sha256(b"half of it")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(store.folder), digest],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"begun"
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    assert store.find(digest) is None
    assert put(store, b"half of it").read_bytes() == b"half of it"
