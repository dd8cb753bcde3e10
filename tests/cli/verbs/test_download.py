"""The options of a download, as Typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.cli import wheeltarget
from wheeltarget.cli import app
from wheeltarget.cli.verbs import download
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE

TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=()), min_size=1, max_size=6
) | st.sampled_from(["a,b", "a=b", "-x", "-", "=", "--tags", "cp39-cp39-win32", "\udcff"])
OWN = {
    "--tags": ("tags", TEXTS | st.just("")),
    "--target": ("targets", TEXTS),
    "--only-job": ("only_jobs", TEXTS),
    "--allow-sdist": ("allow_sdist", TEXTS),
    "--build-pure": ("build_pure", TEXTS),
    "--exclude": ("exclude", TEXTS),
    "--index": ("index", TEXTS.map("acme-*={}".format)),
    "--by-target": ("by_target", None),
    "--dry-run": ("dry_run", None),
    "--refresh": ("refresh", None),
}
PIP = [spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each]


def read(*arguments: str) -> DownloadRequest | None:
    """Return the request that a command line is; None if it ends before."""
    requests = []

    def run(request: DownloadRequest, _start: object) -> int:
        requests.append(request)
        return 0

    with mock.patch.object(download, "run", run), pytest.raises(SystemExit):
        app.run(["download", *arguments])
    return requests[0] if requests else None


@st.composite
def own_option(draw: st.DrawFn) -> tuple[list[str], str, Any]:
    """Draw an option of ours in one of its spellings, and what it means."""
    name = draw(st.sampled_from(sorted(OWN)))
    field, values = OWN[name]
    if values is None:
        return [name], field, True
    value = draw(values)
    return draw(st.sampled_from([[name, value], [f"{name}={value}"]])), field, value


OTHERS = st.one_of(
    st.sampled_from([name for name in PIP if name not in {"-h", "--help"}]),
    TEXTS.filter(lambda text: text.partition("=")[0] not in {"-h", "--help", *OWN}),
    st.sampled_from(
        ["-rneeded.txt", "-dhouse", "--dest=house", "lib ; tags=x", "--refresh-package"]
    ),
).map(lambda text: ([text], "arguments", text))


@settings(deadline=None)
@given(st.lists(own_option() | OTHERS, max_size=6))
@example([(["--tags="], "tags", ""), (["-r"], "arguments", "-r")])
def test_what_is_not_ours_is_left_to_pip_in_its_order(
    pieces: list[tuple[list[str], str, Any]],
) -> None:
    expected: dict[str, Any] = {"arguments": ()}
    for _, field, value in pieces:
        before = expected.get(field, ())
        expected[field] = True if value is True else (*before, value)
    request = read(*(word for arguments, _, _ in pieces for word in arguments))
    assert request == DownloadRequest(**expected)


def test_values_that_are_no_texts() -> None:
    request = read("--jobs", "3", "--jobs=007", "--report", "out.json", "--format", "json", "x")
    expected = DownloadRequest(("x",), processes=7, report=Path("out.json"), wants_outcome=True)
    assert request == expected
    assert read("--report=-", "x") == DownloadRequest(("x",), wants_outcome=True)


def test_nothing_behind_two_dashes_is_an_option() -> None:
    request = read("--tags=--", "-r", "--", "--tags", "x", "--", "-h")
    arguments = ("-r", "--", "--tags", "x", "--", "-h")
    assert request == DownloadRequest(arguments, tags=("--",))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["lib", "--jobs", "0"],
        ["lib", "--jobs=many"],
        ["lib", "--format", "xml"],
        ["lib", "--dry-run=yes"],
        ["lib", "--tags"],
        ["lib", "--report="],
    ],
    ids=" ".join,
)
def test_help_and_what_is_wrong_ends_the_run(arguments: list[str]) -> None:
    assert read(*arguments) is None


def test_a_shell_that_asks_for_completions_is_answered(tmp_path: Path) -> None:
    variables = {
        "_WHEELTARGET_COMPLETE": "complete_bash",
        "COMP_WORDS": "wheeltarget download --by",
        "COMP_CWORD": "2",
    }
    result = wheeltarget("download", "--dry-run", "lib", cwd=tmp_path, variables=variables)
    assert result.stdout.split() == ["--by-target"]
