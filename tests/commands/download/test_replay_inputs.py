"""What the outcome of a download depends on, and when that is not known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from wheeltarget.cache.run_records import RunInputs
from wheeltarget.commands.download.replay_inputs import _KNOWN, find_run_inputs
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.prepare import prepare
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE

TAG = "cp39-cp39-manylinux2014_x86_64"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with requirements that name a variable."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("--index-url https://${HOST}/simple\none\n")
    return tmp_path


def inputs_of(
    words: Sequence[str], targets: tuple[str, ...] = (), **variables: str
) -> RunInputs | None:
    """Find the inputs of a download that is not run."""
    environment = {"PIP_CONFIG_FILE": os.devnull, "HOST": "localhost", **variables}
    invocation = read_invocation(words, environment)
    return find_run_inputs(prepare(invocation, (TAG,), targets), 1.0, 2.0)


def test_files_and_variables(folder: Path) -> None:
    (folder / "box.toml").write_text(f'tag = "{TAG}"')
    inputs = inputs_of(
        ("-r", "requirements.txt", "--dest", "house", "--cert", "mine.pem"),
        ("./box.toml", "debian-12-python3.11-x86_64"),
        NETRC="my-netrc",
    )
    assert inputs is not None
    assert inputs.read == (str(folder / "requirements.txt"),)
    looked_for = {"pyproject.toml", "box.toml", "mine.pem", "my-netrc"}
    assert {str(folder / name) for name in looked_for} <= set(inputs.looked_for)
    assert any(name.endswith("debian-12-python3.11-x86_64.toml") for name in inputs.looked_for)
    assert inputs.variables == ("HOST",)
    assert (inputs.began, inputs.fresh_until, inputs.destination) == (1.0, 2.0, "house")


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("one", "--find-links", "links"), {}),
        (("one", "--log", "log.txt"), {}),
        (("one",), {"PIP_FIND_LINKS": "links"}),
        (("one",), {"PIP_NO_SUCH_SETTING": "1"}),
    ],
)
def test_unknown_inputs(words: tuple[str, ...], variables: dict[str, str]) -> None:
    assert inputs_of(words, (), **variables) is None


def test_settings_of_known_options_are_known() -> None:
    assert inputs_of(["one"], PIP_INDEX_URL="https://localhost", PIP_NO_COLOR="1") is not None
    assert inputs_of(["one", "--index-url=https://localhost", "-q"]) is not None


def test_options_are_those_of_pip() -> None:
    known = {spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each}
    assert known >= _KNOWN
