"""Run pip for the request in a job file; see :mod:`wheeltarget.pip_protocol`."""

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
from wheeltarget.pip_child.job import CurrentJob, RunContext, changed_environment
from wheeltarget.pip_child.patches.freshness import patch_freshness
from wheeltarget.pip_child.patches.wheel_store import patch_copies
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

_THIS_INTERPRETER = "this interpreter"


def _report_unraisable(error: sys.UnraisableHookArgs) -> None:
    # If the disk is full, a temporary file of pip's cache cannot be closed when Python collects
    # it. pip works without the file, and a traceback would not help the user.
    if not isinstance(error.exc_value, OSError):
        sys.__unraisablehook__(error)


def main(job_file: Path) -> int:
    """Run the request in a job file and return the exit code."""
    interrupts = _record_interrupts()
    sys.unraisablehook = _report_unraisable
    request: Request | None = None
    try:
        request = read_message(job_file, *REQUESTS)
        return run_request(request, job_file.with_name(RESULT), interrupts)
    except PipMovedError as error:
        # pip and the proofs report an interrupt as a failure.
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


def _record_interrupts() -> list[int]:
    """Raise KeyboardInterrupt at the first interrupt, and return the list that it is added to."""
    interrupts: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        # A second one would only stop the clean-up.
        if not interrupts:
            interrupts.append(signum)
            raise KeyboardInterrupt

    # Interrupts may be ignored on purpose, as under nohup.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    return interrupts


def run_request(request: Request, result: Path, interrupts: list[int]) -> int:
    """Run a request and return the exit code.

    :param result: the path for the result, if there is only one.
    :param interrupts: empty until the first interrupt.
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
    """Patch pip, run it for each job, and return the exit code."""
    from wheeltarget.pip_child.patches.install import install, install_listing
    from wheeltarget.pip_child.prefetch.install import Prefetching, reduce_collections

    if isinstance(request, ListProjects):
        store, refresh = None, False
    else:
        store, refresh = request.store, request.refresh
    current = CurrentJob(RunContext(Store(store) if store else None, refresh))
    if store is not None:
        patch_copies(current)
        patch_freshness(current)
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary:
        folders = (store, Path(temporary))
        prefetching = Prefetching(current, request, *folders) if request.ahead else None
        lists = isinstance(request, ListProjects)
        (install_listing if lists else install)(current, download, prefetching)
        reduce_collections()
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
    current.end()
    # After a small job, a collection takes longer than it is worth.
    if any(gc.get_count()[1:]):
        gc.collect()


def run_plain(request: PlainRun, result: Path) -> int:
    """Run pip with no patch but that of requirements files, and return its exit code."""
    from wheeltarget.pip_child.patches.chosen_files import observe_result
    from wheeltarget.pip_child.patches.install import install_files

    current = CurrentJob(RunContext())
    if request.files or not request.observed:
        install_files(current, download)
    if request.observed:
        observe_result(current)
    job = current.begin(
        JobOrder(_THIS_INTERPRETER, None, request.arguments, request.files, "", "", result)
    )
    exit_code = download(request.arguments)
    if job.was_run:
        write_message(result, job.report(exit_code))
    return exit_code


def read_contents(request: ReadFiles) -> Contents:
    """Fetch requirements files with pip's session."""
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
    """Run pip for one job and write its report, or its listing."""
    job = current.begin(order)
    with changed_environment(unset=order.unset):
        exit_code = download(order.arguments)
    if exit_code == 0 and not job.was_run:
        sys.stderr.write(
            "ERROR: pip did not run the download in this interpreter, so it did not see the "
            "target: remove --python, and unset PIP_PYTHON\n"
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


def start(arguments: list[str]) -> int:
    """Run the job file that the arguments name, or an option and a pipe that will name one."""
    *option, name = arguments
    if not option:
        return main(Path(name))
    # There is nothing to clean up yet, and Python may ignore an error while it loads modules.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        job_file = wait_for_job(int(name))
    except PipMovedError as error:
        sys.stderr.write(f"ERROR: {error.message}\n")
        return PIP_MOVED
    return 0 if job_file is None else main(job_file)


if __name__ == "__main__":
    code = start(sys.argv[1:])
    # A last collection would take longer than the rest of the exit.
    gc.freeze()
    if code == INTERRUPTED:
        # A thread that still runs may crash while Python shuts down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
