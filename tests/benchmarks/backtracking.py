"""Measure how long wheeltarget and pip take if pip has to go back through many releases.

Run it from the root of the checkout: ``python -m tests.benchmarks.backtracking``. Both only
resolve, and get no wheel: ``wheeltarget download --dry-run`` and ``pip install --dry-run``, the
same pip in the same Python, whose markers are set to those of the target. docs/speed.md has the
method.
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
from urllib.parse import unquote, urlsplit

from tests.benchmarks import peers, pip_for_target
from tests.benchmarks.download import ATTEMPTS, BenchmarkError, Run, recording, run_once
from tests.benchmarks.jobs import DEEP, JOBS, Job
from tests.benchmarks.peers import Peer, Place
from tests.benchmarks.recorded import home
from tests.benchmarks.server import Behaviour, Server

OURS, PIP = "wheeltarget", "pip"
IMPOSSIBLE = "ResolutionImpossible"
_REPORT, _REJECTED, _FACTS = "report.json", "rejected.json", "facts.json"


def wheeltarget() -> Peer:
    """Return wheeltarget, which only says what it would download."""
    return peers.wheeltarget(options=["--dry-run", "--format", "json"])


def pip() -> Peer:
    """Return the pip beside wheeltarget, which only says what it would install."""

    def commands(job: Job, place: Place) -> list[list[str]]:
        (tag,) = job.tags
        environment = peers.target_of(tag).environment
        markers = {name: value or "" for name, value in environment.items()}
        files = [place.work / name for name in (_FACTS, _REJECTED, _REPORT)]
        files[0].write_text(json.dumps(markers), encoding="utf-8")
        facts, rejected, report = map(str, files)
        start = [sys.executable, pip_for_target.__file__, facts, rejected, "install", "-q"]
        start += ["--dry-run", "--ignore-installed", "--target", str(place.destination)]
        return [[*start, "--report", report, *peers.pip_arguments(tag, job, place)]]

    return replace(peers.pip(), difference="markers are those of the target", commands=commands)


@dataclass(slots=True)
class Pair:
    """The runs of both programs for one job.

    :param rejected: how many times pip rejected a release.
    """

    job: Job
    rejected: int = 0
    runs: dict[str, list[Run]] = field(default_factory=lambda: {OURS: [], PIP: []})

    @property
    def ratios(self) -> list[float]:
        """Return how many times as long as wheeltarget pip took in each round."""
        pairs = zip(self.runs[PIP], self.runs[OURS], strict=True)
        return [theirs.seconds / ours.seconds for theirs, ours in pairs]

    @property
    def memory(self) -> float:
        """Return wheeltarget's peak of memory as a multiple of pip's."""
        ours, theirs = (max(run.memory for run in self.runs[name]) for name in (OURS, PIP))
        return ours / theirs

    @property
    def differences(self) -> list[str]:
        """Return the files that not all runs chose, and whether they ended differently."""
        runs = [run for each in self.runs.values() for run in each]
        common = frozenset.intersection(*(run.files for run in runs))
        odd = frozenset.union(*(run.files for run in runs)) - common
        ends = {(run.exit_code, IMPOSSIBLE in run.said) for run in runs}
        return [*sorted(odd), *(["other exit codes or errors"] if len(ends) > 1 else [])]

    def median(self, name: str, what: str) -> float:
        """Return the median of a figure of one program's runs."""
        return float(statistics.median(getattr(run, what) for run in self.runs[name]))

    def requests(self, name: str) -> int:
        """Return how many requests a program sent at most."""
        return max(run.told.requests for run in self.runs[name])


def run_pair(job: Job, server: Server, behaviour: Behaviour, runs: int, folder: Path) -> Pair:
    """Run both programs in turn, each time with empty caches.

    :param job: what they do, for one target.
    :param runs: how many rounds.
    :param folder: where they work.
    """
    pair = Pair(job)
    programs = [wheeltarget(), pip()]
    for number in range(runs):
        for program in programs if number % 2 else reversed(programs):
            below = folder / program.name
            place = Place(below / "work", below / "cache", below / "destination", server.url)
            run = _run_cold(program, job, place, server, behaviour)
            pair.runs[program.name].append(run)
            if program.name == PIP:
                pair.rejected = int((place.work / _REJECTED).read_text(encoding="utf-8"))
    return pair


def _run_cold(program: Peer, job: Job, place: Place, server: Server, behaviour: Behaviour) -> Run:
    """Run a program; again if the index had to record something meanwhile."""
    for _ in range(ATTEMPTS):
        program.forget(place)
        run = run_once(program, job, place, server, behaviour)
        if run.told.recorded:
            sys.stderr.write(f"recorded {run.told.recorded} for {program.name}\n")
        elif run.exit_code and IMPOSSIBLE not in run.said:
            raise BenchmarkError(f"{program.name} failed: {run.said}")
        else:
            return replace(run, files=chosen_files(program, run, place))
    raise BenchmarkError(f"{program.name} asks for something else each time")


def chosen_files(program: Peer, run: Run, place: Place) -> frozenset[str]:
    """Return the names of the files that a program chose; none if it failed."""
    if run.exit_code:
        return frozenset()
    if program.name == PIP:
        report = json.loads((place.work / _REPORT).read_text(encoding="utf-8"))
        urls = [each["download_info"]["url"] for each in report["install"]]
        return frozenset(unquote(urlsplit(url).path.rpartition("/")[2]) for url in urls)
    # A note may stand before it.
    result, _ = json.JSONDecoder().raw_decode(run.said[run.said.index("{") :])
    return frozenset(file["filename"] for each in result["targets"] for file in each["files"])


def lines(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the result as a table for a page, and behind it what is not as it should be."""
    yield (
        "| job | files | rejected | pip | wheeltarget | pip, times ours | pip, processor "
        "| ours, processor | requests of pip | ours | memory, times pip's |"
    )
    yield f"|{' --- |' * 11}"
    for pair in pairs:
        ratios = sorted(pair.ratios)
        ours, theirs = pair.runs[OURS][0], pair.runs[PIP][0]
        files = "none fit" if theirs.exit_code or ours.exit_code else str(len(ours.files))
        figures = [pair.job.name, files, str(pair.rejected)]
        figures += [f"{pair.median(name, 'seconds'):.2f} s" for name in (PIP, OURS)]
        spread = f" ({ratios[0]:.2f} to {ratios[-1]:.2f})" if len(ratios) > 1 else ""
        figures += [f"{statistics.median(ratios):.2f}{spread}"]
        figures += [f"{pair.median(name, 'processor'):.2f} s" for name in (PIP, OURS)]
        figures += [str(pair.requests(name)) for name in (PIP, OURS)]
        yield f"| {' | '.join([*figures, f'{pair.memory:.2f}'])} |"
    for pair in pairs:
        if pair.differences:
            yield f"{pair.job.name}: NOT THE SAME: {', '.join(pair.differences)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.backtracking", description=__doc__
    )
    names = [job.name for job in DEEP]
    parser.add_argument(
        "--set", nargs="+", choices=names, default=names, dest="sets", help="what to resolve"
    )
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--bandwidth", type=float, default=20.0, help="MB a second, 0: no limit")
    parser.add_argument("--runs", type=int, default=3, help="how many rounds")
    parser.add_argument("--offline", action="store_true", help="record nothing more")
    options = parser.parse_args(arguments)
    behaviour = Behaviour(options.delay / 1000, options.bandwidth * 1e6)
    pairs = []
    for name in options.sets:
        folder, upstream = recording(JOBS[name], offline=options.offline)
        with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
            if not options.offline:
                run_pair(JOBS[name], server, Behaviour(), 1, Path(work))  # it may have to record
            pairs.append(run_pair(JOBS[name], server, behaviour, options.runs, Path(work)))
        sys.stderr.write(f"{list(lines(pairs[-1:]))[2:]}\n")
    sys.stdout.write("".join(f"{line}\n" for line in lines(pairs)))


if __name__ == "__main__":
    main()
