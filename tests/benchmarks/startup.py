"""Measure how long starting takes, and one small download beside pip's, in one run, as ratios.

Run it with the interpreter that has wheeltarget, from the root of the checkout:
``python -m tests.benchmarks.startup``. Compiled code is kept, as an installer leaves it, whatever
PYTHONDONTWRITEBYTECODE says; the first run of each case makes it, and is not counted.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

RUNS = 15
TARGET = "cp39-cp39-manylinux2014_x86_64"
FLAGS = "--only-binary=:all: --python-version=3.9 --implementation=cp --abi=cp39"
PLATFORM = "--platform=manylinux2014_x86_64"

START = {
    "python": ["-c", "pass"],
    "import typer": ["-c", "import typer"],
    "wheeltarget --version": ["-m", "wheeltarget", "--version"],
    "wheeltarget --help": ["-m", "wheeltarget", "--help"],
    "wheeltarget download, a wrong clause": ["-m", "wheeltarget", "download", "x ; tags="],
}
DOWNLOAD = {
    "pip download, with the flags": ["-m", "pip", "download", *FLAGS.split(), PLATFORM, "lib"],
    "wheeltarget download --tags": ["-m", "wheeltarget", "download", "--tags", TARGET, "lib"],
    "wheeltarget download, a clause": ["-m", "wheeltarget", "download", f"lib ; tags={TARGET}"],
    "wheeltarget download -r": ["-m", "wheeltarget", "download", "-r", "needed.txt"],
}
IMPORTS = {
    "wheeltarget, before pip is told what to do": (
        "import wheeltarget.cli.main, wheeltarget.commands.invocation, wheeltarget.cli.app\n"
        "import wheeltarget.cli.verbs.download, wheeltarget.commands.download.download"
    ),
    "pip's process, before it begins": (
        "import wheeltarget.pip_child.__main__\n"
        "from wheeltarget.pip_child.__main__ import load\nload('run')"
    ),
    "pip's own command": (
        "import pip._internal.cli.main, pip._internal.commands.download\n"
        "import pip._internal.resolution.resolvelib.resolver"
    ),
}


def surroundings() -> dict[str, str]:
    """Return the environment of every run: no settings of pip, and compiled code kept."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PIP_", "PYTHON"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PYTHONPATH": str(Path.cwd())}


def measure(
    cases: Mapping[str, Sequence[str]], folder: Path, options: Sequence[str] = ()
) -> dict[str, list[float]]:
    """Run every case in turn, so that all of them meet the same noise.

    :param cases: the arguments of the interpreter, by name.
    :param folder: the working directory.
    :param options: more arguments for every case; each run has a destination of its own then.
    :returns: seconds of each run, by case.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(RUNS + 1):
        for place, (name, arguments) in enumerate(cases.items()):
            where = [f"--dest={folder / f'{place}-{number}'}"] if options else []
            command = [sys.executable, *arguments, *options, *where]
            begin = time.perf_counter()
            subprocess.run(
                command, cwd=folder, env=surroundings(), capture_output=True, check=bool(options)
            )
            seconds[name].append(time.perf_counter() - begin)
    return {name: each[1:] for name, each in seconds.items()}


def show(seconds: Mapping[str, Sequence[float]]) -> None:
    """Print medians, and the median and the spread of the ratios to the first case."""
    base = next(iter(seconds.values()))
    for name, each in seconds.items():
        ratios = sorted(run / first for run, first in zip(each, base, strict=True))
        sys.stdout.write(
            f"{name:38} {statistics.median(each) * 1000:6.1f} ms   "
            f"{statistics.median(ratios):5.2f} x   "
            f"({ratios[len(ratios) // 10]:.2f} to {ratios[-len(ratios) // 10]:.2f})\n"
        )
    sys.stdout.write("\n")


def imports(code: str) -> Counter[str]:
    """Run code, and give the microseconds that loading took by the package it is loaded from."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=surroundings(),
        capture_output=True,
        text=True,
        check=True,
    )
    times: Counter[str] = Counter()
    lines = re.findall(r"(?m)^import time: +(\d+) \| +\d+ \| +(\S+)$", done.stderr)
    for own, module in lines:
        parts = module.split(".")
        depth = 3 if parts[:2] == ["pip", "_vendor"] else 2 if parts[0] == "pip" else 1
        known = parts[0] in {"pip", "wheeltarget", "packaging"}
        times[".".join(parts[:depth]) if known else "standard library"] += int(own)
    return times


def main() -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        show(measure(START, folder))
        make_wheel(folder / "index", "lib")
        (folder / "needed.txt").write_text(f"lib ; tags={TARGET}\n")
        with LocalIndex(folder / "index") as index:
            options = ["--no-cache-dir", "--disable-pip-version-check", *index.pip_args()]
            show(measure(DOWNLOAD, folder, options))
    for title, code in IMPORTS.items():
        times = imports(code)
        sys.stdout.write(f"{title}: {times.total() / 1000:.0f} ms of loading\n")
        for package, each in times.most_common(8):
            sys.stdout.write(f"  {package:36} {each / 1000:6.1f} ms\n")


if __name__ == "__main__":
    main()
