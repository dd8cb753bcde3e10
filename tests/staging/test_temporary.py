"""Temporary files that cannot be written: the message names their folder, and no other thing."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cli import command, environment, names, wheeltarget
from tests.support.elf import make_elf
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.errors import BundleError, TemporaryFilesError
from wheeltarget.staging.atomic import explained, temporary_folder

pytestmark = pytest.mark.thorough

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"
HINT = "  set TMPDIR to a folder that can be written and has room\n"
NO_ROOM = "No space left on device"
SIZE = 1024

Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Make a small file system on which some kilobytes are left."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"cannot make a file system: {done.stderr.strip()}")

    def leave(kilobytes: int) -> Path:
        (place / "fill").write_bytes(bytes((SIZE - kilobytes) << 10))
        return place

    yield leave
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex) -> Path:
    """Return a folder with a wheelhouse, 370 kB unpacked and 140 kB compiled, and its locks."""
    files = {
        "lib/__init__.py": b"".join(b"x%d = %d.5\n" % (each, each) for each in range(5000)),
        "lib/data": hashlib.shake_256(b"any").digest(300_000),
    }
    folder = tmp_path / "here"
    wheel = make_wheel(folder / "house", "lib", files=files)
    make_wheel(tmp_path / "index", "lib", files=files)
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    lock = lock_wheels([wheel], HERE, folder / "pylock.t.toml")
    url = index.add_file(f"files/{wheel.name}", wheel.read_bytes())
    told = lock.read_text().replace(f"https://example.invalid/{wheel.name}", url)
    (folder / "pylock.url.toml").write_text(told)
    (folder / "asked.txt").write_text(f"lib ; tags={HERE}\n")
    return folder


def run(here: Path, temporary: Path, line: str, index: LocalIndex) -> tuple[int, str, str]:
    arguments: list[str] = []
    for word in line.split():
        arguments += ["--no-cache-dir", *index.pip_args()] if word == "INDEX" else [word]
    result = wheeltarget(*arguments, cwd=here, variables={"TMPDIR": str(temporary)})
    return result.exit_code, result.stdout, result.stderr


BUNDLE = "bundle -r pylock.t.toml --wheels house -o"
COMMANDS = {
    "bundle": (f"{BUNDLE} app.zip", 64, 3),
    "bundle as a folder": (f"{BUNDLE} app --components list.json", 64, 3),
    "bundle of what is fetched": ("bundle -r pylock.url.toml -o app.zip", 64, 3),
    "bundle that is compiled": (f"{BUNDLE} app.zip --compile", 420, 3),
    "install-check": ("install-check -r pylock.t.toml --wheels house", 64, 3),
    "install-check of what is fetched": ("install-check -r pylock.url.toml", 64, 3),
    "install-check that unpacks": ("install-check -r pylock.t.toml --wheels house", 500, 3),
    "probe": (f"probe --python {sys.executable}", 8, 3),
    "check": ("check house -r asked.txt", 8, 3),
    "dry run": (f"download INDEX -d out --dry-run --tags {HERE} app", 4, 1),
    "explain": (f"explain INDEX --tags {HERE} app", 4, 3),
}


@pytest.mark.parametrize(("line", "left", "code"), COMMANDS.values(), ids=COMMANDS)
def test_no_room(
    here: Path, index: LocalIndex, disk: Disk, line: str, left: int, code: int
) -> None:
    temporary, before = disk(left), names(here)
    exit_code, stdout, stderr = run(here, temporary, line, index)
    told = f"error: cannot write temporary files to {temporary}: {NO_ROOM}\n{HINT}"
    assert (exit_code, stdout) == (code, "")
    assert stderr.endswith(told), stderr
    if code == 3:
        assert stderr == told
    assert names(here) == before
    assert names(temporary) == ["fill"]


@pytest.mark.parametrize("line", [
    f"download INDEX -d out --tags {HERE} app",
    f"lock INDEX -o out --tags {HERE} app",
    "download -d out -r pylock.url.toml",
    "merge house -d out",
    "prune house -r pylock.t.toml",
    "validate asked.txt",
    "targets",
    "probe",
])  # fmt: skip
def test_room_that_is_not_needed(here: Path, index: LocalIndex, disk: Disk, line: str) -> None:
    exit_code, _, stderr = run(here, disk(4), line, index)
    assert exit_code == 0, stderr


@pytest.mark.parametrize("line", [line for line, _, _ in COMMANDS.values()], ids=COMMANDS)
@pytest.mark.parametrize("what", ["missing", "a file", "full"])
def test_folder_that_cannot_be_used(
    here: Path, index: LocalIndex, request: pytest.FixtureRequest, line: str, what: str
) -> None:
    """Python takes another one then, and so does pip."""
    temporary = here.parent / "nowhere"
    if what == "a file":
        temporary.touch()
    if what == "full":
        temporary = request.getfixturevalue("disk")(0)
    exit_code, _, stderr = run(here, temporary, line, index)
    assert exit_code == 0, stderr


def test_no_folder_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "No usable temporary directory found in ['/none', '/here']"

    def refuse() -> str:
        raise FileNotFoundError(errno.ENOENT, why)

    monkeypatch.setattr(tempfile, "gettempdir", refuse)
    for line in (
        f"{BUNDLE} app.zip",
        f"probe --python {sys.executable}",
        "check house -r asked.txt",
    ):
        result = run_here(*line.split(), cwd=here)
        assert (result.exit_code, result.stdout) == (3, "")
        said = f"error: cannot write temporary files: {why.replace('No', 'no')}\n{HINT}"
        assert result.stderr == said


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO, errno.ENOSPC])
def test_folder_that_cannot_be_made(
    here: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    make_here = os.mkdir

    def refuse(path: str | os.PathLike[str], *arguments: int, **named: int) -> None:
        if Path(path).parent == Path(tempfile.gettempdir()):
            raise OSError(number, os.strerror(number), path)
        make_here(path, *arguments, **named)

    monkeypatch.setattr(os, "mkdir", refuse)
    results = [
        run_here(*line.split(), cwd=here)
        for line in (f"{BUNDLE} app.zip", "check house -r asked.txt")
    ]
    monkeypatch.setattr(os, "mkdir", make_here)
    why = os.strerror(number)
    told = f"error: cannot write temporary files to {tempfile.gettempdir()}: {why}\n{HINT}"
    assert [(each.exit_code, each.stderr) for each in results] == [(3, told)] * 2


def test_native_code_that_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of it that finds no room is no fault of the wheel."""
    tag = "cp39-cp39-manylinux2014_x86_64"
    make_wheel(tmp_path / "house", "lib", tag=tag, files={"lib/native.so": make_elf()})
    (tmp_path / "asked.txt").write_text(f"lib ; tags={tag}\n")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, NO_ROOM)

    monkeypatch.setattr("wheeltarget.commands.check.native.shutil.copyfileobj", refuse)
    result = run_here("check", "house", "--audit", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    told = f"error: cannot write temporary files to {tempfile.gettempdir()}: {NO_ROOM}\n{HINT}"
    assert result.stderr == told


class TestExplained:
    """Which errors are about temporary files."""

    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.EIO, "Input/output error"),
            OSError(errno.ENOSPC, NO_ROOM, "/elsewhere/x"),
            BrokenPipeError(errno.EPIPE, "Broken pipe"),
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            FileNotFoundError(errno.ENOENT, "No such file or directory", "house"),
            BundleError("cannot write /elsewhere/x: No space left on device"),
            ValueError("x"),
        ],
        ids=repr,
    )
    def test_others(self, tmp_path: Path, error: Exception) -> None:
        with pytest.raises(type(error)) as raised, explained(tmp_path):
            raise error
        assert raised.value is error

    def test_named(self, tmp_path: Path) -> None:
        with pytest.raises(TemporaryFilesError, match="Permission denied"), explained(tmp_path):
            raise OSError(errno.EACCES, "Permission denied", str(tmp_path / "a" / "b"))
        with pytest.raises(TemporaryFilesError), explained(tmp_path):
            raise OSError(errno.EACCES, "Permission denied", "elsewhere", None, tmp_path / "b")

    def test_destination_below_the_folder_for_temporary_files(self) -> None:
        """Setting TMPDIR would not help."""
        error = BundleError(f"cannot write {tempfile.gettempdir()}/project/app.zip: {NO_ROOM}")
        with pytest.raises(BundleError) as raised, temporary_folder("test"):
            raise error from OSError(errno.ENOSPC, NO_ROOM)
        assert raised.value is error

    def test_what_cannot_be_removed_hides_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        folders = []

        def work() -> None:
            with temporary_folder("test") as folder:
                folders.append(folder)
                (folder / "x").touch()
                monkeypatch.setattr(os, "unlink", refuse)
                raise BundleError("first")

        with pytest.raises(BundleError, match="first"):
            work()
        monkeypatch.undo()
        (folders[0] / "x").unlink()
        folders[0].rmdir()


RAISE = (
    "import errno, sys\n"
    "import wheeltarget.cli.main as way_in\n"
    "def run(arguments):\n"
    "    {writes}\n"
    "    raise {error}\n"
    "way_in._run = run\n"
    "way_in.main()\n"
)


@pytest.mark.parametrize("verb", ["download", "check"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("OSError(errno.ENOSPC, 'No space left on device')", NO_ROOM),
        (
            "OSError(errno.EIO, 'Input/output error', '/some/file')",
            "/some/file: Input/output error",
        ),
        ("FileNotFoundError(errno.ENOENT, 'There is none')", "There is none"),
        ("OSError('a sentence')", "a sentence"),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_other_errors_are_not_of_standard_output(
    tmp_path: Path, verb: str, error: str, told: str, unbuffered: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RAISE.format(writes="print('x')", error=error), verb],
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"error: {told}\n"
    assert done.returncode == (1 if verb == "download" else 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("targets",), ("targets", "--format=json"), ("probe",)])
def test_standard_output_without_room(
    tmp_path: Path, arguments: tuple[str, ...], unbuffered: str
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=environment(PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    told = f"error: cannot write to standard output: {NO_ROOM}\n"
    assert (done.returncode, done.stderr) == (1, told)
