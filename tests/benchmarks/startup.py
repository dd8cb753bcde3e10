"""Measure how long starting takes, in one run, as a ratio to importing typer.

Run it with the interpreter that has wheeltarget: ``python tests/benchmarks/startup.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 21
CASES = {
    "import typer": ["-c", "import typer"],
    "wheeltarget --version": ["-m", "wheeltarget", "--version"],
    "wheeltarget --help": ["-m", "wheeltarget", "--help"],
    "wheeltarget download, a wrong clause": ["-m", "wheeltarget", "download", "x ; tags="],
}


def measure() -> dict[str, list[float]]:
    """Run every case in turn, so that all of them meet the same noise.

    :returns: seconds of each run, by case.
    """
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(RUNS):
        for name, words in CASES.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=False)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def main() -> None:
    """Print medians, and the median of the ratios to the first case."""
    seconds = measure()
    base = next(iter(seconds.values()))
    for name, each in seconds.items():
        ratios = sorted(run / first for run, first in zip(each, base, strict=True))
        sys.stdout.write(
            f"{name:38} {statistics.median(each) * 1000:6.1f} ms   "
            f"{statistics.median(ratios):5.2f} x   "
            f"({ratios[len(ratios) // 10]:.2f} to {ratios[-len(ratios) // 10]:.2f})\n"
        )


if __name__ == "__main__":
    main()
