"""Run pip: write requests, start processes, wait for them, and read results.

The output of a process is progress, so it goes to standard error. A process ends with this one.

The functions raise PipMovedError if wheeltarget does not work with the installed pip,
InterruptedRunError if a child was interrupted, and DownloadError if a child died.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

from wheeltarget.errors import DownloadError, InterruptedRunError, PipMovedError
from wheeltarget.pip_config.options import read_connections
from wheeltarget.pip_protocol import (
    FAILURE,
    INTERRUPTED,
    NO_ROOM,
    PIP_MOVED,
    RESULT,
    ChosenFile,
    Contents,
    Failure,
    FetchLocked,
    FetchReport,
    JobListing,
    JobOrder,
    JobReport,
    JobStart,
    ListingReport,
    ListProjects,
    PipMoved,
    PlainRun,
    ReadFiles,
    Request,
    ResolveJobs,
    TargetView,
    read_message,
    to_json,
    write_message,
)
from wheeltarget.resolver import prestart
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.atomic import temporary_folder
from wheeltarget.staging.stage import Stage, forward_signals
from wheeltarget.utils.system import python

_AHEAD = "WHEELTARGET_AHEAD"
"""The variable that turns off prefetching if it is 0."""

_FOREIGN_VARIABLES = ("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI")
"""Variables of pip that would change the target of a job."""

_NOT_FOR_BUILDING = (
    *_FOREIGN_VARIABLES,
    "PIP_CONSTRAINT",
    "PIP_EDITABLE",
    "PIP_GROUP",
    "PIP_REQUIREMENT",
    "PIP_REQUIREMENTS_FROM_SCRIPT",
)
"""Variables of pip that do not matter for building, such as the requirements of the run."""

_NO_RESULT = "pip's process ended without a result; nothing was saved"
_FLUSH_FAILED = 120
"""Python's exit code if it cannot write its last output, which is captured in a file."""

_GRACE_PERIOD = 5.0
_OUTPUT = "output.txt"

Process: TypeAlias = "subprocess.Popen[bytes] | prestart.Child"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run jobs.

    :param folders: for each job, the folder in the destination for its files.
    :param children: how many processes may run at once.
    :param dry_run: whether to only resolve, and fetch no more than that needs.
    :param hashed: whether a dry run fetches what is needed to know every sha256.
    :param refresh: whether index pages that are fresh in pip's cache are fetched again.
    """

    folders: tuple[str, ...]
    children: int = 1
    dry_run: bool = False
    hashed: bool = False
    silent: bool = False
    store: Path | None = None
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job; :class:`~wheeltarget.pip_protocol.JobReport` describes the other fields.

    :param folder: the folder of its files.
    """

    job: Job
    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...]
    folder: Path
    failure: Failure | None = None
    messages: tuple[str, ...] = ()
    fresh_until: float | None = None


def run_jobs(
    jobs: Sequence[Job], labels: Sequence[str], stage: Stage, options: RunOptions
) -> tuple[JobResult, ...]:
    """Run pip for every job: resolve and fetch.

    Jobs of one process share what they fetch. The outputs of several processes are shown one after
    the other.

    :param labels: the name of each job's target in messages.
    :raises UsageError: if ``WHEELTARGET_CONNECTIONS`` is not a number.
    """
    folders = [stage.job_folder(number) for number in range(len(jobs))]
    connections = read_connections(os.environ)
    count = max(min(options.children, len(jobs)), 1)
    captured = count > 1 or options.silent
    orders = [
        _make_order(
            job,
            label,
            tuple(_output_options(captured=captured)),
            folder,
            stage.folder / f"result-{number}.json",
            destination=str(stage.destination / below),
            dry_run=options.dry_run,
            hashed=options.hashed,
        )
        for number, (job, label, folder, below) in enumerate(
            zip(jobs, labels, folders, options.folders, strict=True)
        )
    ]
    files = []
    for number in range(count):
        request = ResolveJobs(
            tuple(orders[number::count]),
            ahead=_prefetches(),
            connections=max(connections // count, 1),
            store=options.store,
            refresh=options.refresh,
        )
        files.append(_write_request(_make_folder(stage, f"child-{number}"), request))
    exit_codes = run_all(
        files, stage.temporary, stage.notify_guard, captured=captured, silent=options.silent
    )
    for exit_code, file in zip(exit_codes, files, strict=True):
        if captured and exit_code == _FLUSH_FAILED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _raise_for_exit_code(exit_code, file.parent)
    if not all(order.result.is_file() for order in orders):
        raise DownloadError(_NO_RESULT)
    return tuple(
        _read_result(job, order.result, folder)
        for job, order, folder in zip(jobs, orders, folders, strict=True)
    )


def list_projects(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[JobListing, ...]:
    """List the files of the projects that each job requests, from index pages alone.

    :param labels: the name of each job's target in messages.
    :raises DownloadError: if pip could not read the requirements.
    """
    with temporary_folder("listing") as home:
        options = ("--quiet", *_output_options(captured=False))
        orders = tuple(
            _make_order(job, label, options, home / "files", home / f"result-{n}.json")
            for n, (job, label) in enumerate(zip(jobs, labels, strict=True))
        )
        request = ListProjects(orders, _prefetches(), read_connections(os.environ))
        (exit_code,) = run_all([_write_request(home, request)], home)
        _raise_for_exit_code(exit_code, home)
        return tuple(_read_listing(order) for order in orders)


def _read_listing(order: JobOrder) -> JobListing:
    result = order.result
    listing = read_message(result, ListingReport).listing if result.is_file() else None
    if listing is None:
        message = f"pip could not read the requirements for {order.label}"
        raise DownloadError(message, "see pip's output above")
    return listing


def run_plain(job: Job, *, observed: bool = False) -> tuple[int, JobResult | None]:
    """Run pip for a job without a target; only the content of requirements files is changed.

    pip runs in the terminal, and signals are passed on to it.

    :param job: the job; its arguments have the destination.
    :param observed: whether to return what pip chose.
    :returns: pip's exit code as a shell shows it, and its result if that was requested and is
        known.
    """
    prestart.dismiss()  # that process is for targets
    with temporary_folder("plain") as home:
        request = PlainRun(job.arguments, dict(job.files), observed)
        command = prestart.command(str(_write_request(home, request)))
        with forward_signals() as receivers, subprocess.Popen(command) as child:
            receivers.append(child.send_signal)
            exit_code = child.wait()
        _raise_if_moved(home)
        result = home / RESULT
        return (
            exit_code if exit_code >= 0 else 128 - exit_code,
            _read_result(job, result, Path()) if result.is_file() else None,
        )


def read_remote(
    options: Sequence[str], urls: Sequence[str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Fetch requirements files with pip.

    :param options: pip's options, without requirements files.
    :returns: the texts by URL, and the reasons why files could not be fetched.
    """
    with temporary_folder("remote") as home:
        sys.stderr.flush()
        job_file = _write_request(home, ReadFiles(tuple(urls), tuple(options)))
        done = subprocess.run(prestart.command(str(job_file)), stdout=2, check=False)
        _raise_if_disk_full(done.returncode)
        _raise_if_moved(home)
        if not (home / RESULT).is_file():
            return {}, {}
        contents = read_message(home / RESULT, Contents)
        return contents.texts, contents.reasons


def fetch_locked(request: FetchLocked, stage: Stage) -> FetchReport:
    """Fetch files with pip's session."""
    home = _make_folder(stage, "locked")
    (exit_code,) = run_all([_write_request(home, request)], stage.temporary, stage.notify_guard)
    _raise_for_exit_code(exit_code, home)
    if not (home / RESULT).is_file():
        raise DownloadError(_NO_RESULT)
    return read_message(home / RESULT, FetchReport)


def build_wheel(source: Path, folder: Path, options: Sequence[str], stage: Stage) -> int:
    """Build a wheel for this machine, in isolation, without dependencies.

    :param source: the source distribution.
    :param folder: the folder for the wheel.
    :param options: options for ``pip wheel``.
    :returns: pip's exit code.
    """
    result = f"--wheel-dir={folder}"
    command = python("-m", "pip", "wheel", *options, "--no-deps", result, str(source))
    variables = {**os.environ, **_temporary(stage.temporary)}
    for name in _NOT_FOR_BUILDING:
        variables.pop(name, None)
    # The hash of the source was checked when it was fetched.
    variables["PIP_REQUIRE_HASHES"] = "0"
    sys.stderr.flush()
    with _processes(stage.notify_guard) as children:
        children.append(subprocess.Popen(command, env=variables, stdout=2))
        stage.notify_guard(f"child {children[0].pid}")
        return children[0].wait()


# Requests and results


def _make_order(
    job: Job,
    label: str,
    options: Iterable[str],
    folder: Path,
    result: Path,
    *,
    destination: str = os.curdir,
    dry_run: bool = True,
    hashed: bool = False,
) -> JobOrder:
    """Return the message for a job; options of pip come before the user's own."""
    target = job.target
    return JobOrder(
        label,
        TargetView(target.tags, target.environment, target.unknown) if target else None,
        (f"--dest={folder}", *options, *job.arguments),
        dict(job.files),
        str(folder),
        destination,
        result,
        _FOREIGN_VARIABLES if target else (),
        dict(job.allowed_tags),
        job.sources,
        dict(job.preferred),
        dry_run,
        hashed,
    )


def _output_options(*, captured: bool) -> Iterator[str]:
    if captured:
        yield "--no-input"  # the user would not see a prompt
    if captured or ("PIP_PROGRESS_BAR" not in os.environ and not os.isatty(2)):
        yield "--progress-bar=off"  # pip would write each full bar to the file
    if os.environ.get("NO_COLOR"):
        yield "--no-color"


def _prefetches() -> bool:
    return os.environ.get(_AHEAD) != "0"


def _make_folder(stage: Stage, name: str) -> Path:
    folder = stage.folder / name
    folder.mkdir()
    return folder


def _write_request(home: Path, request: Request) -> Path:
    file = home / "job.json"
    write_message(file, request)
    return file


def _read_result(job: Job, result: Path, folder: Path) -> JobResult:
    report = read_message(result, JobReport)
    values = {each.name: getattr(report, each.name) for each in fields(report)}
    return JobResult(job=job, folder=folder, **values)


def _raise_for_exit_code(exit_code: int, home: Path) -> None:
    """Raise an error if a child has not run its request."""
    if exit_code in {INTERRUPTED, -2}:
        raise InterruptedRunError(2)
    if exit_code == PIP_MOVED:
        _raise_if_moved(home)
    _raise_if_disk_full(exit_code)
    if exit_code:
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        raise DownloadError(f"pip's process ended with {how}; nothing was saved")


def _raise_if_moved(home: Path) -> None:
    failure = home / FAILURE
    if failure.is_file():
        raise PipMovedError(read_message(failure, PipMoved).sentence)


def _raise_if_disk_full(exit_code: int) -> None:
    """Raise the error of a child that could not write its files; the caller names the folder."""
    if exit_code in NO_ROOM:
        number = getattr(errno, NO_ROOM[exit_code])
        raise OSError(number, os.strerror(number))


# Processes


def run_all(
    files: Sequence[Path],
    temporary: Path,
    notify: Callable[[str], None] = lambda _line: None,
    *,
    captured: bool = False,
    silent: bool = False,
) -> list[int]:
    """Run processes.

    :param files: the job file of each.
    :param temporary: the folder for temporary files.
    :param notify: sends a line about a process to the guard of a stage.
    :param captured: whether to write their output to files first, and show it in their order.
    :param silent: whether to not show captured output.
    :returns: their exit codes.
    """
    variables = prestart.child_environment(**_temporary(temporary))
    sys.stderr.flush()
    exit_codes = []
    with _processes(notify) as children:
        for file in files:
            children.append(_start(file, variables, captured=captured))
            notify(f"child {children[-1].pid}")
        for child, file in zip(children, files, strict=True):
            exit_codes.append(child.wait())
            if captured and not silent:
                with open(2, "wb", closefd=False) as stderr:
                    stderr.write(file.with_name(_OUTPUT).read_bytes())
    return exit_codes


def _temporary(folder: Path) -> dict[str, str]:
    """Return the environment variables that name the folder for temporary files."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


@contextmanager
def _processes(notify: Callable[[str], None]) -> Iterator[list[Process]]:
    """Hold a list of started processes, and end them after an error."""
    children: list[Process] = []
    try:
        yield children
    except BaseException:
        for child in children:
            child.terminate()
        for child in children:
            _end(child)
        raise
    finally:
        for child in children:
            notify(f"ended {child.pid}")


def _start(file: Path, variables: Mapping[str, str], *, captured: bool) -> Process:
    path = file.with_name(_OUTPUT) if captured else None
    prestarted = prestart.take()
    start = JobStart(file, variables["TMPDIR"], path)
    if prestarted is not None and prestarted.order(to_json(start)):
        return prestarted
    command = prestart.command(str(file))
    if path is None:
        return subprocess.Popen(command, env=variables, stdout=2)
    with path.open("wb") as output:
        return subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def _end(child: Process) -> None:
    """Wait for a terminated process, and kill it if it does not end soon."""
    try:
        child.wait(_GRACE_PERIOD)
    except (subprocess.TimeoutExpired, TimeoutError):
        child.kill()
        child.wait()
