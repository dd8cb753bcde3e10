"""``serverless package`` as docs/deploy/serverless.md has it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.artifacts import MACHINES, PROJECTS, call, machines, own_files, projects
from tests.support.recipes import read_recipe
from tests.support.tools import npm_tool, tool_environment

pytestmark = [pytest.mark.network, pytest.mark.interpreters]

GREET = "import app as it; print(it.handler({'name': 'you'}, None)['message'])"


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty project with the framework and its plugin installed."""
    modules = npm_tool(
        tmp_path_factory, "serverless", "serverless@3", "serverless-plugin-scripts@1"
    )
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "node_modules").symlink_to(modules)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment with the command ``wheeltarget``, and without credentials."""
    found = tool_environment(tmp_path / "commands", HOME=str(tmp_path))
    ours = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "NPM_CONFIG_OFFLINE": "true",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_TELEMETRY_DISABLED": "1",
    }
    return {name: text for name, text in found.items() if not name.startswith("AWS_")} | ours


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive as the service does."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_function(project: Path, variables: Mapping[str, str], tmp_path: Path) -> None:
    recipe = read_recipe("serverless.md", "A function")
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    state = json.loads((project / ".serverless" / "serverless-state.json").read_text("utf-8"))
    assert state["package"]["artifact"] == "app.zip"
    function = unpack(project / "app.zip", tmp_path / "task")
    assert own_files(function) == {"app.py"}
    assert projects(function) == PROJECTS
    assert machines(function) == {MACHINES["arm64"]}


def test_function_with_a_lock_is_imported(
    project: Path, variables: Mapping[str, str], tmp_path: Path
) -> None:
    recipe = read_recipe("serverless.md", "A function").changed("arm64", "x86_64")
    recipe = recipe.changed("--include src/", "--include src/ --lock .")
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "pylock.aws-lambda-python3_12-x86_64.toml").is_file()
    function = unpack(project / "app.zip", tmp_path / "task")
    assert machines(function) == {MACHINES["x86_64"]}
    assert call(GREET, function) == "Hello, you!\n"


def test_layer_is_imported(project: Path, variables: Mapping[str, str], tmp_path: Path) -> None:
    recipe = read_recipe("serverless.md", "A layer").changed("arm64", "x86_64")
    recipe.write(project)
    done = recipe.run(project, variables)
    # It asks AWS for the layer that is deployed, after both archives are made.
    assert done.returncode == 1
    assert "AWS provider credentials not found" in done.stdout + done.stderr
    function = unpack(project / ".serverless" / "hello.zip", tmp_path / "task")
    assert own_files(function) == {"src/app.py"}
    layer = unpack(project / "libraries.zip", tmp_path / "opt")
    assert [each.name for each in layer.iterdir()] == ["python"]
    assert own_files(layer / "python") == set()
    assert call(GREET.replace("app", "src.app"), function, layer / "python") == "Hello, you!\n"


def test_failure_ends_the_run(project: Path, variables: Mapping[str, str]) -> None:
    recipe = read_recipe("serverless.md", "A function").changed(
        "pydantic~=2.11.0", "pydantic==0.999"
    )
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 1
    assert "pydantic==0.999 (requirements.txt:1:1): there is no such release" in done.stderr
    assert not (project / "app.zip").exists()
