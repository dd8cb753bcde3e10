"""Files that were damaged with their size and time left as they were: none of them is placed.

Each verb that places or copies files meets one. What a name, a lock or an earlier run claims a file
to be counts for nothing before the file was hashed.

The threats are T3 and T4 of docs/security.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest

from tests.commands.download.test_replay import trusting
from tests.support.cli import names, wheeltarget
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.locks import TAG, lock_text
from tests.support.wheels import damage, make_wheel
from wheeltarget.cache.wheel_store import cache_folder, records_folder, wheel_folder
from wheeltarget.commands import prune
from wheeltarget.commands.bundle import wheels as locked_wheels
from wheeltarget.commands.download import replay
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadOutcome, DownloadRequest
from wheeltarget.commands.merge import MergeRequest, merge
from wheeltarget.errors import DestinationError, DownloadError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult, refuse_changed
from wheeltarget.resolver.plan import Job
from wheeltarget.utils.files import Digest, Hashes, Mark, copy_file, hash_file, stamp_of
from wheeltarget.wheelhouse import merge as wheelhouse

LOCK = "pylock.toml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in, and work in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    return folder


@pytest.fixture
def wheels(tmp_path: Path, index: LocalIndex) -> list[Path]:  # noqa: ARG001 - it serves the folder
    return [make_wheel(tmp_path / "index", name) for name in ("one", "two")]


def fetch(*arguments: str) -> DownloadOutcome:
    """Download from the lock in this process."""
    outcome = download_locked(DownloadRequest(("-r", LOCK, "-d", "house", *arguments)))
    assert outcome is not None
    return outcome


def stored() -> list[Path]:
    return sorted(wheel_folder(cache_folder(os.environ)).glob("??/*"))


def is_right(folder: Path, wheels: list[Path]) -> bool:
    """Tell whether a folder has some wheels, byte for byte, and nothing else."""
    same = [(folder / wheel.name).read_bytes() == wheel.read_bytes() for wheel in wheels]
    return all(same) and names(folder) == sorted(wheel.name for wheel in wheels)


class TestLock:
    """A download from a lock, which alone says what a file has to be."""

    @pytest.mark.parametrize("options", [(), ("--no-cache-dir",)])
    def test_damage_in_the_destination(
        self, project: Path, wheels: list[Path], index: LocalIndex, options: tuple[str, ...]
    ) -> None:
        (project / LOCK).write_text(lock_text(wheels, index.base))
        fetch(*options)
        damage(project / "house" / wheels[0].name)
        outcome = fetch(*options)
        assert is_right(project / "house", wheels)
        assert [file.new for file in outcome.targets[0].files] == [True, False]

    def test_damage_in_the_store(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        (project / LOCK).write_text(lock_text(wheels, index.base))
        fetch()
        shutil.rmtree(project / "house")
        for path in stored():
            damage(path)
        index.clear()
        fetch()
        assert is_right(project / "house", wheels)
        assert index.count(".whl") == 2
        digests = [path.parent.name + path.name for path in stored()]
        assert [hash_file(path).sha256 for path in stored()] == digests
        assert len(digests) == 2

    def test_damage_in_the_store_that_cannot_be_made_good(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        (project / LOCK).write_text(lock_text(wheels, index.base))
        fetch()
        shutil.rmtree(project / "house")
        for path in stored():
            damage(path)
            (wheels[0] if wheels[0].exists() else wheels[1]).unlink()
        done = run_here("download", "-r", LOCK, "-d", "house", cwd=project)
        assert done.exit_code == 1
        assert "cannot fetch" in done.stderr
        assert names(project) == [LOCK]

    def test_wheelhouse_edited_after_it_was_linked(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        """The file in the wheelhouse is the file in the store."""
        (project / LOCK).write_text(lock_text(wheels, index.base))
        fetch()
        (project / "house").rename(project / "edited")
        damage(project / "edited" / wheels[0].name)
        fetch()
        assert is_right(project / "house", wheels)

    def test_one_file_under_two_names(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        """In the destination, one name's file is a link to the other's."""
        (project / LOCK).write_text(lock_text(wheels, index.base))
        (project / "house").mkdir()
        shutil.copyfile(wheels[0], project / "house" / wheels[0].name)
        (project / "house" / wheels[1].name).hardlink_to(project / "house" / wheels[0].name)
        fetch()
        assert is_right(project / "house", wheels)

    def test_damage_beside_the_lock(self, project: Path, wheels: list[Path]) -> None:
        text = lock_text(wheels[:1], "http://h")
        url = f'url = "http://h/files/{wheels[0].name}"'
        (project / LOCK).write_text(text.replace(url, f'path = "../index/{wheels[0].name}"'))
        damage(wheels[0])
        done = run_here("download", "-r", LOCK, "-d", "house", cwd=project)
        assert "does not exist, or does not have the hash in the lock" in done.stderr
        assert names(project) == [LOCK]

    def test_damage_in_a_folder_of_find_links(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        (project / LOCK).write_text(lock_text(wheels, index.base))
        wheels[0].rename(project / wheels[0].name)
        damage(project / wheels[0].name)
        arguments = ("-r", LOCK, "-d", "house", "--find-links", ".", "--no-index")
        done = wheeltarget("download", *arguments, cwd=project)
        assert done.exit_code == 1
        assert f"cannot fetch {index.base}/files/{wheels[0].name}: 404" in done.stderr
        assert not (project / "house").exists()

    def test_damage_in_pips_own_cache(
        self, project: Path, wheels: list[Path], index: LocalIndex, tmp_path: Path
    ) -> None:
        """A netrc file, whatever is in it, takes pip's session, and with it pip's cache."""
        (tmp_path / "netrc").touch(0o600)
        index.file_headers = {"Cache-Control": "max-age=365000000, immutable, public"}
        (project / LOCK).write_text(lock_text(wheels[:1], index.base))
        no_store = str(project / LOCK)
        arguments = ["-r", LOCK, "-d", "house", "--cache-dir", str(tmp_path / "pip-cache")]
        arguments += ["--trusted-host", "127.0.0.1"]  # pip keeps nothing of what is not encrypted

        def fetch_again() -> int:
            variables = {"NETRC": str(tmp_path / "netrc"), "WHEELTARGET_CACHE_DIR": no_store}
            done = wheeltarget("download", *arguments, cwd=project, variables=variables)
            assert done.exit_code == 0, done.stderr
            assert is_right(project / "house", wheels[:1])
            shutil.rmtree(project / "house")
            return index.count(".whl")

        assert [fetch_again(), fetch_again()] == [1, 1]
        for path in (tmp_path / "pip-cache").rglob("*.body"):
            damage(path)
        assert [fetch_again(), fetch_again()] == [2, 2]

    def test_what_is_reported_was_computed(
        self, project: Path, wheels: list[Path], index: LocalIndex
    ) -> None:
        (project / LOCK).write_text(lock_text(wheels, index.base).replace("size = ", "# size = "))
        for file, wheel in zip(fetch().targets[0].files, wheels, strict=True):
            assert file.hashes == (("sha256", hash_file(wheel).sha256),)
            assert file.size == wheel.stat().st_size


class TestMemory:
    """A run that is answered from memory."""

    @pytest.fixture
    def arguments(self, project: Path, wheels: list[Path], index: LocalIndex) -> list[str]:
        assert wheels
        index.page_headers = {"Cache-Control": "max-age=600, public"}
        (project / "r.txt").write_text(f"one  # tags={TAG}\n")
        return [
            *("download", f"--cache-dir={project.parent / 'pip-cache'}", *index.pip_args()),
            *("--dest", "house", "-r", "r.txt", "--format", "json"),
        ]

    @trusting
    @pytest.mark.parametrize("is_there", [True, False])
    def test_damage(
        self, project: Path, wheels: list[Path], arguments: list[str], *, is_there: bool
    ) -> None:
        """Without a trace in size and time, in the destination as in the store."""
        time.sleep(0.03)  # what was changed at the moment a run begins is not remembered
        assert wheeltarget(*arguments, cwd=project).exit_code == 0
        assert any(records_folder(cache_folder(os.environ)).glob("*.json"))
        placed = project / "house" / wheels[0].name
        damage(placed)
        if not is_there:
            placed.unlink()
        done = wheeltarget(*arguments, cwd=project)
        assert done.exit_code == 0, done.stderr
        assert is_right(project / "house", wheels[:1])
        (file,) = json.loads(done.stdout)["targets"][0]["files"]
        assert file["hashes"] == {"sha256": hash_file(wheels[0]).sha256}

    @trusting
    def test_what_is_as_it_was_is_not_hashed_again(
        self, project: Path, wheels: list[Path], arguments: list[str]
    ) -> None:
        """Each run notes what it has left: the first one, and those that linked or hashed it."""
        time.sleep(0.03)
        placed = project / "house" / wheels[0].name
        mark: Mark | None = None
        for change in ("none", "touched", "gone"):
            if change == "touched":
                placed.touch()
            elif change == "gone":
                placed.unlink()
            done = wheeltarget(*arguments, cwd=project)
            assert done.exit_code == 0, done.stderr
            (record,) = records_folder(cache_folder(os.environ)).glob("*.json")
            mark = stamp_of(placed.lstat())
            assert json.loads(record.read_text())["marks"] == {str(placed): [*(mark or ())]}
            assert "Unchanged since" in wheeltarget(*arguments, cwd=project).stderr
        assert replay._is_unchanged(placed, mark, "another") is (os.name != "nt")
        placed.touch()
        assert not replay._is_unchanged(placed, mark, "another")
        assert replay._is_unchanged(placed, mark, hash_file(placed).sha256)


class TestMerge:
    """Wheelhouses joined."""

    def test_damage_is_a_clash(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "one", "lib")
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        damage(tmp_path / "two" / wheel.name)
        done = run_here("merge", "one", "two", "-d", "all", cwd=tmp_path)
        assert "is two different files" in done.stderr
        assert not (tmp_path / "all").exists()

    def test_damage_in_the_destination(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "one", "lib")
        shutil.copytree(tmp_path / "one", tmp_path / "all")
        damage(tmp_path / "all" / wheel.name)
        done = run_here("merge", "one", "-d", "all", cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert is_right(tmp_path / "all", [wheel])

    def test_swapped_between_hashing_and_copying(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = make_wheel(tmp_path / "one", "lib")

        def swap(source: Path, path: Path) -> Digest:
            damage(source)
            return copy_file(source, path)

        monkeypatch.setattr(wheelhouse, "copy_file", swap)
        with pytest.raises(DestinationError, match=f"{wheel.name} was changed while it was read"):
            merge(MergeRequest((tmp_path / "one",), tmp_path / "all"))
        assert names(tmp_path) == ["one"]


class TestBundle:
    """The wheels of a lock, unpacked."""

    def test_damage(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "house", "lib")
        lock_wheels([wheel], TAG, tmp_path / LOCK)
        damage(wheel)
        arguments = ("-r", LOCK, "--wheels", "house", "-o", "out.zip")
        done = run_here("bundle", *arguments, cwd=tmp_path)
        assert done.exit_code == 3
        assert (
            f"{wheel.name} is missing in house, or different from what the lock says" in done.stderr
        )
        assert names(tmp_path) == ["house", LOCK]

    def test_swapped_after_it_was_hashed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is unpacked is the copy that was hashed."""
        wheel = make_wheel(tmp_path / "house", "lib", files={"lib/mine.txt": b"right"})
        lock_wheels([wheel], TAG, tmp_path / LOCK)

        def copy_and_swap(source: Path, path: Path) -> Digest:
            digest = copy_file(source, path)
            make_wheel(source.parent, "lib", files={"lib/mine.txt": b"wrong"})
            return digest

        monkeypatch.setattr(locked_wheels, "copy_file", copy_and_swap)
        arguments = ("-r", LOCK, "--wheels", "house", "-o", "out.zip")
        done = run_here("bundle", *arguments, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            assert archive.read("lib/mine.txt") == b"right"


class TestPrune:
    """What is copied for another machine."""

    @pytest.fixture
    def arguments(self, tmp_path: Path) -> list[str]:
        old, new = (make_wheel(tmp_path / "house", name) for name in ("old", "new"))
        lock_wheels([old], TAG, tmp_path / "pylock.old.toml")
        lock_wheels([old, new], TAG, tmp_path / "pylock.new.toml")
        since = ("--transfer-since", "pylock.old.toml", "--to", "stick")
        return ["prune", "house", "-r", "pylock.new.toml", *since]

    def test_damage(self, tmp_path: Path, arguments: list[str]) -> None:
        damage(tmp_path / "house" / "new-1.0-py3-none-any.whl")
        done = run_here(*arguments, cwd=tmp_path)
        assert "different from what the lock says" in done.stderr
        assert not (tmp_path / "stick").exists()

    def test_swapped_between_hashing_and_copying(
        self, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def swap(source: Path, path: Path) -> Digest:
            damage(source)
            return copy_file(source, path)

        monkeypatch.setattr(prune, "copy_file", swap)
        done = run_here(*arguments, cwd=tmp_path)
        assert done.exit_code == 3
        assert "changed while it was copied" in done.stderr
        assert names(tmp_path / "stick") == []


class TestDigests:
    """What only computing gives."""

    def test_no_claim_is_a_digest(self) -> None:
        with pytest.raises(AttributeError):
            Digest("0" * 64, 0)  # type: ignore[arg-type]

    def test_each_file_is_hashed_once_until_it_changes(self, tmp_path: Path) -> None:
        path, hashes = tmp_path / "file", Hashes()
        path.write_bytes(b"some content")
        first = hashes.of(path)
        assert hashes.of(path) is first
        before = stamp_of(path.stat())
        damage(path, 0)
        assert stamp_of(path.stat()) != before
        assert hashes.of(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    @pytest.mark.parametrize(
        ("hashes", "accepts", "is_refused"),
        [
            ((("sha256", "0" * 64),), (), True),
            ((("sha256", "0" * 64),), (("sha256", "RIGHT"),), False),
            ((("md5", "0" * 32),), (("sha512", "0"),), True),
            ((("md5", "right"),), (), False),
            ((), (("sha256", "0" * 64),), False),
        ],
    )
    def test_what_pips_process_says_is_not_believed(
        self,
        tmp_path: Path,
        hashes: tuple[tuple[str, str], ...],
        accepts: tuple[tuple[str, str], ...],
        *,
        is_refused: bool,
    ) -> None:
        """Without a hash of the index there is nothing that a file of the stage could have lost."""
        path = tmp_path / "lib-1-py3-none-any.whl"
        path.write_bytes(b"content")

        def filled(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            right = {name: hashlib.new(name, b"content").hexdigest() for name, _ in pairs}
            return tuple(
                (name, {"right": right[name], "RIGHT": right[name].upper()}.get(value, value))
                for name, value in pairs
            )

        file = ChosenFile(
            *("lib", "1", path, "http://h/x", True, (), (None,), None),
            hashes=filled(hashes),
            accepts=filled(accepts),
        )
        result = JobResult(Job(None, (), (), ()), 0, "all", (file,), tmp_path)
        if is_refused:
            with pytest.raises(
                DownloadError, match=f"the content of {path.name} does not match its hash"
            ):
                refuse_changed([result], Hashes())
        else:
            refuse_changed([result], Hashes())
