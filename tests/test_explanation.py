"""Why a download fails, in words: each case of the folder ``explanations``, and each way out of it.

A case says which files the index has, what is asked for, and behind a blank line the explanation.
``has`` is followed by project, version and tag or ``sdist``, then what is special of it; ``asks``
by a requirement of the command line, ``line`` and ``constrains`` by lines of files, ``with`` by
options, ``target`` by a line of the target file ``box.toml``. ``{FILE}`` is a file's hash.
"""

from __future__ import annotations

import hashlib
import re
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
UNTRIED = "from source, which was not tried:"


@dataclass(frozen=True, slots=True)
class Block:
    """What is said of one project.

    :param heading: its first line.
    :param fixes: what each proposal says to write.
    """

    heading: str
    fixes: tuple[str, ...]

    @property
    def target(self) -> str:
        """Give the target that it is about; empty where it is about any."""
        match = re.search(r"(?:no file fits|for) (\S+)(?:$| no release)", self.heading)
        return match[1] if match else ""


@dataclass(slots=True)
class Case:
    """What a file of the folder says."""

    has: list[list[str]] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(
        default_factory=lambda: {"r.txt": [], "c.txt": [], "box.toml": []}
    )
    options: list[str] = field(default_factory=list)
    says: str = ""

    @classmethod
    def read(cls, path: Path) -> Case:
        _, given, says = path.read_text("utf-8").split("\n\n", 2)
        case = cls(says=says)
        files = {"line": "r.txt", "constrains": "c.txt", "target": "box.toml"}
        for line in given.splitlines():
            word, _, rest = line.partition(" ")
            if word == "has":
                case.has.append(shlex.split(rest))
            elif word == "with":
                case.options += shlex.split(rest)
            elif word == "asks":
                case.asks.append(rest)
            else:
                case.files[files[word]].append(rest)
        return case

    def stock(self, shelf: Path, index: LocalIndex) -> None:
        """Make what the index has, and put hashes where the case names files."""
        for name, version, tag, *more in self.has:
            said = dict(each.split("=", 1) for each in more if each.startswith(("extra=", "at=")))
            needs = [each.removeprefix("needs=") for each in more if each.startswith("needs=")]
            python = next((e.removeprefix("python") for e in more if e.startswith("python")), None)
            if tag == "sdist":
                make_source(shelf, name, version, requires_python=python)
                continue
            wheel = make_wheel(
                shelf,
                name,
                version,
                tag=tag,
                requires=needs,
                requires_python=python,
                extras=[said["extra"]] if "extra" in said else [],
            )
            if "yanked" in more:
                index.yank(wheel.name, "it bites")
            if "at" in said:
                index.upload(wheel.name, said["at"])

        def hashed(text: str) -> str:
            return re.sub(r"\{(\S+)\}", lambda match: sha256(shelf / match[1]), text)

        self.says = hashed(self.says).replace("INDEX/", index.url)
        self.files["r.txt"] = list(map(hashed, self.files["r.txt"]))
        self.asks = [each.replace("INDEX/", index.url) for each in self.asks]

    @property
    def blocks(self) -> Iterator[Block]:
        """Give what is said of each project."""
        for text in re.split(r"(?m)^(?=\S)", self.says)[1:]:
            heading, *lines = text.splitlines()
            first = next((n for n, line in enumerate(lines) if re.match(r"  \S", line)), len(lines))
            found = (re.match(r" {4}(\S.*?)(?:  |$)", line) for line in lines[first:])
            yield Block(heading, tuple(match[1] for match in found if match))

    def write(self, folder: Path) -> None:
        """Write the files of the case."""
        for name, lines in self.files.items():
            (folder / name).write_text("".join(f"{line}\n" for line in lines))

    def run(self, index: LocalIndex, folder: Path, *more: str) -> Result:
        """Run what the case asks for."""
        self.write(folder)
        files = ["-c", "c.txt", *(["-r", "r.txt"] if self.files["r.txt"] else [])]
        return download(index, *self.options, *more, *files, *self.asks, cwd=folder)

    def mended(self, block: Block, fix: str) -> tuple[Case, list[str]]:
        """Do what a proposal says; give the case with it, and options."""
        asks, lines = list(self.asks), list(self.files["r.txt"])
        options = []
        if fix.startswith("--hash="):
            lines = [f"{re.sub(r' --hash=.*', '', line)} {fix}" for line in lines]
        elif fix.startswith("--"):
            options = fix.split()
        elif " --hash=" in fix:
            target = lines[0].partition(";")[2].partition(" --hash")[0]
            lines.append(fix.replace(" --hash", f" ;{target} --hash", 1))
        elif fix.startswith("tags="):
            asks, lines = ([renamed(e, block.target, fix) for e in some] for some in (asks, lines))
        else:
            project = re.split(r"[~=\[]", fix)[0]
            begins = re.compile(rf"{re.escape(project)}\b")
            if not any(map(begins.match, asks)):
                asks.append(f"{project} ;{asks[0].partition(';')[2]}")
            asks = [f"{fix} ;{e.partition(';')[2]}" if begins.match(e) else e for e in asks]
        files = {**self.files, "r.txt": lines}
        return Case(self.has, asks, files, self.options, self.says), options


def renamed(line: str, target: str, fix: str) -> str:
    """Give a line another target in the place of one."""
    named = f"target={target}"
    if not target:
        return f"{line.partition(';')[0]}; {fix}"
    return line.replace(*((named, fix) if named in line else (target, fix.removeprefix("tags="))))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def explained(stderr: str) -> str:
    """Give what is said of why it fails; of a failure that is not pip's, all."""
    before, saved, said = stderr.partition(SAVED)
    if not saved:
        return stderr
    if said == "  what it said is above\n":
        return before[before.index("ERROR: ") :].rpartition("error: ")[0]
    return "".join(f"{line[2:]}\n" for line in said.splitlines())


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    return tmp_path / "index"


@pytest.mark.seams
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, shelf: Path, index: LocalIndex, tmp_path: Path) -> None:
    case = Case.read(path)
    assert max(map(len, case.says.splitlines()[1:]), default=0) <= 98
    case.stock(shelf, index)
    here = tmp_path / "here"
    here.mkdir()
    result = case.run(index, here)
    assert (result.exit_code, result.stdout) == (1, "")
    assert explained(result.stderr) == case.says
    assert names(here) == ["box.toml", "c.txt", "r.txt"]
    blocks = list(case.blocks)
    for block in blocks:
        for fix in block.fixes:
            # With several projects at fault the others are still told of.
            mended, options = case.mended(block, fix)
            after = mended.run(index, here, *options)
            assert block.heading not in after.stderr, (fix, after.stderr)
            assert after.exit_code == 0 or len(blocks) > 1, (fix, after.stderr)


def test_all_that_is_proposed_first_together(
    shelf: Path, index: LocalIndex, tmp_path: Path
) -> None:
    """Where several projects are at fault, one change for each mends the run."""
    case = Case.read(next(path for path in CASES if path.stem == "several-projects"))
    case.stock(shelf, index)
    options: list[str] = []
    mended = case
    for block in case.blocks:
        mended, more = mended.mended(block, block.fixes[0])
        options += more
    assert mended.run(index, tmp_path, *options).exit_code == 0


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40


def test_nothing_to_explain() -> None:
    assert list(explanation_lines([])) == []
