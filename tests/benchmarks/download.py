"""Measure a download side by side: wheeltarget, pip, uv, pex3, nab, on a recorded index.

Run it from the root of the checkout: ``python -m tests.benchmarks.download --set flask``. What
the index says is recorded on first use; from then on no network is needed. ``--made`` jobs need
none at all. docs/speed.md has the method.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name, canonicalize_version, parse_wheel_filename

from tests.benchmarks import made, measure, peers
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.measure import Measured
from tests.benchmarks.peers import PEERS, MissingPeerError, Peer, Place
from tests.benchmarks.recorded import count_entries, home
from tests.benchmarks.server import Manner, Server, Told


class BenchmarkError(Exception):
    """A measurement that means nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: all commands of its job, one after another.

    :param seconds: from the first one's start to the last one's end.
    :param processor: seconds of processor time.
    :param memory: bytes, the peak of the largest process.
    :param told: what the index was asked for.
    :param files: what was chosen.
    """

    seconds: float
    processor: float
    memory: int
    told: Told
    files: frozenset[str]


@dataclass(slots=True)
class Series:
    """All runs of one program, by the state of its caches."""

    peer: Peer
    runs: dict[str, list[Run]] = field(default_factory=dict)


def run_once(peer: Peer, job: Job, place: Place, server: Server, manner: Manner) -> Run:
    """Run a program's commands for a job, with its destination empty and its caches as they are.

    :param peer: the program.
    :param job: the job.
    :param place: where it works.
    :param server: the index.
    :param manner: how the index answers.
    :raises BenchmarkError: where a command fails.
    """
    for folder in (place.destination, place.work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (place.work / "tmp").mkdir()
    commands = peer.commands(job, place)
    environment = peers.environment(place)
    server.set(manner)
    done: list[Measured] = []
    for command in commands:
        done.append(measure.run(command, place.work, environment))
        if done[-1].exit_code:
            raise BenchmarkError(f"{' '.join(command)}\nfailed: {done[-1].said}")
    return Run(
        sum(each.seconds for each in done),
        sum(each.processor for each in done),
        max(each.memory for each in done),
        server.told(),
        peers.files_of(peer, place, job.tags),
    )


def compare(
    job: Job, programs: Sequence[Peer], server: Server, manner: Manner, runs: int, folder: Path
) -> list[Series]:
    """Run all programs in turn, cold and then warm, so that all of them meet the same noise.

    :param job: what they do.
    :param programs: the programs.
    :param server: the index.
    :param manner: how it answers.
    :param runs: how many rounds.
    :param folder: where they work.
    :returns: the runs of each.
    """
    series = [Series(peer) for peer in programs]
    for number in range(runs):
        # Who comes first changes, since what one leaves to the system may help the next.
        turn = number % len(series)
        for each in (*series[turn:], *series[:turn]):
            home_of_it = folder / each.peer.name
            place = Place(
                home_of_it / "work", home_of_it / "cache", home_of_it / "destination", server.url
            )
            each.peer.forget(place)
            for state in ("cold", "warm"):
                run = run_once(each.peer, job, place, server, manner)
                each.runs.setdefault(state, []).append(run)
    return series


def record(job: Job, programs: Sequence[Peer], folder: Path, upstream: str) -> None:
    """Let every program run once on an index that fetches what it lacks, until it lacks nothing.

    :param job: what they do.
    :param programs: the programs.
    :param folder: the recording.
    :param upstream: the URL of the index.
    """
    with Server(folder, upstream) as server, tempfile.TemporaryDirectory() as name:
        for peer in programs:
            place = Place(*(Path(name, peer.name, each) for each in "wcd"), server.url)
            peer.forget(place)
            run_once(peer, job, place, server, Manner())
            (folder / "recorded").mkdir(exist_ok=True)
            (folder / "recorded" / f"{job.name}-{peer.name}").touch()


def unrecorded(job: Job, programs: Sequence[Peer], folder: Path) -> list[Peer]:
    """Give the programs that may ask for what was never recorded."""
    done = folder / "recorded"
    return [peer for peer in programs if not (done / f"{job.name}-{peer.name}").exists()]


def versions(files: frozenset[str]) -> frozenset[str]:
    """Give project and version of each file, the most that can be said of every program."""
    found = set()
    for name in files:
        if name.endswith(".whl"):
            project, version, *_ = parse_wheel_filename(name)
            found.add(f"{project} {canonicalize_version(version)}")
        else:
            project_name, _, text = name.partition("-")
            found.add(f"{canonicalize_name(project_name)} {canonicalize_version(text)}")
    return frozenset(found)


def report(job: Job, series: Sequence[Series], manner: Manner) -> Iterator[str]:
    """Say what came of it, a line each.

    :param job: what was done.
    :param series: the runs of each program; ratios are to the first one's.
    :param manner: how the index answered.
    """
    first = series[0]
    files = len(first.runs["cold"][0].files)
    yield (
        f"{job.name}: {files} files, {len(job.tags)} target(s), "
        f"{manner.delay * 1000:.0f} ms a response, {len(first.runs['cold'])} runs"
    )
    yield (
        f"  {'':24}{'median':>9}{'min':>8}{'max':>8}{'ratio':>8}{'spread':>15}"
        f"{'processor':>11}{'memory':>9}{'requests':>10}{'at once':>9}"
    )
    for state in first.runs:
        for each in series:
            yield _line(each, first, state)
    yield from _differences(series)


def _line(series: Series, first: Series, state: str) -> str:
    runs = series.runs[state]
    seconds = [run.seconds for run in runs]
    ratios = sorted(
        run.seconds / base.seconds for run, base in zip(runs, first.runs[state], strict=True)
    )
    told = max((run.told for run in runs), key=lambda told: told.requests)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    return (
        f"  {f'{series.peer.name}, {state}':24}{statistics.median(seconds):8.3f}s"
        f"{min(seconds):8.3f}{max(seconds):8.3f}{statistics.median(ratios):8.2f}{spread:>15}"
        f"{statistics.median(run.processor for run in runs):10.2f}s"
        f"{max(run.memory for run in runs) / 1e6:6.0f} MB"
        f"{told.requests - told.unchanged:6d}{f'+{told.unchanged}' if told.unchanged else '':4}"
        f"{told.at_once:9d}"
    )


def _differences(series: Sequence[Series]) -> Iterator[str]:
    """Say who chose other files than the first program, or in other runs."""
    first = series[0]
    wanted = first.runs["cold"][0].files
    for each in series:
        for state, runs in each.runs.items():
            for files in {run.files for run in runs}:
                mine, theirs = (
                    (versions(wanted), versions(files)) if each.peer.unpacks else (wanted, files)
                )
                if lacks := sorted(mine - theirs):
                    yield f"  {each.peer.name}, {state}, lacks {_few(lacks)}"
                if more := sorted(theirs - mine):
                    yield f"  {each.peer.name}, {state}, has besides {_few(more)}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{', '.join(names[:8])}{more}"


def ready(names: Sequence[str], beside: Sequence[str]) -> Iterator[Peer]:
    """Make programs ready; those that cannot be had are named and left out.

    :param names: keys of :data:`PEERS`.
    :param beside: ``NAME=PYTHON`` of other wheeltargets.
    """
    for name in names:
        try:
            peer = PEERS[name]()
        except MissingPeerError as error:
            sys.stderr.write(f"without {name}: {error}\n")
            continue
        sys.stderr.write(f"{name} {peer.version}{f': {peer.difference}' * bool(peer.difference)}\n")
        yield peer
    for each in beside:
        name, _, python = each.partition("=")
        yield peers.wheeltarget(python, name)


def default_index() -> str:
    """Give the URL of the index that pip asks by itself."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"{done.stdout.strip()}/"


def prepare(job: Job, programs: Sequence[Peer], *, again: bool) -> Path:
    """Give the folder of a recording that has all that a job needs.

    :param job: the job.
    :param programs: who does it.
    :param again: whether to record once more.
    """
    if job.made:
        folder = home() / "made"
        made.make(folder)
        return folder
    folder = home() / "recorded-index"
    folder.mkdir(parents=True, exist_ok=True)
    missing = list(programs) if again else unrecorded(job, programs, folder)
    if missing:
        sys.stderr.write(f"recording {job.name} for {', '.join(p.name for p in missing)}\n")
        record(job, missing, folder, os.environ.get("PIP_INDEX_URL") or default_index())
    return folder


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.download", description=__doc__
    )
    parser.add_argument(
        "--set", nargs="+", choices=JOBS, default=["flask"], dest="sets", help="what to download"
    )
    parser.add_argument("--delay", type=float, nargs="+", default=[40.0], help="ms a response")
    parser.add_argument("--bandwidth", type=float, default=0.0, help="MB a second, 0 for no limit")
    parser.add_argument("--runs", type=int, default=5, help="how many rounds")
    parser.add_argument("--peers", default=",".join(PEERS), help="who, with commas between")
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="another interpreter with a wheeltarget, to be measured, too",
    )
    parser.add_argument("--record", action="store_true", help="record once more")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    options = parse(words)
    programs = list(ready(options.peers.split(","), options.beside))
    for name in options.sets:
        job = JOBS[name]
        folder = prepare(job, programs, again=options.record)
        pages, entries = count_entries(folder)
        sys.stderr.write(f"{folder}: {pages} pages with {entries} entries\n")
        for delay in options.delay:
            manner = Manner(delay / 1000, options.bandwidth * 1e6)
            with Server(folder) as server, tempfile.TemporaryDirectory(dir=home()) as work:
                compare(job, programs, server, Manner(), 1, Path(work))  # the first one is slower
                series = compare(job, programs, server, manner, options.runs, Path(work))
            sys.stdout.write("".join(f"{line}\n" for line in report(job, series, manner)))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
