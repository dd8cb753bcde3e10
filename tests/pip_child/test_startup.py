"""How pip's process loads pip, and what it does if pip has moved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from wheeltarget.pip_child.startup import moved_error, wait_for_job
from wheeltarget.pip_protocol import JobStart, to_json

pytestmark = pytest.mark.seams

LOAD = """\
import gc, sys
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.startup import load
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
