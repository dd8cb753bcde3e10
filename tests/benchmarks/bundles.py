"""Compare the archives that several programs make for AWS Lambda, as a person would make them.

Run it from the root of the checkout: ``python -m tests.benchmarks.bundles``. It needs CPython 3.9,
3.12 and 3.13, on ``PATH`` or in pyenv, and ``zip``. Each archive is compared with the wheels that
the newest pip of the runtime's own Python downloads, limited to the glibc of the runtime. Then it
is unpacked, and that Python calls its handler, with nothing but the archive on its path.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import measure, peers
from tests.benchmarks.archives import (
    Archive,
    Difference,
    Wheel,
    compare,
    read_archive,
    read_wheel,
    verdict,
)
from tests.benchmarks.download import ATTEMPTS, BenchmarkError, default_index
from tests.benchmarks.functions import (
    ARCHIVE,
    FUNCTIONS,
    LIMIT,
    REQUIREMENTS,
    SOURCE,
    WAYS,
    Function,
    Way,
)
from tests.benchmarks.recorded import home
from tests.benchmarks.server import Behaviour, Server
from tests.support.interpreters import NEWEST_PIP, find_interpreters
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.target import Target

PYTHONS = ("3.9", "3.12", "3.13")
STATES = ("cold", "again")

_CAP = """\
def manylinux_compatible(tag_major, tag_minor, tag_arch):
    return (tag_major, tag_minor) <= (2, {})
"""
_CALL = "import sys; sys.path[0] = sys.argv[1]; import app; app.handler({}, None)"
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime of AWS Lambda, and the real interpreter that stands for it.

    :param python: its major and minor version.
    :param target: it, as a target.
    :param interpreter: a CPython of that version on this machine.
    """

    python: str
    target: Target
    interpreter: Path

    @property
    def glibc(self) -> int:
        """Return the minor version of its glibc."""
        best = self.target.tags[0].rpartition("-")[2]
        return int(best.removeprefix("manylinux_2_").partition("_")[0])


@dataclass(frozen=True, slots=True)
class Case:
    """A function that is deployed to a runtime."""

    function: Function
    runtime: Runtime


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one run of a way.

    :param seconds: how long it took.
    :param error: the end of what it printed, if it failed; otherwise empty.
    :param digest: the hash of the archive.
    """

    seconds: float
    error: str
    digest: str


@dataclass(slots=True)
class Result:
    """What came of a way, for one function and one runtime.

    :param archive: the last archive, if there is one.
    :param differences: what is not as the runtime's own pip would install it.
    :param call: why the handler could not be called; empty if it could.
    :param runs: every run, by the state of what it found.
    """

    archive: Archive | None = None
    differences: tuple[Difference, ...] = ()
    call: str = ""
    runs: dict[str, list[Made]] = field(default_factory=lambda: {state: [] for state in STATES})

    @property
    def error(self) -> str:
        """Return the error of the first run that failed."""
        return next((run.error for runs in self.runs.values() for run in runs if run.error), "")

    @property
    def too_large(self) -> bool:
        """Return whether the service would refuse the archive."""
        return self.archive is not None and self.archive.unpacked > LIMIT

    @property
    def repeatable(self) -> bool:
        """Return whether all runs made the same archive, to the byte; False after only one."""
        digests = [run.digest for runs in self.runs.values() for run in runs]
        return len(digests) > 1 and len(set(digests)) == 1


def find_runtime(python: str) -> Runtime:
    """Find the interpreter of a runtime.

    :raises SystemExit: if it is not on this machine.
    """
    target = look_up("target", f"aws-lambda-python{python}-x86_64", "")
    interpreter = find_interpreters().get(python)
    if target is None or interpreter is None:
        raise SystemExit(f"there is no CPython {python} here, neither on PATH nor in pyenv")
    return Runtime(python, target, interpreter)


def variables(way: Way, runtime: Runtime, place: peers.Place) -> dict[str, str]:
    """Return the variables that a way sees: its programs, the index, and its own cache."""
    folders = [str(Path(sys.executable).parent), *_SYSTEM]
    if way.program[0]:
        folders.insert(0, str(peers.installed(*way.program).parent))
    if way.needs_python:
        folders.insert(0, str(runtime.interpreter.parent))
    return {
        **peers.environment(place),
        "PATH": os.pathsep.join(folders),
        "PIP_INDEX_URL": place.url,
        "PIP_TRUSTED_HOST": "127.0.0.1",
        "UV_DEFAULT_INDEX": place.url,
        "UV_NO_CONFIG": "1",
        "UV_PYTHON": sys.executable,
        "SAM_CLI_TELEMETRY": "0",
    }


def prepare(way: Way, case: Case, place: peers.Place) -> None:
    """Write the project of a function into an empty folder, and empty the caches of a way."""
    for folder in (place.work, place.cache, place.destination):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    place.destination.joinpath(SOURCE).mkdir()
    place.work.joinpath("tmp").mkdir()
    text = "".join(f"{each}\n" for each in case.function.requirements)
    # sam looks beside the source, the others are told where.
    for name in (REQUIREMENTS, f"{SOURCE}/{REQUIREMENTS}"):
        place.destination.joinpath(name).write_text(text)
    place.destination.joinpath(SOURCE, "app.py").write_text(case.function.handler)
    for name, written in way.written(case.runtime.python).items():
        place.destination.joinpath(name).write_text(written)


def make(way: Way, runtime: Runtime, place: peers.Place) -> Made:
    """Type what makes an archive, in a project as it is."""
    typed = way.typed(runtime.python, runtime.glibc)
    done = measure.run(["sh", "-ec", typed], place.destination, variables(way, runtime, place))
    if done.exit_code:
        return Made(done.seconds, done.said.strip()[-2000:], "")
    content = place.destination.joinpath(ARCHIVE).read_bytes()
    return Made(done.seconds, "", hashlib.sha256(content).hexdigest())


def call(archive: Path, runtime: Runtime, folder: Path) -> str:
    """Unpack an archive and call its handler.

    :param archive: the archive.
    :param runtime: the runtime whose interpreter calls it.
    :param folder: an empty folder.
    :returns: the last line of the error, or an empty string.
    """
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    done = subprocess.run(
        [runtime.interpreter, "-S", "-E", "-B", "-c", _CALL, str(folder)],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def reference(case: Case, url: str, folder: Path) -> list[Wheel]:
    """Return the wheels that the runtime's own pip chooses, limited to its glibc.

    :param case: what is to be installed, and where.
    :param url: the index.
    :param folder: an empty folder.
    """
    python = _own_pip(case.runtime)
    arguments = ["download", "-q", "--only-binary=:all:", "--no-cache-dir", "-d", str(folder)]
    _pip(python, *arguments, "--index-url", url, *case.function.requirements)
    return [read_wheel(path) for path in sorted(folder.glob("*.whl"))]


def _own_pip(runtime: Runtime) -> Path:
    """Make an environment of the runtime's Python with its newest pip, once."""
    folder = home() / "runtimes" / f"{runtime.python}-glibc-2.{runtime.glibc}"
    python = folder / "bin" / "python"
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run([runtime.interpreter, "-m", "venv", part], check=True)
        _pip(part / "bin" / "python", "install", "-q", f"pip=={NEWEST_PIP[runtime.python]}")
        (packages,) = part.glob("lib/python*/site-packages")
        packages.joinpath("_manylinux.py").write_text(_CAP.format(runtime.glibc))
        part.rename(folder)
    return python


def _pip(python: Path, *arguments: str) -> None:
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    kept = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    command = [str(python), "-m", "pip", *arguments]
    done = subprocess.run(
        command, env={**kept, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")


def try_all(
    case: Case,
    ways: Sequence[str],
    server: Server,
    behaviour: Behaviour,
    rounds: Sequence[Sequence[str]],
    work: Path,
) -> dict[str, Result]:
    """Make an archive in each way, in turn, and compare each with the reference.

    :param case: what is deployed, and where.
    :param ways: keys of :data:`WAYS`.
    :param server: the index.
    :param behaviour: how it answers.
    :param rounds: for each round, the states that every way runs in, one after another.
    :param work: an empty folder.
    """
    found: dict[str, Result] = {name: Result() for name in ways}
    wheels = reference(case, server.url, work / "reference")
    for number, states in enumerate(rounds):
        turn = number % len(ways)
        for name in (*ways[turn:], *ways[:turn]):
            below = work / f"{name}-{number}"
            place = peers.Place(below / "work", below / "cache", below / "project", server.url)
            made = _in_turn(WAYS[name], case, place, server, behaviour, states)
            for state, run in made.items():
                found[name].runs[state].append(run)
            archive = place.destination / ARCHIVE
            if archive.is_file():
                found[name].archive = read_archive(archive)
                found[name].call = call(archive, case.runtime, below / "unpacked")
            shutil.rmtree(below)
    for result in found.values():
        if result.archive is not None:
            compared = compare(result.archive, wheels, case.runtime.target.tags)
            result.differences = tuple(compared)
    return found


def _in_turn(
    way: Way,
    case: Case,
    place: peers.Place,
    server: Server,
    behaviour: Behaviour,
    states: Sequence[str],
) -> dict[str, Made]:
    """Make an archive from nothing, and again; once more if the index had to record something."""
    for _ in range(ATTEMPTS):
        prepare(way, case, place)
        server.set(behaviour)
        made = {state: make(way, case.runtime, place) for state in states}
        if not server.told().recorded:
            return made
    raise BenchmarkError(f"{way.text} asks for something else each time")


Table = dict[tuple[str, str], dict[str, Result]]
"""The result of each way, by function and Python."""


def tables(results: Table, ways: Sequence[str]) -> Iterator[str]:
    """Yield everything as tables for a page, line by line."""
    yield from _summary(results, ways)
    yield from _table(results, ways, "the files", _correctness)
    yield from _table(results, ways, "seconds, from nothing and again", _seconds)
    yield from _table(results, ways, "MB zipped and unpacked", _size)
    yield from keystrokes(ways)
    for (function, python), by_way in results.items():
        for way, result in by_way.items():
            for line in _details(result, python):
                yield f"- {function}, {python}, {way}: {line}"


def _summary(results: Table, ways: Sequence[str]) -> Iterator[str]:
    """Yield how many archives of each way are right, and how its times compare with the first's."""
    yield f"| of {len(results)} | right | work | same bytes again | times ours | again |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for way in ways:
        found = [by_way[way] for by_way in results.values()]
        made = [result for result in found if result.archive is not None and not result.error]
        counts = [
            sum(not result.differences for result in made),
            sum(not (result.call or result.too_large) for result in made),
            sum(result.repeatable for result in made),
        ]
        pairs = [(by_way[way], by_way[ways[0]]) for by_way in results.values()]
        ratios = [_ratio(pairs, state) for state in STATES]
        yield f"| {' | '.join([way, *map(str, counts), *ratios])} |"
    yield ""


def _ratio(pairs: Sequence[tuple[Result, Result]], state: str) -> str:
    """Return the median of all ratios of seconds, of runs that both made an archive."""
    ratios = [
        mine.seconds / first.seconds
        for one, other in pairs
        for mine, first in zip(one.runs[state], other.runs[state], strict=True)
        if not mine.error and not first.error
    ]
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def _table(
    results: Table, ways: Sequence[str], title: str, cell: Callable[[Result], str]
) -> Iterator[str]:
    yield f"| {title} | {' | '.join(ways)} |"
    yield f"| --- |{' --- |' * len(ways)}"
    for (function, python), by_way in results.items():
        cells = [cell(by_way[way]) for way in ways]
        yield f"| {function}, {python} | {' | '.join(cells)} |"
    yield ""


def _correctness(result: Result) -> str:
    if result.archive is None or result.error:
        return "**no archive**"
    worst = "; **fails**" * bool(result.call) + "; **too large**" * result.too_large
    return verdict(result.differences) + worst


def _seconds(result: Result) -> str:
    medians = [
        statistics.median(run.seconds for run in result.runs[state] if not run.error)
        for state in STATES
        if any(not run.error for run in result.runs[state])
    ]
    return ", ".join(f"{seconds:.2f}" for seconds in medians) or "-"


def _size(result: Result) -> str:
    if result.archive is None:
        return "-"
    return f"{result.archive.size / 1e6:.1f}, {result.archive.unpacked / 1e6:.1f}"


def keystrokes(ways: Sequence[str]) -> Iterator[str]:
    """Yield a table of what is typed in each way, for Python 3.12 and glibc 2.34."""
    yield "| way | characters | commands | lines of other files |"
    yield "| --- | --- | --- | --- |"
    for name in ways:
        typed = WAYS[name].typed("3.12", 34)
        written = "".join(WAYS[name].written("3.12").values())
        yield (
            f"| {name} | {len(typed) + 1} | {len(typed.splitlines())} "
            f"| {len(written.splitlines())} |"
        )
    yield ""


def _details(result: Result, python: str) -> Iterator[str]:
    if result.error:
        yield f"fails: {result.error}"
    if result.call:
        yield f"the handler fails: {result.call}"
    for difference in result.differences:
        yield f"{difference.kind}: {difference.text}"
    if result.archive is not None:
        if useless := result.archive.useless(python):
            yield f"{useless / 1e6:.1f} MB were compiled for another Python"
        if not result.repeatable and result.runs[STATES[1]]:
            yield "the archive is another one each time"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bundles", description=__doc__)
    parser.add_argument("--set", nargs="+", choices=FUNCTIONS, default=[*FUNCTIONS], dest="sets")
    parser.add_argument("--python", nargs="+", default=PYTHONS, dest="pythons")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[*WAYS])
    parser.add_argument("--delay", type=float, default=40.0, help="ms a response")
    parser.add_argument("--runs", type=int, default=1, help="how many rounds")
    parser.add_argument("--once", action="store_true", help="do not run again in the same folder")
    parser.add_argument("--offline", action="store_true", help="record nothing more")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what the command line asks for, and print how it compares."""
    options = parse(arguments)
    runtimes = [find_runtime(python) for python in options.pythons]
    folder = home() / "recorded-index"
    folder.mkdir(parents=True, exist_ok=True)
    upstream = "" if options.offline else os.environ.get("PIP_INDEX_URL") or default_index()
    rounds = [STATES[:1] if options.once else STATES] * options.runs
    results: Table = {}
    with Server(folder, upstream) as server, tempfile.TemporaryDirectory(dir=home()) as work:
        for name in options.sets:
            for runtime in runtimes:
                below = Path(work, f"{name}-{runtime.python}")
                below.joinpath("reference").mkdir(parents=True)
                behaviour = Behaviour(options.delay / 1000)
                case = Case(FUNCTIONS[name], runtime)
                found = try_all(case, options.ways, server, behaviour, rounds, below)
                results[name, runtime.python] = found
                for way, result in found.items():
                    line = f"{name}, {runtime.python}, {way}: {_correctness(result)}"
                    sys.stderr.write(f"{line}; {_seconds(result)} s; {_size(result)} MB\n")
                    for detail in _details(result, runtime.python):
                        sys.stderr.write(f"  {detail}\n")
    sys.stdout.write("".join(f"{line}\n" for line in tables(results, options.ways)))


if __name__ == "__main__":
    main()
