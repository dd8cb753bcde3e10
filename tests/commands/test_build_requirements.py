"""What kept sources need to be built is fetched with them, for the target, and said."""

from __future__ import annotations

import json
import re
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.support.cli import download, names, proposed, wheeltarget
from tests.support.index import LocalIndex
from tests.support.projects import make_setuptools, make_source
from tests.support.wheels import make_wheel

OLD = "cp36-cp36m-manylinux1_x86_64"
NEW = "cp313-cp313-manylinux_2_28_x86_64"
SETUPTOOLS = """\
[build-system]
requires = ["setuptools>=40"]
build-backend = "setuptools.build_meta"
"""

IN_TREE = 'build-backend = "copying_backend"\nbackend-path = ["."]'

pytestmark = pytest.mark.seams


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Return the folder of the index: setuptools for old and new Pythons, and wheel."""
    folder = tmp_path / "index"
    make_setuptools(folder, "59.6.0")
    make_setuptools(folder, "80.0", requires_python=">=3.9")
    make_wheel(folder, "wheel", "0.37.1")
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return a working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def note(source: str, target: str, *files: str) -> str:
    """Return the note on what was added to build a source."""
    what = f"build requirement{'s' if len(files) > 1 else ''}"
    return f"note: {len(files)} {what} of {source} for {target}: {', '.join(files)}\n"


def test_versions_are_the_targets(index: LocalIndex, shelf: Path, here: Path) -> None:
    """Neither the requirements and constraints of the run nor this machine decide them."""
    make_source(shelf, "only", pyproject=SETUPTOOLS)
    make_setuptools(shelf, "50.0")
    (here / "c.txt").write_text("setuptools==50.0\n")
    lines = [f"only ; tags={OLD},{NEW}", f"setuptools ; tags={NEW}"]
    arguments = ["--allow-sdist=only", "--by-target", "-c", "c.txt", "--report=r.json", *lines]
    result = download(index, *arguments, cwd=here, variables={"PIP_CONSTRAINT": "c.txt"})
    assert result.exit_code == 0, result.stderr
    assert note("only-1.0.tar.gz", OLD, "setuptools 59.6.0", "wheel 0.37.1") in result.stderr
    assert note("only-1.0.tar.gz", NEW, "setuptools 80.0") in result.stderr
    old = ["only-1.0.tar.gz", "setuptools-59.6.0-py3-none-any.whl", "wheel-0.37.1-py3-none-any.whl"]
    assert names(here / "wheelhouse" / OLD) == old
    assert names(here / "wheelhouse" / NEW) == [
        "only-1.0.tar.gz",
        "setuptools-50.0-py3-none-any.whl",
        "setuptools-80.0-py3-none-any.whl",
    ]
    report = json.loads((here / "r.json").read_text())["targets"]
    assert [[file["filename"] for file in target["files"]] for target in report] == [
        old,
        ["only-1.0.tar.gz", *(f"setuptools-{each}-py3-none-any.whl" for each in ("50.0", "80.0"))],
    ]
    assert report[0]["files"][1]["requested_by"] == [
        {"requirement": "setuptools>=40", "location": "only-1.0.tar.gz:1:1"}
    ]


def test_folder_that_old_pips_share(index: LocalIndex, shelf: Path, here: Path) -> None:
    """They take the newest version there, whatever its Requires-Python is."""
    make_source(shelf, "only", pyproject=SETUPTOOLS)
    arguments = ["--allow-sdist=only", f"only ; tags={OLD},{NEW}"]
    for more, warned in ([], 1), (["--by-target", "--dest=other"], 0):
        result = download(index, *more, *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        warning = f"note: a pip before 20.3 on {OLD} would take setuptools 80.0 from the folder"
        assert result.stderr.count(warning) == warned


def test_source_without_a_project_file(index: LocalIndex, shelf: Path, here: Path) -> None:
    """Pip takes its default, and those of old Pythons wheel, too; a dry run shows the same."""
    make_source(shelf, "only", pyproject=None, files={"setup.py": ""})
    for more in (["--dry-run"], []):
        result = download(index, *more, "--allow-sdist=only", f"only ; tags={NEW}", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert note("only-1.0.tar.gz", NEW, "setuptools 80.0", "wheel 0.37.1") in result.stderr
        assert "wheelhouse/setuptools-80.0-py3-none-any.whl" in result.stdout
        assert names(here / "wheelhouse") == ([] if more else sorted(names(here / "wheelhouse")))
    assert len(names(here / "wheelhouse")) == 3


def test_sources_that_sources_need(index: LocalIndex, shelf: Path, here: Path) -> None:
    """Each is looked at, and the same one only once."""
    helper = '[build-system]\nrequires = ["setuptools", "only ; python_version < \'3\'"]\n'
    make_source(shelf, "helper", "1.0", pyproject=helper)
    here_only = re.sub(r"[-.]", "_", sysconfig.get_platform())
    make_wheel(shelf, "helper", "1.0", tag=f"py3-none-{here_only}")
    needs = SETUPTOOLS.replace('"setuptools>=40"', '"setuptools", "helper"')
    make_source(shelf, "only", pyproject=needs)
    make_source(shelf, "other", pyproject=needs)
    arguments = ["--allow-sdist=only,other,helper", "only", "other", f"--tags={NEW}"]
    result = download(index, *arguments, cwd=here)
    assert result.exit_code == 0, result.stderr
    both = ("setuptools 80.0", "helper 1.0")
    assert note("only-1.0.tar.gz", NEW, *both) in result.stderr
    assert note("other-1.0.tar.gz", NEW, *both) in result.stderr
    assert result.stderr.count(note("helper-1.0.tar.gz", NEW, "setuptools 80.0")) == 1
    assert result.stderr.count("to build only-1.0.tar.gz and other-1.0.tar.gz") == 1


def test_build_requirement_that_is_not_available(
    index: LocalIndex, shelf: Path, here: Path
) -> None:
    make_source(shelf, "only", pyproject=SETUPTOOLS.replace("40", "61"))
    make_source(shelf, "source")
    arguments = ["--allow-sdist=only", f"only ; tags={OLD}"]
    result = download(index, *arguments, cwd=here)
    assert (result.exit_code, result.stdout, names(here)) == (1, "", [])
    assert (
        f"error: pip failed to find what is needed to build only-1.0.tar.gz for {OLD}; nothing "
        "was saved\n"
        "  if that is installed there, use --no-build-isolation\n"
        f"  setuptools>=61 (only-1.0.tar.gz:1:1): no file fits {OLD}\n"
        "      80.0  requires Python >=3.9\n"
        "      the newest that fits is 59.6.0\n"
    ) in result.stderr
    assert "tags=" not in result.stderr.partition("error:")[2]


@pytest.mark.parametrize(
    ("requires", "why"),
    [
        (f'["setuptools"]\n{IN_TREE}', "its build backend is part of it, which"),
        ('["setuptools", "wheel @ {}"]', "only-1.0.tar.gz needs wheel @ http"),
    ],
)
def test_what_cannot_be_known_or_fetched(
    index: LocalIndex, shelf: Path, here: Path, requires: str, why: str
) -> None:
    url = f"{index.base}/files/wheel-0.37.1-py3-none-any.whl"
    make_source(shelf, "only", pyproject=f"[build-system]\nrequires = {requires.format(url)}\n")
    result = download(index, "--allow-sdist=only", f"only ; tags={NEW}", cwd=here)
    assert result.exit_code == 0, result.stderr
    assert why in result.stderr
    assert names(here / "wheelhouse") == ["only-1.0.tar.gz", "setuptools-80.0-py3-none-any.whl"]


def test_download_from_a_lock(index: LocalIndex, shelf: Path, here: Path) -> None:
    """The lock does not name it, so a note has the command that gets it."""
    make_source(shelf, "only", pyproject=SETUPTOOLS)
    options = ["--no-cache-dir", *index.pip_args()]
    lock = ["lock", *options, "--allow-sdist=only", f"only ; tags={OLD}"]
    assert wheeltarget(*lock, cwd=here).exit_code == 0
    arguments = ["-r", f"pylock.{OLD}.toml", "-d", "house"]
    result = wheeltarget("download", *options, *arguments, cwd=here)
    assert names(here / "house") == ["only-1.0.tar.gz"]
    noted = "note: the lock does not name what only-1.0.tar.gz needs to be built; get it with: "
    assert noted in result.stderr
    command = proposed(result)
    assert command[:3] == ["download", "setuptools>=40", "wheel"]
    assert wheeltarget(*command, *options, cwd=here).exit_code == 0
    assert len(names(here / "house")) == 3
    result = wheeltarget("download", *options, *arguments, cwd=here)
    assert (result.exit_code, "needs to be built" in result.stderr) == (0, False)
    assert wheeltarget("check", "house", *arguments[:2], cwd=here).exit_code == 0


def test_builds_without_isolation_need_nothing(index: LocalIndex, shelf: Path, here: Path) -> None:
    source = make_source(shelf, "only")
    shutil.copy(source, here)
    arguments = ["--allow-sdist=only", "--no-build-isolation", f"only ; tags={NEW}"]
    result = download(index, *arguments, cwd=here)
    assert result.exit_code == 0, result.stderr
    assert names(here / "wheelhouse") == ["only-1.0.tar.gz"]
    assert "build requirement" not in result.stderr
