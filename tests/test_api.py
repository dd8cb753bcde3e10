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
from wheeltarget.cli.app import VERBS
from wheeltarget.resolver import pip_runner

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
    assert (result.stdout, result.stderr, result.returncode) == (output, "", 0)


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n") == len(VERBS) + 1


def test_every_verb_is_there_and_documented() -> None:
    functions = {name for name in api.__all__ if name.islower()}
    assert {verb.replace("-", "_") for verb in VERBS} - {"cache"} <= functions
    values = {name for name in api.__all__ if name.endswith(("Request", "Outcome", "Run"))}
    assert functions | values | {"CODES"} <= set(re.findall(r"`(\w+)`", PAGE))
    assert all(hasattr(api, name) for name in api.__all__)


def test_what_pip_printed_is_in_the_notes_of_an_error(
    tmp_path: Path, index: LocalIndex, capfd: pytest.CaptureFixture[str]
) -> None:
    make_wheel(tmp_path / "index", "other")
    arguments = (*index.pip_args(), f"--dest={tmp_path}", "other", "missing")
    request = api.DownloadRequest(arguments, tags=("cp312-cp312-win_amd64",))
    with pytest.raises(api.WheeltargetError) as caught:
        api.download(request)
    assert "Looking in indexes" in "\n".join(caught.value.__notes__)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "exit_code"), [("other", 0), ("missing", 1)])
def test_what_pip_printed_is_in_a_plain_run(
    tmp_path: Path, index: LocalIndex, capfd: pytest.CaptureFixture[str], name: str, exit_code: int
) -> None:
    make_wheel(tmp_path / "index", "other")
    # pip itself cannot read the clause.
    arguments = (*index.pip_args(), f"--dest={tmp_path}", f"{name} ; target=host")
    outcome = api.download(api.DownloadRequest(arguments))
    assert isinstance(outcome, api.PlainRun)
    assert outcome.exit_code == exit_code
    assert name in outcome.output
    assert capfd.readouterr() == ("", "")


def test_captured_output_ends_with_the_call(tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "other")
    arguments = (*index.pip_args(), f"--dest={tmp_path / 'out'}", "other")
    request = api.DownloadRequest(arguments, tags=("cp312-cp312-win_amd64",), processes=2)
    for _ in range(2):
        assert isinstance(api.download(request), api.DownloadOutcome)
    assert pip_runner._output.get() == 2
