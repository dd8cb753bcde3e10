"""Measure how wheeltarget and pip come through an index that misbehaves, side by side.

Run it from the root of the checkout: ``python -m tests.benchmarks.faults``. pip's own retries are
the measure: wheeltarget must not take longer than pip by more than a quarter, and what it leaves in
the destination is right, or there is nothing and an error says why.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks import peers
from tests.benchmarks.download import ATTEMPTS, BenchmarkError, Run, recording, run_once
from tests.benchmarks.jobs import JOBS, Job
from tests.benchmarks.peers import Peer, Place
from tests.benchmarks.recorded import home
from tests.benchmarks.server import Behaviour, Server

FAULTS = {
    "none": Behaviour(),
    "every tenth request is cut off": Behaviour(drop=10),
    "every tenth request is answered 429": Behaviour(busy=10, retry_after=1),
    "every tenth request waits 2 s": Behaviour(stall=10, stall_seconds=2.0),
    "the first wheel is wrong once": Behaviour(wrong=1),
}
"""How an index can misbehave."""

ALLOWED = 1.25
"""How many times as long as pip wheeltarget may take."""


@dataclass(slots=True)
class Pair:
    """The runs of both programs on an index that misbehaves in one way."""

    fault: str
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def lines(self, wanted: frozenset[str]) -> Iterator[str]:
        """Describe the result.

        :param wanted: the files that are right.
        """
        ours, theirs = self.runs["wheeltarget"], self.runs["pip"]
        ratios = sorted(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))
        ratio = statistics.median(ratios)
        # Where pip gives up, it has nothing that ours could be as fast as.
        fair = all(outcome(run, wanted) == "right" for run in theirs)
        verdict = "  TOO SLOW" if fair and ratio > ALLOWED else ""
        yield (
            f"{self.fault:38}{_seconds(ours)}{_seconds(theirs)}{ratio:8.2f}"
            f"{f'{ratios[0]:.2f} to {ratios[-1]:.2f}':>15}{verdict}"
        )
        for name, runs in self.runs.items():
            yield f"    {name}: {', '.join(dict.fromkeys(outcome(run, wanted) for run in runs))}"


def outcome(run: Run, wanted: frozenset[str]) -> str:
    """Return in short how a run ended.

    :param run: the run.
    :param wanted: the files that are right.
    """
    if run.exit_code == 0:
        return "right" if run.files == wanted else "WRONG"
    errors = [line for line in run.said.splitlines() if "error" in line.lower()]
    left = f", with {len(run.files)} files left" if run.files else ""
    return f"failed{left}: {(errors or ['WITHOUT A WORD'])[-1].strip()[:90]}"


def _seconds(runs: Sequence[Run]) -> str:
    return f"{statistics.median(run.seconds for run in runs):9.2f}s"


def compare(job: Job, server: Server, folder: Path, runs: int, delay: float) -> Iterator[Pair]:
    """Run both programs in turn, with empty caches, on an index that misbehaves in each way.

    :param job: what they do.
    :param server: the index.
    :param folder: where they work.
    :param runs: how many rounds for each way.
    :param delay: seconds that each answer waits.
    """
    programs = (peers.wheeltarget(), peers.pip())
    for fault, behaviour in FAULTS.items():
        pair = Pair(fault)
        for _ in range(runs):
            for peer in programs:
                run = _run(peer, job, server, folder, replace(behaviour, delay=delay))
                pair.runs.setdefault(peer.name, []).append(run)
        yield pair


def _run(peer: Peer, job: Job, server: Server, folder: Path, behaviour: Behaviour) -> Run:
    """Run a program with empty caches; once more if the index had to record something."""
    home_of_it = folder / peer.name
    place = Place(home_of_it / "work", home_of_it / "cache", home_of_it / "destination", server.url)
    for _ in range(ATTEMPTS):
        peer.forget(place)
        run = run_once(peer, job, place, server, behaviour)
        if not run.told.recorded:
            return run
    raise BenchmarkError(f"{peer.name} asks for something else each time")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faults", description=__doc__)
    parser.add_argument("--set", choices=JOBS, default="made", dest="job", help="what to download")
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--runs", type=int, default=5, help="how many rounds")
    options = parser.parse_args(arguments)
    job = JOBS[options.job]
    index, upstream = recording(job, offline=False)
    with Server(index, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
        right = _run(peers.wheeltarget(), job, server, Path(work), Behaviour())
        if right.exit_code:
            raise BenchmarkError(f"no run to compare with: {right.said}")
        wanted = right.files
        sys.stdout.write(f"{job.name}: {len(wanted)} files, {options.delay:.0f} ms a response\n")
        sys.stdout.write(f"{'':38}{'ours':>10}{'pip':>10}{'ratio':>8}{'spread':>15}\n")
        for pair in compare(job, server, Path(work), options.runs, options.delay / 1000):
            sys.stdout.write("".join(f"{line}\n" for line in pair.lines(wanted)))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
