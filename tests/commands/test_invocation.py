"""A command line, and the files that it names, each read once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wheeltarget.commands.invocation import InputFiles, first_look, read_invocation
from wheeltarget.errors import InputError, UsageError
from wheeltarget.resolver import prestart
from wheeltarget.utils.files import RefusedFileError

NO_CONFIGURATION = {"PIP_CONFIG_FILE": os.devnull}


def test_variables_come_before_arguments() -> None:
    environment = NO_CONFIGURATION | {"PIP_DEST": "one", "PIP_CONSTRAINT": "a.txt b.txt"}
    invocation = read_invocation(("--dest", "two", "-r", "pylock.toml", "lib"), environment)
    assert invocation.everything.values("--dest") == ("one", "two")
    assert invocation.everything.values("--constraint") == ("a.txt", "b.txt")
    assert invocation.everything.requirements == ("lib",)
    assert invocation.command.values("--dest") == ("two",)
    assert invocation.has_locks


def test_isolated() -> None:
    environment = NO_CONFIGURATION | {"PIP_DEST": "one", "PIP_QUIET": "1"}
    invocation = read_invocation(("--isolated", "lib"), environment)
    assert (invocation.everything.values("--dest"), invocation.is_quiet) == ((), False)
    assert read_invocation(("lib",), environment).is_quiet


@pytest.mark.parametrize("coloured", [True, False])
def test_what_pip_would_refuse(coloured: bool) -> None:
    options = () if coloured else ("--no-color",)
    invocation = read_invocation(("--no-such-option", *options), NO_CONFIGURATION)
    assert invocation.is_coloured is coloured
    with pytest.raises(UsageError, match="--no-such-option"):
        invocation.require_valid()


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.wheeltarget]\ntarget = ["host", "box"]\n')
    monkeypatch.chdir(tmp_path)
    invocation = read_invocation((), NO_CONFIGURATION)
    assert [(each.key, each.text) for each in invocation.defaults()] == [
        ("target", "host"),
        ("target", "box"),
    ]
    assert [each.text for each in invocation.defaults(["a,b"], ["c"])] == ["a", "b", "c"]
    with pytest.raises(InputError):
        invocation.defaults(["a,"])


def test_a_file_is_read_once_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "needed.txt"
    path.write_text("lib")
    files = InputFiles({"known.txt": b"known"})
    assert files.read("needed.txt") == (b"lib", True)
    path.unlink()
    assert files.read_nested(str(path)) == (b"lib", True)
    assert files.read_lock("./needed.txt") == b"lib"
    assert files.read(str(tmp_path / "known.txt")) == (b"known", True)
    with pytest.raises(FileNotFoundError):
        files.read("other.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files as POSIX has them")
def test_a_pipe_is_read_once_and_only_if_the_command_line_names_it() -> None:
    end, start = os.pipe()
    os.write(start, b"lib")
    os.close(start)
    name, files = f"/dev/fd/{end}", InputFiles()
    try:
        assert [files.read(name), files.read(name)] == [(b"lib", False)] * 2
        for read in (files.read_nested, files.read_lock):
            with pytest.raises(RefusedFileError, match="it is a named pipe"):
                read(name)
    finally:
        os.close(end)


def test_a_file_that_was_not_read_to_its_end_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "needed.txt"
    file.write_text("lib==1.0\n")
    assert prestart.begin_for(["-r", str(file)]) == {str(file): b"lib==1.0\n"}
    # As if it had grown since its size was asked for.
    monkeypatch.setattr("os.path.getsize", lambda _: 0)
    monkeypatch.setattr(prestart, "_LARGEST_FILE", 3)
    assert prestart.begin_for(["-r", str(file)]) == {}


LINUX = "cp39-cp39-manylinux2014_x86_64"
FILES = {
    "good.txt": "# for all of us\napp  # needs lib\n\nlib \\\n  <2\n",
    "nested.txt": "-r sub/more.txt\n-c 'limits file.txt'\n",
    "sub/more.txt": "lib\n",
    "limits file.txt": "lib<2\n",
    "lost.txt": "lib\n-r none.txt\n",
    "circle.txt": "-r circle.txt\n",
    "annotated.txt": f"lib # tags={LINUX}\n",
    "outer.txt": "-r inner.txt\n",
    "inner.txt": "# target=x.toml\nlib\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with requirements files."""
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (("lib", "-r", "good.txt", "-cnested.txt"), True),
        (("-r", "lost.txt", "-d", "-h"), True),
        (("-r", "circle.txt", "--", "--help"), True),
        (("lib ; target=host",), False),
        (("lib ; tags:",), False),
        (("-r", "outer.txt"), False),
        (("-c", "annotated.txt", "lib"), False),
        (("-r", "https://host.invalid/x.txt"), False),
        (("-r", "/dev/null"), False),
        (("--bogus",), False),
        (("--tags", LINUX, "lib"), False),
        (("--refresh", "lib"), False),  # ours, and like an option of pip's
        (("lib", "-h"), False),
    ],
)
def test_first_look(
    project: Path, arguments: tuple[str, ...], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is plain beyond doubt is given to pip before anything else is loaded."""
    monkeypatch.chdir(project)
    assert first_look(arguments, os.environ, InputFiles())[1] is plain
    monkeypatch.setenv("PIP_REQUIREMENT", "annotated.txt")
    assert first_look(arguments, os.environ, InputFiles())[1] is False
    assert first_look([*arguments, "--isolated"], os.environ, InputFiles())[1] is (
        plain and "--" not in arguments
    )
    monkeypatch.delenv("PIP_REQUIREMENT")
    (project / "pyproject.toml").write_text("[tool.wheeltarget]\ntarget = 'host'\n")
    assert first_look(arguments, os.environ, InputFiles())[1] is False


def test_first_look_leaves_pipes_alone(project: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("has no named pipes")
    os.mkfifo(project / "pipe")  # nobody writes to it, so opening it would take forever
    assert first_look(["-r", str(project / "pipe")], os.environ, InputFiles())[1] is False
