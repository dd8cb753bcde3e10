"""Downloads from locks: exactly the files that they name, and nobody else asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import Result, command, environment, names, wheeltarget
from tests.support.index import Garbage, LocalIndex, Stall, Status, Truncated
from tests.support.locks import TAG, lock_text, sha256_of
from tests.support.terminal import Terminal
from tests.support.wheels import make_wheel
from wheeltarget.cache.wheel_store import Store, cache_folder, wheel_folder
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadOutcome, DownloadRequest
from wheeltarget.errors import InputError, UsageError

LOCK = "pylock.x.toml"
OTHER = "cp39-cp39-manylinux2014_x86_64"
_WORD = "secret"


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder whose wheels the index serves."""
    return tmp_path / "index"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in, and work in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WHEELTARGET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    return folder


def fetch(*arguments: str, **options: object) -> DownloadOutcome:
    """Download from locks in this process."""
    request = DownloadRequest((*arguments, "-d", "wheelhouse"), **options)  # type: ignore[arg-type]
    outcome = download_locked(request)
    assert outcome is not None
    return outcome


def run(project: Path, *arguments: str, **variables: str) -> Result:
    """Run ``wheeltarget download`` in a process of its own."""
    return wheeltarget("download", *arguments, "-d", "wheelhouse", cwd=project, variables=variables)


def asked(index: LocalIndex) -> list[str]:
    """Give what the index was asked for, sorted."""
    return sorted(request.path for request in index.requests)


class TestExactly:
    """What is fetched, and from where."""

    def test_the_files_and_nothing_else(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        wheels = [make_wheel(shelf, f"lib{n}", requires=["nowhere"]) for n in range(20)]
        make_wheel(shelf, "lib0", "2.0")
        (project / LOCK).write_text(lock_text(wheels, index.base))
        result = run(project, "-r", LOCK)
        assert result.exit_code == 0, result.stderr
        assert result.stderr == ""
        assert names(project / "wheelhouse") == sorted(wheel.name for wheel in wheels)
        assert asked(index) == sorted(f"/files/{wheel.name}" for wheel in wheels)
        assert result.stdout.splitlines()[0] == f"For {TAG}:"
        for wheel in wheels:
            assert (project / "wheelhouse" / wheel.name).read_bytes() == wheel.read_bytes()

    def test_host_is_asked_no_more_at_once_than_is_said(
        self, project: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheels = [make_wheel(shelf, f"lib{number}") for number in range(9)]
        with LocalIndex(shelf, delay=0.05) as slow:
            Path(LOCK).write_text(lock_text(wheels, slow.base))
            monkeypatch.setenv("WHEELTARGET_CONNECTIONS", "3")
            fetch("-r", LOCK)
            assert 1 < slow.most_at_once <= 3
        assert len(names(project / "wheelhouse")) == len(wheels)
        monkeypatch.setenv("WHEELTARGET_CONNECTIONS", "many")
        with pytest.raises(UsageError, match="WHEELTARGET_CONNECTIONS is not a number"):
            fetch("-r", LOCK)

    def test_not_fetched_again(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        """Neither what is in the destination, nor what is in the store; but what is damaged."""
        wheels = [make_wheel(shelf, name) for name in ("one", "two")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        assert all(file.new for file in fetch("-r", LOCK).targets[0].files)
        index.clear()
        assert not any(file.new for file in fetch("-r", LOCK).targets[0].files)
        (project / "wheelhouse" / wheels[0].name).unlink()
        (project / "wheelhouse" / wheels[1].name).unlink()
        (project / "wheelhouse" / wheels[1].name).write_text("damaged")
        assert all(file.new for file in fetch("-r", LOCK).targets[0].files)
        assert asked(index) == []
        (project / "wheelhouse" / wheels[1].name).unlink()
        fetch("-r", LOCK, "--no-cache-dir")
        assert asked(index) == [f"/files/{wheels[1].name}"]

    def test_store_is_kept_below_its_limit(
        self, project: Path, shelf: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheels = [make_wheel(shelf, name) for name in ("one", "two")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        size = wheels[0].stat().st_size
        monkeypatch.setenv("WHEELTARGET_CACHE_LIMIT", str(size + size // 2))
        fetch("-r", LOCK)
        store = Store(wheel_folder(cache_folder(os.environ)))
        assert len(list(store.entries())) == 1
        assert names(project / "wheelhouse") == [wheel.name for wheel in wheels]

    def test_no_cache(self, project: Path, shelf: Path, index: LocalIndex, tmp_path: Path) -> None:
        (project / LOCK).write_text(lock_text([make_wheel(shelf, "lib")], index.base))
        fetch("-r", LOCK, "--no-cache-dir")
        assert not (tmp_path / "cache").exists()

    def test_file_beside_the_lock(self, project: Path) -> None:
        wheel = make_wheel(project.parent / "wheels", "lib")
        url = f'url = "http://h/files/{wheel.name}"'
        text = lock_text([wheel], "http://h").replace(url, f'path = "../wheels/{wheel.name}"')
        (project / LOCK).write_text(text)
        (file,) = fetch("-r", LOCK, "--no-cache-dir").targets[0].files
        assert file.url == wheel.as_uri()
        assert names(project / "wheelhouse") == [wheel.name]
        assert not (project / "wheelhouse" / wheel.name).samefile(wheel)
        wheel.write_text("another")
        (project / "wheelhouse" / wheel.name).unlink()
        with pytest.raises(
            InputError, match="does not exist, or does not have the hash in the lock"
        ):
            fetch("-r", LOCK, "--no-cache-dir")

    @pytest.mark.parametrize("where", ["destination", "store", "beside"])
    def test_wrong_size_of_a_file_that_is_here(
        self, project: Path, shelf: Path, index: LocalIndex, where: str
    ) -> None:
        wheel = make_wheel(shelf, "lib")
        size = wheel.stat().st_size
        text = lock_text([wheel], index.base)
        (project / LOCK).write_text(text)
        fetch("-r", LOCK)
        text = text.replace(f"size = {size}", "size = 7")
        if where == "beside":
            url = f'url = "{index.base}/files/{wheel.name}"'
            text = text.replace(url, f'path = "../index/{wheel.name}"')
        (project / LOCK).write_text(text)
        if where != "destination":
            (project / "wheelhouse" / wheel.name).unlink()
        before = names(project / "wheelhouse")
        arguments = ("--no-cache-dir",) if where == "beside" else ()
        with pytest.raises(InputError) as caught:
            fetch("-r", LOCK, *arguments)
        (fault,) = caught.value.faults
        assert str(fault.location) == f"{LOCK}:4:1"
        expected = f"lib 1.0: the lock has a size of 7 bytes, but the file has {size}"
        assert fault.message == expected
        assert names(project / "wheelhouse") == before

    def test_report_and_dry_run(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        wheel = make_wheel(shelf, "lib")
        (project / LOCK).write_text(lock_text([wheel], index.base))
        dry = fetch("-r", LOCK, dry_run=True)
        assert dry.dry_run
        assert asked(index) == []
        assert names(project) == [LOCK]
        result = run(project, "-r", LOCK, "--report", "r.json", "--format", "json")
        report = json.loads((project / "r.json").read_text())
        assert report == json.loads(result.stdout)
        (target,) = report["targets"]
        assert (target["label"], target["tag"], target["python"]) == (TAG, TAG, "3.12.4")
        (file,) = target["files"]
        assert file["hashes"] == {"sha256": sha256_of(wheel)}
        assert file["url"] == f"{index.base}/files/{wheel.name}"
        assert file["requested_by"] == [{"requirement": "lib==1.0", "location": f"{LOCK}:4:1"}]
        assert dry.as_dict()["targets"][0]["files"][0] == {**file, "new": True}  # type: ignore[index]


class TestNetwork:
    """What the network does, and pip's session where that is needed."""

    def test_resumed(self, project: Path, shelf: Path) -> None:
        wheel = make_wheel(shelf, "lib", files={"data": os.urandom(300_000)})
        with LocalIndex(shelf, ranges=True) as index:
            (project / LOCK).write_text(lock_text([wheel], index.base))
            index.fault(wheel.name, Truncated(), times=2)
            fetch("-r", LOCK, "--no-cache-dir")
            ranges = [request.headers.get("range", "") for request in index.requests]
            half = wheel.stat().st_size // 2
            assert ranges[:2] == ["", f"bytes={half}-"]
            assert [request.status for request in index.requests] == [200, 206, 206]
        assert sha256_of(project / "wheelhouse" / wheel.name) == sha256_of(wheel)

    @pytest.mark.parametrize("store", ["--no-cache-dir", "--progress-bar=off"])
    def test_wrong_bytes_and_wrong_size(
        self, project: Path, shelf: Path, index: LocalIndex, tmp_path: Path, store: str
    ) -> None:
        wheels = [make_wheel(shelf, name) for name in ("good", "longer", "wrong")]
        size = f"size = {wheels[1].stat().st_size}\n"
        (project / LOCK).write_text(lock_text(wheels, index.base).replace(size, "size = 7\n"))
        index.fault(wheels[2].name, Garbage())
        with pytest.raises(InputError) as caught:
            fetch("-r", LOCK, store)
        said = [fault.message for fault in caught.value.faults]
        assert any(f"expected the sha256 {sha256_of(wheels[2])}, got " in each for each in said)
        assert any("expected 7 bytes, got " in each for each in said)
        assert all(fault.location is not None for fault in caught.value.faults)
        assert names(project) == [LOCK]
        kept = [path for path in (tmp_path / "cache").rglob("*") if len(path.name) == 62]
        assert len(kept) <= 1

    def test_gone(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        wheels = [make_wheel(shelf, name) for name in ("here", "gone")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        wheels[1].unlink()
        result = run(project, "-r", LOCK, "--no-cache-dir")
        assert result.exit_code == 1
        url = f"{index.base}/files/{wheels[1].name}"
        assert result.stderr.splitlines() == [
            f"{LOCK}:4:1: error: gone 1.0: cannot fetch {url}: 404 Not Found",
            (
                "  it no longer exists there; lock again, or name an index that has it with "
                "--index-url"
            ),
        ]
        assert result.stdout == ""
        assert names(project) == [LOCK]

    def test_moved_to_another_index(
        self, project: Path, shelf: Path, index: LocalIndex, tmp_path: Path
    ) -> None:
        """By name and hash: a file of that name with another hash is not it."""
        wheels = [make_wheel(shelf, name) for name in ("here", "gone", "other")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        mirror = tmp_path / "mirror"
        mirror.mkdir()
        wheels[1].rename(mirror / wheels[1].name)
        with LocalIndex(mirror) as second:
            result = run(project, "-r", LOCK, "--no-cache-dir", "--index-url", second.url)
            assert result.exit_code == 0, result.stderr
            assert asked(second) == [f"/files/{wheels[1].name}", "/simple/gone/"]
            wheels[2].unlink()
            make_wheel(mirror, "other", files={"more.py": b""})
            (project / "wheelhouse" / wheels[2].name).unlink()
            result = run(project, "-r", LOCK, "--no-cache-dir", "--index-url", second.url)
        assert result.exit_code == 1
        assert "other 1.0: cannot fetch" in result.stderr

    @pytest.mark.parametrize("form", ["{0}", "{0.name}", "file://{0}", "{0}/page.html", "{0}/{1}"])
    def test_moved_to_this_machine(
        self, project: Path, shelf: Path, index: LocalIndex, form: str
    ) -> None:
        wheel = make_wheel(shelf, "gone")
        (project / LOCK).write_text(lock_text([wheel], index.base))
        shelf.rename(project / "kept")
        (project / "kept" / "page.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
        place = form.format(project / "kept", wheel.name)
        arguments = ("--no-index", "--find-links", place)
        result = run(project, "-r", LOCK, "--no-cache-dir", *arguments)
        assert result.exit_code == 0, result.stderr
        assert names(project / "wheelhouse") == [wheel.name]

    def test_no_connection(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        wheels = [make_wheel(shelf, name) for name in ("one", "two")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        index.close()
        arguments = ("-r", LOCK, "--no-cache-dir", "--retries=0")
        result = run(project, *arguments)
        assert result.exit_code == 1
        assert result.stderr.count("error:") == 2
        assert names(project) == [LOCK]
        result = run(project, *arguments, "--no-index", "--find-links", str(shelf))
        assert result.exit_code == 0, result.stderr
        assert names(project / "wheelhouse") == sorted(wheel.name for wheel in wheels)

    def test_certificates_that_cannot_be_read(self, project: Path, shelf: Path) -> None:
        wheel = make_wheel(shelf, "lib")
        (project / LOCK).write_text(lock_text([wheel], "https://127.0.0.1:9"))
        result = run(project, "-r", LOCK, "--no-cache-dir", "--cert", "gone.pem", "--retries=0")
        assert result.exit_code == 1
        assert "lib 1.0: cannot fetch https://127.0.0.1:9/files/" in result.stderr
        assert "Traceback" not in result.stderr
        assert names(project) == [LOCK]

    def test_credentials(self, project: Path, shelf: Path, tmp_path: Path) -> None:
        wheels = [make_wheel(shelf, f"lib{n}") for n in range(5)]
        netrc = tmp_path / "netrc"
        with LocalIndex(shelf, username="me", password=_WORD) as index:
            (project / LOCK).write_text(lock_text(wheels, index.base))
            arguments = ("-r", LOCK, "--no-cache-dir")
            result = run(project, *arguments, "--no-input")
            assert result.exit_code == 1
            assert result.stderr.count(": 401 Unauthorized\n") == 5
            assert "Traceback" not in result.stderr
            assert names(project) == [LOCK]
            known = index.url.replace("://", "://me:secret@")
            result = run(project, *arguments, "--index-url", known)
            assert result.exit_code == 0, result.stderr
            assert "secret" not in result.stdout + result.stderr
            for wheel in wheels:
                (project / "wheelhouse" / wheel.name).unlink()
            netrc.write_text("machine 127.0.0.1 login me password secret\n")
            netrc.chmod(0o600)
            index.clear()
            result = run(project, *arguments, NETRC=str(netrc))
            assert result.exit_code == 0, result.stderr
            assert {request.status for request in index.requests} == {200}

    def test_too_many_requests(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        wheels = [make_wheel(shelf, f"lib{n}") for n in range(3)]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        for wheel in wheels:
            index.fault(wheel.name, Status(429, retry_after="1"), times=2)
        begin = time.monotonic()
        result = run(project, "-r", LOCK, "--no-cache-dir")
        assert result.exit_code == 0, result.stderr
        assert time.monotonic() - begin > 1

    def test_by_pips_session_in_threads(self, project: Path, shelf: Path, tmp_path: Path) -> None:
        """A netrc file, whatever is in it, takes pip's session; a break is gone on with there."""
        wheels = [make_wheel(shelf, f"lib{n}", files={"d": os.urandom(9999)}) for n in range(30)]
        netrc = tmp_path / "netrc"
        netrc.touch(0o600)
        with LocalIndex(shelf, ranges=True) as index:
            (project / LOCK).write_text(lock_text(wheels, index.base))
            for wheel in wheels[::7]:
                index.fault(wheel.name, Truncated(), times=1)
            index.fault(wheels[1].name, Garbage())
            result = run(project, "-r", LOCK, NETRC=str(netrc))
            assert result.exit_code == 1
            assert result.stderr.count("error:") == 1
            assert "is not the locked file: expected the sha256" in result.stderr
            (project / LOCK).write_text(
                lock_text([w for w in wheels if w != wheels[1]], index.base)
            )
            index.clear()
            result = run(project, "-r", LOCK, NETRC=str(netrc))
            assert result.exit_code == 0, result.stderr
            # The store has what came well the first time.
            assert asked(index) == []
        assert len(names(project / "wheelhouse")) == 29

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
    @pytest.mark.parametrize("netrc", [False, True])
    def test_interrupted(
        self, project: Path, shelf: Path, index: LocalIndex, tmp_path: Path, netrc: bool
    ) -> None:
        wheels = [make_wheel(shelf, f"lib{n}") for n in range(3)]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        index.fault(wheels[2].name, Stall(30))
        if netrc:
            (tmp_path / "no netrc").touch(0o600)
        arguments = command("download", "-r", LOCK, "-d", "wheelhouse", "--no-cache-dir")
        with subprocess.Popen(
            arguments, cwd=project, env=environment(), stderr=subprocess.PIPE, text=True
        ) as process:
            while len(index.requests) < 3:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "interrupted; the destination was left as it was" in said
        assert "Traceback" not in said
        assert names(project) == [LOCK]


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
class TestTerminal:
    """What is shown on a terminal meanwhile."""

    @pytest.mark.parametrize("arguments", [(), ("--progress-bar=off",), ("-q",)])
    def test_how_far_it_has_come(
        self, project: Path, shelf: Path, index: LocalIndex, arguments: tuple[str, ...]
    ) -> None:
        wheels = [make_wheel(shelf, name) for name in ("one", "two")]
        (project / LOCK).write_text(lock_text(wheels, index.base))
        index.fault(wheels[0].name, Stall(1))
        line = command("download", "-r", LOCK, "-d", "wheelhouse", "--no-cache-dir", *arguments)
        with Terminal(line, project, environment()) as terminal:
            assert terminal.finish() == 0
        assert ("Fetching 1/2 files" in terminal.text) is not bool(arguments)
        assert len(names(project / "wheelhouse")) == 2

    def test_prompts_once(self, project: Path, shelf: Path) -> None:
        wheels = [make_wheel(shelf, f"lib{n}") for n in range(5)]
        with LocalIndex(shelf, username="me", password=_WORD) as index:
            (project / LOCK).write_text(lock_text(wheels, index.base))
            line = command("download", "-r", LOCK, "-d", "wheelhouse", "--no-cache-dir")
            with Terminal(line, project, environment()) as terminal:
                terminal.answer("User for ", "me\n")
                terminal.answer("Password: ", f"{_WORD}\n")
                assert terminal.finish() == 0
        assert terminal.text.count("User for ") == 1
        assert len(names(project / "wheelhouse")) == 5
