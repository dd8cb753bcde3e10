"""Measure what each further target costs, as a part of what the first one does.

Run it from the root of the checkout: ``python -m tests.benchmarks.further``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import peers
from tests.benchmarks.download import compare, recording
from tests.benchmarks.jobs import FIVE, JOBS
from tests.benchmarks.recorded import home
from tests.benchmarks.server import Behaviour, Server

COUNTS = (1, 2, 5)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the medians for one target and for more, run in turn, and what a further one costs."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.further", description=__doc__)
    parser.add_argument("--set", choices=JOBS, default="flask", dest="job", help="what to download")
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--runs", type=int, default=9, help="how many rounds")
    options = parser.parse_args(arguments)
    job, behaviour = JOBS[options.job], Behaviour(options.delay / 1000)
    folder, upstream = recording(job, offline=False)
    seconds: dict[int, list[float]] = {count: [] for count in COUNTS}
    with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
        for number in range(options.runs + 1):
            for count in COUNTS:
                each = replace(job, tags=FIVE[len(FIVE) - count :])
                programs = [peers.wheeltarget()]
                (series,) = compare(each, programs, server, behaviour, 1, Path(work, str(count)))
                if number:  # the first one is slower
                    seconds[count].append(series.runs["cold"][0].seconds)
    first = statistics.median(seconds[1])
    for count in COUNTS:
        parts = [
            (many - one) / one / max(count - 1, 1)
            for one, many in zip(seconds[1], seconds[count], strict=True)
        ]
        more = f"   each further one costs {statistics.median(parts):.0%} of the first"
        sys.stdout.write(
            f"{job.name}, {count} target(s): {statistics.median(seconds[count]):.3f} s, "
            f"{statistics.median(seconds[count]) / first:.2f} x{more * (count > 1)}\n"
        )


if __name__ == "__main__":
    main()
