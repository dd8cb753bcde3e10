"""Measure a download from a lock of 60 wheels beside pip, uv and curl, at 40 ms a response.

Run it with the interpreter that has wheeltarget, uv and pip, from the root of the checkout:
``python -m tests.benchmarks.locked [RUNS]``. Every case starts cold, in turn, so that all meet the
same noise; what is printed are medians, and the median of each run's ratio to curl's. curl neither
reads a lock nor hashes what it gets, and opens up to 50 connections; uv unpacks what it fetches.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.locks import lock_text
from tests.support.wheels import make_wheel

WHEELS = 60
DELAY = 0.04
SIZES = {
    "60 wheels as projects have them, 10 kB to 10 MB": (4.0, 7.0),
    "60 small wheels, 10 kB to 1 MB": (4.0, 6.0),
}
"""By case, the decimal logarithms of the least and the largest size."""

SERVER = """
import sys
from pathlib import Path
from tests.support.index import LocalIndex
with LocalIndex(Path(sys.argv[1]), delay=float(sys.argv[2])) as index:
    print(index.base, flush=True)
    sys.stdin.read()
"""


def commands(base: str, wheels: list[Path]) -> dict[str, list[str]]:
    """Give the command of every case; each fetches into the folder ``got``."""
    python = [sys.executable, "-m"]
    urls = [word for wheel in wheels for word in ("-O", f"{base}/files/{wheel.name}")]
    curl = ["curl", "--silent", "--parallel", "--create-dirs", "--output-dir", "got"]
    lock = ["-r", "pylock.bench.toml"]
    uv = ["uv", "pip", "install", "--quiet", "--no-cache", "--no-config", "--python"]
    found = {
        "curl --parallel": [*curl, *urls],
        "curl, 16 connections": [*curl, "--parallel-max", "16", *urls],
        "wheeltarget download": [*python, "wheeltarget", "download", "-q", *lock, "-d", "got"],
        "the same, warm store": [*python, "wheeltarget", "download", "-q", *lock, "-d", "got"],
        "pip download": [*python, "pip", "download", "-q", "--no-cache-dir", *lock, "-d", "got"],
        "uv pip install --target": [*uv, sys.executable, "--target", "got", *lock],
    }
    return {name: words for name, words in found.items() if shutil.which(words[0])}


def measure(folder: Path, base: str, wheels: list[Path], runs: int) -> dict[str, list[float]]:
    """Run every case in turn.

    :returns: seconds of each run, by case.
    """
    cache = folder / "cache"
    environment = {
        **os.environ,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(Path.cwd()),
        "WHEELTARGET_CACHE_DIR": str(cache),
    }
    cases = commands(base, wheels)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, words in cases.items():
            if "warm" not in name:
                shutil.rmtree(cache, ignore_errors=True)
            begin = time.perf_counter()
            subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - begin)
            shutil.rmtree(folder / "got")
    return seconds


def run(title: str, sizes: tuple[float, float], runs: int) -> None:
    """Measure one mix of sizes and print what came of it."""
    chance = random.Random(7)  # noqa: S311 - the same files each time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = [
            make_wheel(
                folder / "index",
                f"lib{number}",
                files={f"lib{number}.bin": chance.randbytes(int(10 ** chance.uniform(*sizes)))},
            )
            for number in range(WHEELS)
        ]
        total = sum(wheel.stat().st_size for wheel in wheels)
        words = [sys.executable, "-c", SERVER, str(folder / "index"), str(DELAY)]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            base = server.stdout.readline().strip()
            (folder / "pylock.bench.toml").write_text(lock_text(wheels, base))
            seconds = measure(folder, base, wheels, runs)
            server.stdin.close()
    sys.stdout.write(f"{title}: {total / 1e6:.0f} MB\n")
    curl = seconds.get("curl --parallel", [])
    for case, each in seconds.items():
        ratio = statistics.median(m / c for m, c in zip(each, curl, strict=True)) if curl else 0
        sys.stdout.write(f"  {case:26} {statistics.median(each) * 1000:7.0f} ms {ratio:6.2f}\n")


def main() -> None:
    """Measure every mix."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    for title, sizes in SIZES.items():
        run(title, sizes, runs)


if __name__ == "__main__":
    main()
