"""Measure what a run without a target costs beyond pip itself, which may be 100 ms.

Run it with the interpreter that has wheeltarget, from the root of the checkout:
``python -m tests.benchmarks.plain``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

RUNS = 15
CASES = {
    "pip download": ["-m", "pip", "download"],
    "wheeltarget download": ["-m", "wheeltarget", "download"],
}


def measure(arguments: list[str], folder: Path) -> dict[str, list[float]]:
    """Run every case in turn, so that all of them meet the same noise.

    :param arguments: the arguments after ``download``.
    :param folder: the working directory.
    :returns: seconds of each run, by case.
    """
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PYTHONPATH": str(Path.cwd())}
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for number in range(RUNS):
        for name, start in CASES.items():
            destination = f"--dest={folder / f'{name} {number}'}"
            command = [sys.executable, *start, *arguments, destination]
            begin = time.perf_counter()
            subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def main() -> None:
    """Print medians, the median of the ratios and that of the differences."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_wheel(folder / "index", "lib")
        (folder / "needed.txt").write_text("lib\n")
        with LocalIndex(folder / "index") as index:
            options = ["--no-cache-dir", "--disable-pip-version-check", *index.pip_args()]
            seconds = measure([*options, "-r", "needed.txt"], folder)
    base, ours = seconds.values()
    for case, each in seconds.items():
        sys.stdout.write(f"{case:22} {statistics.median(each) * 1000:6.1f} ms\n")
    ratio = statistics.median(mine / first for mine, first in zip(ours, base, strict=True))
    more = statistics.median(mine - first for mine, first in zip(ours, base, strict=True))
    sys.stdout.write(f"ratio {ratio:.2f}, difference {more * 1000:.0f} ms\n")


if __name__ == "__main__":
    main()
