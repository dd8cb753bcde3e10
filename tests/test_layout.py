"""Where a module's test is, and where a module may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import wheeltarget

pytestmark = pytest.mark.thorough

HOME = Path(wheeltarget.__file__).parent
TESTS = Path(__file__).parent

MODULES = {
    path.relative_to(HOME): path
    for path in sorted(HOME.rglob("*.py"))
    if path.name != "__init__.py" and path.parent != HOME
}
"""The modules in folders; those beside them are tested by files beside this one."""

START_UP = "start-up:"
"""A module that imports in functions says after this, in its docstring, what needs to be light."""

VERBS = Path("cli", "verbs")
"""Their start-up boundary is described in ``cli/app.py``."""


def imports_in_functions(tree: ast.Module) -> Iterator[int]:
    """Return the line of each import that is not at the head of a module."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_has_its_test(module: Path) -> None:
    test = TESTS / module.parent / f"test_{module.stem.strip('_')}.py"
    assert test.is_file()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_are_at_the_head(module: Path) -> None:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    if module.parent != VERBS and START_UP not in (ast.get_docstring(tree) or "").lower():
        assert list(imports_in_functions(tree)) == []


def test_imports_in_functions_are_few() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in HOME.rglob("*.py")]
    assert sum(len(set(imports_in_functions(tree))) for tree in trees) < 60


def test_folders_are_small() -> None:
    folders = [path for path in HOME.rglob("*") if path.is_dir() and path.name != "__pycache__"]
    assert max(len(list(folder.glob("*.py"))) for folder in folders) <= 15
    assert len(list(HOME.glob("*.py"))) <= 8
