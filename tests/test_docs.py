"""What the documentation shows is what happens."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import ROOT, wheeltarget
from wheeltarget import errors
from wheeltarget.errors import TargetError
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.parser import SourceLine, read_lines
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.compatibility import Difference
from wheeltarget.targets.names import newest_pythons

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.finditer(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            yield page.name, block[1]


def _table(page: str, heading: str) -> list[list[str]]:
    """Give the cells of the first table below a heading."""
    below = (ROOT / "docs" / page).read_text("utf-8").partition(f"## {heading}\n")[2]
    rows = re.findall(r"^\|(.*)\|$", below.partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


@pytest.mark.parametrize("block", [text for _, text in _blocks("requirements")])
def test_requirements_are_read(block: str) -> None:
    read = list(read_lines("docs", block))
    lines = [line for line in read if isinstance(line, SourceLine)]
    assert lines == read
    clauses = [clause for line in lines for clause in line.parsed.clauses]
    assert clauses
    assert Kind.REQUIREMENT in {line.parsed.kind for line in lines}
    for clause in clauses:
        for value in clause.values:
            if clause.key == "tags":
                assert look_up(clause.key, value.text, "") is not None


def _commands() -> list[tuple[str, str]]:
    found = []
    for _, block in _blocks("console"):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), _commands())
def test_console_examples(command: str, output: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(command)
    assert program == "wheeltarget"
    result = wheeltarget(*arguments, cwd=tmp_path)
    assert result.stdout + result.stderr == output


def test_target_file(tmp_path: Path) -> None:
    ((_, text),) = _blocks("toml")
    (tmp_path / "old-box.toml").write_text(text)
    target = look_up("target", "./old-box.toml", str(tmp_path))
    assert target is not None
    assert target.label == "old-box"
    assert target.environment["platform_release"] == "3.10.0"
    assert target.python == "3.6.8"


@pytest.mark.parametrize("row", _table("targets.md", "What is refused"), ids=lambda row: row[0])
def test_refused_tags(row: list[str]) -> None:
    tag, why = row[0].strip("`"), row[1].replace("`", "").rstrip("?")
    with pytest.raises(TargetError) as refused:
        look_up("tags", tag, "")
    assert why in refused.value.message


def test_interpreters_are_those_known() -> None:
    named = re.findall(r"`((?:cp|pp|graalpy)\d+)`", _table("targets.md", "Tags")[0][1])
    known = newest_pythons()
    assert set(named) <= known.keys()
    assert {"cp27", "cp315", "pp27", "pp312"} <= set(named)


def test_exit_codes_are_those_of_the_errors() -> None:
    codes = {
        int(code) for row in _table("destination.md", "Exit codes") for code in row[0].split(", ")
    }
    classes = errors.WheeltargetError.__subclasses__()
    ours = {each.exit_code for each in classes} | {128 + signum for signum in (1, 2, 15)}
    assert codes == ours | {0}


def test_reasons_are_those_that_are_told() -> None:
    codes = [row[0].strip("`") for row in _table("explain.md", "Reasons")]
    kinds = [kind.name.lower().replace("_", "-") for kind in Difference]
    assert codes == [kind for kind in kinds if kind != "nothing"]


def test_folders_are_those_of_the_package() -> None:
    rows = _table("how-it-works.md", "The folders")
    named = [row[0].strip("`").removesuffix(".py") for row in rows]
    (layers,) = (
        contract["layers"]
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
            "importlinter"
        ]["contracts"]
        if contract["type"] == "layers"
    )
    order = [name for layer in layers for name in layer.split(" | ") if name != "__main__"]
    assert [name for name in named if "/" not in name] == order
    package = ROOT / "wheeltarget"
    assert all((package / name).is_dir() for name in named if "/" in name)


def test_modules_that_are_named_exist() -> None:
    named = {
        (page.name, path)
        for page in PAGES
        for path in re.findall(r"\bwheeltarget/[\w/]+\.(?:py|toml)\b", page.read_text("utf-8"))
    }
    assert len(named) > 10
    assert [each for each in sorted(named) if not (ROOT / each[1]).is_file()] == []


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_every_threat_is_named_by_a_test() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    threats = re.findall(r"^\| (T\d+) \|", page, re.MULTILINE)
    named = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        head = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        for sentence in re.findall(r"threats? (?:is|are) ([^.]*) of docs/security\.md", head):
            named |= set(re.findall(r"T\d+", sentence))
    assert threats == [f"T{number}" for number in range(1, len(threats) + 1)]
    assert named == set(threats)
