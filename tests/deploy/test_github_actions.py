"""The action of .github/actions/bundle: its shell, and the page that documents it."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.artifacts import MACHINES, machines, own_files
from tests.support.bundles import LINUX, content
from tests.support.cli import ROOT, names
from tests.support.index import LocalIndex
from tests.support.interpreters import index_environment
from tests.support.locked import lock_wheels
from tests.support.tools import write_command
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.thorough

PLACE = Path(".github", "actions", "bundle", "action.yml")
PAGE = (ROOT / "docs" / "deploy" / "github-actions.md").read_text("utf-8")
(WORKFLOW,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
HOSTILE = """it's "$(touch pwned)" `touch pwned`;touch pwned #${{ github }} *"""


def read_yaml(text: str) -> Any:
    return importlib.import_module("yaml").safe_load(text)


ACTION = read_yaml((ROOT / PLACE).read_text("utf-8"))
INSTALL = "Install wheeltarget"
BUNDLE = "Bundle"
TARGET = "aws-lambda-python3.12-arm64"


def documented_step() -> Any:
    (job,) = read_yaml(WORKFLOW)["jobs"].values()
    (step,) = (each for each in job["steps"] if each.get("id") == "bundle")
    return step


@dataclass(frozen=True, slots=True)
class Ran:
    """How a step ended."""

    code: int
    outputs: Mapping[str, str]
    printed: str


def read_outputs(text: str) -> dict[str, str]:
    """Read outputs as a runner does: name=value, or name<<END with lines up to END."""
    pattern = r"(?m)^(\w+)(?:=(.*)|<<(.+)\n((?:.*\n)*?)\3)$"
    return {match[1]: match[2] or match[4].rstrip("\n") for match in re.finditer(pattern, text)}


class Runner:
    """A runner of GitHub: it has variables, and runs the steps of the action in a folder."""

    def __init__(self, folder: Path, action: Path = ROOT) -> None:
        self.temp = folder / "runner's temp"
        self.project = folder / "project"
        for each in (self.temp, self.project):
            each.mkdir()
        self.variables = {
            **index_environment(),
            "GITHUB_ACTION_PATH": str((action / PLACE).parent),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
        }

    def run(self, name: str, **inputs: str) -> Ran:
        """Run a step.

        :param name: the name of the step.
        :param inputs: the inputs; those that have a dash are written with an underscore.
        """
        (step,) = (each for each in ACTION["runs"]["steps"] if each["name"] == name)
        values = {key: each["default"] for key, each in ACTION["inputs"].items()}
        values |= {key.replace("_", "-"): value for key, value in inputs.items()}

        def fill(text: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([\w-]+) }}", lambda match: values[match[1]], text)

        script = self.temp / "script.sh"
        script.write_text(step["run"], "utf-8")
        outputs = self.temp / "outputs"
        outputs.write_text("")
        done = subprocess.run(
            # As GitHub documents it for "shell: bash".
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.project / fill(step.get("working-directory", ".")),
            env={
                **self.variables,
                **{key: fill(value) for key, value in step["env"].items()},
                "GITHUB_OUTPUT": str(outputs),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        read = read_outputs(outputs.read_text("utf-8"))
        return Ran(done.returncode, read, done.stdout + done.stderr)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner on which wheeltarget is installed, and a project with a lock."""
    made = Runner(tmp_path)
    commands = made.temp / "wheeltarget" / "bin"
    commands.mkdir(parents=True)
    write_command(commands / "wheeltarget", sys.executable, "-P", "-m", "wheeltarget")
    write_command(commands / "python", sys.executable)
    wheel = make_wheel(made.project / "house", "lib")
    lock_wheels([wheel], LINUX, made.project / "pylock.toml")
    (made.project / "src").mkdir()
    (made.project / "src" / "app.py").write_text("import lib\n")
    return made


def test_scripts_have_no_expressions() -> None:
    used = set()
    for step in ACTION["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        for value in (*step["env"].values(), step.get("working-directory", "")):
            used |= set(re.findall(r"inputs\.([\w-]+)", value))
    assert used == set(ACTION["inputs"])


def test_requirements_and_their_lock(runner: Runner, index: LocalIndex, tmp_path: Path) -> None:
    house = tmp_path / "index"
    make_wheel(house, "tool", "1.0")
    (runner.project / "requirements.txt").write_text("tool\n")
    runner.variables |= {"PIP_INDEX_URL": index.url, "PIP_TRUSTED_HOST": "127.0.0.1"}
    made = runner.project / "function.zip"
    contents = []
    for version in ("1.0", "2.0"):
        make_wheel(house, "tool", version)
        done = runner.run(BUNDLE, target=TARGET, lock="pylock.kept.toml", include="src/\n")
        assert done.code == 0, done.printed
        assert done.outputs == {"path": str(made), "size": str(made.stat().st_size)}
        contents.append(made.read_bytes())
    assert {"tool.py", "tool-1.0.dist-info/METADATA", "app.py"} < content(made).keys()
    assert contents[0] == contents[1]


def test_folder(runner: Runner) -> None:
    (runner.project / "sub").mkdir()
    done = runner.run(
        BUNDLE,
        requirements="../pylock.toml",
        output="made",
        arguments="--wheels=../house",
        working_directory="sub",
    )
    assert done.code == 0, done.printed
    made = runner.project / "sub" / "made"
    size = sum(each.stat().st_size for each in made.rglob("*") if each.is_file())
    assert done.outputs == {"path": str(made), "size": str(size)}


def test_hostile_inputs_are_names(runner: Runner) -> None:
    project = runner.project
    (project / "pylock.toml").rename(project / f"pylock.{HOSTILE}.toml")
    (project / "house").rename(project / f"-house {HOSTILE}")
    (project / "src").rename(project / f"-src {HOSTILE}")
    (project / f"-src {HOSTILE}" / HOSTILE).write_text("kept")
    (project / f"-src {HOSTILE}" / f"{HOSTILE}2").write_text("left out")
    done = runner.run(
        BUNDLE,
        requirements=f"pylock.{HOSTILE}.toml",
        include=f"-src {HOSTILE}/",
        arguments=f"--wheels=-house {HOSTILE}\n--exclude-path={HOSTILE.replace('*', '')}2\n--store",
        output=f"-out {HOSTILE}\nsize=0\n.zip",
    )
    assert done.code == 0, done.printed
    made = project / f"-out {HOSTILE}\nsize=0\n.zip"
    assert done.outputs == {"path": str(made), "size": str(made.stat().st_size)}
    assert {"lib.py", "app.py", HOSTILE} < content(made).keys()
    assert list(project.parent.rglob("pwned")) == []


@pytest.mark.parametrize("version", [HOSTILE, "1.0\n--index-url=x", "1.0 --index-url=x"])
def test_version_is_a_release(runner: Runner, version: str) -> None:
    done = runner.run(INSTALL, version=version, python="false")
    assert (done.code, done.printed.startswith("::error::The input version")) == (2, True)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"requirements": "gone.txt"}, "gone.txt"),
        ({"requirements": ""}, "nothing to bundle"),
        ({"output": ""}, "--output"),
        ({"layout": "$(touch pwned)"}, "$(touch pwned)"),
        ({"target": "a\nb"}, "target"),
        ({"arguments": "--no-such-option"}, "--no-such-option"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_failures(runner: Runner, inputs: dict[str, str], message: str) -> None:
    before = names(runner.project)
    given = {"requirements": "pylock.toml", "arguments": "--wheels=house", **inputs}
    done = runner.run(BUNDLE, **given)
    assert done.code != 0
    assert message in done.printed
    assert done.outputs == {}
    assert names(runner.project) == before


def test_documented_workflow_is_pinned() -> None:
    workflow = read_yaml(WORKFLOW)
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    place = re.escape(PLACE.parent.as_posix())
    for line in re.findall(r"uses: (.*)", WORKFLOW):
        assert re.fullmatch(
            rf"actions/[\w-]+@[0-9a-f]{{40}} # v[\d.]+|OWNER/.*/{place}@COMMIT", line
        )
    assert documented_step()["with"].keys() < ACTION["inputs"].keys()
    assert re.findall(r"steps\.bundle\.outputs\.(\w+)", WORKFLOW) == ["path"]


def test_documented_inputs_are_those_of_the_action() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .*? \|(?: `(.*)` \|)?", PAGE, re.MULTILINE)
    defaults = {name: each["default"] for name, each in ACTION["inputs"].items()}
    # The page describes that one.
    assert defaults.pop("version") == ""
    expected = defaults | dict.fromkeys(["version", *ACTION["outputs"]], "")
    assert dict(rows) == expected


@pytest.mark.network
def test_documented_workflow(tmp_path: Path) -> None:
    clone = tmp_path / "the action"
    for name in ("wheeltarget", ".github"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, clone / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    runner = Runner(tmp_path, clone)
    # It must not be imported.
    (runner.project / "venv.py").write_text("raise SystemExit('imported')\n")
    (runner.project / "requirements.txt").write_text("markupsafe\n")
    (runner.project / "src").mkdir()
    (runner.project / "src" / "app.py").write_text("import markupsafe\n")
    installed = runner.run(INSTALL, python=sys.executable)
    assert installed.code == 0, installed.printed
    done = runner.run(BUNDLE, **documented_step()["with"])
    assert done.code == 0, done.printed
    shutil.unpack_archive(done.outputs["path"], tmp_path / "function")
    assert own_files(tmp_path / "function") == {"app.py"}
    assert machines(tmp_path / "function") == {MACHINES["arm64"]}
