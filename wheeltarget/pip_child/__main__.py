"""Run pip for the request in a job file; see :mod:`wheeltarget.pip_protocol`.

This is the start-up boundary of pip's process. :mod:`wheeltarget.pip_child.startup` imports the
module for the request, whose imports of pip are at its head. If one of them fails, pip has moved.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.startup import load, wait_for_job
from wheeltarget.pip_protocol import (
    FAILURE,
    INTERRUPTED,
    NO_ROOM,
    PIP_MOVED,
    RESULT,
    FetchLocked,
    ListProjects,
    PipMoved,
    PlainRun,
    ReadFiles,
    Request,
    ResolveJobs,
    read_message,
    write_message,
)

_MODULES: dict[type[Request], str] = {
    ResolveJobs: "run",
    ListProjects: "run",
    PlainRun: "plain",
    ReadFiles: "plain",
    FetchLocked: "fetch_locked",
}
"""The module for each request; its function ``run`` returns the exit code."""


def main(job_file: Path) -> int:
    """Run the request in a job file and return the exit code."""
    interrupts = _record_interrupts()
    sys.unraisablehook = _report_unraisable
    request: Request | None = None
    try:
        request = read_message(job_file, *_MODULES)
        run = load(_MODULES[type(request)]).run
        return int(run(request, job_file.with_name(RESULT), interrupts))
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


def _report_unraisable(error: sys.UnraisableHookArgs) -> None:
    # If the disk is full, a temporary file of pip's cache cannot be closed when Python collects
    # it. pip works without the file, and a traceback would not help the user.
    if not isinstance(error.exc_value, OSError):
        sys.__unraisablehook__(error)


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
    if code == INTERRUPTED:
        # A thread that still runs may crash while Python shuts down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
