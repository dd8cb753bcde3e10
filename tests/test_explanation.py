"""Why a download fails, in words: each case of the folder ``explanations``, and each way out of it.

A case says which files the index has, what is asked for, and behind a blank line the explanation.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.cli import Result, download, names
from tests.support.index import LocalIndex
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget.render_explanation import explanation_lines

CASES = sorted(Path(__file__).with_name("explanations").glob("*.txt"))
SAVED = "; nothing was saved\n"


@dataclass(slots=True)
class Case:
    """What a file of the folder says."""

    has: list[list[str]] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    says: str = ""

    @classmethod
    def read(cls, path: Path) -> Case:
        _, given, says = path.read_text("utf-8").split("\n\n", 2)
        case = cls(says=says)
        for line in given.splitlines():
            word, _, rest = line.partition(" ")
            if word == "has":
                case.has.append(shlex.split(rest))
            elif word == "asks":
                case.asks.append(rest)
            else:
                assert word == "constrains"
                case.constraints.append(rest)
        return case

    def stock(self, shelf: Path, index: LocalIndex) -> None:
        """Make what the index has."""
        for name, version, tag, *more in self.has:
            needs = [each.removeprefix("needs=") for each in more if each.startswith("needs=")]
            python = next((e.removeprefix("python") for e in more if e.startswith("python")), None)
            if tag == "sdist":
                make_source(shelf, name, version)
                continue
            wheel = make_wheel(
                shelf, name, version, tag=tag, requires=needs, requires_python=python
            )
            if "yanked" in more:
                index.yank(wheel.name, "it bites")

    @property
    def fixes(self) -> Iterator[str]:
        """Give what each proposal says to write."""
        _, _, rest = self.says.partition("each of these would do:\n")
        return (
            line.split()[0] if "--" not in line else " ".join(line.split()[:2])
            for line in rest.splitlines()
        )


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    return tmp_path / "index"


def run(case: Case, index: LocalIndex, folder: Path, asks: list[str], *options: str) -> Result:
    (folder / "c.txt").write_text("".join(f"{line}\n" for line in case.constraints))
    return download(index, *options, "-c", "c.txt", *asks, cwd=folder)


@pytest.mark.seams
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, shelf: Path, index: LocalIndex, tmp_path: Path) -> None:
    case = Case.read(path)
    case.stock(shelf, index)
    here = tmp_path / "here"
    here.mkdir()
    result = run(case, index, here, case.asks)
    assert (result.exit_code, result.stdout) == (1, "")
    said = result.stderr.partition(SAVED)[2]
    assert "".join(f"{line[2:]}\n" for line in said.splitlines()) == case.says
    assert names(here) == ["c.txt"]
    assert max(map(len, case.says.splitlines()[1:]), default=0) <= 98
    for fix in case.fixes:
        options, asks = applied(fix, case.asks)
        mended = run(case, index, here, asks, *options)
        assert mended.exit_code == 0, (fix, mended.stderr)


def applied(fix: str, asks: list[str]) -> tuple[list[str], list[str]]:
    """Do what a proposal says."""
    if fix.startswith("--"):
        return fix.split(), asks
    if fix.startswith("tags="):
        return [], [f"{line.partition(';')[0]}; {fix}" for line in asks]
    project = fix.partition("~=")[0].partition("==")[0]
    return [], [
        f"{fix} ;{line.partition(';')[2]}" if line.startswith(project) else line for line in asks
    ]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 18


def test_nothing_to_explain() -> None:
    assert list(explanation_lines([])) == []
