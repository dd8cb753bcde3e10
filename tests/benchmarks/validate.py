"""Measure how long checking a file of 1000 lines takes, as ratios to starting the interpreter.

Run it with the interpreter that has wheeltarget: ``python tests/benchmarks/validate.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 21
TAGS = (
    "cp37-cp37m-manylinux2014_x86_64",
    "cp39-cp39-manylinux_2_28_aarch64",
    "cp312-cp312-win_amd64",
    "cp313-cp313-macosx_11_0_arm64",
)


def make_files(folder: Path) -> dict[str, list[str]]:
    """Write the files to be checked.

    :param folder: where to put them.
    :returns: the arguments of ``python``, by case.
    """
    requirements = [f"project-{number}=={number % 7}.{number}" for number in range(1000)]
    clauses = [
        f'{requirement} ; python_version < "3.13" ; '
        f"tags={TAGS[number % 4]},{TAGS[(number + 1) % 4]}"
        for number, requirement in enumerate(requirements)
    ]
    pairs = [
        f"pair-{number // 2}{clause[clause.index('==') :]}" for number, clause in enumerate(clauses)
    ]
    texts = {
        "nothing in it": [],
        "no clause": requirements,
        "clauses": clauses,
        "contradictions": pairs,
    }
    cases = {"python -c pass": ["-c", "pass"], "import typer": ["-c", "import typer"]}
    for name, lines in texts.items():
        path = folder / f"{name.replace(' ', '-')}.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        cases[f"validate, {name}"] = ["-m", "wheeltarget", "validate", str(path)]
    return cases


def measure(cases: dict[str, list[str]]) -> dict[str, list[float]]:
    """Run every case in turn, so that all of them meet the same noise.

    :param cases: the arguments of ``python``, by case.
    :returns: seconds of each run, by case.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(RUNS):
        for name, arguments in cases.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def main() -> None:
    """Print medians, what is above the start of the interpreter, and the ratios to it."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(make_files(Path(folder)))
    base = next(iter(seconds.values()))
    for name, each in seconds.items():
        ratios = sorted(run / first for run, first in zip(each, base, strict=True))
        above = statistics.median(run - first for run, first in zip(each, base, strict=True))
        sys.stdout.write(
            f"{name:24} {statistics.median(each) * 1000:6.1f} ms   "
            f"{above * 1000:+6.1f} ms   {statistics.median(ratios):5.2f} x   "
            f"({ratios[len(ratios) // 10]:.2f} to {ratios[-len(ratios) // 10]:.2f})\n"
        )


if __name__ == "__main__":
    main()
