"""``cdk synth`` as docs/deploy/cdk.md has it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.artifacts import MACHINES, call, machines, own_files
from tests.support.recipes import Recipe, read_recipe
from tests.support.tools import npm_tool, python_tool, tool_environment, write_command

pytestmark = [pytest.mark.network, pytest.mark.interpreters]

APP = """\
from pydantic import BaseModel


class Event(BaseModel):
    name: str


def handler(event, context):
    return f"Hello, {Event(**event).name}!"
"""
GREET = "import app; print(app.handler({'name': 'CDK'}, None))"


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which npm has installed CDK."""
    folder = tmp_path / "my project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("pydantic~=2.11\n")
    modules = npm_tool(tmp_path_factory, "cdk", "aws-cdk", "aws-cdk-lib", "constructs", "tsx")
    (folder / "node_modules").symlink_to(modules)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> Mapping[str, str]:
    return tool_environment(
        tmp_path / "commands",
        CDK_DISABLE_CLI_TELEMETRY="true",
        HOME=str(tmp_path),
        JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSIONS="1",
        npm_config_update_notifier="false",
    )


def synthesize(recipe: Recipe, project: Path, variables: Mapping[str, str]) -> Path:
    """Do what a recipe says, and return the asset of the function, a folder."""
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stderr
    assembly = project / "cdk.out"
    resources = json.loads((assembly / "Hello.template.json").read_text("utf-8"))["Resources"]
    (function,) = (each for each in resources.values() if each["Type"] == "AWS::Lambda::Function")
    key = function["Properties"]["Code"]["S3Key"]
    return assembly / f"asset.{key.removesuffix('.zip')}"


def test_typescript(project: Path, variables: Mapping[str, str]) -> None:
    recipe = read_recipe("cdk.md", "TypeScript")
    function = synthesize(recipe, project, variables)
    assert own_files(function) == {"app.py"}
    assert machines(function) == {MACHINES["arm64"]}

    shutil.rmtree(project / "cdk.out")
    (project / "requirements.txt").write_text("pydantic~=2.11 ; tags\n")
    done = recipe.run(project, variables)
    assert done.returncode != 0
    assert "requirements.txt:1:" in done.stderr
    assert not list(project.glob("cdk.out/asset*"))


def test_python(
    project: Path,
    variables: Mapping[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    python = python_tool(tmp_path_factory, "aws", "aws-cdk-lib", "chalice")
    write_command(tmp_path / "commands" / "python3", python)
    recipe = read_recipe("cdk.md", "Python").changed("ARM_64", "X86_64").changed("arm64", "x86_64")
    function = synthesize(recipe, project, variables)
    assert own_files(function) == {"app.py"}
    assert machines(function) == {MACHINES["x86_64"]}
    assert call(GREET, function) == "Hello, CDK!\n"
