"""The cache folder and its wheel store, in which each file has its hash however a run ends."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.cli import Result, environment, names, wheeltarget
from wheeltarget.cache.wheel_store import (
    DAY,
    TEMPORARY,
    Store,
    cache_folder,
    clear,
    is_refused,
    prepare,
    prune,
    prune_after_run,
    read_size,
    records_folder,
    survey,
    wheel_folder,
)
from wheeltarget.errors import CacheError, HashMismatchError, UsageError
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.utils.files import Digest, Writer, hash_file
from wheeltarget.utils.system import is_ours

CONTENT = b"a wheel" * 1000
OTHER = b"another user's wheel"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(store: Store, content: bytes) -> Path:
    """Write a file, and return its path."""
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
def test_invalid_hashes_are_not_found(store: Store, tmp_path: Path, digest: str) -> None:
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


def _processes(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    for number in range(4):
        yield subprocess.Popen(
            [sys.executable, "-c", script, *arguments, str(number)],
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


def put_wheel(folder: Path, content: bytes, *, unused_for: float = 0) -> Path:
    """Put a file into the store of a cache folder, and return its path."""
    store = Store(wheel_folder(folder))
    digest = hashlib.sha256(content).hexdigest()
    with store.writing(digest) as writer:
        writer.write(content)
    path = store.find(digest)
    assert path is not None
    used = time.time() - unused_for
    os.utime(path, (used, used))
    return path


def remember(folder: Path, name: str, *, until: float) -> Path:
    """Put a recorded run into a cache folder."""
    file = records_folder(folder) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"until": until}))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run(*arguments: str, **variables: str) -> Result:
    return wheeltarget("cache", *arguments, cwd=Path.cwd(), variables=variables)


@pytest.mark.parametrize("home", [None, "", "relative", "/somewhere/caches"])
def test_same_folder_as_platformdirs(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("WHEELTARGET_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", home)
    if home == "relative":
        # Which the specification says to pass over; the oldest platformdirs does not.
        found = cache_folder(os.environ)
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert found == Path(platformdirs.user_cache_dir("wheeltarget", appauthor=False))
        return
    expected = platformdirs.user_cache_dir("wheeltarget", appauthor=False)
    assert cache_folder(os.environ) == Path(expected)


def test_variable_names_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder({"WHEELTARGET_CACHE_DIR": "~/mine"}) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert cache_folder({"WHEELTARGET_CACHE_DIR": "mine"}) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("arguments", "settings", "refused"),
    [
        ("", {}, False),
        ("--no-cache-dir", {}, True),
        ("--no-cache-dir --cache-dir there", {}, False),
        ("--cache-dir there --no-cache-dir", {}, True),
        ("--cache-dir=", {}, True),
        ("", {"no-cache-dir": "0"}, True),
        ("--cache-dir there", {"no-cache-dir": "1"}, False),
    ],
)
def test_who_refuses_pips_cache_refuses_this_one(
    arguments: str, settings: dict[str, str], *, refused: bool
) -> None:
    assert is_refused(split_command_line(arguments.split()), settings) is refused


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be another user")
def test_root_leaves_nothing_in_a_users_cache(folder: Path) -> None:
    """And takes nothing from there, since the user could put anything in it."""
    folder.mkdir()
    os.chown(folder, 12345, -1)
    assert "belongs to another user" in prepare(folder / "below")
    assert list(folder.iterdir()) == []
    assert not is_ours(folder / "below")
    os.chown(folder, 0, -1)
    assert is_ours(folder / "below")


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("1kB", 1000), (" 2.5 gb ", 2_500_000_000), ("3MiB", 3 << 20)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert read_size(text, "it") == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5.2MB", "3 parsecs", "GB", "1e9", "9" * 400])
def test_invalid_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"it: .* is not a size"):
        read_size(text, "it")


def test_dir_and_info(folder: Path) -> None:
    assert run("dir").stdout == f"{folder}\n"
    empty = run("info").stdout
    assert empty.splitlines() == [
        f"Folder    {folder}",
        "Wheels    0, 0 bytes",
        "Metadata  of 0 wheels, 0 bytes",
        "Limit     10.0 GB for both",
        "Runs      0 remembered, 0 that may still hold",
    ]
    assert not folder.exists()
    put_wheel(folder, b"x" * 1500)
    remember(folder, "one", until=time.time() + 60)
    remember(folder, "two", until=0)
    (records_folder(folder) / "three.json").write_text("no JSON")
    assert json.loads(run("info", "--format", "json", WHEELTARGET_CACHE_LIMIT="2MB").stdout) == {
        "schema": 1,
        "folder": str(folder),
        "wheels": {"count": 1, "size": 1500, "limit": 2_000_000},
        "metadata": {"count": 0, "size": 0},
        "runs": {"count": 3, "current": 1},
    }


def test_prune_by_age_and_by_size(folder: Path) -> None:
    kept = put_wheel(folder, b"new" * 10)
    old = put_wheel(folder, b"old" * 10, unused_for=3 * DAY)
    older = put_wheel(folder, b"older" * 10, unused_for=9 * DAY)
    stale, current = remember(folder, "a", until=1), remember(folder, "b", until=time.time() + 60)
    dead = wheel_folder(folder) / TEMPORARY / "dead"
    dead.write_text("half")
    os.utime(dead, (1, 1))
    alive = dead.with_name("alive")
    alive.write_text("half")
    draft = stale.with_name("draft.part")
    draft.write_text("half")
    os.utime(draft, (1, 1))
    assert run("prune").stdout == "Removed 1 remembered run\n"
    assert [stale.exists(), current.exists(), dead.exists(), alive.exists()] == [False, True] * 2
    assert not draft.exists()
    assert run("prune").stdout == "Nothing to remove\n"
    assert run("prune", "--max-age", "5").stdout == "Removed 1 wheel, 50 bytes\n"
    assert [kept.exists(), old.exists(), older.exists()] == [True, True, False]
    done = run("prune", "--max-size", "0.04kB", "--format", "json").stdout
    removed = {"wheels": 1, "size": 30, "runs": 0, "metadata": 0}
    assert json.loads(done) == {"schema": 1, "removed": removed}
    assert [kept.exists(), old.exists()] == [True, False]


def test_clear_reports_what_it_removed(folder: Path, tmp_path: Path) -> None:
    path = put_wheel(folder, b"wheel")
    put_wheel(folder, b"another")
    remember(folder, "one", until=time.time() + 60)
    assert Store(wheel_folder(folder)).take(
        hashlib.sha256(b"wheel").hexdigest(), tmp_path / "linked"
    )
    assert run("clear").stdout == "Removed 2 wheels, 12 bytes and 1 remembered run\n"
    assert not path.exists()
    assert (tmp_path / "linked").read_bytes() == b"wheel"
    assert [each for each in folder.rglob("*") if each.is_file()] == []
    assert run("clear").stdout == "Nothing to remove\n"


def test_errors_are_reported() -> None:
    wrong = run("prune", "--max-size", "much")
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "error: --max-size: 'much' is not a size\n  write it like 500MB or 2.5GB\n",
    )
    limit = run("info", WHEELTARGET_CACHE_LIMIT="much")
    assert (limit.exit_code, limit.stdout) == (2, "")
    assert "WHEELTARGET_CACHE_LIMIT: 'much' is not a size" in limit.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may remove anything")
def test_errors_of_removing_are_reported(folder: Path) -> None:
    path = put_wheel(folder, b"wheel")
    path.parent.chmod(0o500)
    result = run("clear")
    path.parent.chmod(0o700)
    assert result.exit_code == 3
    assert "cannot remove" in result.stderr


def test_errors_of_reading_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Store) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Store, "entries", fail)
    for use in (lambda: survey(folder, 1), lambda: clear(folder)):
        with pytest.raises(CacheError, match=r"cannot read \S+cache: Permission denied"):
            use()


sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), max_size=6)


@given(files=sizes, limit=st.integers(0, 40))
def test_the_limit_is_kept_and_no_more_is_removed_than_needed(
    files: list[tuple[int, int]], limit: int
) -> None:
    """What was used last stays; one that is left out would not have had room."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            (
                put_wheel(folder, bytes([number] * size), unused_for=3600 * (number + age * 10)),
                size,
            )
            for number, (size, age) in enumerate(files)
        ]
        before = survey(folder, limit)
        removed = prune(folder, limit=limit)
        after = survey(folder, limit)
        assert after.size <= limit
        assert (after.wheels + removed.wheels, after.size + removed.size) == (
            before.wheels,
            before.size,
        )
        gone = [size for path, size in paths if not path.exists()]
        assert all(after.size + size > limit for size in gone)


def test_room_is_made_once_a_day(folder: Path) -> None:
    folder.mkdir()
    first = put_wheel(folder, b"first")
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert not first.exists()
    second = put_wheel(folder, b"second")
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert second.exists()
    os.utime(folder / "pruned", (1, 1))
    assert prune_after_run(folder, {"WHEELTARGET_CACHE_LIMIT": "0"}) == ""
    assert not second.exists()


_USERS = """
import hashlib, sys
from pathlib import Path
from wheeltarget.cache.wheel_store import Store
store = Store(Path(sys.argv[1]))
for turn in range(150):
    content = f"content {turn % 4}".encode() * 5000
    digest = hashlib.sha256(content).hexdigest()
    target = Path(sys.argv[2], str(turn))
    if not store.take(digest, target):
        with store.writing(digest) as writer:
            writer.write(content)
        taken = store.take(digest, target)
    assert not target.exists() or target.read_bytes() == content
"""


def test_clearing_beside_a_running_download_hurts_neither(folder: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", _USERS, str(wheel_folder(folder)), str(tmp_path)]
    with subprocess.Popen(
        arguments, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                clear(folder)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")


@pytest.mark.usefixtures("_no_links")
@pytest.mark.parametrize("length", [226, 239, 255])
def test_copy_with_a_long_name(store: Store, tmp_path: Path, length: int) -> None:
    put(store, CONTENT)
    target = tmp_path / ("x" * (length - 4) + ".whl")
    assert store.take(sha256(CONTENT), target)
    assert names(tmp_path) == ["store", target.name]
