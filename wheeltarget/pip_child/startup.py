"""pip's start without what a download does not need: seams for speed alone.

Loading pip's command and making its session take longer than fetching a few wheels. What is saved
here changes no answer: nothing is proved, and on a pip that is built in another way that part is
left out, and pip starts as it does by itself.
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import rebind
from wheeltarget.pip_protocol import JobStart, from_json

_FOR_DEBUGGING = ("pip._vendor.rich.traceback",)
"""Modules that pip loads for ``--debug`` alone, with everything that draws code in colours."""

_LOADED_LATER = (
    "pip._internal.commands.download",
    "pip._internal.metadata.importlib",
    "pip._internal.resolution.resolvelib.resolver",
)
"""What every download loads, some of it only once it runs."""

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def wait_for_job(pipe: int) -> Path | None:
    """Load pip, and learn what to do with it.

    :param pipe: the number of the pipe that says it; see :mod:`wheeltarget.resolver.prestart`.
    :returns: the job file; None if there is nothing to do.
    :raises PipMovedError: if the pipe says anything else.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    load_pip()
    with open(pipe, encoding="utf-8") as handle:
        text = handle.read()
    if not text.endswith("\n"):
        return None  # nothing, or no more than the beginning of it
    start = from_json(text, JobStart)
    if start.temporary is not None:
        os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), start.temporary))
        tempfile.tempdir = None
    if start.output is not None:
        _redirect(start.output)
    return start.job_file


def _redirect(file: Path) -> None:
    """Let what is said go to a file, and leave nobody to ask."""
    for name, mode, numbers in ((os.devnull, os.O_RDONLY, (0,)), (file, _WRITE, (1, 2))):
        opened = os.open(name, mode)
        for number in numbers:
            os.dup2(opened, number)
        os.close(opened)


@functools.cache
def load_pip() -> None:
    """Load what a download needs, in the order and the manner in which that takes the least time.

    The garbage collector is off meanwhile: what is loaded stays, and it would look through all of
    it again and again. It is to be left out of later collections, too.
    """
    gc.disable()
    for step in (_put_off, _load_certificates, _load, _ask_no_programs):
        # Whoever needs what is not there says so in words of his own.
        with suppress(Exception):
            step()
    gc.freeze()
    gc.enable()


def _put_off() -> None:
    """Let modules be loaded when something in them is asked for."""
    for name in _FOR_DEBUGGING:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None or name in sys.modules:
            continue
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        package, _, attribute = name.rpartition(".")
        setattr(sys.modules[package], attribute, module)


def _load_certificates() -> None:
    """Read the certificates that are trusted, once, while other modules are loaded."""
    import ssl  # noqa: F401 - without it, there is nothing to read

    from pip._internal.cli import index_command

    make_here = index_command._create_truststore_ssl_context
    make_once = make_here if hasattr(make_here, "cache_info") else functools.cache(make_here)
    # Python waits for it at its end: what reads certificates must not be cut off in the middle.
    thread = threading.Thread(target=_try, args=(make_once,))

    @functools.wraps(make_here)
    def create_context() -> Any:
        thread.join()
        return make_once()

    index_command._create_truststore_ssl_context = create_context
    thread.start()


def _try(make: Callable[[], object]) -> None:
    """Make something whose failure is met again where it is needed."""
    with suppress(Exception):
        make()


def _load() -> None:
    for name in _LOADED_LATER:
        importlib.import_module(name)


def _ask_no_programs() -> None:
    """Let pip tell an index what machine this is without starting other programs, and only once.

    What it says is true, and may be less than by itself: that there is a Rust compiler here is no
    news where nothing is compiled here, and the name of the distribution is asked of lsb_release
    only where /etc/os-release does not have it.
    """
    from pip._internal.network import session

    ask_here = session.user_agent

    @functools.cache
    def user_agent() -> str:
        # Here, so that only a session that is made has to know.
        with suppress(Exception):
            _know_distribution()
        return str(ask_here())

    if hasattr(session.shutil, "which"):
        session.shutil = _NoPrograms()
    rebind("user_agent", ask_here, user_agent)
    user_agent()


class _NoPrograms:
    """The module shutil, but for programs, of which it finds none."""

    def which(self, *_arguments: object, **_named: object) -> None:
        """Find no program."""

    def __getattr__(self, name: str) -> Any:
        return getattr(shutil, name)


def _know_distribution() -> None:
    """Let the distribution be known by its files where they say enough."""
    if not sys.platform.startswith("linux"):
        return
    from pip._vendor.distro import distro

    by_files = distro.LinuxDistribution(include_lsb=False, include_uname=False)
    if by_files.name() and by_files.version():
        distro._distro = by_files
