"""``chalice package`` as docs/deploy/chalice.md has it."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.artifacts import call, own_files
from tests.support.recipes import read_recipe
from tests.support.tools import python_tool, tool_environment, write_command

pytestmark = [pytest.mark.network, pytest.mark.interpreters]

APP = """\
from chalice import Chalice
from pydantic import BaseModel

app = Chalice(app_name="hello")


class Event(BaseModel):
    name: str


@app.lambda_function()
def greet(event, context):
    return f"Hello, {Event(**event).name}!"
"""
GREET = "import app; print(app.greet({'name': 'Chalice'}, None))"


@pytest.fixture
def variables(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return an environment with the commands ``chalice`` and ``wheeltarget``."""
    python = python_tool(tmp_path_factory, "aws", "aws-cdk-lib", "chalice")
    commands = tmp_path / "commands"
    found = tool_environment(commands, AWS_DEFAULT_REGION="eu-central-1", HOME=str(tmp_path))
    write_command(commands / "chalice", python, "-P", "-c", "from chalice.cli import main; main()")
    return found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="Chalice imports what is packaged")
def test_package_is_imported(tmp_path: Path, variables: Mapping[str, str]) -> None:
    # Chalice packages for the Python that it runs on.
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    recipe = read_recipe("chalice.md").changed("python3.12", f"python{version}")
    project = tmp_path / "my project"
    recipe.write(project)
    (project / "app.py").write_text(APP)
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(
        '{"app_name": "hello", "stages": {"dev": {}}}'
    )
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stderr
    template = json.loads((project / "build" / "sam.json").read_text("utf-8"))
    assert template["Resources"]["Greet"]["Properties"]["Runtime"] == f"python{version}"
    function = tmp_path / "function"
    shutil.unpack_archive(project / "build" / "deployment.zip", function)
    assert own_files(function) == {"app.py", "chalice/__init__.py", "chalice/app.py"}
    assert call(GREET, function, version=version) == "Hello, Chalice!\n"
