"""Every input of a command is read once: counted in the process that the user starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.cli import download, environment, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.commands.prepare import note_unused_constraints, notes_on
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.exclusions import Exclusion, Exclusions

TARGET = "cp39-cp39-manylinux2014_x86_64"

COUNT = """
import atexit, json, os, sys
place, opened, parsed = os.getcwd() + os.sep, [], []
def see(event, details):
    if event == "open" and isinstance(details[0], str):
        path = os.path.abspath(details[0])
        ours = path.startswith(place) and not path.startswith(place + ".")
        if ours and path.endswith((".txt", ".conf", ".toml")):
            # What is written is not read.
            if not details[2] & (os.O_WRONLY | os.O_RDWR):
                opened.append(path.removeprefix(place))
sys.addaudithook(see)
import wheeltarget.pip_config.options as options
read = options._items
options._items = lambda *given, **named: parsed.append(1) or read(*given, **named)
atexit.register(lambda: print("\\ncounted", json.dumps([opened, len(parsed)]), file=sys.stderr))
from wheeltarget.cli.main import main
main()
"""

PROJECT = f"""
[tool.wheeltarget]
target = "box"
[tool.wheeltarget.targets.box]
tag = "{TARGET}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project: settings, its own targets, pip's configuration, files that include others."""
    make_wheel(tmp_path / "index", "lib")
    make_wheel(tmp_path / "index", "other")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "needed.txt").write_text("-r more.txt\n-c limits.txt\nlib # target=box\n")
    (folder / "more.txt").write_text("other # target=box,./mine.toml\n")
    (folder / "limits.txt").write_text("lib<2\n")
    (folder / "mine.toml").write_text('tag = "cp38-cp38-manylinux2014_x86_64"\n')
    (folder / "pip.conf").write_text("[global]\nquiet = 0\nno-color = true\n")
    return folder


def count(folder: Path, *arguments: str, exit_code: int = 0) -> tuple[dict[str, int], int]:
    """Run a command line.

    :returns: how often each input was opened, and how often pip's configuration was parsed.
    """
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments],
        cwd=folder,
        env=environment(PIP_CONFIG_FILE=str(folder / "pip.conf")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    opened, parsed = json.loads(done.stderr.rpartition("\ncounted ")[2])
    return dict(Counter(opened)), parsed


INPUTS = ["limits.txt", "mine.toml", "more.txt", "needed.txt", "pip.conf", "pyproject.toml"]
ONCE = dict.fromkeys(INPUTS, 1)


@pytest.mark.parametrize("own", [[], ["--dry-run"], ["--jobs", "2", "--format=json"]], ids=" ".join)
def test_download(project: Path, index: LocalIndex, own: list[str]) -> None:
    arguments = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt", *own]
    assert count(project, *arguments) == (ONCE, 1)
    assert (project / "house").is_dir() is (own != ["--dry-run"])


def test_lock(project: Path, index: LocalIndex) -> None:
    arguments = ["lock", *index.pip_args(), "-o", "locks", "-r", "needed.txt"]
    targets = ("box", "_-mine_toml")
    locks = [f"locks/pylock.{target}.toml" for target in targets]
    assert count(project, *arguments) == (ONCE, 1)
    assert len(list((project / "locks").iterdir())) == 2
    assert count(project, *arguments, "--check") == (ONCE | dict.fromkeys(locks, 1), 1)
    # Again while no other run can place any, as one may have done since.
    assert count(project, *arguments) == (ONCE | dict.fromkeys(locks, 2), 1)


def test_explain(project: Path, index: LocalIndex) -> None:
    assert count(project, "explain", *index.pip_args(), "-r", "needed.txt") == (ONCE, 1)


def test_check(project: Path, index: LocalIndex) -> None:
    arguments = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt"]
    count(project, *arguments)
    assert count(project, "check", "house", "-r", "needed.txt") == (ONCE, 1)


def test_plain_run(project: Path, index: LocalIndex) -> None:
    """Before this process becomes pip, which reads all of it again."""
    (project / "pyproject.toml").write_text("[tool.wheeltarget]\n")
    (project / "needed.txt").write_text("-c limits.txt\nlib ; target=host\n")
    arguments = ["download", *index.pip_args(), "-d", "house", "-r", "needed.txt"]
    once = dict.fromkeys(["limits.txt", "needed.txt", "pip.conf", "pyproject.toml"], 1)
    assert count(project, *arguments) == (once, 1)


def test_locks(project: Path, index: LocalIndex) -> None:
    count(project, "lock", *index.pip_args(), "-o", ".", "-r", "needed.txt")
    lock = "pylock.box.toml"
    assert (project / lock).is_file()
    once = {lock: 1, "pip.conf": 1}
    assert count(project, "download", "-r", lock, "-d", "house") == (once, 1)
    assert count(project, "check", "house", "-r", lock) == (once, 1)
    # A lock beside it may be for the same tags.
    both = once | {"pylock._-mine_toml.toml": 1}
    assert count(project, "bundle", "-r", lock, "-o", "bundle.zip") == (both, 1)
    assert count(project, "bundle", "-r", lock, "--wheels=house", "-o", "b.zip") == (both, 1)
    arguments = ["prune", "house", "-r", lock, "--list"]
    assert count(project, *arguments) == (once, 1)


def test_a_lock_that_is_not_ours(project: Path, index: LocalIndex) -> None:
    """It is for the target that the project names."""
    count(project, "lock", *index.pip_args(), "-o", ".", "-r", "needed.txt")
    text = (project / "pylock.box.toml").read_text()
    foreign = text[: text.index("[tool.wheeltarget")].replace('"wheeltarget', '"other')
    (project / "pylock.toml").write_text(foreign)
    once = {"pylock.toml": 1, "pip.conf": 1, "pyproject.toml": 1}
    assert count(project, "download", "-r", "pylock.toml", "-d", "house") == (once, 1)


def test_a_file_named_twice(project: Path, index: LocalIndex) -> None:
    twice = f"{project}{os.sep}limits.txt"
    arguments = [
        "explain",
        *index.pip_args(),
        "-r",
        "needed.txt",
        "-c",
        twice,
        "-c",
        "./limits.txt",
    ]
    assert count(project, *arguments) == (ONCE, 1)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (b"x = " + b"[" * 3000 + b"]" * 3000, "not valid TOML: it is nested too deeply"),
        (b"x = [" + b"9" * 5000 + b"]", "not valid TOML: a number has too many digits"),
        (b'x = ["\xff"]', "a pyproject.toml has to be UTF-8"),
        (b"x = [", "not valid TOML: Invalid value"),
    ],
)
@pytest.mark.parametrize("file", ["pyproject.toml", "sub/pyproject.toml"])
def test_a_group_in_a_broken_file(
    file: str, groups: bytes, message: str, tmp_path: Path, index: LocalIndex
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"[dependency-groups]\n" + groups)
    group = "x" if path.parent == tmp_path else f"{file}:x"
    result = download(index, "--group", group, "--tags", TARGET, cwd=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(file)
    assert f": error: {message}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--group=dev"],
            "cannot read pyproject.toml: No such file or directory\n  --group PATH/pyproject.toml",
        ),
        (
            ["--group=sub/pyproject.toml:dev"],
            "sub/pyproject.toml has no dependency group 'dev'\n  it has test, more\n",
        ),
        (["six; bogus"], "six; bogus is not a valid requirement: Expected a marker variable"),
        (["-r", "needed.txt"], "six; bogus is not a valid requirement: Expected a marker variable"),
    ],
)
def test_wrong_requirements_are_told_from_what_could_not_be_done(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text("[dependency-groups]\ntest = []\nmore = []\n")
    (tmp_path / "needed.txt").write_text("six; bogus\n")
    for command, code in ((["lock"], 2), (["bundle", "-o", "x.zip"], 2), (["download"], 1)):
        options = ["--tags", TARGET, "--no-index", *arguments]
        result = wheeltarget(*command, *options, cwd=tmp_path)
        assert (result.exit_code, result.stdout) == (code, ""), result.stderr
        assert f"error: {message}" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "needed.txt", "sub"}


def line(requirement: str) -> SourceLine:
    parsed = parse_typed(1, requirement)
    assert isinstance(parsed, SourceLine)
    return parsed


def result(job: Job, version: str, filename: str, yanked: str | None = None) -> JobResult:
    """Return the result of a job that chose a file of ``lib``."""
    chosen = ChosenFile("lib", version, Path(filename), "", True, (), (None,), yanked)
    return JobResult(job, 0, "all", (chosen,), Path())


def test_notes() -> None:
    target = look_up_tag(TARGET)
    one, two = Job(target, (), (), (), sources=frozenset({"lib", "more"})), Job(None, (), (), ())
    plan = Plan((one, two), (line("app"),), (line("old<1"),), ("--group dev",))
    results = (
        result(one, "1.0", "lib-1.0.tar.gz", yanked="broken"),
        result(two, "2.0rc1", "lib-2.0rc1-py3-none-any.whl"),
    )
    source = (
        "lib-1.0.tar.gz is a source, to be built on there; its dependencies are those that its "
        "build reports on this machine"
    )
    expected = [
        f"{line('app').fault('').location}: app has no target; assuming here",
        "--group dev has no target; assuming here",
        *note_unused_constraints(plan),
        "lib 1.0 for there was yanked: broken",
        source,
        "lib 2.0rc1 for here is a pre-release",
        "lib differs: 1.0 for there; 2.0rc1 for here",
        "nothing needs more, whose source was allowed",
    ]
    labels = ("there", "here")
    assert list(notes_on(plan, results, labels, frozenset())) == expected
    part = list(notes_on(plan, results, labels, frozenset({"lib"}), whole=False))
    built = "lib-1.0.tar.gz is a source; a pure Python wheel would be built from it here"
    assert part == [*expected[:4], built, *expected[5:-1]]


def test_notes_on_exclusions_that_leave_nothing_out() -> None:
    """There is one for each origin, but none for the definition of a target."""
    texts = (
        ("b", "--exclude"),
        ("a*", "--exclude"),
        ("lib", "--exclude"),
        ("c", "a definition"),
        ("d", "exclude="),
    )
    job = Job(None, (), (), (), excluded=Exclusions(tuple(Exclusion(*each) for each in texts)))
    other = Job(None, (), (), (), excluded=Exclusions((Exclusion("d", "exclude="),)))
    results = tuple(result(each, "1.0", "lib-1.0-py3-none-any.whl") for each in (job, other))
    plan = Plan((job, other), ())
    assert list(notes_on(plan, results, ("here", "there"), frozenset())) == [
        "lib stays, though --exclude leaves it out: a path or URL requests it without its name",
        "nothing needs a* and b, which --exclude leaves out",
        "nothing needs d, which exclude= leaves out",
    ]


def test_note_on_an_unused_constraint() -> None:
    (note,) = note_unused_constraints(Plan((), (), (line("old<1"),)))
    assert note.endswith(": the constraint old<1 applies to no target of this run")
