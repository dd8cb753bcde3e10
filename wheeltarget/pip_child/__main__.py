"""Run pip for the request of a job file; see :mod:`wheeltarget.pip_protocol`."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.job import CurrentJob, RunContext, surroundings
from wheeltarget.pip_child.patches.chosen_files import observe_result
from wheeltarget.pip_child.patches.freshness import patch_freshness
from wheeltarget.pip_child.patches.install import install, install_files, install_listing
from wheeltarget.pip_child.patches.wheel_store import patch_copies
from wheeltarget.pip_child.prefetch.install import Prefetching, spare_collector
from wheeltarget.pip_child.prefetch.prefetcher import Scope
from wheeltarget.pip_child.startup import load_pip, wait_for_job
from wheeltarget.pip_protocol import (
    FAILURE,
    INTERRUPTED,
    NO_ROOM,
    PIP_MOVED,
    REQUESTS,
    RESULT,
    Contents,
    FetchLocked,
    JobOrder,
    ListingReport,
    ListProjects,
    PipMoved,
    PlainRun,
    ReadFiles,
    Request,
    ResolveJobs,
    read_message,
    write_message,
)

_HERE = "this interpreter"


def _report_unraisable(error: sys.UnraisableHookArgs) -> None:
    """Pass over a temporary file that could not be closed when Python threw it away.

    pip's copy of an index page for its cache is such a file. If the disk is full, pip goes on
    without it, and a traceback would tell nobody what to do.
    """
    if not isinstance(error.exc_value, OSError):
        sys.__unraisablehook__(error)


def main(job_file: Path) -> int:
    """Do what a job file says.

    :param job_file: its path.
    :returns: the exit code.
    """
    interrupts = _note_interrupts()
    sys.unraisablehook = _report_unraisable
    request: Request | None = None
    try:
        request = read_message(job_file, *REQUESTS)
        return run_request(request, job_file.with_name(RESULT), interrupts)
    except PipMovedError as error:
        # pip takes an interrupt for a failure, and so does the proof.
        if interrupts:
            return INTERRUPTED
        write_message(job_file.with_name(FAILURE), PipMoved(error.message))
        return PIP_MOVED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0)
        for code, known in () if isinstance(request, PlainRun) else NO_ROOM.items():
            if name == known:
                return code
        sys.stderr.write(f"ERROR: {error}\n")
        return 1


def _note_interrupts() -> list[int]:
    """Let the first interrupt end what is going on, and be known of afterwards.

    :returns: a list that is empty until then.
    """
    interrupts: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        # A second one would only cut off the cleaning up.
        if not interrupts:
            interrupts.append(signum)
            raise KeyboardInterrupt

    # Under nohup, for one, interrupts are ignored, and that is to be left so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    return interrupts


def run_request(request: Request, result: Path, interrupts: list[int]) -> int:
    """Do what a request says.

    :param request: the request.
    :param result: the path for the result, if there is only one.
    :param interrupts: not empty any more after an interrupt.
    :returns: the exit code.
    """
    if isinstance(request, ReadFiles):
        write_message(result, read_contents(request))
        return 0
    if isinstance(request, PlainRun):
        return run_plain(request, result)
    load_pip()
    if isinstance(request, FetchLocked):
        from wheeltarget.pip_child.fetch_locked import fetch_locked

        report = fetch_locked(request, download)
        if interrupts:
            return INTERRUPTED
        write_message(result, report)
        return 0
    return run_jobs(request, interrupts)


def run_jobs(request: ResolveJobs | ListProjects, interrupts: list[int]) -> int:
    """Prove that pip sees the jobs, and run it for each."""
    if isinstance(request, ListProjects):
        store, refresh = None, False
    else:
        store, refresh = request.store, request.refresh
    current = CurrentJob(RunContext(Store(store) if store else None, refresh))
    if store is not None:
        patch_copies(current)
        patch_freshness(current)
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary:
        scope = Scope.of(request.jobs, request.connections, store, Path(temporary))
        prefetching = Prefetching(current, scope) if request.ahead else None
        lists = isinstance(request, ListProjects)
        (install_listing if lists else install)(current, download, prefetching)
        spare_collector()
        try:
            for number, job in enumerate(request.jobs):
                if number:
                    _end_job(current)
                run(current, job, lists=lists)
                if interrupts:
                    return INTERRUPTED
        finally:
            if prefetching is not None:
                prefetching.close()
    return 0


def _end_job(current: CurrentJob) -> None:
    """Keep nothing of a job that is done."""
    current.end()
    # If little was made, looking for what is left of it takes longer than it is worth.
    if any(gc.get_count()[1:]):
        gc.collect()


def run_plain(request: PlainRun, result: Path) -> int:
    """Run pip as it is, but for the content of files, and return its exit code."""
    current = CurrentJob(RunContext())
    if request.files or not request.observed:
        install_files(current, download)
    if request.observed:
        observe_result(current)
    job = current.begin(JobOrder(_HERE, None, request.arguments, request.files, "", "", result))
    exit_code = download(request.arguments)
    if job.was_run:
        write_message(result, job.report(exit_code))
    return exit_code


def read_contents(request: ReadFiles) -> Contents:
    """Fetch requirements files with the session that pip would make."""
    from pip._internal.commands.download import DownloadCommand
    from pip._internal.exceptions import PipError
    from pip._internal.req.req_file import get_file_content
    from pip._vendor.requests import RequestException

    texts, reasons = {}, {}

    def run(self: Any, options: Any, _arguments: list[str]) -> int:
        session = self.get_default_session(options)
        for url in request.urls:
            try:
                texts[url] = str(get_file_content(url, session)[1])
            except (PipError, RequestException, OSError, ValueError) as error:
                reasons[url] = str(error)
        return 0

    DownloadCommand.run = run
    download(request.arguments)
    return Contents(texts, reasons)


def run(current: CurrentJob, order: JobOrder, *, lists: bool) -> None:
    """Run pip for one job and write what it chose, or what there is."""
    job = current.begin(order)
    with surroundings(unset=order.unset):
        exit_code = download(order.arguments)
    if exit_code == 0 and not job.was_run:
        # It can be told to run in another interpreter, to which nothing here applies.
        sys.stderr.write(
            "ERROR: pip ran in another interpreter, or for something else than a download\n"
        )
        exit_code = 1
    write_message(order.result, ListingReport(job.listing) if lists else job.report(exit_code))


def download(arguments: Sequence[str]) -> int:
    """Run ``pip download`` in this process and return its exit code."""
    from pip._internal.cli.main import main as pip_main

    try:
        return int(pip_main(["download", *arguments]))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1


def start(words: list[str]) -> int:
    """Do what the command line says: a job file, or an option and a pipe that will name one."""
    *option, place = words
    if not option:
        return main(Path(place))
    # There is nothing to clean up yet, and while modules are loaded Python may pass over an error.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        job_file = wait_for_job(int(place))
    except PipMovedError as error:
        sys.stderr.write(f"ERROR: {error.message}\n")
        return PIP_MOVED
    return 0 if job_file is None else main(job_file)


if __name__ == "__main__":
    code = start(sys.argv[1:])
    # The last look for garbage takes longer than all that is left to do.
    gc.freeze()
    if code == INTERRUPTED:
        # A thread that is still in the middle of something may crash while Python takes leave.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
