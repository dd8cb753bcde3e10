"""Find how much of the end of a wheel to ask for to get its METADATA with few requests and bytes.

Run it from the root of the checkout after a job was recorded:
``python -m tests.benchmarks.wheel_ends --set big``. For each size of the first range it prints
requests, bytes, and what they cost in time: the wait of each request, shared by the connections,
and the bytes on the line. docs/speed.md has the result.

wheeltarget's own code reads METADATA from parts of the wheels on the disk, so requests and bytes
are those of a real run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.benchmarks import lockers
from tests.benchmarks.download import BenchmarkError, recording, run_once
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.peers import Place
from tests.benchmarks.recorded import home
from tests.benchmarks.server import Behaviour, Server
from wheeltarget.pip_child.prefetch import parts
from wheeltarget.pip_child.prefetch.parts import PartialFile, read_metadata

SIZES = tuple(1 << power for power in range(12, 21))
"""The sizes of the first range that are compared, in bytes: 4 KiB to 1 MiB."""


@dataclass(frozen=True, slots=True)
class WheelEnd:
    """Where METADATA is in a wheel; all in bytes.

    :param size: of the wheel.
    :param directory: from its central directory to its end.
    :param metadata: from the header of METADATA to its end.
    """

    size: int
    directory: int
    metadata: int


def read_end(wheel: Path) -> WheelEnd:
    """Read where METADATA is in a wheel."""
    size = wheel.stat().st_size
    with zipfile.ZipFile(wheel) as archive:
        (info,) = (
            each
            for each in archive.infolist()
            if each.filename.count("/") == 1 and each.filename.endswith(".dist-info/METADATA")
        )
        return WheelEnd(size, size - archive.start_dir, size - info.header_offset)


def ask(wheel: Path, first: int) -> tuple[int, int]:
    """Read METADATA of a wheel from parts, as wheeltarget does.

    :param first: how many bytes of the end are requested first.
    :returns: how many requests that takes, and how many bytes.
    """
    size = wheel.stat().st_size
    asked = []
    with wheel.open("rb") as stream:

        def fetch(start: int, stop: int) -> bytes:
            asked.append(stop - start)
            stream.seek(start)
            return stream.read(stop - start)

        file = PartialFile(size, fetch)
        file.need(max(size - first, 0), size)
        if file.whole() is None:
            with patch.object(parts, "TAIL", first):
                read_metadata(file, wheel.name)
    return len(asked), sum(asked)


@dataclass(frozen=True, slots=True)
class Line:
    """How a network is.

    :param delay: seconds that each request waits.
    :param bandwidth: bytes a second, of all connections together.
    :param connections: how many requests wait at once.
    """

    delay: float
    bandwidth: float
    connections: int

    def seconds(self, requests: int, size: int) -> float:
        """Return what requests for so many bytes cost."""
        return requests * self.delay / self.connections + size / self.bandwidth


def table(wheels: Sequence[Path], line: Line) -> Iterator[str]:
    """Yield the result as a table for a page, line by line."""
    ends = [read_end(wheel) for wheel in wheels]
    whole = sum(end.size for end in ends)
    yield f"{len(ends)} wheels of {whole / 1e6:.1f} MB"
    yield ""
    for name, values in (
        ("size", [end.size for end in ends]),
        ("from the directory to the end", [end.directory for end in ends]),
        ("from METADATA to the end", [end.metadata for end in ends]),
    ):
        cuts = statistics.quantiles(values, n=20, method="inclusive")
        yield (
            f"{name}: median {cuts[9]:,.0f} bytes, three quarters up to {cuts[14]:,.0f}, "
            f"95 % up to {cuts[18]:,.0f}, all up to {max(values):,}"
        )
    yield ""
    yield "| first range | one request | requests | bytes | of the wheels | time |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for first in SIZES:
        asked = [ask(wheel, first) for wheel in wheels]
        requests, size = sum(count for count, _ in asked), sum(size for _, size in asked)
        alone = sum(count == 1 for count, _ in asked) / len(ends)
        yield (
            f"| {first // 1024} KiB | {alone:.0%} | {requests} | {size / 1e6:.2f} MB "
            f"| {size / whole:.1%} | {line.seconds(requests, size):.2f} s |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table for the wheels of a recording that a job's targets can use."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.wheel_ends")
    parser.add_argument("--set", choices=JOBS, default="big", dest="job", help="whose recording")
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--bandwidth", type=float, default=20.0, help="MB a second")
    parser.add_argument("--connections", type=int, default=32, help="requests at once")
    options = parser.parse_args(arguments)
    line = Line(options.delay / 1000, options.bandwidth * 1e6, options.connections)
    lines = table(wheels_of(JOBS[options.job]), line)
    sys.stdout.write("".join(f"{each}\n" for each in lines))


def wheels_of(job: Job) -> list[Path]:
    """Lock a job on its recorded index, and return the wheels that were chosen."""
    folder, upstream = recording(job, offline=False)
    with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as name:
        work = Path(name)
        place = Place(work / "work", work / "cache", work / "destination", server.url)
        run = run_once(lockers.wheeltarget(), job, place, server, Behaviour(metadata=False))
    if run.exit_code:
        raise BenchmarkError(f"the job could not be locked: {run.said}")
    return [path for path in (folder / "files").rglob("*.whl") if path.name in run.files]


if __name__ == "__main__":
    main()
