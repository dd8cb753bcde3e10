"""What a run loads and starts before pip begins, and what becomes of a process in reserve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.cli.app import VERBS
from wheeltarget.resolver.prestart import OPTION

TARGET = "cp39-cp39-manylinux2014_x86_64"
OTHER = "cp310-cp310-manylinux2014_x86_64"
posix = pytest.mark.skipif(os.name != "posix", reason="only there a process is kept in reserve")

WATCH = """
import atexit, sys
{change}
def tell():
    modules = list(sys.modules)
    import json
    print("\\nwatched", json.dumps([modules, seen]), file=sys.stderr)
seen = []
atexit.register(tell)
from wheeltarget.__main__ import main
main()
"""


def watch(
    *arguments: str, cwd: Path, change: str = "", exit_code: int | None = None
) -> tuple[set[str], list[str]]:
    """Run a command line.

    :param change: code that is run before; it can put texts into ``seen``.
    :param exit_code: what the run has to end with.
    :returns: the modules that it has loaded, and what was seen.
    """
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(change=change), *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert exit_code is None or done.returncode == exit_code, done.stderr
    modules, seen = json.loads(done.stderr.rpartition("\nwatched ")[2])
    return set(modules), seen


SLOW = {"pydantic", "rich", "pip", "wheeltarget.cli.verbs.cache"}
PACKAGES = SLOW | {"typer", "click", "packaging", "platformdirs", "wheeltarget.cli.app"}


@pytest.mark.parametrize(
    ("arguments", "too_much"),
    [
        (["--version"], PACKAGES | {"pathlib", "re", "dataclasses", "subprocess"}),
        (
            ["--help"],
            {"packaging", "pip", *(f"wheeltarget.cli.verbs.{verb}" for verb in VERBS)}
            | {"wheeltarget.commands.invocation", "wheeltarget.targets.catalog"},
        ),
        (
            ["download", "--no-index", "--tags", TARGET, "lib"],
            SLOW | {"wheeltarget.commands.validate.validate"},
        ),
        (["download", "--no-index", f"lib ; tags={TARGET}"], SLOW),
        (["download", "lib ; tags="], SLOW),
        (["validate", "needed.txt"], SLOW | {"wheeltarget.api", "wheeltarget.resolver.pip_runner"}),
    ],
    ids=["version", "help", "tags", "clause", "fault", "validate"],
)
def test_a_command_loads_what_it_needs(
    tmp_path: Path, arguments: list[str], too_much: set[str]
) -> None:
    (tmp_path / "needed.txt").write_text(f"lib ; tags={TARGET}\n")
    modules, _ = watch(*arguments, cwd=tmp_path)
    assert "wheeltarget.__main__" in modules
    assert modules & too_much == set()


# The process in reserve

STARTED = """
import subprocess
from wheeltarget.resolver import prestart
from wheeltarget.resolver.prestart import OPTION
start_here, spawn_here = subprocess.Popen.__init__, os.posix_spawn
def start(self, words, *rest, **named):
    seen.extend(words[-2:-1] if "wheeltarget.pip_child" in words else [])
    start_here(self, words, *rest, **named)
def spawn(path, words, *rest, **named):
    # From 3.13 on, subprocess uses it, too.
    seen.extend(words[-2:-1] if OPTION in words else [])
    return spawn_here(path, words, *rest, **named)
subprocess.Popen.__init__, os.posix_spawn = start, spawn
"""
"""Code that sees every process for pip: what stands before its last word."""


@pytest.fixture
def options(tmp_path: Path, index: LocalIndex) -> list[str]:
    """Give the options for an index with a wheel, and a file that needs it."""
    make_wheel(tmp_path / "index", "lib")
    (tmp_path / "needed.txt").write_text(f"lib # tags={TARGET}\n")
    return ["download", "--no-cache-dir", *index.pip_args(), "-d", "house"]


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ["--tags", TARGET, "lib"],
        ["-r", "needed.txt"],
        ["-rneeded.txt", "--jobs", "2", f"lib ; tags={OTHER}"],
        ["lib"],
    ],
    ids=["option", "file", "two", "project"],
)
def test_pip_is_loaded_before_it_is_known_what_for(
    tmp_path: Path, options: list[str], arguments: list[str]
) -> None:
    if arguments == ["lib"]:
        settings = f"[tool.wheeltarget]\ntags = '{TARGET}'\n"
        (tmp_path / "pyproject.toml").write_text(settings)
    _, seen = watch(*options, *arguments, cwd=tmp_path, change="import os" + STARTED, exit_code=0)
    others = ["wheeltarget.pip_child"] if "--jobs" in arguments else []
    assert seen == [OPTION, *others]
    assert names(tmp_path / "house") == ["lib-1.0-py3-none-any.whl"]


@posix
@pytest.mark.parametrize("command", ["lock", "explain"])
def test_pip_is_loaded_while_typer_is(tmp_path: Path, options: list[str], command: str) -> None:
    arguments = [command, *options[1:-2], f"lib ; tags={TARGET}"]
    _, seen = watch(*arguments, cwd=tmp_path, change="import os" + STARTED, exit_code=0)
    assert seen == [OPTION]


@posix
@pytest.mark.parametrize(
    "change",
    [
        "prestart.begin_for = lambda arguments: {}\nprestart.begin = lambda: None\n",
        """
def spawn(*arguments, **named):
    raise OSError("no more processes")
os.posix_spawn = spawn
""",
        """
take_here = prestart.take
def take():
    child = take_here()
    if child:
        os.kill(child.pid, 9)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return child
prestart.take = take
""",
    ],
    ids=["none", "no more processes", "killed"],
)
def test_nothing_depends_on_the_process_in_reserve(
    tmp_path: Path, options: list[str], change: str
) -> None:
    before = "import os" + STARTED + change
    _, seen = watch(*options, "--tags", TARGET, "lib", cwd=tmp_path, change=before, exit_code=0)
    assert seen[-1] == "wheeltarget.pip_child"
    assert names(tmp_path / "house") == ["lib-1.0-py3-none-any.whl"]


@posix
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["lib ; tags="], 1),
        (["--tags", TARGET, "--help"], 0),
        (["-r", "missing.txt", "--tags", TARGET], 1),
    ],
    ids=["fault", "help", "missing file"],
)
def test_a_process_that_was_started_in_vain_is_gone(
    tmp_path: Path, options: list[str], arguments: list[str], exit_code: int
) -> None:
    change = """
import os
from wheeltarget.resolver import prestart
from wheeltarget.resolver.prestart import OPTION
spawn_here = os.posix_spawn
def spawn(path, words, *rest, **named):
    pid = spawn_here(path, words, *rest, **named)
    seen.extend([pid] if OPTION in words else [])
    return pid
os.posix_spawn = spawn
"""
    _, (pid,) = watch(*options, *arguments, cwd=tmp_path, change=change, exit_code=exit_code)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@posix
def test_a_process_in_reserve_ends_with_the_one_that_was_killed() -> None:
    script = (
        "import time; from wheeltarget.resolver import prestart; prestart.begin(); "
        "print(1, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    process.kill()
    # Its standard error is that of the other one, and ends with it.
    assert process.communicate(timeout=30)[1] == ""
