"""Measure a download from a lock of 60 wheels beside pip, uv and curl, at 40 ms a response.

Run it with the interpreter that has wheeltarget, uv and pip, from the root of the checkout:
``python -m tests.benchmarks.locked [RUNS]``. Every case starts cold, in turn, so that all meet the
same noise; what is printed are medians, and the median of each run's ratio to curl's. curl neither
reads a lock nor hashes what it gets, and opens up to 50 connections; uv unpacks what it fetches.

The files of each run are emptied, so that they are not written to the disk, but kept under another
name to the end: some file systems (ext4 without a journal) are slow to make files in a place where
many were just removed, which does not happen in a first download.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import measure
from tests.benchmarks.measure import Measured
from tests.benchmarks.server import Behaviour, Server
from tests.support.locks import lock_text
from tests.support.wheels import make_wheel

WHEELS = 60
DELAY = 0.04
HOST = "files.invalid"
SIZES = {
    "60 wheels as projects have them, 10 kB to 10 MB": (4.0, 7.0),
    "60 small wheels, 10 kB to 1 MB": (4.0, 6.0),
}
"""By case, the decimal logarithms of the least and the largest size."""

FIRST = "curl --parallel"
"""The case that the others are held against."""

WARM = "the same, warm store"
"""The case that finds everything in the store."""


def commands(base: str, wheels: list[Path]) -> dict[str, list[str]]:
    """Return the command of every case; each fetches into the folder ``got``."""
    urls = [word for wheel in wheels for word in ("-O", f"{base}/files/{wheel.name}")]
    curl = ["curl", "--silent", "--parallel", "--create-dirs", "--output-dir", "got"]
    lock = ["-r", "pylock.bench.toml"]
    script = Path(sys.executable).with_name("wheeltarget")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "wheeltarget"]
    wheeltarget = [*start, "download", "-q", *lock, "-d", "got"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-cache-dir", *lock, "-d", "got"]
    uv = ["uv", "pip", "install", "--quiet", "--no-cache", "--no-config", "--python"]
    found = {
        FIRST: [*curl, *urls],
        "curl, 16 connections": [*curl, "--parallel-max", "16", *urls],
        "wheeltarget download": wheeltarget,
        WARM: wheeltarget,
        "pip download": pip,
        "uv pip install --target": [*uv, sys.executable, "--target", "got", *lock],
    }
    return {name: arguments for name, arguments in found.items() if shutil.which(arguments[0])}


def measure_all(
    folder: Path, base: str, wheels: list[Path], runs: int
) -> dict[str, list[Measured]]:
    """Run every case in turn.

    :returns: what each run took, by case.
    """
    environment = {
        **os.environ,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "WHEELTARGET_CACHE_DIR": str(folder / "cache"),
    }
    # With it Python would compile anew at each start what an installed program has compiled.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cases = commands(base, wheels)
    taken: dict[str, list[Measured]] = {name: [] for name in cases}
    # The first round fills what lies outside, such as the modules that Python has compiled.
    for number in range(runs + 1):
        for name, arguments in cases.items():
            if name != WARM:
                _put_away(folder / "cache", folder / "old" / f"cache {name} {number}")
            measured = measure.run(arguments, folder, environment)
            if measured.exit_code:
                raise RuntimeError(f"{name} failed: {measured.said}")
            if number:
                taken[name].append(measured)
            # The store has its files as links, and is to keep them for the case that finds them.
            empty = name != "wheeltarget download"
            _put_away(folder / "got", folder / "old" / f"got {name} {number}", empty=empty)
    return taken


def _put_away(folder: Path, place: Path, *, empty: bool = True) -> None:
    """Rename a folder, and empty the files in it."""
    if not folder.exists():
        return
    if empty:
        for path in folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
    place.parent.mkdir(exist_ok=True)
    folder.rename(place)


def run(title: str, sizes: tuple[float, float], runs: int) -> None:
    """Measure one mix of sizes and print what came of it."""
    chance = random.Random(7)  # noqa: S311 - the same files each time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = [
            make_wheel(
                folder / "index" / "files" / HOST / "files",
                f"lib{number}",
                files={f"lib{number}.bin": chance.randbytes(int(10 ** chance.uniform(*sizes)))},
            )
            for number in range(WHEELS)
        ]
        total = sum(wheel.stat().st_size for wheel in wheels)
        with Server(folder / "index") as server:
            server.set(Behaviour(delay=DELAY))
            base = f"{server.base}/files/{HOST}"
            (folder / "pylock.bench.toml").write_text(lock_text(wheels, base))
            taken = measure_all(folder, base, wheels, runs)
    sys.stdout.write(f"{title}: {total / 1e6:.0f} MB\n")
    first = [each.seconds for each in taken.get(FIRST, [])]
    for case, each in taken.items():
        seconds = [one.seconds for one in each]
        burnt = statistics.median(one.processor for one in each) * 1000
        ratio = (
            statistics.median(m / c for m, c in zip(seconds, first, strict=True)) if first else 0
        )
        middle = statistics.median(seconds) * 1000
        sys.stdout.write(
            f"  {case:26} {middle:7.0f} ms {ratio:6.2f} {burnt:7.0f} ms of processor\n"
        )


def main() -> None:
    """Measure every mix."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for title, sizes in SIZES.items():
        run(title, sizes, runs)


if __name__ == "__main__":
    main()
