"""Run pip for the request in a job file; see :mod:`wheeltarget.pip_protocol`.

start-up: the module for the request, whose imports of pip are at its head, is loaded here, perhaps
before the request is known. If one of them fails, pip has moved.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType

from wheeltarget import pip_protocol
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child import moved_error
from wheeltarget.utils.streams import escape_unencodable

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_MODULES: dict[type[pip_protocol.Request], str] = {
    pip_protocol.ResolveJobs: "run",
    pip_protocol.PlainRun: "plain",
    pip_protocol.ReadFiles: "plain",
    pip_protocol.FetchLocked: "fetch_locked",
}
"""The module for each request; its function ``run`` returns the exit code."""


def main(job_file: Path) -> int:
    """Run the request in a job file and return the exit code."""
    interrupts = _record_interrupts()
    sys.unraisablehook = _report_unraisable
    request: pip_protocol.Request | None = None
    try:
        request = pip_protocol.read_message(job_file, *_MODULES)
        run = load(_MODULES[type(request)]).run
        return int(run(request, job_file.with_name(pip_protocol.RESULT), interrupts))
    except PipMovedError as error:
        # pip and the proofs report an interrupt as a failure.
        if interrupts:
            return pip_protocol.INTERRUPTED
        message = pip_protocol.PipMoved(error.message)
        pip_protocol.write_message(job_file.with_name(pip_protocol.FAILURE), message)
        return pip_protocol.PIP_MOVED
    except KeyboardInterrupt:
        return pip_protocol.INTERRUPTED
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0)
        for code, known in pip_protocol.NO_ROOM.items():
            if name == known and not isinstance(request, pip_protocol.PlainRun):
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


def load(name: str) -> ModuleType:
    """Import a module of this package, and with it pip.

    Most objects stay until the process ends. So the garbage collector is off meanwhile, skips what
    is loaded, runs rarely later and not at all at the exit. Otherwise downloads take 15 % longer.

    :raises PipMovedError: if pip does not have what the module imports.
    """
    gc.disable()
    try:
        return import_module(f"{__package__}.{name}")
    except (ImportError, AttributeError) as error:
        raise moved_error("imports", repr(error)) from error
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()
        atexit.register(gc.freeze)


def wait_for_job(pipe: int) -> Path | None:
    """Load pip, then wait for a message on a pipe; see :mod:`wheeltarget.resolver.prestart`.

    :param pipe: the file descriptor of the pipe.
    :returns: the job file, or None if there is nothing to do.
    :raises PipMovedError: if the message is not known.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with suppress(PipMovedError):  # the job reports it
        load("run")
    with open(pipe, encoding="utf-8") as handle:
        text = handle.read()
    if not text.endswith("\n"):
        return None  # the parent ended before it wrote the whole message
    start = pip_protocol.from_json(text, pip_protocol.JobStart)
    if start.temporary is not None:
        os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), start.temporary))
        tempfile.tempdir = None
    if start.output is not None:
        for path, mode, numbers in (os.devnull, os.O_RDONLY, (0,)), (start.output, _WRITE, (1, 2)):
            opened = os.open(path, mode)
            for number in numbers:
                os.dup2(opened, number)
            os.close(opened)
    return start.job_file


def start(arguments: list[str]) -> int:
    """Run the job file that the arguments name, or an option and a pipe that will name one."""
    *option, name = arguments
    if not option:
        return main(Path(name))
    # There is nothing to clean up yet, and Python may ignore an error while it loads modules.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(pip_protocol.INTERRUPTED))
    try:
        job_file = wait_for_job(int(name))
    except PipMovedError as error:
        sys.stderr.write(f"ERROR: {error.message}\n")
        return pip_protocol.PIP_MOVED
    return 0 if job_file is None else main(job_file)


if __name__ == "__main__":
    escape_unencodable(sys.stdout, sys.stderr)
    code = start(sys.argv[1:])
    if code == pip_protocol.INTERRUPTED:
        # A thread that still runs may crash while Python shuts down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
