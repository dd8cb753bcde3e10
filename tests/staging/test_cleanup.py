"""The guard, which removes what a killed run has left, and nothing of one that has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, names
from wheeltarget.staging import cleanup
from wheeltarget.staging.folders import open_state
from wheeltarget.utils.system import bare_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")

_DYING = """\
import os
from pathlib import Path
from wheeltarget.staging.atomic import open_part
with open_part(Path("out"), folder=True) as part:
    (part / "inner").write_text("half")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("lines", ["", "done\n", "child {pid}\n", "child {pid}\nended {pid}\n"])
def test_guard(tmp_path: Path, lines: str) -> None:
    """The child is ended and the folder is removed, unless the run has ended by itself."""
    house = tmp_path / "house"
    house.mkdir()
    subprocess.run([sys.executable, "-c", _DYING], cwd=house, env=environment(), check=False)
    assert len(names(house)) == 1
    with open_state() as state:
        (record,) = state.names()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        done = subprocess.run(
            bare_python(cleanup.__file__, state.path, record.partition(".")[0]),
            input=lines.format(pid=child.pid).encode(),
            capture_output=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        is_left = "done" in lines
        assert len(names(house)) == len(names(Path(state.path))) == is_left
        child.communicate(b"\n")
    assert (child.returncode < 0) == lines.endswith("child {pid}\n")
