"""The hooks for pre-commit: their manifest, the files they look at, and a run from end to end."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT, wheeltarget

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
W = "cp39-cp39-win32"
PRE_COMMIT = [sys.executable, "-m", "pre_commit"]


def hooks() -> dict[str, dict[str, object]]:
    yaml = importlib.import_module("yaml")
    return {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text("utf-8"))}


def test_manifest_is_one() -> None:
    subprocess.run([*PRE_COMMIT, "validate-manifest", str(MANIFEST)], check=True)


def test_there_are_two_hooks() -> None:
    assert list(hooks()) == ["wheeltarget-validate", "wheeltarget-fix"]
    for hook in hooks().values():
        assert (hook["language"], hook["types"]) == ("python", ["text"])


@pytest.mark.parametrize(
    ("hook", "mended"), [("wheeltarget-validate", False), ("wheeltarget-fix", True)]
)
def test_entry_is_a_command(tmp_path: Path, hook: str, mended: bool) -> None:
    program, *arguments = str(hooks()[hook]["entry"]).split()
    assert program == "wheeltarget"
    (tmp_path / "good.txt").write_text(f"x ; tags={W}\n")
    good = wheeltarget(*arguments, "good.txt", cwd=tmp_path)
    assert (good.exit_code, good.stdout, good.stderr) == (0, "", "")
    (tmp_path / "bad.txt").write_text(f"x ; tag={W}\n")
    assert wheeltarget(*arguments, "good.txt", "bad.txt", cwd=tmp_path).exit_code == 1
    assert ((tmp_path / "bad.txt").read_text() == f"x ; tags={W}\n") == mended


@pytest.mark.parametrize("hook", ["wheeltarget-validate", "wheeltarget-fix"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("requirements.txt", True),
        ("requirements.in", True),
        ("requirements-dev.txt", True),
        ("requirements_dev.txt", True),
        ("requirements.py36.txt", True),
        ("dev-requirements.txt", True),
        ("constraints.txt", True),
        ("my_constraints.in", True),
        ("requirements/base.txt", True),
        ("requirements/aws/lambda.in", True),
        ("constraints/py36.txt", True),
        ("backend/requirements/base.txt", True),
        ("backend/requirements.txt", True),
        ("readme.txt", False),
        ("docs/notes.txt", False),
        ("requirements.txt.bak", False),
        ("requirements.md", False),
        ("requirements", False),
        ("requirements.py", False),
        ("requirements/README.md", False),
        ("my-requirements/notes.txt", False),
        ("pylock.toml", False),
    ],
)
def test_files(hook: str, name: str, meant: bool) -> None:
    assert bool(re.search(str(hooks()[hook]["files"]), name)) == meant


def git(*arguments: str, cwd: Path) -> str:
    """Run git, and return its output."""
    who = ["-c", "user.name=tester", "-c", "user.email=tester@example.invalid"]
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a repository with the project as it is in the working tree."""
    made = tmp_path / "wheeltarget-clone"
    made.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, made)
    shutil.copytree(
        ROOT / "wheeltarget", made / "wheeltarget", ignore=shutil.ignore_patterns("__pycache__")
    )
    git("init", "--quiet", cwd=made)
    git("add", "--all", cwd=made)
    git("commit", "--quiet", "--message", "as it is", cwd=made)
    return made


@pytest.mark.thorough
def test_documented_configuration_gets_a_commit(tmp_path: Path, clone: Path) -> None:
    page = (ROOT / "docs" / "validate.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(repos:\n.*?)```", page, re.DOTALL)
    (update,) = re.findall(r"`pre-commit (autoupdate .*?)`", page)
    git("init", "--quiet", cwd=tmp_path)
    configuration = tmp_path / ".pre-commit-config.yaml"
    configuration.write_text(example.replace("URL-OF-WHEELTARGET", str(clone)))
    variables = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}
    command = [*PRE_COMMIT, *update.split()]
    subprocess.run(command, cwd=tmp_path, env=variables, check=True, capture_output=True)
    head = git("rev-parse", "HEAD", cwd=clone)
    assert re.findall("rev: (.*)", configuration.read_text()) == [head]


@pytest.mark.network
def test_end_to_end(tmp_path: Path, clone: Path) -> None:
    project = tmp_path / "project"
    (project / "requirements").mkdir(parents=True)
    faulty = project / "requirements" / "base.txt"
    faulty.write_text(f"x ; tags=cp37-cp37-win32\ny;tags = {W}\n")
    (project / "notes.txt").write_text(f"x ; tag={W}\n")
    git("init", "--quiet", cwd=project)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {clone}\n  rev: {git('rev-parse', 'HEAD', cwd=clone)}\n"
        "  hooks: [{id: wheeltarget-validate}, {id: wheeltarget-fix}]\n"
    )
    git("add", "--all", cwd=project)
    variables = {
        **os.environ,
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "PIP_CONFIG_FILE": os.devnull,
    }

    def try_hook(name: str) -> tuple[int, str]:
        done = subprocess.run(
            [*PRE_COMMIT, "run", name, "--all-files", "--color", "never"],
            cwd=project,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout + done.stderr

    code, output = try_hook("wheeltarget-validate")
    assert code == 1, output
    assert "requirements/base.txt:1:10: WT108 cp37-cp37-win32 is not an environment" in output
    assert "1 finding in 1 file; --fix can fix 1" in output
    assert "notes.txt" not in output
    code, output = try_hook("wheeltarget-fix")
    assert code == 1, output
    assert "files were modified by this hook" in output
    assert faulty.read_text() == f"x ; tags=cp37-cp37m-win32\ny ; tags={W}\n"
    for name in ("wheeltarget-fix", "wheeltarget-validate"):
        code, output = try_hook(name)
        assert code == 0, output
