"""``terraform`` as docs/deploy/terraform.md has it, without what needs a provider."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deploy.artifacts import own_files
from tests.support.index import LocalIndex
from tests.support.recipes import Recipe, read_recipe
from tests.support.tools import tool_environment
from tests.support.wheels import make_wheel

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform here"),
]

FUNCTION = re.compile(r'(?m)^resource "aws_lambda_function" "hello" \{\n(.*?)^\}', re.DOTALL)


@pytest.fixture
def variables(tmp_path: Path, index: LocalIndex) -> Mapping[str, str]:
    """Return an environment with ``wheeltarget`` and ``terraform``, which asks nobody anything."""
    found = tool_environment(
        tmp_path / "commands",
        CHECKPOINT_DISABLE="1",
        HOME=str(tmp_path),
        PIP_INDEX_URL=index.url,
        PIP_TRUSTED_HOST="127.0.0.1",
        TF_VAR_role="arn:aws:iam::123456789012:role/hello",
    )
    return {key: value for key, value in found.items() if key != "TF_CLI_CONFIG_FILE"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_wheel(tmp_path / "index", "lib")
    folder = tmp_path / "my project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("import lib\n")
    (folder / "requirements.txt").write_text("lib\n")
    return folder


def terraform(project: Path, variables: Mapping[str, str], *arguments: str) -> int:
    done = subprocess.run(["terraform", *arguments], cwd=project, env=dict(variables), check=False)
    return done.returncode


def without_provider(recipe: Recipe) -> Recipe:
    """Let a resource that Terraform has built in take the arguments of the function."""
    text = recipe.files["function.tf"]
    built_in, count = FUNCTION.subn(r'resource "terraform_data" "hello" {\ninput = {\n\1}\n}', text)
    assert count == 1
    return replace(recipe, files={**recipe.files, "function.tf": built_in})


def test_plan_changes_if_the_content_does(project: Path, variables: Mapping[str, str]) -> None:
    recipe = without_provider(read_recipe("terraform.md"))
    recipe.write(project)
    done = recipe.run(project, variables)
    assert done.returncode == 0, done.stdout + done.stderr

    archive = project / "build" / "function.zip"
    shutil.unpack_archive(archive, project / "unpacked")
    assert own_files(project / "unpacked") == {"app.py"}
    state = json.loads((project / "terraform.tfstate").read_text("utf-8"))
    ((instance,),) = (each["instances"] for each in state["resources"])
    applied = instance["attributes"]["output"]["value"]
    digest = hashlib.sha256(archive.read_bytes()).digest()
    assert applied["source_code_hash"] == base64.b64encode(digest).decode()
    assert (project / applied["filename"]).samefile(archive)

    # As on another machine: neither the archive nor the times of the files are the same.
    shutil.rmtree(project / "build")
    os.utime(project / "src" / "app.py", (0, 0))
    plan = replace(recipe, commands=("make plan",))
    assert plan.run(project, variables).returncode == 0
    assert terraform(project, variables, "plan", "-detailed-exitcode") == 0
    (project / "src" / "app.py").write_text("import lib  # changed\n")
    assert plan.run(project, variables).returncode == 0
    assert terraform(project, variables, "plan", "-detailed-exitcode") == 2


def test_nothing_is_planned_without_an_archive(project: Path, variables: Mapping[str, str]) -> None:
    recipe = without_provider(read_recipe("terraform.md"))
    recipe.write(project)
    (project / "requirements.txt").write_text("gone\n")
    done = recipe.run(project, variables)
    assert done.returncode != 0
    assert "gone" in done.stderr
    assert "Terraform used" not in done.stdout
    assert not (project / "build").exists()


def test_recipe_is_formatted_as_terraform_wants(
    project: Path, variables: Mapping[str, str]
) -> None:
    read_recipe("terraform.md").write(project)
    assert terraform(project, variables, "fmt", "-check", "-diff") == 0
