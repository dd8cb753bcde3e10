"""Run a program and say how long it took, what it burnt, and how large its largest process was.

As a program it runs the command behind the file for the result, which starts from a small process:
what the system says of a child's memory counts the memory of the process that started it, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a program took.

    :param seconds: from its start to its end.
    :param processor: seconds of processor time, of all its processes.
    :param memory: bytes, the peak of its largest process.
    :param exit_code: what it ended with.
    :param said: everything that it wrote.
    """

    seconds: float
    processor: float
    memory: int
    exit_code: int
    said: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Measured:
    """Run a program to its end.

    :param command: the command.
    :param folder: the working directory.
    :param environment: all its variables.
    """
    with TemporaryDirectory() as name:
        result = Path(name, "result.json")
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__, str(result), *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
        if not result.is_file():
            raise RuntimeError(f"{command[0]} could not be run: {done.stdout}")
        return Measured(**json.loads(result.read_text()), said=done.stdout)


def main(result: str, *command: str) -> None:
    """Run a command and write what it took."""
    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    figures = {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * unit,
        "exit_code": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - nothing more than needed
        json.dump(figures, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
