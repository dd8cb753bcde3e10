"""The examples of docs/api.md do what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT, environment
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget import api

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = re.findall(
    r"^## ([^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```\n\n```text\n(.*?)```",
    PAGE,
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def _projects(tmp_path: Path, index: LocalIndex) -> None:  # noqa: ARG001 - it serves the folder
    """Fill the index with what the page says it has."""
    folder = tmp_path / "index"
    backport = 'importlib-metadata>=3.6 ; python_version < "3.10"'
    make_wheel(folder, "flask", "2.2.5", requires=["click>=8.0", backport], requires_python=">=3.7")
    make_wheel(folder, "flask", "3.1.3", requires=["click>=8.1.3"], requires_python=">=3.9")
    make_wheel(folder, "click", "8.1.8", requires_python=">=3.7")
    make_wheel(folder, "importlib-metadata", "6.7.0", requires_python=">=3.7")
    make_wheel(folder, "cryptography", "3.3.2", tag="cp36-abi3-manylinux1_x86_64")
    make_wheel(folder, "cryptography", "3.4.8", tag="cp36-abi3-manylinux2010_x86_64")


@pytest.mark.usefixtures("_projects")
@pytest.mark.parametrize(("code", "output"), [pytest.param(*e[1:], id=e[0]) for e in EXAMPLES])
def test_example(code: str, output: str, tmp_path: Path, index: LocalIndex) -> None:
    here = tmp_path / "here"
    here.mkdir()
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=here,
        env=environment(PIP_INDEX_URL=index.url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == output
    # With --quiet nothing else is printed; without it, pip's progress.
    assert result.stderr == "" or "--quiet" not in code
    assert result.returncode == 0


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n") == 5


def test_every_verb_is_documented() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    classes = {name for name in api.__all__ if name.endswith(("Request", "Outcome", "Run"))}
    verbs = {name for name in api.__all__ if name.islower()}
    assert len(classes) == 2 * len(verbs) + 1
    assert verbs | classes | {"CODES"} <= named
