"""What runs print that keep no wheels: one line for each target, and what went wrong."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cli import Result, command, environment, wheeltarget
from tests.support.index import LocalIndex, Slow
from tests.support.projects import make_project, make_source
from tests.support.screen import screens
from tests.support.terminal import Terminal
from tests.support.wheels import make_wheel

LINUX = "cp311-cp311-manylinux_2_28_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
USER, PASSWORD = "ann", "kept&secret"
MAC = "cp313-cp313-macosx_11_0_arm64"
COLLECTING = re.compile(r"Collecting|Processing|Downloading|Using|Looking in")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Serve ``app``, which needs ``lib``; the index has no metadata files."""
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    make_wheel(tmp_path / "index", "lib")
    return tmp_path / "index"


def run(
    folder: Path,
    index: LocalIndex,
    verb: str,
    *arguments: str,
    exit_code: int = 0,
    variables: Mapping[str, str] | None = None,
) -> Result:
    options = (*verb.split(), "--no-cache-dir", *index.pip_args())
    done = wheeltarget(*options, *arguments, cwd=folder, variables=variables)
    assert done.exit_code == exit_code, done.stderr
    return done


def without_times(text: str) -> list[str]:
    return re.sub(r" in \d+\.\d s ", " ", text).splitlines()


@pytest.mark.parametrize("jobs", ["1", "2", "3"])
def test_one_line_for_each_target_in_their_order(tmp_path: Path, shelf: Path, jobs: str) -> None:
    with LocalIndex(shelf, metadata=False) as index:
        arguments = (f"app ; tags={LINUX},{WINDOWS}", f"lib ; tags={MAC}", "--jobs", jobs)
        done = run(tmp_path, index, "lock", *arguments)
    assert without_times(done.stderr) == [
        f"Resolved 2 projects for {LINUX}",
        f"Resolved 2 projects for {WINDOWS}",
        f"Resolved 1 project for {MAC}",
    ]
    assert len(re.findall(r" in \d+\.\d s ", done.stderr)) == 3
    assert done.stdout.count("Locked ./pylock.") == 3


@pytest.mark.parametrize(
    ("verb", "arguments", "more"),
    [
        ("lock", [], []),
        ("lock --check", [], []),
        ("lock --diff", [], []),
        ("lock --json", [], []),
        ("lock --format requirements", [], []),
        ("download --dry-run", [], []),
        ("bundle -o app.zip", [], []),
        ("pack -o packed", [], [f"Resolved 1 project for {LINUX}, to add its pip"]),
    ],
)
def test_every_run_that_keeps_nothing(
    tmp_path: Path, shelf: Path, verb: str, arguments: list[str], more: list[str]
) -> None:
    make_wheel(shelf, "pip", "25.0")
    with LocalIndex(shelf, metadata=False) as index:
        code = 1 if "--check" in verb else 0
        done = run(tmp_path, index, verb, *arguments, f"app ; tags={LINUX}", exit_code=code)
    lines = without_times(done.stderr)
    assert lines[: 1 + len(more)] == [f"Resolved 2 projects for {LINUX}", *more]
    assert all(line.startswith("note: ") for line in lines[1 + len(more) :])
    assert "Resolved" not in done.stdout


@pytest.mark.parametrize(
    ("options", "variables", "configuration", "expected"),
    [
        ([], {}, "", "line"),
        (["-v"], {}, "", "all"),
        (["-vv"], {}, "", "more"),
        (["-v", "-q"], {}, "", "line"),
        (["-q"], {}, "", "nothing"),
        (["-qq"], {}, "", "nothing"),
        ([], {"PIP_VERBOSE": "1"}, "", "all"),
        ([], {"PIP_QUIET": "1"}, "", "nothing"),
        ([], {}, "verbose = 1", "all"),
        ([], {}, "quiet = 1", "nothing"),
    ],
)
def test_options_of_pip_decide_how_much_is_shown(
    tmp_path: Path,
    shelf: Path,
    options: list[str],
    variables: dict[str, str],
    configuration: str,
    expected: str,
) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\n{configuration}\n")
    variables = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), **variables}
    arguments = (f"app ; tags={LINUX}", "--log", "log", *options)
    with LocalIndex(shelf) as index:
        done = run(tmp_path, index, "lock", *arguments, variables=variables)
    lines = without_times(done.stderr)
    last = f"Resolved 2 projects for {LINUX}"
    if expected == "line":
        assert lines == [last]
    elif expected == "nothing":
        assert (lines, done.stdout) == ([], "")
    else:
        assert f"Resolving for {LINUX}" in lines
        assert last in lines
        assert "Collecting app" in lines
        assert any("lib-1.0-py3-none-any.whl.metadata" in line for line in lines)
        is_debugging = any("Found link http" in line for line in lines)
        assert is_debugging == (expected == "more")
    assert "Collecting app" in (tmp_path / "log").read_text()


def test_warnings_follow_the_name_of_the_target(
    tmp_path: Path, shelf: Path, index: LocalIndex
) -> None:
    index.yank("lib-1.0-py3-none-any.whl", "eats files")
    arguments = (f"app ; tags={LINUX},{WINDOWS}", f"lib==1.0 ; tags={WINDOWS},{MAC}")
    make_wheel(shelf, "lib", "0.9")
    index.yank("lib-1.0-py3-none-any.whl", "eats files")
    done = run(tmp_path, index, "lock", *arguments)
    lines = [line for line in without_times(done.stderr) if not line.startswith("note: ")]
    assert [line for line in lines if re.match("Reso|WARN", line)] == [
        f"Resolved 2 projects for {LINUX}",
        f"Resolving for {WINDOWS}",
        next(line for line in lines if line.startswith("WARNING: ")),
        f"Resolved 2 projects for {WINDOWS}",
        f"Resolving for {MAC}",
        next(line for line in lines if line.startswith("WARNING: ")),
        f"Resolved 1 project for {MAC}",
    ]
    assert "Reason for being yanked: eats files" in done.stderr
    assert not COLLECTING.search(done.stderr)


@pytest.mark.usefixtures("shelf")
def test_failure_that_is_explained_shows_no_more_of_pip(tmp_path: Path, index: LocalIndex) -> None:
    done = run(tmp_path, index, "lock", f"app ; tags={LINUX}", f"lib>1 ; tags={LINUX}", exit_code=3)
    assert done.stderr.startswith(
        f"Resolving for {LINUX}\n"
        "ERROR: No matching distribution found for lib>1\n"
        f"error: pip failed for {LINUX}; nothing was saved\n"
    )
    assert not COLLECTING.search(done.stderr)


def test_failure_that_pip_alone_can_explain_shows_all_of_it(
    tmp_path: Path, shelf: Path, index: LocalIndex
) -> None:
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    files = {"own.py": "raise SystemExit('no such compiler')\n"}
    make_source(shelf, "broken", pyproject=pyproject, files=files)
    arguments = ("--allow-sdist=broken", f"app ; tags={LINUX}", f"broken ; tags={LINUX}")
    done = run(tmp_path, index, "lock", *arguments, exit_code=3)
    pieces = ["Building broken-1.0.tar.gz\nResolving for ", "\nCollecting app\n"]
    pieces += ["\nCollecting broken\n", "no such compiler\n", "ERROR: "]
    pieces += ["\nerror: pip failed for ", "\n  see pip's output above\n"]
    places = [done.stderr.find(piece) for piece in pieces]
    assert places == sorted(places)
    assert (places[0], done.stderr.count("Collecting app")) == (0, 1)


@pytest.mark.usefixtures("shelf")
def test_build_is_one_line(tmp_path: Path, index: LocalIndex) -> None:
    project = make_project(tmp_path / "own", "own", requires=["app"])
    arguments = ("--allow-sdist=own", f"own @ {project.as_uri()} ; tags={LINUX}")
    done = run(tmp_path, index, "download --dry-run", *arguments)
    assert without_times(done.stderr)[:2] == ["Building own", f"Resolved 3 projects for {LINUX}"]
    assert "Preparing" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_terminal_keeps_one_line(tmp_path: Path, term: str) -> None:
    """Neither a bar of pip's nor the line of progress is left, though a large file is fetched."""
    make_wheel(tmp_path / "index", "big", files={"big.bin": os.urandom(900_000)})
    with LocalIndex(tmp_path / "index", metadata=False) as index:
        index.fault("big-1.0-py3-none-any.whl", Slow(900_000))
        arguments = ("lock", "--no-cache-dir", *index.pip_args(), f"big ; tags={LINUX}")
        for ahead in "01":
            variables = environment(WHEELTARGET_AHEAD=ahead, NO_COLOR="1")
            with Terminal(command(*arguments), tmp_path, variables, term=term) as terminal:
                assert terminal.finish() == 0, terminal.text
            shown = without_times("\n".join([*screens(terminal.text)][-1]))
            assert shown[0] == f"Resolved 1 project for {LINUX}"
            assert shown[1] == f"For {LINUX}:"
            assert len(shown) == 3
            assert ("Fetching 0/1 files" in terminal.text) == (term != "dumb")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_password_is_asked_for(tmp_path: Path, shelf: Path) -> None:
    with LocalIndex(shelf, username=USER, password=PASSWORD) as index:
        arguments = command("lock", "--no-cache-dir", *index.pip_args(), f"app ; tags={LINUX}")
        with Terminal(arguments, tmp_path, environment(NO_COLOR="1")) as terminal:
            terminal.answer("User for 127.0.0.1", f"{USER}\n")
            terminal.answer("Password: ", f"{PASSWORD}\n")
            assert terminal.finish() == 0, terminal.text
    user, password, *rest = without_times("\n".join([*screens(terminal.text)][-1]))
    assert (user.startswith("User for "), password) == (True, "Password: ")
    assert rest[:2] == [f"Resolved 2 projects for {LINUX}", f"For {LINUX}:"]
