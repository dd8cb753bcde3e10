"""pip's user agent, in a process in which programs say when they are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PRINT = """
from pip._internal.network.session import user_agent
from wheeltarget.pip_child.patches.user_agent import avoid_programs
{call}
print(user_agent())
"""


def _agent(call: str, path: str) -> tuple[str, dict[str, object]]:
    command = [sys.executable, "-c", _PRINT.format(call=call)]
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    name, _, facts = done.stdout.partition(" ")
    return name, json.loads(facts)


@pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")
def test_user_agent_is_built_without_programs(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("rustc", "lsb_release"):
        program = programs / name
        program.write_text(f"#!/bin/sh\necho {name} >> '{tmp_path}/ran'\necho rustc 1.0 x\n")
        program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    by_pip = _agent("", path)
    assert "rustc" in (tmp_path / "ran").read_text().split()
    (tmp_path / "ran").unlink()

    name, facts = _agent("avoid_programs()", path)
    assert not (tmp_path / "ran").exists()
    assert name == by_pip[0]
    assert by_pip[1].pop("rustc_version") == "1.0"
    if Path("/etc/os-release").exists():
        assert facts == by_pip[1]
