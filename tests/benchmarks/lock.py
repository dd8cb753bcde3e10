"""Measure locks on an index with and without metadata files: wheeltarget, uv pip compile, pip lock.

Run it from the root of the checkout: ``python -m tests.benchmarks.lock --set flask big``. What the
index says is recorded on first use; from then on no network is needed. ``--set made`` needs none at
all. docs/speed.md has the method.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import parse_wheel_filename

from tests.benchmarks import lockers
from tests.benchmarks.download import Run, cold_and_warm, few, recording, versions
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.lockers import LOCKERS, ONE_TARGET_ONLY
from tests.benchmarks.peers import MissingPeerError, Peer, Place
from tests.benchmarks.recorded import count_entries, home
from tests.benchmarks.server import Behaviour, Server, Told

INDEXES = {"with": True, "without": False}
"""Whether the index has metadata files, by what it is called."""


@dataclass(slots=True)
class Case:
    """A program on one kind of index, and its runs by the state of its caches.

    :param peer: the program.
    :param index: a key of :data:`INDEXES`.
    """

    peer: Peer
    index: str
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def seconds(self, state: str) -> list[float]:
        """Return the seconds of all runs with caches in a state."""
        return [run.seconds for run in self.runs[state]]


def compare(
    job: Job,
    cases: Sequence[Case],
    server: Server,
    behaviour: Behaviour,
    runs: int,
    folder: Path,
) -> None:
    """Run all cases in turn, cold and then warm, and keep the runs in them.

    :param job: what they lock.
    :param cases: the programs, each on each kind of index.
    :param server: the index.
    :param behaviour: how it answers, with metadata files or without as each case has it.
    :param runs: how many rounds.
    :param folder: where they work.
    """
    for number in range(runs):
        # Who comes first changes, since what one leaves to the system may help the next.
        turn = number % len(cases)
        for case in (*cases[turn:], *cases[:turn]):
            below = folder / case.peer.name
            place = Place(below / "work", below / "cache", below / "destination", server.url)
            served = replace(behaviour, metadata=INDEXES[case.index])
            for state, run in cold_and_warm(case.peer, job, place, server, served).items():
                case.runs.setdefault(state, []).append(run)


def wheel_bytes(folder: Path, wheels: frozenset[str]) -> int:
    """Return the bytes of wheels, as the pages of a recording list them.

    :param folder: the recording.
    :param wheels: their names.
    """
    sizes: dict[str, int] = {}
    for project in {parse_wheel_filename(name)[0] for name in wheels}:
        page = json.loads((folder / "pages" / f"{project}.json").read_bytes())
        sizes.update((entry["filename"], entry["size"]) for entry in page["files"])
    return sum(sizes[name] for name in wheels)


def table(job: Job, cases: Sequence[Case], behaviour: Behaviour, wheels: int) -> Iterator[str]:
    """Yield the result as a table for a page, line by line.

    :param job: what was locked.
    :param cases: the runs of each program; ratios are to the first program's on the same index.
    :param behaviour: how the index answered.
    :param wheels: the bytes of the wheels that the first program chose.
    """
    first = {case.index: case for case in cases if case.peer is cases[0].peer}
    names = cases[0].runs["cold"][0].files
    rounds = len(cases[0].runs["cold"])
    yield (
        f"{job.name}, {len(job.tags)} target(s), {len(names)} wheels of {wheels / 1e6:.1f} MB, "
        f"{behaviour.delay * 1000:.0f} ms a response, {behaviour.bandwidth / 1e6:.0f} MB/s, "
        f"medians of {rounds} rounds:"
    )
    yield ""
    yield (
        "| program | metadata files | cold | times ours | warm | times ours | requests "
        "| requests, warm | received | of the wheels | processor | memory |"
    )
    yield f"| {' | '.join(['---'] * 12)} |"
    for case in cases:
        yield f"| {' | '.join(_cells(case, first[case.index], wheels))} |"
    yield ""
    yield from _between_indexes(cases)
    yield from dict.fromkeys(_differences(cases))


def _cells(case: Case, first: Case, wheels: int) -> Iterator[str]:
    cold = case.runs["cold"]
    told, told_warm = (_most(case.runs[state]) for state in ("cold", "warm"))
    yield from (case.peer.name, case.index)
    for state in case.runs:
        yield f"{statistics.median(case.seconds(state)):.2f} s"
        yield f"{_ratios(case, first, state)[0]:.2f}"
    yield str(told.requests)
    yield str(told_warm.requests - told_warm.unchanged)
    yield f"{told.bytes / 1e6:.1f} MB"
    yield f"{told.bytes_of_files / wheels:.1%}"
    yield f"{statistics.median(run.processor for run in cold):.2f} s"
    yield f"{max(run.memory for run in cold) / 1e6:.0f} MB"


def _most(runs: Sequence[Run]) -> Told:
    """Return what was asked for in the run with the most requests."""
    return max((run.told for run in runs), key=lambda told: told.requests)


def _ratios(case: Case, base: Case, state: str) -> tuple[float, float, float]:
    """Return the median, the smallest and the largest ratio of the rounds."""
    pairs = zip(case.seconds(state), base.seconds(state), strict=True)
    ratios = sorted(mine / other for mine, other in pairs)
    return statistics.median(ratios), ratios[0], ratios[-1]


def _between_indexes(cases: Sequence[Case]) -> Iterator[str]:
    """Report how many times as long each program takes without metadata files as with them."""
    rich = {case.peer.name: case for case in cases if case.index == "with"}
    for case in cases:
        if case.index == "without" and case.peer.name in rich:
            middle, least, most = _ratios(case, rich[case.peer.name], "cold")
            times = f"{middle:.2f} times ({least:.2f} to {most:.2f})"
            yield f"  {case.peer.name}, cold, takes {times} as long without metadata files"


def _differences(cases: Sequence[Case]) -> Iterator[str]:
    """Report programs that chose something else than the first one, each time.

    Those that do not do quite the same have to choose the same versions, the others the same files.
    """
    wanted = cases[0].runs["cold"][0].files
    for case in cases:
        form = versions if case.peer.difference else frozenset
        for files in {run.files for runs in case.runs.values() for run in runs}:
            for what, names in (
                ("lacks", form(wanted) - form(files)),
                ("has besides", form(files) - form(wanted)),
            ):
                if names:
                    yield f"  {case.peer.name} {what} {few(sorted(names))}"


def ready(names: Sequence[str], beside: Sequence[str]) -> dict[str, Peer]:
    """Make programs ready; those that cannot be had are named and left out.

    :param names: keys of :data:`LOCKERS`.
    :param beside: ``NAME=PYTHON`` of other wheeltargets.
    """
    found = {}
    for name in names:
        try:
            peer = found[name] = LOCKERS[name]()
        except MissingPeerError as error:
            sys.stderr.write(f"without {name}: {error}\n")
            continue
        said = f": {peer.difference}" * bool(peer.difference)
        sys.stderr.write(f"{peer.name} {peer.version}{said}\n")
    for each in beside:
        name, _, python = each.partition("=")
        found[name] = lockers.wheeltarget(python, name)
    return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.lock", description=__doc__)
    parser.add_argument(
        "--set", nargs="+", choices=JOBS, default=["flask"], dest="sets", help="what to lock"
    )
    parser.add_argument(
        "--index", nargs="+", choices=INDEXES, default=list(INDEXES), help="metadata files"
    )
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--bandwidth", type=float, default=20.0, help="MB a second, 0 for no limit")
    parser.add_argument("--runs", type=int, default=5, help="how many rounds")
    parser.add_argument(
        "--peers", default=",".join(lockers.USUAL), help=f"which of {', '.join(LOCKERS)}"
    )
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="another interpreter with a wheeltarget, to be measured, too",
    )
    parser.add_argument("--offline", action="store_true", help="record nothing more")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    options = parse(arguments)
    programs = ready(options.peers.split(","), options.beside)
    behaviour = Behaviour(options.delay / 1000, options.bandwidth * 1e6)
    for name in options.sets:
        job = JOBS[name]
        left_out = ONE_TARGET_ONLY if len(job.tags) > 1 else frozenset()
        fitting = [peer for name, peer in programs.items() if name not in left_out]
        cases = [Case(peer, index) for peer in fitting for index in options.index]
        folder, upstream = recording(job, offline=options.offline)
        with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
            first = [Case(case.peer, case.index) for case in cases]
            compare(job, first, server, Behaviour(), 1, Path(work))  # the first one is slower
            pages, entries = count_entries(folder)
            sys.stderr.write(f"{folder}: {pages} pages with {entries} entries\n")
            compare(job, cases, server, behaviour, options.runs, Path(work))
        wheels = wheel_bytes(folder, cases[0].runs["cold"][0].files)
        lines = table(job, cases, behaviour, wheels)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
