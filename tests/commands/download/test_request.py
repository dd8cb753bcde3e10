"""The words of a download, read with and without Typer: both readers mean the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.cli import wheeltarget
from wheeltarget.cli import app, download
from wheeltarget.cli.values import OutputFormat
from wheeltarget.commands.download.request import FORMATS, OPTIONS, DownloadRequest, read_request
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE

TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=()), min_size=1, max_size=6
) | st.sampled_from(["a,b", "a=b", "-x", "--", "-", "=", "--tags", "cp39-cp39-win32", "\udcff"])
VALUES = {
    "--jobs": st.integers(1, 10**6).map(str) | st.just("007"),
    "--format": st.sampled_from(FORMATS),
    "--report": TEXTS.filter(lambda text: text not in {"--", "-h", "--help"}),
}
LISTS = TEXTS.filter(lambda text: text not in {"--", "-h", "--help"}) | st.just("")
PIP = [spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each]


def read_with_typer(words: list[str]) -> DownloadRequest | None:
    """Give what Typer makes of the words; None where it ends the run."""
    requests = []

    def run(request: DownloadRequest) -> int:
        requests.append(request)
        return 0

    with mock.patch.object(download, "run", run), pytest.raises(SystemExit):
        app.run(["download", *words])
    return requests[0] if requests else None


@st.composite
def own_option(draw: st.DrawFn) -> list[str]:
    """Give an option of ours with a good value, in one of its spellings."""
    name = draw(st.sampled_from(sorted(OPTIONS)))
    if OPTIONS[name].read is None:
        return [name]
    value = draw(VALUES.get(name, LISTS))
    return draw(st.sampled_from([[name, value], [f"{name}={value}"]]))


PIECES = st.one_of(
    own_option(),
    st.sampled_from([name for name in PIP if name not in {"-h", "--help"}]).map(lambda n: [n]),
    TEXTS.filter(lambda text: text.partition("=")[0] not in {"-h", "--help", *OPTIONS}).map(
        lambda text: [text]
    ),
    st.sampled_from([["-rneeded.txt"], ["-d", "house"], ["--dest=house"], ["lib ; tags=x"]]),
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=6))
@example([["--tags=--"], ["-r"], ["--"], ["--tags", "x"], ["--"], ["-h"]])
@example([["--report=-"], ["--report", "out.json"]])
def test_well_formed_words_are_read_without_typer(pieces: list[list[str]]) -> None:
    words = [word for piece in pieces for word in piece]
    request = read_request(words)
    assert request is not None
    assert request == read_with_typer(words)


ODD = "--jobs=0 --jobs=2.5 --format=xml --no-dry-run --dry-run=1 --tag --jobs 3 -h --help -V -j3 --"
WORDS = st.sampled_from([*OPTIONS, *(f"{name}=" for name in OPTIONS), *ODD.split()])


@settings(deadline=None)
@given(st.lists(WORDS | TEXTS, max_size=6))
@example(["--jobs", "0", "--jobs", "3"])
@example(["--tags"])
@example(["--tags", "-h"])
def test_whatever_is_read_without_typer_means_the_same_to_it(words: list[str]) -> None:
    request = read_request(words)
    if request is not None:
        assert request == read_with_typer(words)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["lib", "--jobs", "0"],
        ["lib", "--jobs=many"],
        ["lib", "--format", "xml"],
        ["lib", "--dry-run=yes"],
        ["lib", "--tags"],
        ["lib", "--report="],
        ["lib", "--tags", "--"],
    ],
    ids=" ".join,
)
def test_typer_has_the_help_and_what_is_wrong(words: list[str]) -> None:
    assert read_request(words) is None


def test_both_readers_know_the_same_options() -> None:
    command: Any = typer.main.get_command(app.app)
    declared = {
        tuple(each.opts): (each.name, not each.is_flag, each.multiple)
        for each in command.commands["download"].params
        if each.param_type_name == "option" and "--help" not in each.opts
    }
    assert declared == {
        (name,): (option.parameter, option.read is not None, option.repeated)
        for name, option in OPTIONS.items()
    }
    assert tuple(each.value for each in OutputFormat) == FORMATS


@pytest.mark.parametrize(
    ("words", "has_options"),
    [(["lib", "-d", "x"], False), (["lib", "--dry-run"], True), (["--tags", "x"], True)],
)
def test_a_request_knows_whether_pip_could_do_it(words: list[str], has_options: bool) -> None:
    request = read_request(words)
    assert request is not None
    assert request.has_options is has_options


def test_a_shell_that_asks_for_completions_is_answered(tmp_path: Path) -> None:
    variables = {
        "_WHEELTARGET_COMPLETE": "complete_bash",
        "COMP_WORDS": "wheeltarget download --by",
        "COMP_CWORD": "2",
    }
    result = wheeltarget("download", "--dry-run", "lib", cwd=tmp_path, variables=variables)
    assert result.stdout.split() == ["--by-target"]
