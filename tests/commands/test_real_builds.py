"""Real old interpreters build what was kept for them with their own pips, without a network."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import names, wheeltarget
from tests.support.interpreters import host_glibc, index_environment, interpreter
from tests.support.projects import make_setuptools_source

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="an extension is compiled"),
]

TAGS = {
    "3.6": "cp36-cp36m-manylinux2014_x86_64",
    "3.9": "cp39-cp39-manylinux2014_x86_64",
    "3.13": "cp313-cp313-manylinux2014_x86_64",
}


def test_own_pips_build_without_a_network(tmp_path: Path) -> None:
    """Also pip 18.1 of CPython 3.6, which has a folder of its own as the note says.

    docopt has no ``pyproject.toml``; of the other project, only the source exists.
    """
    pythons = {version: interpreter(version) for version in TAGS}
    if host_glibc() < (2, 17):
        pytest.skip("the wheels need glibc 2.17")
    make_setuptools_source(tmp_path / "sources", extension=True)
    run = wheeltarget(
        *("download", "--by-target", "-d", "house", "--find-links=sources"),
        *("--allow-sdist=docopt,fast-thing", "docopt", "fast-thing"),
        *(f"--tags={tag}" for tag in TAGS.values()),
        cwd=tmp_path,
        variables=index_environment(),
    )
    assert run.exit_code == 0, run.stderr
    for version, python in pythons.items():
        house = tmp_path / "house" / TAGS[version]
        assert any(name.startswith("setuptools-") for name in names(house))
        place = tmp_path / version
        subprocess.run([python, "-m", "venv", place], check=True)
        # Only the folder is asked, and nothing else could be reached.
        nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
        environment = {**index_environment(), **nowhere, "XDG_CACHE_HOME": str(tmp_path)}
        install = ["install", "--no-index", f"--find-links={house}", "docopt", "fast-thing"]
        done = subprocess.run(
            [place / "bin" / "python", "-m", "pip", *install],
            env={name: value for name, value in environment.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (version, done.stdout, done.stderr)
        proof = "import docopt, fast_thing; print(fast_thing.answer())"
        shown = subprocess.run(
            [place / "bin" / "python", "-c", proof], capture_output=True, text=True, check=True
        )
        assert shown.stdout.strip() == "42"
    checked = wheeltarget(
        "check", str(tmp_path / "house" / TAGS["3.6"]), "--tags", TAGS["3.6"], cwd=tmp_path
    )
    assert checked.exit_code == 0, checked.stdout + os.linesep + checked.stderr
