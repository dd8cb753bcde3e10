"""Measure what ``wheeltarget check`` of 500 wheels costs: seconds of one core, and memory.

Run it with the interpreter that has wheeltarget, from the root of the checkout:
``python -m tests.benchmarks.check``. Each wheel has 40 files of 25 kB, and needs the next one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.wheels import make_wheel

RUNS = 5
WHEELS = 500
FILES = 40
SIZE = 25_000
TAG = "cp312-cp312-manylinux_2_28_x86_64"
_MEASURE = """\
import os, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def make_house(folder: Path) -> None:
    """Make the wheels.

    :param folder: where they go.
    """
    noise = random.Random(0)  # noqa: S311 - it is to be the same each time
    for number in range(WHEELS):
        files = {f"lib{number}/m{each}.py": noise.randbytes(SIZE) for each in range(FILES)}
        needs = [f"lib{number + 1}"] if number + 1 < WHEELS else []
        make_wheel(folder, f"lib{number}", requires=needs, files=files)


def main() -> None:
    """Print the best of some runs, for the files alone and with a target."""
    with tempfile.TemporaryDirectory() as name:
        house = Path(name, "house")
        make_house(house)
        (Path(name) / "needed.txt").write_text("lib0\n")
        for arguments in ([], ["--tags", TAG], ["--tags", TAG, "-r", "needed.txt"]):
            command = [sys.executable, "-m", "wheeltarget", "check", "house", *arguments]
            environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
            figures = []
            for _ in range(RUNS):
                done = subprocess.run(
                    [sys.executable, "-c", _MEASURE, *command],
                    cwd=name,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                code, *rest = map(float, done.stdout.split())
                if code:
                    sys.exit(f"check ended with {code:.0f}")
                figures.append(rest)
            wall, cpu, memory = (min(each) for each in zip(*figures, strict=True))
            said = " ".join(["check house", *arguments])
            sys.stdout.write(
                f"{said:70} {wall:5.2f} s, {cpu:5.2f} s of CPU, {memory / 1024:4.0f} MB\n"
            )


if __name__ == "__main__":
    main()
