"""Run wheeltarget as its user does: in a process of its own, or in a fork that is like one."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import forks
from tests.support.index import LocalIndex

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run printed and ended with."""

    exit_code: int
    stdout: str
    stderr: str


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a child process in which this checkout is importable."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def command(*arguments: str) -> list[str]:
    """Return the command that starts wheeltarget."""
    return [sys.executable, "-m", "wheeltarget", *arguments]


def wheeltarget(
    *arguments: str,
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 120,
) -> Result:
    """Run wheeltarget to its end.

    :param arguments: the command line.
    :param cwd: the working directory.
    :param variables: environment variables to set.
    :param stdin: what it can read.
    :param timeout: seconds after which the test fails.
    """
    done = forks.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**(variables or {})),
        input=stdin,
        timeout=timeout,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def download(
    index: LocalIndex,
    *arguments: str,
    cwd: Path,
    destination: str = "wheelhouse",
    variables: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Result:
    """Run ``wheeltarget download`` against a local index.

    :param destination: what ``--dest`` says; empty to leave it out.
    """
    options = ["--no-cache-dir", *index.pip_args()]
    if destination:
        options += ["--dest", destination]
    return wheeltarget("download", *options, *arguments, cwd=cwd, variables=variables, stdin=stdin)


def names(folder: Path) -> list[str]:
    """List a folder, hidden files included; a missing one is None's worth: an empty list."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def proposed(result: Result) -> list[str]:
    """Return the arguments of the command that the last line of an error proposes."""
    return shlex.split(result.stderr.rstrip().rpartition(": wheeltarget ")[2])
