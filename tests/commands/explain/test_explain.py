"""What fits which target, and why the rest does not: ``wheeltarget explain``, from end to end."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import ROOT, Result, command, download, environment, names, wheeltarget
from tests.support.index import LocalIndex, Stall, Status
from tests.support.moved_pip import Edit, move_pip
from tests.support.projects import make_source
from tests.support.terminal import Terminal
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.seams

OLD = "cp39-cp39-manylinux2014_x86_64"
NEW = "cp312-cp312-musllinux_1_2_aarch64"
PAGE = ROOT / "docs" / "explain.md"
HERE = f"cp3{sys.version_info[1]}"


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder of the index."""
    return tmp_path / "index"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give a folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def explain(index: LocalIndex, *arguments: str, cwd: Path) -> Result:
    return wheeltarget("explain", "--no-cache-dir", *index.pip_args(), *arguments, cwd=cwd)


def read(index: LocalIndex, *arguments: str, cwd: Path) -> tuple[int, dict[str, Any]]:
    """Explain as JSON: the exit code, and the answers by project and target."""
    result = explain(index, "--format", "json", *arguments, cwd=cwd)
    assert result.stdout, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    return result.exit_code, document


def answers(document: dict[str, Any], target: str = OLD) -> dict[str, Any]:
    """Give the answer for one target by requirement."""
    return {
        row["requirement"]: answer
        for row in document["requirements"]
        for answer in row["targets"]
        if answer["target"] == target
    }


def keys(document: Any) -> set[str]:
    """Give every key, with the way to it."""
    if isinstance(document, list):
        return {key for each in document for key in keys(each)}
    if not isinstance(document, dict) or "sha256" in document:
        return set()
    # A file is told in the same way wherever it stands.
    inner = {name: each for name, each in document.items() if name not in {"taken", "file"}}
    return {*document, *(f"{name}.{key}" for name, each in inner.items() for key in keys(each))}


REASONS = {
    # project: (tag of its only wheel or what it is, the code, what is said of it)
    "glibc": ("cp39-cp39-manylinux_2_28_x86_64", "libc-level", "needs glibc 2.28"),
    "musl": ("cp39-cp39-musllinux_1_1_x86_64", "libc", "is for musl only"),
    "python": ("cp38-cp38-manylinux2014_x86_64", "python", "is for CPython 3.8"),
    "abi": ("cp39-cp39d-manylinux2014_x86_64", "abi", "is for the ABI cp39d"),
    "machine": ("cp39-cp39-manylinux2014_aarch64", "machine", "is for aarch64"),
    "system": ("cp39-cp39-win_amd64", "system", "is for Windows"),
    "several": ("cp38-cp38-win_amd64", "several", "is for CPython 3.8 on Windows"),
    "source": ("sdist", "source", "has no wheel, only a source"),
    "later": ("requires", "requires-python", "requires Python >=3.10"),
    "bitten": ("yanked", "yanked", "was yanked: it bites"),
    "good": ("py3-none-any", "fits", "fits"),
}


def stock(shelf: Path, index: LocalIndex) -> None:
    """Make a project for each reason."""
    for name, (kind, _, _) in REASONS.items():
        if kind == "sdist":
            make_source(shelf, name, "1.0")
        elif kind == "requires":
            make_wheel(shelf, name, requires_python=">=3.10")
        elif kind == "yanked":
            index.yank(make_wheel(shelf, name).name, "it bites")
        else:
            make_wheel(shelf, name, tag=kind)


def test_every_reason_is_told(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock(shelf, index)
    (here / "r.txt").write_text("".join(f"{name}\n" for name in REASONS))
    exit_code, document = read(index, "-r", "r.txt", "--tags", OLD, cwd=here)
    assert exit_code == 1
    found = answers(document)
    releases = {name: answer["releases"][0] for name, answer in found.items()}
    assert {name: (release["reason"], release["text"]) for name, release in releases.items()} == {
        name: (code, text) for name, (_, code, text) in REASONS.items()
    }
    assert all(release["admitted"] for release in releases.values())
    assert {name for name, answer in found.items() if answer["result"] == "fits"} == {"good"}
    assert [name for name in found if found[name]["taken"]] == ["good"]
    assert found["source"]["sources"][0]["write"] == "--allow-sdist source"
    assert document["requirements"][0]["locations"] == ["r.txt:1:1"]
    (form,) = re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert keys(json.loads(form)) == keys(document)
    # Nothing but pages was asked for, each once.
    # The pages give no Requires-Python, so that of a file that fits is read.
    assert sorted(r.path for r in index.requests if not r.path.endswith(".metadata")) == sorted(
        f"/simple/{name}/" for name in REASONS
    )


def test_best_file_is_the_one_that_is_downloaded(
    shelf: Path, index: LocalIndex, here: Path
) -> None:
    for tag in ("py3-none-any", "cp36-abi3-manylinux1_x86_64", "cp39-cp39-manylinux1_x86_64"):
        make_wheel(shelf, "lib", "2.0", tag=tag)
    make_wheel(shelf, "lib", "2.0", tag="cp39-cp39-manylinux2010_x86_64", build="1")
    make_wheel(shelf, "lib", "2.0", tag="cp39-cp39-manylinux2010_x86_64", build="2")
    make_wheel(shelf, "lib", "1.0", tag="py2.py3-none-any")
    make_wheel(shelf, "lib", "3.0rc1")
    make_wheel(shelf, "lib", "3.0", tag="cp39-cp39-manylinux_2_28_x86_64")
    make_wheel(shelf, "same", tag="cp39-cp39-manylinux1_x86_64.manylinux_2_5_x86_64")
    make_wheel(shelf, "same", tag="cp39-cp39-manylinux1_x86_64.manylinux_2_5_x86_64.linux_x86_64")
    exit_code, document = read(index, "lib", "same", "--tags", OLD, cwd=here)
    assert exit_code == 0
    fetched = download(index, "--dry-run", "--format=json", "lib", "same", "--tags", OLD, cwd=here)
    (target,) = json.loads(fetched.stdout)["targets"]
    files = {file["name"]: file for file in target["files"]}
    for name, answer in answers(document).items():
        assert answer["taken"]["filename"] == files[name]["filename"]
        assert answer["taken"]["url"] == files[name]["url"]
        assert answer["taken"]["size"] == files[name]["size"] == answer["newest"]["size"]
    taken = answers(document)["lib"]["taken"]
    assert taken["filename"] == "lib-2.0-2-cp39-cp39-manylinux2010_x86_64.whl"
    assert taken["tag"] == "cp39-cp39-manylinux2010_x86_64"
    assert [
        (each["version"], each["admitted"], each["file"] and each["file"]["tag"])
        for each in answers(document)["lib"]["releases"]
    ] == [
        ("3.0", True, None),
        # It fits, and pip would not take it while there is a final release.
        ("3.0rc1", False, "py3-none-any"),
        ("2.0", True, "cp39-cp39-manylinux2010_x86_64"),
        ("1.0", True, "py3-none-any"),
    ]


TABLE = """\
A  cp39-cp39-manylinux2014_x86_64
B  cp312-cp312-musllinux_1_2_aarch64

lib~=2.0
         A                                   B
    3.0  fits: py3-none-any                  fits: py3-none-any
 *  2.1  needs glibc 2.28                    is for CPython 3.9 on x86_64
 *  2.0  fits:                               is for CPython 3.9 on x86_64
         cp39-cp39-manylinux2014_x86_64
    1.0  fits: py3-none-any                  fits: py3-none-any
 * matches the requirement
  A gets 2.0: lib-2.0-cp39-cp39-manylinux2014_x86_64.whl (SIZE)
  B gets nothing; the newest that fits is 3.0:
    lib-3.0-py3-none-any.whl (SIZE)
  to fix it, use:
    lib~=3.0 ; tags=cp39-cp39-manylinux2014_x86_64,cp312-cp312-musllinux_1_2_aarch64
        selects 3.0, the newest that fits
"""


def stock_lib(shelf: Path) -> None:
    make_wheel(shelf, "lib", "1.0")
    make_wheel(shelf, "lib", "2.0", tag="cp39-cp39-manylinux2014_x86_64")
    make_wheel(shelf, "lib", "2.1", tag="cp39-cp39-manylinux_2_28_x86_64")
    make_wheel(shelf, "lib", "3.0")


def test_targets_are_columns(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock_lib(shelf)
    result = explain(index, f"lib~=2.0 ; tags={OLD},{NEW}", cwd=here)
    assert (result.exit_code, result.stderr) == (1, "")
    sized = re.compile(r"\d+ bytes|[\d.]+ kB")
    assert sized.sub("SIZE", result.stdout) == TABLE
    assert TABLE in sized.sub("SIZE", PAGE.read_text("utf-8"))
    assert index.count("/simple/lib/") == 1


FILE = """\
# tags=cp39-cp39-manylinux2014_x86_64
lib~=2.0
lib[more]<2.1
good ; python_version >= "3.9"
good>1 ; python_version < "3.9"
source
new # tags=cp312-cp312-musllinux_1_2_aarch64
"""
SUMMARY = """\
A  cp39-cp39-manylinux2014_x86_64
B  cp312-cp312-musllinux_1_2_aarch64

               A             B
lib~=2.0,<2.1  2.0           -
good           1.0           -
good>1         not needed    -
source         nothing fits  -
new            -             1.0

4 of 5 requirements are available for all their targets.

source (r.txt:6:1)
         A
    1.0  has no wheel, only a source
  A gets nothing: no release fits
  from source (not tried):
    --allow-sdist source  keeps the source of 1.0 for the target to build
    --build-pure source   builds a wheel here, if it is pure Python
"""


def test_file_is_summed_up(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock_lib(shelf)
    make_source(shelf, "source", "1.0")
    make_wheel(shelf, "good")
    make_wheel(shelf, "new", tag="cp312-abi3-musllinux_1_1_aarch64")
    (here / "r.txt").write_text(FILE)
    result = explain(index, "-r", "r.txt", cwd=here)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == SUMMARY
    # What is proposed is tried, and then everything shown.
    mended = explain(index, "-r", "r.txt", "--allow-sdist=source", "--all", cwd=here)
    assert (mended.exit_code, mended.stderr) == (0, "")
    assert "source         1.0         -\n" in mended.stdout
    assert "lib~=2.0,<2.1 (r.txt:2:1, r.txt:3:1)\n" in mended.stdout
    assert '  A does not need it, because its marker is false: python_version < "3.9"\n' in (
        mended.stdout
    )


def test_each_proposal_does_what_it_says(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock(shelf, index)
    stock_lib(shelf)
    asked = [*(name for name, what in REASONS.items() if what[1] != "fits"), "lib==2.1"]
    _, document = read(index, *asked, "--tags", OLD, cwd=here)
    changes = {
        requirement: [fix["write"] for fix in (*answer["fixes"], *answer["sources"])]
        for requirement, answer in answers(document).items()
    }
    assert sum(map(len, changes.values())) >= 9
    for number in range(max(map(len, changes.values()))):
        # Each is for a project of its own, so they are tried side by side.
        arguments = ["--tags", OLD]
        for requirement, proposed in changes.items():
            change = proposed[number] if number < len(proposed) else "good"
            if change.startswith("--"):
                arguments += [requirement, *change.split()]
            else:
                tagged = change.startswith("tags=")
                arguments.append(f"{requirement} ; {change}" if tagged else change)
        result = explain(index, *arguments, cwd=here)
        assert result.exit_code == 0, (arguments, result.stdout)


def test_constraints_count(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock_lib(shelf)
    make_wheel(shelf, "native", tag="cp39-cp39-manylinux1_x86_64")
    make_wheel(shelf, "native", "2.0", tag="cp39-cp39-manylinux2014_x86_64")
    (here / "c.txt").write_text(
        "lib<2 ; python_version < '3.10'\nlib<1 ; python_version > '3.10'\n"
        "native ; tags=cp39-cp39-manylinux2010_x86_64\n"
        "good ; tags=cp36-cp36m-win_amd64\n"
    )
    arguments = ("lib", "native", "-c", "c.txt", "--tags", OLD)
    exit_code, document = read(index, *arguments, cwd=here)
    found = answers(document)
    assert exit_code == 0
    assert found["lib"]["taken"]["version"] == "1.0"
    assert [each["admitted"] for each in found["lib"]["releases"]] == [False, False, False, True]
    assert found["native"]["taken"]["version"] == "1.0"
    assert [each["reason"] for each in found["native"]["releases"]] == ["libc-level", "fits"]
    assert document["notes"] == ["c.txt:4:1: the constraint good applies to no target of this run"]


def test_hashes_count(shelf: Path, index: LocalIndex, here: Path) -> None:
    wheel = make_wheel(shelf, "good")
    stock_lib(shelf)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (here / "r.txt").write_text(
        f"good==1.0 --hash=sha256:{sha256}\nlib==1.0 --hash=sha256:{sha256}\n"
    )
    exit_code, document = read(index, "-r", "r.txt", "--tags", OLD, cwd=here)
    found = answers(document)
    assert exit_code == 1
    assert found["good==1.0"]["result"] == "fits"
    lib = found["lib==1.0"]
    assert (lib["result"], lib["releases"][-1]["reason"]) == ("misses", "hash")
    with (here / "r.txt").open("a") as file:
        file.write(f"plain\nother>=1.0 --hash=sha256:{sha256}\n")
    make_wheel(shelf, "plain")
    make_wheel(shelf, "other")
    result = explain(index, "-r", "r.txt", "--tags", OLD, cwd=here)
    assert "gets nothing: hashes are required, but this requirement has none\n" in result.stdout
    assert (
        "gets nothing: hashes are required, so its version must be pinned with ==\n"
        in result.stdout
    )


def test_running_interpreter_stands_in(shelf: Path, index: LocalIndex, here: Path) -> None:
    make_wheel(shelf, "native", tag=f"{HERE}-none-any")
    make_wheel(shelf, "wheel")
    make_source(shelf, "source", "1.0")
    exit_code, document = read(index, "native", "source", cwd=here)
    found = answers(document, "this interpreter")
    assert exit_code == 0
    assert found["native"]["taken"]["tag"] == f"{HERE}-none-any"
    assert (found["source"]["taken"]["filename"], found["source"]["taken"]["tag"]) == (
        "source-1.0.tar.gz",
        None,
    )
    arguments = ["wheel", "source", "--no-binary", "wheel", "--only-binary", "source"]
    exit_code, document = read(index, *arguments, cwd=here)
    found = answers(document, "this interpreter")
    assert exit_code == 1
    assert found["wheel"]["releases"][0]["reason"] == "excluded"
    assert found["source"]["releases"][0]["reason"] == "source"
    suggestions = [(found["wheel"]["fixes"], ["--only-binary wheel"])]
    suggestions += [(found["source"]["sources"], ["--no-binary source"])]
    for given, expected in suggestions:
        assert [fix["write"] for fix in given] == expected
    arguments += ["--only-binary", "wheel", "--no-binary", "source"]
    assert explain(index, *arguments, cwd=here).exit_code == 0


def test_pre_releases_count_as_in_pip(shelf: Path, index: LocalIndex, here: Path) -> None:
    make_wheel(shelf, "early", "2.0rc1")
    make_wheel(shelf, "early", "1.0", tag="cp38-cp38-win_amd64")
    stock_lib(shelf)
    make_wheel(shelf, "lib", "4.0rc1")
    _, document = read(index, "early", "lib", "--tags", OLD, cwd=here)
    taken = {name: answer["taken"]["version"] for name, answer in answers(document).items()}
    assert taken == {"early": "2.0rc1", "lib": "3.0"}
    _, document = read(index, "early", "lib", "--pre", "--tags", OLD, cwd=here)
    taken = {name: answer["taken"]["version"] for name, answer in answers(document).items()}
    assert taken == {"early": "2.0rc1", "lib": "4.0rc1"}


def test_project_that_is_not_there(shelf: Path, index: LocalIndex, here: Path) -> None:
    make_wheel(here / "links", "typing-extensions")
    make_wheel(shelf, "good")
    result = explain(index, "-f", "links", "typing-extension", "--tags", OLD, cwd=here)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == (
        f"typing-extension for {OLD}\n"
        "  The target gets nothing: there is no project typing-extension\n"
        f"    not found at {index.url}typing-extension/\n"
        "    not found at links\n"
        "    did you mean typing-extensions?\n"
    )


def test_wheel_that_is_named_itself(shelf: Path, index: LocalIndex, here: Path) -> None:
    wheel = make_wheel(shelf, "lib", tag="cp39-cp39-manylinux2014_x86_64")
    make_wheel(here, "own")
    urls = [f"{index.base}/files/{wheel.name}", "./own-1.0-py3-none-any.whl"]
    exit_code, document = read(index, *urls, f"--tags={OLD},{NEW}", cwd=here)
    assert exit_code == 1
    assert [answer["result"] for answer in answers(document).values()] == ["fits", "fits"]
    here_too = answers(document, NEW)
    assert [answer["result"] for answer in here_too.values()] == ["misses", "fits"]
    assert index.requests == ()


PAGES = {
    "log-in": (b"<html><body>Who are you?</body></html>", "text/html", 3),
    "links": (b'<h1>lib</h1><a href="/login">sign in</a>', "text/html", 3),
    "empty": (b"<h1>Links for lib</h1>", "text/html", 0),
    "empty JSON": (b'{"files": []}', "application/vnd.pypi.simple.v1+json", 0),
}


@pytest.mark.parametrize("case", PAGES)
def test_page_of_a_second_index(
    shelf: Path, index: LocalIndex, here: Path, tmp_path: Path, case: str
) -> None:
    content, kind, exit_code = PAGES[case]
    make_wheel(shelf, "lib")
    (tmp_path / "second").mkdir()
    with LocalIndex(tmp_path / "second") as second:
        second.add_file("/simple/lib/", content, kind)
        extra = f"--extra-index-url={second.url}"
        result = explain(index, extra, "lib", "--tags", f"{OLD},{NEW}", cwd=here)
    said = f"error: lib: the index {second.url} could not be read (it is not an index page)\n"
    assert (result.exit_code, result.stderr) == (exit_code, said if exit_code else "")


def test_what_cannot_be_found_out(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock_lib(shelf)
    make_wheel(shelf, "good")
    index.fault("/simple/lib/", Status(403))
    arguments = ("lib", "good", "good ; platform_release > '5'", "--tags", OLD)
    result = explain(index, *arguments, cwd=here)
    assert result.exit_code == 3
    assert result.stderr == (
        f"error: lib: the index {index.url} could not be read (403 Forbidden)\n"
        'error: good: its marker (platform_release > "5") uses platform_release, which is not '
        f"known for {OLD}; describe the target in a file, with platform_release = "
        '"…" under [markers], and use it: target=./FILE.toml\n'
    )
    assert result.stdout == (
        f"For {OLD}:\nlib   not known\ngood  1.0\ngood  not known\n\n"
        "1 of 3 requirements are available for all their targets.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ([], 2, "no requirements given"),
        (["lib=1"], 2, "error: lib=1 is not a valid requirement: Expected"),
        (["lib", "--tags", "cp39-cp39"], 2, "cp39-cp39 is not a tag"),
        (["lib", "-r", "none.txt"], 2, "cannot read none.txt"),
        (["lib", "--nonsense"], 2, "no such option: --nonsense"),
        (["lib", "--python-version=3.9"], 2, "write --tags cp39-"),
        (["lib", "--python=/bin/python"], 2, "name that interpreter's environment with --tags"),
        (["-r", "pylock.toml"], 2, "pylock.toml is a lock"),
        (["git+https://example.invalid/lib", "--tags", OLD], 2, "this is a repository"),
        (["lib", "--timeout=soon"], 3, "pip could not read the requirements"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_told(arguments: list[str], exit_code: int, says: str, here: Path) -> None:
    result = wheeltarget("explain", *arguments, cwd=here)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert says in result.stderr


def test_moved_pip_is_told(here: Path, tmp_path: Path) -> None:
    path = move_pip(tmp_path, [Edit("_internal.req.req_install", "def hashes(", "def other(")])
    variables = {"PYTHONPATH": path}
    result = wheeltarget("explain", "lib", "--no-index", cwd=here, variables=variables)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "does not work with pip" in result.stderr
    assert "(files of projects: AttributeError(" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_interrupt_ends_it(shelf: Path, index: LocalIndex, here: Path, tmp_path: Path) -> None:
    make_wheel(shelf, "lib")
    index.fault("/simple/lib/", Stall(60))
    (tmp_path / "temporary").mkdir()
    arguments = command("explain", "--no-cache-dir", *index.pip_args(), "lib", "--tags", OLD)
    variables = environment(TMPDIR=str(tmp_path / "temporary"))
    with subprocess.Popen(arguments, cwd=here, env=variables, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while not index.requests and time.monotonic() < end:
            time.sleep(0.02)
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert stderr.decode().endswith("error: interrupted\n")
    assert names(tmp_path / "temporary") == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no terminals of this kind")
def test_colours_are_for_terminals(shelf: Path, index: LocalIndex, here: Path) -> None:
    stock_lib(shelf)
    options = ["--no-cache-dir", "--progress-bar=off", *index.pip_args()]
    arguments = command("explain", *options, "lib~=2.0", f"--tags={OLD}")
    said = []
    for variables in ({}, {"NO_COLOR": "1"}):
        with Terminal(arguments, here, environment(**variables)) as terminal:
            assert terminal.finish() == 0, terminal.text
        said.append(terminal.text)
    coloured, plain = said
    assert "\x1b[32mfits: " in coloured
    assert "fits: " in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


@pytest.mark.network
@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (
            ["cryptography~=3.4 ; tags=cp36-cp36m-manylinux1_x86_64"],
            1,
            ["needs glibc 2.12", "cryptography~=3.3 ", "selects 3.3.2, the newest that fits"],
        ),
        (["numpy ; tags=cp311-cp311-manylinux_2_31_armv7l"], 1, ["no release has a wheel for arm"]),
        (
            ["PyQt5==5.9", "--tags=cp38-cp38-win_amd64"],
            1,
            ["tags=cp37-cp37m-win_amd64  selects 5.9"],
        ),
    ],
    ids=["cryptography", "numpy", "pyqt5"],
)
def test_real_projects(arguments: list[str], exit_code: int, says: list[str], here: Path) -> None:
    result = wheeltarget("explain", *arguments, cwd=here)
    assert result.exit_code == exit_code, result.stderr
    assert [each for each in says if each not in result.stdout] == []


class TestVariants:
    """Wheels with a label for a processor after their tags."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Path:
        """Return a folder with variant wheels of two projects."""
        shelf = tmp_path / "shelf"
        for name in ("native", "other"):
            make_wheel(shelf, name, "2.0", tag=f"{OLD}-x86_64_v3")
        return shelf

    def explain(self, shelf: Path, *arguments: str) -> Result:
        """Explain for one target, from the folder alone."""
        given = ("--no-index", "--find-links", str(shelf), "--tags", OLD)
        return wheeltarget("explain", *given, *arguments, cwd=shelf.parent)

    def test_in_a_folder(self, shelf: Path) -> None:
        result = self.explain(shelf, "native")
        assert result.exit_code == 1
        assert "2.0  is a variant wheel for x86_64_v3, which no pip takes yet" in result.stdout
        assert "did you mean" not in result.stdout
        document = json.loads(self.explain(shelf, "native", "--format", "json").stdout)
        (release,) = document["requirements"][0]["targets"][0]["releases"]
        assert (release["reason"], release["file"]) == ("variant", None)

    def test_beside_what_fits(self, shelf: Path) -> None:
        make_wheel(shelf, "native", "1.0", tag=OLD)
        result = self.explain(shelf, "native")
        assert result.exit_code == 0
        assert "which no pip takes yet" in result.stdout
        assert "gets 1.0" in result.stdout

    def test_by_its_url(self, shelf: Path) -> None:
        url = (shelf / f"native-2.0-{OLD}-x86_64_v3.whl").as_uri()
        result = self.explain(shelf, f"native @ {url}")
        assert result.exit_code == 1
        assert "2.0  is a variant wheel for x86_64_v3, which no pip takes yet" in result.stdout

    def test_another_project_in_the_folder(self, shelf: Path) -> None:
        result = self.explain(shelf, "natives")
        assert "there is no project natives" in result.stdout
        assert "did you mean native?" in result.stdout
