"""``sam build`` as docs/deploy/sam.md has it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.artifacts import MACHINES, PROJECTS, call, machines, own_files, projects
from tests.support.recipes import Recipe, read_recipe
from tests.support.tools import python_tool, tool_environment, write_command

pytestmark = [pytest.mark.network, pytest.mark.interpreters]

GREET = "import app; print(app.handler({'name': 'SAM'}, None)['message'])"


@pytest.fixture
def variables(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return an environment with the commands ``sam`` and ``wheeltarget``."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    python = python_tool(tmp_path_factory, "sam", "aws-sam-cli")
    commands = tmp_path / "commands"
    found = tool_environment(commands, SAM_CLI_TELEMETRY="0", HOME=str(tmp_path))
    write_command(commands / "sam", python, "-P", "-m", "samcli")
    return found


def build(recipe: Recipe, project: Path, variables: Mapping[str, str]) -> Path:
    """Do what a recipe says, and return the folder of what is built."""
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stderr
    assert "Build Succeeded" in done.stdout
    return project / ".aws-sam" / "build"


def test_function(tmp_path: Path, variables: Mapping[str, str]) -> None:
    folder = build(read_recipe("sam.md", "A function"), tmp_path / "my project", variables)
    function = folder / "HelloFunction"
    assert own_files(function) == {"app.py"}
    assert projects(function) == PROJECTS
    assert machines(function) == {MACHINES["arm64"]}


def test_function_with_a_lock_is_imported(tmp_path: Path, variables: Mapping[str, str]) -> None:
    recipe = read_recipe("sam.md", "A function", "With a lock").changed("arm64", "x86_64")
    function = build(recipe, tmp_path / "project", variables) / "HelloFunction"
    assert own_files(function) == {"app.py"}
    assert machines(function) == {MACHINES["x86_64"]}
    assert call(GREET, function) == "Hello, SAM!\n"


def test_layer_is_imported(tmp_path: Path, variables: Mapping[str, str]) -> None:
    recipe = read_recipe("sam.md", "A layer").changed("arm64", "x86_64")
    project = tmp_path / "project"
    layer = build(recipe, project, variables) / "LibrariesLayer"
    assert [each.name for each in layer.iterdir()] == ["python"]
    assert own_files(layer / "python") == set()
    assert projects(layer / "python") == PROJECTS
    assert call(GREET, project / "hello" / "src", layer / "python") == "Hello, SAM!\n"


def test_failure_is_shown(tmp_path: Path, variables: Mapping[str, str]) -> None:
    recipe = read_recipe("sam.md", "A function").changed("pydantic~=2.11.0", "pydantic==0.999")
    project = tmp_path / "project"
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 1
    shown = done.stderr.partition("Make Failed:")[2]
    assert "pydantic==0.999 (requirements.txt:1:1): there is no such release" in shown
