"""pip's variables and configuration files, read with pip's own precedence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import download, environment, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_config.files import configuration_files, read_configuration
from wheeltarget.pip_config.options import GivenOption

TARGET = "cp39-cp39-manylinux2014_x86_64"


def test_later_places_override(tmp_path: Path) -> None:
    user, named = tmp_path / "config" / "pip", tmp_path / "named.conf"
    user.mkdir(parents=True)
    (user / "pip.conf").write_text(
        "[download]\ndest = user-download\nrequirement = a.txt\n  b.txt\n[global]\ndest = user\n"
    )
    base = {"HOME": str(tmp_path)}
    read = read_configuration(base).options
    assert read == (
        GivenOption("--dest", "user-download"),
        GivenOption("--requirement", "a.txt"),
        GivenOption("--requirement", "b.txt"),
    )
    named.write_text("[global]\nDestination_Dir = named\nconstraint = c.txt\n")
    read = read_configuration({**base, "PIP_CONFIG_FILE": str(named)}).options
    # A file that is named takes the place of the user's own.
    assert read == (GivenOption("--dest", "named"), GivenOption("--constraint", "c.txt"))
    variables = {"PIP_CONFIG_FILE": str(named), "PIP_DEST": "variable", "PIP_CONSTRAINT": ""}
    assert GivenOption("--dest", "variable") in read_configuration({**base, **variables}).options
    assert GivenOption("--constraint", "c.txt") in read_configuration({**base, **variables}).options
    assert read_configuration({**base, **variables}, isolated=True).options == read


@pytest.mark.parametrize("content", ["no section", "[global]\nx", "[global]\ndest = \xff"])
def test_broken_file_is_left_to_pip(tmp_path: Path, content: str) -> None:
    (tmp_path / "pip.conf").write_text(content, "latin-1")
    assert read_configuration({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}).options == ()


@pytest.mark.seams
@pytest.mark.parametrize("named", [None, "", "missing.conf", "there.conf", os.devnull])
@pytest.mark.parametrize("isolated", [False, True], ids=["", "isolated"])
def test_files_are_those_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, isolated: bool
) -> None:
    (tmp_path / "there.conf").write_text("[global]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIP_CONFIG_FILE")
    if named is not None:
        monkeypatch.setenv("PIP_CONFIG_FILE", named)
    script = (
        "from pip._internal.configuration import Configuration\n"
        f"files = dict(Configuration({isolated}).iter_config_files())\n"
        "print(*[f for kind in ('global', 'user', 'site', 'env') for f in files.get(kind, [])],"
        " sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [] if named == os.devnull else [line for line in done.stdout.splitlines() if line]
    assert [str(f) for f in configuration_files(os.environ, isolated=isolated)] == theirs


def test_a_run_follows_the_configuration(tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "one")
    (tmp_path / "needed.txt").write_text(f"one # tags={TARGET}\n")
    (tmp_path / "pip.conf").write_text(
        "[download]\nrequirement = needed.txt\ndest = from-configuration\nplatform = made_up\n"
    )
    result = download(
        index,
        cwd=tmp_path,
        destination="",
        variables={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")},
    )
    assert result.exit_code == 0, result.stderr
    assert f"For {TARGET}:" in result.stdout
    assert names(tmp_path / "from-configuration") == ["one-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"PIP_REQUIREMENT": " a.txt\tb.txt\n"}, ["a.txt", "b.txt"], id="a list"),
        pytest.param({"PIP_DEST": "a b"}, ["a b"], id="a folder with a blank"),
        pytest.param({"PIP_DESTINATION_DIR": "x"}, ["x"], id="another spelling"),
        pytest.param({"PIP_requirement": "a.txt"}, ["a.txt"], id="lower case"),
        pytest.param({"PIP_REQUIREMENT": "", "PIP_DEST": ""}, [], id="empty"),
        pytest.param({"pip_requirement": "a.txt", "REQUIREMENT": "b"}, [], id="not pip's"),
        pytest.param({"PIP_INDEX_URL": "u", "PIP_R": "a.txt"}, [], id="not ours to read"),
    ],
)
def test_variables(variables: dict[str, str], words: list[str]) -> None:
    found = read_configuration({"PIP_CONFIG_FILE": os.devnull, **variables}).options
    assert [option.value for option in found] == words
