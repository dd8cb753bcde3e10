"""METADATA in the cache: what was written for a key is read for it, or nothing.

The threat is T3 of docs/security.md.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.cli import environment
from wheeltarget.cache.metadata_store import LARGEST, MetadataStore, key_of
from wheeltarget.cache.wheel_store import (
    DAY,
    TEMPORARY,
    NamedFiles,
    Store,
    clear,
    metadata_folder,
    prune,
    survey,
    wheel_folder,
)
from wheeltarget.utils.files import Writer

SHA256 = "ab" * 32
URL = "https://files.example/packages/lib-1.0-py3-none-any.whl"
KEY, OTHER = key_of(URL, SHA256), key_of(URL, "cd" * 32)

keys = st.sampled_from([KEY, OTHER, KEY.upper()])
contents = st.binary(max_size=300)


@pytest.fixture
def store(tmp_path: Path) -> MetadataStore:
    return MetadataStore(tmp_path / "metadata")


def files(store: NamedFiles) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


@given(writes=st.lists(st.tuples(keys, contents), max_size=5))
def test_the_last_content_is_read(writes: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, known = MetadataStore(Path(folder, "metadata")), dict[str, bytes]()
        for key, content in writes:
            store.write(key, content)
            known[key.lower()] = content
            another = MetadataStore(store.folder)
            assert {each: another.read(each) for each in known} == known
        for key in {KEY, OTHER} - {*known}:
            assert store.read(key) is None


@given(content=contents, data=st.data())
def test_a_damaged_entry_is_never_read_and_is_removed(content: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = MetadataStore(Path(folder))
        store.write(KEY, content)
        (path,) = files(store)
        right = path.read_bytes()
        wrong = data.draw(
            st.one_of(
                st.integers(0, len(right) - 1).map(lambda length: right[:length]),
                st.binary(min_size=1, max_size=9).map(lambda added: right + added),
                st.integers(0, len(right) * 8 - 1).map(lambda bit: flipped(right, bit)),
                st.binary(max_size=400),
            )
        )
        assume(wrong != right)
        path.write_bytes(wrong)
        assert store.read(KEY) is None
        assert files(store) == []
        store.write(KEY, content)
        assert store.read(KEY) == content


def flipped(content: bytes, bit: int) -> bytes:
    """Return bytes of which one bit is another."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_an_entry_under_the_name_of_another_is_removed(store: MetadataStore) -> None:
    store.write(KEY, b"Name: lib")
    (path,) = files(store)
    moved = store.folder / OTHER[:2] / OTHER[2:]
    moved.parent.mkdir()
    path.rename(moved)
    assert (store.read(KEY), store.read(OTHER)) == (None, None)
    assert not moved.exists()


@pytest.mark.parametrize("name", ["", "x", "../../secret", "g" * 64, KEY + "0", "é" * 64])
def test_other_names_are_no_keys(store: MetadataStore, name: str) -> None:
    store.write(name, b"Name: lib")
    assert store.read(name) is None
    assert not store.folder.exists()


def test_the_largest_entry(store: MetadataStore) -> None:
    store.write(KEY, b"x" * (LARGEST + 1))
    assert not store.folder.exists()
    store.write(KEY, b"x" * LARGEST)
    assert store.read(KEY) == b"x" * LARGEST
    (path,) = files(store)
    with path.open("ab") as file:
        file.truncate(50 * LARGEST)  # without taking up room
    assert store.read(KEY) is None
    assert files(store) == []


@pytest.mark.skipif(os.name == "nt", reason="no such modes")
def test_only_the_user_can_read_it(store: MetadataStore) -> None:
    mask = os.umask(0)
    try:
        store.write(KEY, b"Name: private")
    finally:
        os.umask(mask)
    (path,) = files(store)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="no pipes with names")
def test_what_is_no_file_is_not_read(store: MetadataStore, tmp_path: Path) -> None:
    path = store.folder / KEY[:2] / KEY[2:]
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert store.read(KEY) is None
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert store.read(KEY) is None
    path.unlink()
    path.mkdir()
    assert store.read(KEY) is None
    store.write(KEY, b"Name: lib")
    assert store.read(KEY) is None
    assert list((store.folder / TEMPORARY).iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_costs_only_the_entry(
    store: MetadataStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store.write(KEY, b"Name: lib")

    def write(writer: Writer, data: bytes) -> int:
        writer._handle.write(data[:40])
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "write", write)
        store.write(KEY, b"Name: other")
        store.write(OTHER, b"Name: other")
    assert (store.read(KEY), store.read(OTHER)) == (b"Name: lib", None)
    assert len(files(store)) == 1


def test_a_folder_that_cannot_be_made_costs_only_the_entry(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("not a folder")
    store = MetadataStore(tmp_path / "metadata")
    store.write(KEY, b"Name: lib")
    assert store.read(KEY) is None
    assert (tmp_path / "metadata").read_text() == "not a folder"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_costs_only_the_entry(store: MetadataStore) -> None:
    store.write(KEY, b"Name: lib")
    (store.folder / TEMPORARY).chmod(0o500)
    store.write(OTHER, b"Name: lib")
    assert (store.read(KEY), store.read(OTHER)) == (b"Name: lib", None)


def test_keys() -> None:
    same = [
        "https://user:secret@files.example/packages/lib-1.0-py3-none-any.whl",
        f"{URL}?signature=a%2Fb",
        f"{URL}#sha256={SHA256}",
        URL.replace("files.example", "Files.Example"),
    ]
    assert {key_of(url, SHA256.upper()) for url in same} == {KEY}
    others = [
        URL.replace("https", "http"),
        URL.replace("files.example", "files.example:8080"),
        URL.replace("files.example", "evil.example"),
        URL.replace("packages", "other"),
        "",
    ]
    assert len({KEY, OTHER, *(key_of(url, SHA256) for url in others)}) == 7


def test_beside_the_wheels(tmp_path: Path) -> None:
    wheels = Store(wheel_folder(tmp_path))
    assert MetadataStore.beside(wheels).folder == metadata_folder(tmp_path)


def test_use_is_recorded(store: MetadataStore) -> None:
    store.write(KEY, b"Name: lib")
    (path,) = files(store)
    os.utime(path, (1, 1))
    assert store.read(KEY) == b"Name: lib"
    ((name, size, used),) = store.entries()
    assert (name, size) == (KEY, 32 + len(b"Name: lib"))
    assert abs(used - time.time()) < 60


# --- beside the wheels of the cache folder --------------------------------------------------------


def test_metadata_is_shown_pruned_and_cleared_as_wheels_are(tmp_path: Path) -> None:
    wheels = Store(wheel_folder(tmp_path))
    metadata = MetadataStore.beside(wheels)
    with wheels.writing(hashlib.sha256(b"a" * 10).hexdigest()) as file:
        file.write(b"a" * 10)
    metadata.write(KEY, b"m" * 68)
    metadata.write(OTHER, b"m" * 18)
    usage = survey(tmp_path, 1000)
    assert (usage.wheels, usage.size, usage.metadata, usage.metadata_size) == (1, 10, 2, 150)
    assert usage.as_dict()["metadata"] == {"count": 2, "size": 150}
    old = metadata.folder / OTHER[:2] / OTHER[2:]
    os.utime(old, (time.time() - 9 * DAY,) * 2)
    removed = prune(tmp_path, max_age=5 * DAY)
    assert (removed.wheels, removed.metadata, removed.size) == (0, 1, 50)
    assert (metadata.read(OTHER), metadata.read(KEY)) == (None, b"m" * 68)
    # The limit is that of both together, and what was used last stays.
    (wheel,) = wheels.folder.glob("??/*")
    os.utime(wheel, (time.time() - DAY,) * 2)
    assert prune(tmp_path, limit=110).metadata == 0
    removed = prune(tmp_path, limit=109)
    assert (removed.wheels, removed.metadata, removed.size) == (1, 0, 10)
    dead = metadata.folder / TEMPORARY / "dead"
    dead.write_text("half")
    os.utime(dead, (1, 1))
    assert clear(tmp_path).as_dict()["removed"] == {
        "wheels": 0,
        "size": 100,
        "runs": 0,
        "metadata": 1,
    }
    assert files(metadata) == []


# --- threads and processes ------------------------------------------------------------------------


def test_threads(store: MetadataStore) -> None:
    wrong: list[object] = []

    def use(number: int) -> None:
        for turn in range(50):
            store.write(KEY, bytes([number]) * (turn + 1))
            read = store.read(KEY)
            if read is None or len({*read}) != 1:
                wrong.append(read)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(files(store)) == 1


_USERS = """
import sys
from pathlib import Path
from wheeltarget.cache.metadata_store import MetadataStore
store, key = MetadataStore(Path(sys.argv[1])), sys.argv[2]
for turn in range(300):
    store.write(key, f"content {turn % 4}".encode() * 5000)
    read = store.read(key)
    assert read is None or read in {f"content {each}".encode() * 5000 for each in range(4)}
"""


def test_processes_beside_pruning(tmp_path: Path) -> None:
    folder = metadata_folder(tmp_path)
    arguments = [sys.executable, "-c", _USERS, str(folder), KEY]
    users = [
        subprocess.Popen(arguments, env=environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    while any(user.poll() is None for user in users):
        clear(tmp_path)
    for user in users:
        assert (user.communicate()[1], user.returncode) == ("", 0)
