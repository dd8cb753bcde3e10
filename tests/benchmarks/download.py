"""Measure a download side by side: wheeltarget, pip, uv, pex3, nab, on a recorded index.

Run it from the root of the checkout: ``python -m tests.benchmarks.download --set flask``. What
the index says is recorded on first use; from then on no network is needed. ``--set made`` needs
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
from tests.benchmarks.server import Behaviour, Server, Told

ATTEMPTS = 5


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
    :param exit_code: that of the last command.
    :param said: everything that was written.
    """

    seconds: float
    processor: float
    memory: int
    told: Told
    files: frozenset[str]
    exit_code: int = 0
    said: str = ""


@dataclass(slots=True)
class Series:
    """All runs of one program, by the state of its caches."""

    peer: Peer
    runs: dict[str, list[Run]] = field(default_factory=dict)


def run_once(peer: Peer, job: Job, place: Place, server: Server, behaviour: Behaviour) -> Run:
    """Run a program's commands for a job, with its destination empty and its caches as they are.

    :param peer: the program.
    :param job: the job.
    :param place: where it works.
    :param server: the index.
    :param behaviour: how the index answers.
    :returns: what came of it; the first command that fails is the last one.
    """
    for folder in (place.destination, place.work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (place.work / "tmp").mkdir()
    commands = peer.commands(job, place)
    environment = peers.environment(place)
    server.set(behaviour)
    done: list[Measured] = []
    for command in commands:
        done.append(measure.run(command, place.work, environment))
        if done[-1].exit_code:
            break
    return Run(
        sum(each.seconds for each in done),
        sum(each.processor for each in done),
        max(each.memory for each in done),
        server.told(),
        peers.files_of(peer, place, job.tags),
        done[-1].exit_code,
        "".join(each.said for each in done),
    )


def compare(
    job: Job,
    programs: Sequence[Peer],
    server: Server,
    behaviour: Behaviour,
    runs: int,
    folder: Path,
) -> list[Series]:
    """Run all programs in turn, cold and then warm, so that all of them meet the same noise.

    :param job: what they do.
    :param programs: the programs.
    :param server: the index.
    :param behaviour: how it answers.
    :param runs: how many rounds.
    :param folder: where they work.
    :returns: the runs of each.
    """
    series = [Series(peer) for peer in programs]
    for number in range(runs):
        # Who comes first changes, since what one leaves to the system may help the next.
        turn = number % len(series)
        for each in (*series[turn:], *series[:turn]):
            below = folder / each.peer.name
            place = Place(below / "work", below / "cache", below / "destination", server.url)
            for state, run in cold_and_warm(each.peer, job, place, server, behaviour).items():
                each.runs.setdefault(state, []).append(run)
    return series


def cold_and_warm(
    peer: Peer, job: Job, place: Place, server: Server, behaviour: Behaviour
) -> dict[str, Run]:
    """Run a program twice; once more if the index had to record something meanwhile.

    :returns: the run with its caches emptied as ``cold``, the one after it as ``warm``.
    """
    for _ in range(ATTEMPTS):
        peer.forget(place)
        runs = {state: run_once(peer, job, place, server, behaviour) for state in ("cold", "warm")}
        for run in runs.values():
            if run.exit_code:
                raise BenchmarkError(f"{peer.name} failed: {run.said}")
        recorded = sum(run.told.recorded for run in runs.values())
        if not recorded:
            return runs
        sys.stderr.write(f"recorded {recorded} for {peer.name}\n")
    raise BenchmarkError(f"{peer.name} asks for something else each time")


def versions(files: frozenset[str]) -> frozenset[str]:
    """Return project and version of each file, which every program shows."""
    found = set()
    for name in files:
        if name.endswith(".whl"):
            project, version, *_ = parse_wheel_filename(name)
            found.add(f"{project} {canonicalize_version(version)}")
        else:
            project_name, _, text = name.partition("-")
            found.add(f"{canonicalize_name(project_name)} {canonicalize_version(text)}")
    return frozenset(found)


def report(job: Job, series: Sequence[Series], behaviour: Behaviour) -> Iterator[str]:
    """Yield the result, line by line.

    :param job: what was done.
    :param series: the runs of each program; ratios are to the first one's.
    :param behaviour: how the index answered.
    """
    first = series[0]
    files = len(first.runs["cold"][0].files)
    yield (
        f"{job.name}: {files} files, {len(job.tags)} target(s), "
        f"{behaviour.delay * 1000:.0f} ms a response, {len(first.runs['cold'])} runs"
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


def table(job: Job, series: Sequence[Series], behaviour: Behaviour) -> Iterator[str]:
    """Yield the result as a table for a page, line by line.

    :param job: what was done.
    :param series: the runs of each program; ratios are to the first one's.
    :param behaviour: how the index answered.
    """
    first = series[0]
    runs = len(first.runs["cold"])
    yield f"{job.name}, {behaviour.delay * 1000:.0f} ms, medians of {runs} rounds:"
    yield ""
    yield "| program | cold | times ours | warm | times ours | requests | memory |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in series:
        cells = [each.peer.name]
        for state, done in each.runs.items():
            seconds = statistics.median(run.seconds for run in done)
            pairs = zip(done, first.runs[state], strict=True)
            ratio = statistics.median(run.seconds / base.seconds for run, base in pairs)
            cells += [f"{seconds:.2f} s", f"{ratio:.2f}"]
        cold = each.runs["cold"]
        cells.append(str(max(run.told.requests for run in cold)))
        cells.append(f"{max(run.memory for run in cold) / 1e6:.0f} MB")
        yield f"| {' | '.join(cells)} |"
    yield ""


def _differences(series: Sequence[Series]) -> Iterator[str]:
    """Report programs that chose other files than the first one, or than in other runs."""
    first = series[0]
    wanted = first.runs["cold"][0].files
    for each in series:
        for state, runs in each.runs.items():
            for files in {run.files for run in runs}:
                mine, theirs = (
                    (versions(wanted), versions(files)) if each.peer.unpacks else (wanted, files)
                )
                if lacks := sorted(mine - theirs):
                    yield f"  {each.peer.name}, {state}, lacks {few(lacks)}"
                if more := sorted(theirs - mine):
                    yield f"  {each.peer.name}, {state}, has besides {few(more)}"


def few(names: Sequence[str]) -> str:
    """Return the first names of many, as one text."""
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
    """Return the URL of the index that pip asks by itself."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"{done.stdout.strip()}/"


def recording(job: Job, *, offline: bool) -> tuple[Path, str]:
    """Return the folder with what a job needs, and the URL from which the rest is recorded.

    :param job: the job.
    :param offline: whether nothing more is to be recorded.
    """
    if job.made:
        folder = home() / "made"
        made.make(folder)
        return folder, ""
    folder = home() / "recorded-index"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, "" if offline else os.environ.get("PIP_INDEX_URL") or default_index()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
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
    parser.add_argument(
        "--peers", default=",".join(peers.USUAL), help=f"which of {', '.join(PEERS)}"
    )
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="another interpreter with a wheeltarget, to be measured, too",
    )
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument("--offline", action="store_true", help="record nothing more")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    options = parse(arguments)
    programs = list(ready(options.peers.split(","), options.beside))
    for name in options.sets:
        job = JOBS[name]
        folder, upstream = recording(job, offline=options.offline)
        with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
            compare(job, programs, server, Behaviour(), 1, Path(work))  # the first one is slower
            pages, entries = count_entries(folder)
            sys.stderr.write(f"{folder}: {pages} pages with {entries} entries\n")
            for delay in options.delay:
                behaviour = Behaviour(delay / 1000, options.bandwidth * 1e6)
                series = compare(job, programs, server, behaviour, options.runs, Path(work))
                show = table if options.markdown else report
                sys.stdout.write("".join(f"{line}\n" for line in show(job, series, behaviour)))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
