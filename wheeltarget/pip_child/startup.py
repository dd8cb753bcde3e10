"""Load pip and the module that runs a request, perhaps before the request is known.

start-up: pip is not imported at the head of this module.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from wheeltarget import __version__
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_protocol import JobStart, from_json

_LONGEST_REASON = 300
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


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
    start = from_json(text, JobStart)
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


def moved_error(what: str, why: str) -> PipMovedError:
    """Return the error for a pip with which a patch does not work as expected."""
    from pip import __version__ as pip_version

    reason = " ".join(why.split())
    return PipMovedError(
        f"wheeltarget {__version__} does not work with pip {pip_version} "
        f"({what}: {reason[:_LONGEST_REASON]}), which would resolve for this machine instead of "
        "the target; nothing was fetched: use pip 25.3 to 26.3, or a newer wheeltarget"
    )
