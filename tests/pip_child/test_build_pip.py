"""What a build requires comes from the indexes of projects, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import download, environment, names
from tests.support.index import LocalIndex
from tests.support.projects import make_project, make_source
from tests.support.wheels import make_wheel
from wheeltarget.pip_child import build_pip
from wheeltarget.pip_protocol import INDEXES_VARIABLE

pytestmark = pytest.mark.seams

TAG = "cp39-cp39-manylinux2014_x86_64"


@pytest.mark.parametrize("option", ["--allow-sdist=only", "--build-pure=only"])
def test_build_requirements(index: LocalIndex, tmp_path: Path, option: str) -> None:
    shelf, inside, here = tmp_path / "index", tmp_path / "inside", tmp_path / "here"
    here.mkdir()
    make_source(shelf, "only", build_requires=["acme-build"])
    make_wheel(shelf, "acme-build", "9", requires=["stolen"])
    make_wheel(inside, "acme-build", "1", requires=["acme-util"])
    make_wheel(inside, "acme-util", "1")
    with LocalIndex(inside) as own:
        arguments = [option, f"--index=acme-*={own.url}", f"only ; tags={TAG}"]
        result = download(index, *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        assert own.count("acme_util-1-py3-none-any.whl")
    (house,) = names(here)
    kept = {"acme_build-1-py3-none-any.whl", "acme_util-1-py3-none-any.whl"}
    assert kept.issubset(names(here / house)) == ("sdist" in option)
    assert not any("acme" in request.path for request in index.requests)


def test_a_run_without_a_target(index: LocalIndex, tmp_path: Path) -> None:
    """There, any source may be built."""
    inside, here = tmp_path / "inside", tmp_path / "here"
    make_project(here / "tree", "mine", build_requires=["acme-build"])
    make_wheel(tmp_path / "index", "acme-build", "9", requires=["stolen"])
    make_wheel(inside, "acme-build", "1")
    with LocalIndex(inside) as own:
        result = download(index, f"--index=acme-*={own.url}", "-d", "house", "./tree", cwd=here)
    assert result.exit_code == 0, result.stderr
    assert not any("acme" in request.path for request in index.requests)


def test_without_the_indexes_it_does_nothing() -> None:
    """A variable that is lost must not make it ask another index."""
    variables = {k: v for k, v in environment().items() if k != INDEXES_VARIABLE}
    done = subprocess.run(
        [sys.executable, build_pip.__file__, "--version"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert INDEXES_VARIABLE in done.stderr
