"""Pip for a target: what is fetched with which options, and the command that starts it there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cli import wheeltarget
from tests.support.index import LocalIndex
from tests.support.interpreters import index_environment, interpreter
from tests.support.projects import make_setuptools_source
from tests.support.wheels import make_wheel
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.with_pip import WantsPip, fetch_pips, options_for_pip, start_command
from wheeltarget.pip_config.options import GivenOption
from wheeltarget.pip_config.project_indexes import NO_INDEXES
from wheeltarget.resolver.pip_runner import RunOptions
from wheeltarget.staging.stage import open_stage
from wheeltarget.targets.catalog import look_up_tag

LINUX = look_up_tag("cp36-cp36m-manylinux2014_x86_64")
WINDOWS = look_up_tag("cp39-cp39-win_amd64")
PIP = "pip-21.3.1-py3-none-any.whl"


@pytest.mark.parametrize(
    ("folder", "linux", "windows"),
    [
        pytest.param("w", f"python w/{PIP}/pip", rf"py w\{PIP}\pip", id="plain"),
        pytest.param("a/b", f"python a/b/{PIP}/pip", rf"py a\b\{PIP}\pip", id="below"),
        pytest.param("my w", f"python 'my w/{PIP}/pip'", rf'py "my w\{PIP}\pip"', id="space"),
        pytest.param("-w", f"python ./-w/{PIP}/pip", rf"py .\-w\{PIP}\pip", id="dash"),
    ],
)
def test_start_command(folder: str, linux: str, windows: str) -> None:
    arguments = ("app>=1", "more[x]~=2.0", "plain==3")
    here = start_command(PIP, folder, arguments, LINUX)
    assert here.startswith(f"{linux} install --no-index --find-links ")
    assert here.endswith(" 'app>=1' 'more[x]~=2.0' plain==3")
    assert shlex.split(here)[2:][-3:] == list(arguments)
    there = start_command(PIP, folder, arguments, WINDOWS)
    assert there.startswith(f"{windows} install --no-index --find-links ")
    assert there.endswith(' "app>=1" "more[x]~=2.0" plain==3')


def test_an_older_pip_is_unpacked_to_build() -> None:
    """It runs files of its own there; on Python 2.7 and 3.6, they cannot be in a wheel."""
    old = start_command(PIP, "my w", ("app",), LINUX, builds=True)
    assert old.splitlines() == [
        f"python -m zipfile -e 'my w/{PIP}' pip-21.3.1",
        "python pip-21.3.1/pip install --use-pep517 --no-index --find-links 'my w' app",
    ]
    windows = start_command(PIP, "w", ("app",), WINDOWS, builds=True)
    assert windows.splitlines() == [
        rf"py -m zipfile -e w\{PIP} pip-21.3.1",
        r"py pip-21.3.1\pip install --use-pep517 --no-index --find-links w app",
    ]
    newer = "pip-22.0-py3-none-any.whl"
    arguments = (newer, "w", ("app",), WINDOWS)
    assert start_command(*arguments, builds=True) == start_command(*arguments)


def test_options(tmp_path: Path) -> None:
    """Those for the index count, wherever they are; those for requirements do not."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "wheels").mkdir()
    file = tmp_path / "in" / "needed.txt"
    file.write_text(
        "--index-url https://${USER}:${SECRET}@i.example/simple\n--find-links wheels\n--pre\napp\n"
    )
    arguments = ("--no-deps", "--timeout=3", "-r", str(file), "--require-hashes", "--quiet")
    invocation = read_invocation(arguments, {})
    files = invocation.read_inputs().files
    variables = {"USER": "me"}
    assert list(options_for_pip(files, invocation.command, variables)) == [
        GivenOption("--timeout", "3"),
        GivenOption("--quiet"),
        GivenOption("--index-url", "https://me:${SECRET}@i.example/simple"),
        GivenOption("--find-links", str(tmp_path / "in" / "wheels")),
    ]


def test_fetched_with_settings(tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "pip", "21.3.1")
    settings = {"index-url": index.url, "no-cache-dir": "true", "constraint": "/none.txt"}
    with open_stage(tmp_path / "house", dry_run=True) as stage:
        options = RunOptions((), first=3, dry_run=False)
        wanted = [WantsPip(LINUX, "old"), WantsPip(WINDOWS, "new", "sub")]
        results = fetch_pips(wanted, stage, options, (), settings, NO_INDEXES)
        assert [[path.name for path in each.folder.iterdir()] for each in results] == [[PIP]] * 2


CASES: Mapping[str, tuple[str, bool]] = {
    "2.7": ("cp27-cp27mu-manylinux2014_x86_64", False),
    "3.6": ("cp36-cp36m-manylinux2014_x86_64", False),
    "3.9": ("cp39-cp39-manylinux2014_x86_64", True),
    "3.13": ("cp313-cp313-manylinux2014_x86_64", True),
}
"""A target for each Python, and whether the pip that the Python came with reads its wheels."""


@pytest.mark.interpreters
@pytest.mark.network
@pytest.mark.parametrize("version", CASES)
def test_the_line_works_where_the_own_pip_may_not(version: str, tmp_path: Path) -> None:
    """A real pip, a wheel for manylinux2014 only, and sources; no network on the way there.

    docopt has no ``pyproject.toml``, the other source has one.
    """
    python = interpreter(version)
    target, reads = CASES[version]
    shelf, here, there = (tmp_path / name for name in ("shelf", "here", "there"))
    here.mkdir()
    there.mkdir()
    build, _, _ = target.partition("-manylinux")
    make_wheel(shelf, "native", tag=f"{build}-manylinux2014_x86_64")
    make_setuptools_source(shelf)
    fetched = wheeltarget(
        *("download", "-d", "my wheels", f"--tags={target}", "--find-links", str(shelf)),
        *("--with-pip", "--allow-sdist=docopt,fast-thing", "--format=json"),
        *("native>=1", "docopt==0.6.2", "fast-thing"),
        cwd=here,
        variables=index_environment(),
        timeout=300,
    )
    assert fetched.exit_code == 0, fetched.stderr
    (found,) = json.loads(fetched.stdout)["targets"]
    (here / "my wheels").rename(there / "my wheels")

    # Python 2.7 has no venv; no proxy answers.
    closed = "http://127.0.0.1:9"
    variables = {**index_environment(), "HTTPS_PROXY": closed, "https_proxy": closed}
    home = tmp_path / "environment"
    if version == "2.7":
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").symlink_to(python)
        variables["PYTHONPATH"] = str(home / "lib")
        found["install"] += f" --target {home / 'lib'}"
    else:
        subprocess.run([python, "-m", "venv", home], check=True, timeout=120)
    variables["PATH"] = os.pathsep.join([str(home / "bin"), os.environ["PATH"]])

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=there,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    own = ("-m", "pip", "download", "--no-index", "--find-links", "my wheels", "native")
    assert (run("python", *own, "-d", "own").returncode == 0) is reads
    done = run("sh", "-c", found["install"])
    assert done.returncode == 0, done.stderr
    proof = run("python", "-c", "import native, docopt, fast_thing; print(native.__file__)")
    assert Path(proof.stdout.strip()).is_relative_to(home), proof.stderr
