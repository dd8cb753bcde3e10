"""Files that another user has named or made: devices, pipes, links, and ones without end.

Each run ends soon, with a sentence, in bounded memory; and it shows nothing of other files.

The threats are T6, T7 and T8 of docs/security.md.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.cli import Result, command, environment, names
from tests.support.locks import TAG, lock_text
from tests.support.wheels import make_wheel
from wheeltarget.commands.validate.validate import ValidateRequest, validate
from wheeltarget.utils.files import (
    LOCK_FILE,
    REQUIREMENTS_FILE,
    TARGET_FILE,
    Limit,
    RefusedFileError,
    is_archive,
    read_regular,
    read_stream,
)
from wheeltarget.utils.toml import parse_toml

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files as POSIX has them"),
]

SECRET = "hunter2:not-for-logs"  # noqa: S105 - it is no password
WRONG = "x ; tag=cp39-cp39-win32\n"
MENDED = "x ; tags=cp39-cp39-win32\n"
_MEMORY = 2 << 30


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path may be too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


def _link(place: str) -> Callable[[Path], None]:
    if place.startswith("/") and not os.path.lexists(place):
        pytest.skip(f"there is no {place} here")
    return lambda path: path.symlink_to(place)


def _linked(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        make(path.with_name("other"))
        path.symlink_to("other")

    return link


KINDS: dict[str, tuple[Callable[[Path], None] | str, str]] = {
    "pipe": (_fifo, "it is a named pipe, not a regular file"),
    "link to a pipe": (_linked(_fifo), "it is a named pipe, not a regular file"),
    "socket": (_socket, "it is a socket, not a regular file"),
    "link to a socket": (_linked(_socket), "it is a socket, not a regular file"),
    "zero": ("/dev/zero", "it is a device, not a regular file"),
    "random": ("/dev/urandom", "it is a device, not a regular file"),
    "terminal": ("/dev/tty", "it is a device, not a regular file"),
    "pages": ("/proc/self/pagemap", ""),
    "memory": ("/proc/self/mem", "Input/output error"),
    "messages": ("/proc/kmsg", ""),
    "large": (_sparse, "it has more than "),
    "link to a large one": (_linked(_sparse), "it has more than "),
}
"""What a file can be, and why it is refused; what is in /proc depends on user and system."""


@pytest.fixture(params=KINDS)
def made(request: pytest.FixtureRequest) -> tuple[Callable[[Path], None], str]:
    """Return what makes such a file, and what is said of it."""
    how, why = KINDS[request.param]
    return _link(how) if isinstance(how, str) else how, why


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a git working tree."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


def run(project: Path, *arguments: str, stdin: str = "") -> Result:
    """Run wheeltarget with little memory and time."""
    done = forks.run(
        command(*arguments),
        cwd=project,
        env=environment(PIP_NO_CACHE_DIR="1"),
        input=stdin,
        timeout=30,
        memory=_MEMORY,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def refused(result: Result, why: str) -> None:
    said = result.stdout + result.stderr
    assert result.exit_code in {1, 2, 3}, said
    assert "cannot read" in said
    assert why in said
    assert "Traceback" not in said


class TestReader:
    """One reader for all of them."""

    def test_kind(self, tmp_path: Path, made: tuple[Callable[[Path], None], str]) -> None:
        make, why = made
        make(tmp_path / "odd")
        with pytest.raises(OSError, match=why or None) as caught:
            read_regular(tmp_path / "odd", TARGET_FILE)
        assert isinstance(caught.value, RefusedFileError | PermissionError)

    @pytest.mark.parametrize("name", ["a\0b", "x" * 300, "x/" * 3000, "../nowhere/x"])
    def test_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(OSError, match=r".") as caught:
            read_regular(f"{tmp_path}/{name}", TARGET_FILE)
        assert caught.value.strerror

    def test_limit_is_exact(self, tmp_path: Path) -> None:
        file, limit = tmp_path / "file", Limit(3 << 20, "a test")
        file.write_bytes(bytes(limit.size))
        assert read_regular(file, limit) == bytes(limit.size)
        assert read_stream(file, limit) == (bytes(limit.size), True)
        file.write_bytes(bytes(limit.size + 1))
        with pytest.raises(
            RefusedFileError, match="more than 3 MiB, which is the limit for a test"
        ):
            read_regular(file, limit)

    def test_file_grows_while_it_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"x")
        read = os.read

        def grow(descriptor: int, size: int) -> bytes:
            with file.open("ab") as more:
                more.write(bytes(size))
            return read(descriptor, size)

        monkeypatch.setattr(os, "read", grow)
        with pytest.raises(RefusedFileError, match="it has more than 1 MiB"):
            read_regular(file, TARGET_FILE)

    def test_size_that_is_not_said(self) -> None:
        if not Path("/proc/self/status").exists():
            pytest.skip("there is no /proc here")
        assert b"Name:" in read_regular("/proc/self/status", TARGET_FILE)

    def test_stream_ends(self) -> None:
        with pytest.raises(RefusedFileError, match="it has more than 32 MiB"):
            read_stream("/dev/zero", REQUIREMENTS_FILE)

    def test_archive(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        (tmp_path / "whole").write_bytes(b"PK")
        _fifo(tmp_path / "pipe")
        assert [is_archive(tmp_path / name) for name in ("empty", "whole", "pipe", "none")] == [
            False,
            True,
            False,
            False,
        ]


class TestNamedByAFile:
    """What the clauses and options of a file name."""

    @pytest.mark.parametrize("form", ["clause", "default", "settings"])
    def test_target(
        self, project: Path, made: tuple[Callable[[Path], None], str], form: str
    ) -> None:
        make, why = made
        make(project / "odd.toml")
        if form == "settings":
            (project / "pyproject.toml").write_text('[tool.wheeltarget]\ntarget = "./odd.toml"\n')
            refused(run(project, "download", "--no-index", "x"), why)
            return
        text = "x ; target=./odd.toml\n" if form == "clause" else "# target=./odd.toml\nx\n"
        (project / "r.txt").write_text(text)
        result = run(project, "validate", "r.txt")
        refused(result, why)
        assert "WT203" in result.stdout

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        ("verb", "option"), [("download", "-r"), ("lock", "-c"), ("explain", "-r"), ("check", "-c")]
    )
    def test_nested(
        self,
        project: Path,
        made: tuple[Callable[[Path], None], str],
        verb: str,
        option: str,
    ) -> None:
        make, why = made
        make(project / "odd.txt")
        make_wheel(project / "house", "x")
        (project / "r.txt").write_text(f"x ; tags={TAG}\n{option} odd.txt\n")
        place = ["house"] if verb == "check" else ["--no-index"]
        refused(run(project, verb, *place, "-r", "r.txt"), why)

    @pytest.mark.parametrize("line", ["-r odd.txt", "-r file://{}/odd.txt", "-c poetry.lock"])
    def test_without_a_target(
        self, project: Path, made: tuple[Callable[[Path], None], str], line: str
    ) -> None:
        """By itself, pip would read it, and not come to an end."""
        make, why = made
        make(project / ("poetry.lock" if "poetry" in line else "odd.txt"))
        (project / "r.txt").write_text(f"x\n{line.format(project)}\n")
        refused(run(project, "download", "--no-index", "-r", "r.txt"), why)

    @pytest.mark.parametrize("name", ["loop", "dangling", "folder", "../" * 80 + "etc/nowhere"])
    def test_nothing_to_read(self, project: Path, name: str) -> None:
        (project / "loop").symlink_to("loop")
        (project / "dangling").symlink_to("nowhere")
        (project / "folder").mkdir()
        (project / "r.txt").write_text(f"x ; target=./{name}\n")
        assert run(project, "validate", "r.txt").stdout.startswith("r.txt:1:12: WT203 cannot read ")

    def test_label_of_a_lock(self, project: Path) -> None:
        """A label may be the name of a target file, which is not opened if it is a device."""
        wheel = make_wheel(project, "x", tag="cp311-cp311-win32")
        text = lock_text([wheel], "https://host.invalid").replace(
            f'target = "{TAG}"', 'target = "/dev/zero"'
        )
        assert "/dev/zero" in text
        (project / "pylock.toml").write_text(text)
        result = run(project, "download", "-r", "pylock.toml")
        assert result.exit_code == 1
        assert "is for another target than /dev/zero" in result.stderr


class TestInARepository:
    """Files that the command line names, but another user has made."""

    @pytest.mark.parametrize("arguments", [(), ("--fix",)], ids=["look", "fix"])
    def test_validate(
        self, project: Path, made: tuple[Callable[[Path], None], str], arguments: tuple[str, ...]
    ) -> None:
        make, why = made
        make(project / "odd.txt")
        (project / "r.txt").write_text(WRONG)
        result = run(project, "validate", *arguments, "odd.txt", "r.txt")
        refused(result, why)
        assert result.exit_code == 3
        assert "WT001" in result.stdout  # the other file is checked all the same
        assert (project / "r.txt").read_text() == (MENDED if arguments else WRONG)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("download", "-r", "pylock.toml"),
            ("download", "--tags", TAG, "-r", "pylock.toml[extra]"),
            ("bundle", "-r", "pylock.toml", "-o", "out.zip"),
            ("check", "house", "-r", "pylock.toml"),
            ("check", "house"),
            ("prune", "house", "-r", "pylock.toml", "--tags", TAG),
        ],
        ids=" ".join,
    )
    def test_lock(
        self, project: Path, made: tuple[Callable[[Path], None], str], arguments: tuple[str, ...]
    ) -> None:
        make, why = made
        make_wheel(project / "house", "x")
        make((project / "house" if arguments == ("check", "house") else project) / "pylock.toml")
        refused(run(project, *arguments), why)

    def test_old_locks(self, project: Path, made: tuple[Callable[[Path], None], str]) -> None:
        make, why = made
        make_wheel(project / "house", "x")
        (project / "locks").mkdir()
        make(project / "locks" / "pylock.other.toml")
        arguments = ("lock", "--no-index", "--find-links=house", "-o", "locks", f"x ; tags={TAG}")
        assert run(project, *arguments).exit_code == 0
        make_in = project / "locks" / f"pylock.{TAG}.toml"
        make_in.unlink()
        (project / "locks" / "pylock.other.toml").rename(make_in)
        refused(run(project, *arguments), why)

    @pytest.mark.parametrize("kind", ["pipe", "socket", "zero", "messages", "pages"])
    @pytest.mark.parametrize(
        "arguments",
        [
            ("check", "house"),
            ("check", "house", "-r", "pylock.x.toml"),
            ("download", "-r", "pylock.x.toml", "-d", "out"),
            ("bundle", "-r", "pylock.x.toml", "--wheels", "house", "-o", "out.zip"),
            ("merge", "house", "-d", "out"),
        ],
        ids=" ".join,
    )
    def test_wheel(self, project: Path, kind: str, arguments: tuple[str, ...]) -> None:
        wheel = make_wheel(project / "house", "x")
        text = lock_text([wheel], "https://host.invalid")
        text = text.replace(f"https://host.invalid/{wheel.name}", f"house/{wheel.name}")
        (project / "pylock.x.toml").write_text(text.replace("url =", "path ="))
        wheel.unlink()
        how = KINDS[kind][0]
        (_link(how) if isinstance(how, str) else how)(wheel)
        result = run(project, *arguments)
        assert "Traceback" not in result.stderr
        if arguments[0] == "merge":
            assert "contains no distributions and no locks" in result.stderr
        else:
            assert result.exit_code in {1, 2, 3}, result

    def test_named_streams_stay(self, project: Path) -> None:
        result = run(project, "validate", "/dev/stdin", stdin=WRONG)
        assert result.stdout.startswith("/dev/stdin:1:5: WT001 ")
        result = run(project, "download", "--no-index", "-r", "/dev/zero")
        assert result.stderr == (
            "error: cannot read /dev/zero: it has more than 32 MiB, which is the limit for a "
            "requirements file\n"
        )

    def test_target_on_the_command_line(
        self, project: Path, made: tuple[Callable[[Path], None], str]
    ) -> None:
        make, why = made
        make(project / "odd.toml")
        refused(run(project, "targets", "./odd.toml"), why)


class TestContent:
    """Files that can be read, and are not what they are taken for."""

    @pytest.mark.parametrize(
        "content",
        [
            f"root:{SECRET}:0\n",
            f'password = "{SECRET}"\n',
            f'tag = ["{SECRET}"]\n',
            f'schema = "{SECRET}"\ntag = "x"\n',
            f'tags = {{ a = "{SECRET}" }}\n',
            f'["{SECRET}"]\n["{SECRET}"]\n',
            f'a = {{ "{SECRET}" = 1, "{SECRET}" = 2 }}\n',
            f'"{SECRET}" = 1\n',
            f'{{"{SECRET}": 1}}',
            f'{{"a": {SECRET}}}',
            f'{{"marker_environment": ["{SECRET}"], "compatible_tags": ["x"]}}',
            f"pip version: {SECRET}\n",
        ],
    )
    @pytest.mark.parametrize("form", ["text", "json", "github"])
    def test_other_files_are_not_shown(self, project: Path, content: str, form: str) -> None:
        (project.parent / "secret.txt").write_text(content)
        (project / "r.txt").write_text("x ; target=../secret.txt\n")
        request = ValidateRequest((str(project / "r.txt"),))
        (finding,) = validate(request).findings
        assert finding.fault.source == "x ; target=../secret.txt"
        result = run(project, "validate", "--format", form, "r.txt")
        assert result.exit_code == 1
        assert SECRET not in result.stdout + result.stderr

    @pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock"])
    def test_link_with_the_name_of_a_lock(self, project: Path, name: str) -> None:
        (project.parent / "secret").write_text(f'a = 1\nb = = "{SECRET}"\n')
        (project / name).symlink_to("../secret")
        option = "-r" if name == "pylock.toml" else "-c"
        arguments = ["--tags", TAG, option, name, *(["x"] if option == "-c" else [])]
        result = run(project, "download", "--no-index", *arguments)
        assert result.exit_code == 1
        assert f"{name}:" in result.stderr
        assert SECRET not in result.stdout + result.stderr

    @pytest.mark.parametrize(
        "content",
        [
            "a = " + "[" * 100_000,
            '{"a":' + "[" * 100_000,
            "a." * 300_000 + "a = 1",
            '["x"' + ' . "x"' * 150_000 + "]",
            "a = " + "9" * 10_000,
            "Compatible tags: " + "9" * 10_000 + "\n  x\nsys.version: 3.9.1\n",
            "tags = [" + '"x",' * 100_000 + "]",
            f'tag = "{"x" * 900_000}"',
            "\0" * 1000,
        ],
        ids=["TOML", "JSON", "dots", "quoted dots", "digits", "debug", "tags", "long", "NUL"],
    )
    def test_hostile_content(self, project: Path, content: str) -> None:
        for name in ("t.toml", "pyproject.toml", "pylock.toml"):
            marked = "" if name == "t.toml" else "# [tool.wheeltarget]\n"
            (project / name).write_text(marked + content)
        (project / "r.txt").write_text("x ; target=./t.toml\n")
        result = run(project, "validate", "r.txt")
        assert result.stdout.startswith(("r.txt:1:12: WT2", "r.txt:1:12: WT1"))
        assert len(result.stdout) < 2000
        for arguments in (("x ; target=box",), ("--tags", TAG, "-r", "pylock.toml")):
            result = run(project, "download", "--no-index", *arguments)
            assert result.exit_code == 1
            assert "Traceback" not in result.stderr

    def test_keys_may_have_parts(self) -> None:
        text = "[a.'b c'.\"d\"]\nx.y = 1\nurl = 'https://" + "a." * 60 + "'\n"
        assert parse_toml(text)["a"]["b c"]["d"]["x"] == {"y": 1}

    def test_settings(self, project: Path) -> None:
        with (project / "pyproject.toml").open("wb") as file:
            file.truncate(5 << 20)
        result = run(project, "download", "--no-index", "x")
        assert "it has more than 4 MiB, which is the limit for a pyproject.toml" in result.stderr

    def test_largest_lock(self, project: Path) -> None:
        with (project / "pylock.toml").open("wb") as file:
            file.truncate(LOCK_FILE.size + 1)
        result = run(project, "download", "-r", "pylock.toml")
        assert "it has more than 32 MiB, which is the limit for a lock" in result.stderr


class TestFix:
    """Where --fix writes."""

    def fix(self, folder: Path, *names: str) -> tuple[int, list[str]]:
        result = run(folder, "validate", "--fix", "--format=json", *names)
        return result.exit_code, json.loads(result.stdout)["unfinished"]

    @pytest.mark.parametrize("git", [True, False], ids=["git", "no git"])
    @pytest.mark.parametrize("way", ["file", "folder", "absolute", "chain"])
    def test_link_out(self, tmp_path: Path, git: bool, way: str) -> None:
        outside, tree = tmp_path / "outside", tmp_path / "tree"
        outside.mkdir()
        (tree / ".git" if git else tree).mkdir(parents=True)
        (outside / "r.txt").write_text(WRONG)
        (outside / ".git").mkdir()  # that it is a repository does not make it this one
        (tree / "mine.txt").write_text(WRONG)
        name = "r.txt"
        if way == "folder":
            (tree / "sub").symlink_to("../outside")
            name = "sub/r.txt"
        elif way == "chain":
            (tree / "r.txt").symlink_to("second")
            (tree / "second").symlink_to("../outside/r.txt")
        else:
            place = "../outside" if way == "file" else str(outside)
            (tree / "r.txt").symlink_to(f"{place}/r.txt")
        code, unfinished = self.fix(tree, name, "mine.txt")
        assert (outside / "r.txt").read_text() == WRONG
        assert (tree / "mine.txt").read_text() == MENDED
        assert code == 3
        (said,) = unfinished
        assert said == (
            f"cannot write {name}: it is a link to {outside}/r.txt, which is not in the working "
            f"tree {tree}; to fix that file, name it directly"
        )

    def test_link_within(self, project: Path) -> None:
        """The top of the working tree counts, not the working directory."""
        (project / "sub").mkdir()
        (project / "r.txt").write_text(WRONG)
        (project / "sub" / "r.txt").symlink_to("../r.txt")
        assert self.fix(project / "sub", "r.txt") == (1, [])
        assert (project / "sub" / "r.txt").is_symlink()
        assert (project / "r.txt").read_text() == MENDED

    def test_link_into_git(self, project: Path) -> None:
        (project / ".git" / "config").write_text(WRONG)
        (project / "r.txt").symlink_to(".git/config")
        code, _ = self.fix(project, "r.txt")
        assert (code, (project / ".git" / "config").read_text()) == (3, WRONG)

    def test_file_elsewhere_that_is_named_itself(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "r.txt").write_text(WRONG)
        assert self.fix(project, "../r.txt") == (1, [])
        assert (tmp_path / "r.txt").read_text() == MENDED

    def test_link_out_of_a_folder_elsewhere(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "r.txt").symlink_to("../victim.txt")
        (tmp_path / "victim.txt").write_text(WRONG)
        code, _ = self.fix(project, "../other/r.txt")
        assert (code, (tmp_path / "victim.txt").read_text()) == (3, WRONG)

    def test_hard_link(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "other.txt").write_text(WRONG)
        (project / "r.txt").hardlink_to(tmp_path / "other.txt")
        assert self.fix(project, "r.txt") == (1, [])
        assert (tmp_path / "other.txt").read_text() == WRONG
        assert (project / "r.txt").read_text() == MENDED

    def test_mode_and_owner(self, project: Path) -> None:
        file = project / ("r" * 251 + ".txt")
        file.write_text(WRONG)
        file.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(file, 12345, 23456)
        before = file.stat()
        assert self.fix(project, file.name) == (1, [])
        after = file.stat()
        assert file.read_text() == MENDED
        assert (after.st_mode, after.st_uid, after.st_gid) == (
            before.st_mode,
            before.st_uid,
            before.st_gid,
        )

    def test_owner_that_cannot_be_kept(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody else's file in a folder of one's own; root may give files away."""
        (project / "r.txt").write_text(WRONG)
        (project / "s.txt").write_text(WRONG)
        stat = os.stat

        def foreign(path: str | Path, **options: bool) -> os.stat_result:
            found = stat(path, **options)
            values = list(found)
            values[4] += 1 if ".wheeltarget-" in str(path) else 0
            return os.stat_result(values)

        def refuse(path: str, *_owner: int) -> None:
            raise PermissionError(1, "Operation not permitted", path)

        monkeypatch.chdir(project)
        monkeypatch.setattr(os, "stat", foreign)
        monkeypatch.setattr(os, "chown", refuse)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        monkeypatch.undo()
        assert [fault.message for fault in outcome.unfinished] == [
            "cannot write r.txt: it belongs to another user, and the owner cannot be kept"
        ]
        assert (project / "r.txt").read_text() == WRONG
        assert names(project) == [".git", "r.txt", "s.txt"]

    def test_full_disk(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / "r.txt").write_text(WRONG)

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.chdir(project)
        monkeypatch.setattr(os, "fsync", full)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        assert [fault.message for fault in outcome.unfinished] == [
            "cannot write r.txt: No space left on device"
        ]
        assert (project / "r.txt").read_text() == WRONG
        assert names(project) == [".git", "r.txt"]
