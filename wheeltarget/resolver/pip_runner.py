"""Run pip: write requests, run processes, and read results."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.errors import DownloadError, InterruptedRunError, PipMovedError
from wheeltarget.pip_config.options import read_connections
from wheeltarget.pip_protocol import (
    FAILURE,
    INTERRUPTED,
    NO_ROOM,
    PIP_MOVED,
    RESULT,
    Contents,
    FetchLocked,
    FetchReport,
    JobOrder,
    JobReport,
    PipMoved,
    PlainRun,
    ReadFiles,
    Request,
    ResolveJobs,
    TargetView,
    read_message,
    write_message,
)
from wheeltarget.resolver import prestart
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.processes import run_all, run_one, wait_as_pip
from wheeltarget.resolver.results import JobResult
from wheeltarget.staging.temporary import temporary_folder
from wheeltarget.wheelhouse.merge import Stage

_AHEAD = "WHEELTARGET_AHEAD"
"""The variable that turns off prefetching if it is 0."""

_NO_RESULT = "pip's process ended without a result; nothing was saved"
_FLUSH_FAILED = 120
"""Python's exit code if it cannot write its last output, which is captured in a file."""

FOREIGN_VARIABLES = ("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI")
"""Variables of pip that would change the target of a job."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run jobs.

    :param folders: for each job, the folder in the destination for its files.
    :param children: how many processes may run at once.
    :param dry_run: whether to only resolve, and fetch no more than that needs.
    :param hashed: whether a dry run fetches what is needed to know every sha256.
    :param silent: whether to hide pip's output.
    :param store: the folder of the wheel store, or None.
    :param refresh: whether index pages that are fresh in pip's cache are fetched again.
    """

    folders: tuple[str, ...]
    children: int = 1
    dry_run: bool = False
    hashed: bool = False
    silent: bool = False
    store: Path | None = None
    refresh: bool = False


def run_jobs(
    jobs: Sequence[Job], labels: Sequence[str], stage: Stage, options: RunOptions
) -> tuple[JobResult, ...]:
    """Run pip for every job: resolve and fetch.

    Jobs of one process share what they fetch. The outputs of several processes are shown one after
    the other.

    :param jobs: the jobs.
    :param labels: the name of each job's target in messages.
    :param stage: the stage for the files.
    :param options: how to run them.
    :returns: the result of each job.
    :raises PipMovedError: if wheeltarget does not work with the installed pip.
    :raises InterruptedRunError: if a child was interrupted.
    :raises DownloadError: if a child died.
    :raises UsageError: if ``WHEELTARGET_CONNECTIONS`` is not a number.
    """
    folders = [stage.job_folder(number) for number in range(len(jobs))]
    connections = read_connections(os.environ)
    count = max(min(options.children, len(jobs)), 1)
    captured = count > 1 or options.silent
    orders = [
        make_order(
            job,
            label=label,
            options=output_options(captured=captured),
            folder=folder,
            destination=str(stage.destination / below),
            result=stage.folder / f"result-{number}.json",
            dry_run=options.dry_run,
            hashed=options.hashed,
        )
        for number, (job, label, folder, below) in enumerate(
            zip(jobs, labels, folders, options.folders, strict=True)
        )
    ]
    files = []
    for number in range(count):
        home = stage.folder / f"child-{number}"
        home.mkdir()
        request = ResolveJobs(
            tuple(orders[number::count]),
            ahead=fetches_ahead(),
            connections=max(connections // count, 1),
            store=options.store,
            refresh=options.refresh,
        )
        files.append(_write_request(home, request))
    exit_codes = run_all(files, stage, captured=captured, silent=options.silent)
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


def output_options(*, captured: bool) -> Iterator[str]:
    """Return options for pip's output, which come before the user's own.

    :param captured: whether its output goes to a file.
    """
    if captured:
        yield "--no-input"  # the user would not see a prompt
    if captured or ("PIP_PROGRESS_BAR" not in os.environ and not os.isatty(2)):
        yield "--progress-bar=off"  # pip would write each full bar to the file
    if os.environ.get("NO_COLOR"):
        yield "--no-color"


def fetches_ahead() -> bool:
    """Return whether the child prefetches."""
    return os.environ.get(_AHEAD) != "0"


def make_order(
    job: Job,
    *,
    label: str,
    options: Iterable[str],
    folder: Path,
    destination: str,
    result: Path,
    dry_run: bool,
    hashed: bool = False,
) -> JobOrder:
    """Return the message for a job.

    :param job: the job.
    :param label: the name of its target in messages.
    :param options: options of pip that come before the user's own.
    :param folder: the folder for its files.
    :param destination: the final folder for its files.
    :param result: the path for the result.
    :param dry_run: whether to only resolve.
    :param hashed: whether a dry run fetches what is needed to know every sha256.
    """
    target = job.target
    return JobOrder(
        label,
        TargetView(target.tags, target.environment, target.unknown) if target else None,
        (f"--dest={folder}", *options, *job.arguments),
        dict(job.files),
        str(folder),
        destination,
        result,
        FOREIGN_VARIABLES if target else (),
        dict(job.allowed_tags),
        job.sources,
        dict(job.preferred),
        dry_run,
        hashed,
    )


def _write_request(home: Path, request: Request) -> Path:
    file = home / "job.json"
    write_message(file, request)
    return file


def _read_result(job: Job, result: Path, folder: Path) -> JobResult:
    report = read_message(result, JobReport)
    return JobResult(
        job,
        report.exit_code,
        report.dependencies,
        report.chosen,
        folder,
        report.failure,
        report.messages,
        report.fresh_until,
    )


def run_plain(job: Job, *, observed: bool = False) -> tuple[int, JobResult | None]:
    """Run pip for a job without a target; only the content of requirements files is changed.

    :param job: the job; its arguments have the destination.
    :param observed: whether to return what pip chose.
    :returns: pip's exit code, and its result if that was requested and is known.
    :raises PipMovedError: if wheeltarget does not work with the installed pip.
    """
    prestart.dismiss()  # that process is for targets
    with temporary_folder("plain") as home:
        result = home / RESULT
        request = PlainRun(job.arguments, dict(job.files), observed)
        exit_code = wait_as_pip(prestart.command(str(_write_request(home, request))))
        _raise_if_moved(home)
        return exit_code, _read_result(job, result, Path()) if result.is_file() else None


def run_alone(home: Path, request: Request) -> None:
    """Run a child without a stage.

    :param home: the folder for all its files.
    :param request: the request.
    :raises PipMovedError: if wheeltarget does not work with the installed pip.
    :raises InterruptedRunError: if the child was interrupted.
    :raises DownloadError: if the child died.
    """
    _raise_for_exit_code(run_one(_write_request(home, request), str(home)), home)


def read_remote(
    options: Sequence[str], urls: Sequence[str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Fetch requirements files with pip.

    :param options: pip's options, without requirements files.
    :param urls: the URLs of the files.
    :returns: the texts by URL, and the reasons why files could not be fetched.
    """
    with temporary_folder("remote") as home:
        sys.stderr.flush()
        done = subprocess.run(
            prestart.command(str(_write_request(home, ReadFiles(tuple(urls), tuple(options))))),
            stdout=2,
            check=False,
        )
        _raise_if_disk_full(done.returncode)
        _raise_if_moved(home)
        if not (home / RESULT).is_file():
            return {}, {}
        contents = read_message(home / RESULT, Contents)
        return contents.texts, contents.reasons


def fetch_locked(request: FetchLocked, stage: Stage) -> FetchReport:
    """Fetch files with pip's session.

    :param request: the request.
    :param stage: the stage for the files.
    :returns: what could not be fetched.
    :raises PipMovedError: if wheeltarget does not work with the installed pip.
    :raises InterruptedRunError: if the child was interrupted.
    :raises DownloadError: if the child died.
    """
    home = stage.folder / "locked"
    home.mkdir()
    (exit_code,) = run_all([_write_request(home, request)], stage, captured=False, silent=False)
    _raise_for_exit_code(exit_code, home)
    if not (home / RESULT).is_file():
        raise DownloadError(_NO_RESULT)
    return read_message(home / RESULT, FetchReport)
