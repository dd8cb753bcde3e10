"""The protocol of pip's child process: job file in; results, messages and exit code out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.child import (
    Job,
    Workshop,
    later_pip,
    online,
)
from tests.support.cli import environment
from tests.support.index import LocalIndex, Stall
from tests.support.wheels import make_wheel
from wheeltarget.pip_child import __name__ as CHILD  # noqa: N812 - it is the name of a package
from wheeltarget.pip_child import moved_error
from wheeltarget.pip_child.__main__ import wait_for_job
from wheeltarget.pip_protocol import SCHEMA, JobReport, JobStart, to_json

pytestmark = pytest.mark.seams


def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until a condition is true, as it is at once on an idle machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema": SCHEMA + 1}, id="schema"),
        pytest.param({"kind": "Sing"}, id="kind"),
        pytest.param({"kind": "JobReport"}, id="not-a-request"),
        pytest.param({"connections": "many"}, id="value"),
        pytest.param({"colour": "red"}, id="field"),
    ],
)
def test_request_that_is_not_understood_ends_in_a_sentence(
    shop: Workshop, index: LocalIndex, change: dict[str, object]
) -> None:
    command = shop.write(Job(online(index, "app")))
    shop.job_file.write_text(json.dumps(json.loads(shop.job_file.read_text()) | change))
    done = forks.run(command, cwd=shop.destination.parent, env=environment(), timeout=60)
    run = shop.outcome(1, done.returncode, done.stdout, done.stderr)
    assert (run.exit_code, run.stdout, run.stderr, run.results) == (70, "", "", (None,))
    assert run.sentence is not None
    assert "seem to be different versions" in run.sentence
    assert index.requests == ()


def interrupted(
    shop: Workshop,
    *jobs: Job,
    when: Callable[[], bool],
    prefix: tuple[str, ...] = (),
    plain: bool = False,
) -> tuple[int, str]:
    """Start the child, interrupt it when a condition is true, and wait for it."""
    with subprocess.Popen(
        [*prefix, *shop.write(*jobs, plain=plain)],
        cwd=shop.destination.parent,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        wait(when)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)
    return child.returncode, stderr


posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@posix
def test_interrupt_ends_the_job_and_begins_no_other(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    make_wheel(shelf, "other")
    index.fault(wheel.name, Stall(60))
    jobs = [Job(online(index, "app")), Job(online(index, "other"))]
    exit_code, stderr = interrupted(shop, *jobs, when=lambda: index.count(wheel.name) > 0)
    run = shop.outcome(2, exit_code, "", stderr)
    assert run.exit_code == 130
    assert run.results == (
        JobReport(1, "all"),
        None,
    )
    assert "Operation cancelled by user" in stderr
    assert "Traceback" not in stderr


@posix
def test_interrupted_plain_run_ends_as_pip_does(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    index.fault(wheel.name, Stall(60))
    job = Job(online(index, "app"), None)
    exit_code, stderr = interrupted(shop, job, when=lambda: index.count(wheel.name) > 0, plain=True)
    assert exit_code == 1
    assert stderr == "ERROR: Operation cancelled by user\n"


@posix
def test_interrupt_that_the_parent_ignores_is_ignored(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    index.fault(wheel.name, Stall(0.5))
    exit_code, _ = interrupted(
        shop,
        Job(online(index, "app")),
        when=lambda: index.count(wheel.name) > 0,
        prefix=("sh", "-c", 'trap "" INT; exec "$@"', "sh"),
    )
    assert exit_code == 0
    assert shop.outcome(1, 0, "", "").names(0) == [wheel.name]


INTERRUPTING = """
import os, signal, sys
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
"""


@posix
@pytest.mark.parametrize(
    "module",
    [
        pytest.param("pip._internal.models.target_python", id="while-patching"),
        pytest.param("pip._internal.network.session", id="while-proving"),
    ],
)
def test_interrupt_before_the_first_job_begins_none(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path, module: str
) -> None:
    make_wheel(shelf, "app")
    variables = later_pip(tmp_path, INTERRUPTING.format(module=module))
    run = shop.run(Job(online(index, "app")), variables=variables)
    assert (run.exit_code, run.results, run.sentence) == (130, (None,), None)
    assert run.stderr == ""
    assert index.requests == ()


def test_child_is_run_as_a_module() -> None:
    # The driver has it in quotes, where no renaming would find it.
    assert CHILD == "wheeltarget.pip_child"


LOAD = """\
import gc, sys
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.__main__ import load
{change}
try:
    load({name!r})
except PipMovedError as error:
    print(error.message)
print("pip._internal.commands.download" in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0)
"""


def loaded(name: str, change: str = "") -> list[str]:
    """Load a module in a fresh interpreter, and return what that prints."""
    script = LOAD.format(name=name, change=change)
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.parametrize("name", ["run", "plain", "fetch_locked"])
def test_pip_is_loaded_with_the_module(name: str) -> None:
    assert loaded(name) == ["True True True"]


def test_moved_pip_is_reported_and_the_collector_runs_again() -> None:
    change = "import pip._internal.cli.main as module; del module.main"
    message, state = loaded("run", change)
    assert "(imports: ImportError(" in message
    assert "nothing was fetched: use pip 25.3 to 26.3" in message
    assert state.endswith("True True")


def test_error_is_one_line() -> None:
    message = moved_error("markers", "one\n  two" + "x" * 1000).message
    assert "(markers: one twox" in message
    assert "\n" not in message
    assert len(message) < 600


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
@pytest.mark.parametrize("end", ["\n", ""])
def test_job_is_read_from_a_pipe_if_it_is_whole(end: str) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        stream.write(to_json(JobStart(Path("job.json"), None, None)) + end)
    assert wait_for_job(reader) == (Path("job.json") if end else None)


@pytest.mark.parametrize("module", ["run", "plain", "project_indexes", "fetch_locked"])
def test_nothing_but_pip_is_needed(module: str) -> None:
    """An environment that pip makes for a build has no other packages."""
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('packaging', 'platformdirs', 'rich', 'typer')))\n"
        "from wheeltarget.pip_child.__main__ import load\n"
        f"load('{module}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
