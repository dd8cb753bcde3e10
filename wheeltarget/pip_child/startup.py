"""Load pip faster than it loads by itself.

Loading pip and making its session take longer than fetching a few wheels. These patches change no
result, so they have no proof: if one fails, pip starts as it does by itself.
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

_LAZY_MODULES = ("pip._vendor.rich.traceback",)
"""Modules that only ``--debug`` needs, with many imports of their own."""

_NEEDED_MODULES = (
    "pip._internal.commands.download",
    "pip._internal.metadata.importlib",
    "pip._internal.resolution.resolvelib.resolver",
)
"""Modules that every download loads, some only while it runs."""

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def wait_for_job(pipe: int) -> Path | None:
    """Load pip, then wait for a message on a pipe; see :mod:`wheeltarget.resolver.prestart`.

    :param pipe: the file descriptor of the pipe.
    :returns: the job file, or None if there is nothing to do.
    :raises PipMovedError: if the message is not known.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    load_pip()
    with open(pipe, encoding="utf-8") as handle:
        text = handle.read()
    if not text.endswith("\n"):
        return None  # the parent ended before it wrote the whole message
    start = from_json(text, JobStart)
    if start.temporary is not None:
        os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), start.temporary))
        tempfile.tempdir = None
    if start.output is not None:
        _redirect(start.output)
    return start.job_file


def _redirect(file: Path) -> None:
    """Redirect output and errors to a file, and input from nothing."""
    for name, mode, numbers in ((os.devnull, os.O_RDONLY, (0,)), (file, _WRITE, (1, 2))):
        opened = os.open(name, mode)
        for number in numbers:
            os.dup2(opened, number)
        os.close(opened)


@functools.cache
def load_pip() -> None:
    """Load what a download needs.

    Loaded modules stay, so they are hidden from the garbage collector, now and later.
    """
    gc.disable()
    for step in (_load_lazily, _load_certificates, _load, _avoid_subprocesses):
        # pip reports what is missing when it needs it.
        with suppress(Exception):
            step()
    gc.freeze()
    gc.enable()


def _load_lazily() -> None:
    for name in _LAZY_MODULES:
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
    """Read the trusted certificates once, in a thread, while other modules are loaded."""
    import ssl  # noqa: F401 - without it, there is nothing to read

    from pip._internal.cli import index_command

    original_make = index_command._create_truststore_ssl_context
    make_once = (
        original_make if hasattr(original_make, "cache_info") else functools.cache(original_make)
    )
    # Not a daemon: Python must not exit in the middle of reading certificates.
    thread = threading.Thread(target=_ignore_errors, args=(make_once,))

    @functools.wraps(original_make)
    def create_context() -> Any:
        thread.join()
        return make_once()

    index_command._create_truststore_ssl_context = create_context
    thread.start()


def _ignore_errors(make: Callable[[], object]) -> None:
    with suppress(Exception):
        make()  # the error is raised again when pip needs the result


def _load() -> None:
    for name in _NEEDED_MODULES:
        importlib.import_module(name)


def _avoid_subprocesses() -> None:
    """Build pip's user agent once, and without running rustc and lsb_release.

    The user agent is true, but does not name the Rust compiler, which is of no use here.
    lsb_release runs only if /etc/os-release does not name the distribution.
    """
    from pip._internal.network import session

    original_ask = session.user_agent

    @functools.cache
    def user_agent() -> str:
        with suppress(Exception):
            _read_distribution()
        return str(original_ask())

    if hasattr(session.shutil, "which"):
        session.shutil = _NoPrograms()
    rebind("user_agent", original_ask, user_agent)
    user_agent()


class _NoPrograms:
    """The module shutil, but ``which`` finds no program."""

    def which(self, *_arguments: object, **_named: object) -> None:
        """Return None."""

    def __getattr__(self, name: str) -> Any:
        return getattr(shutil, name)


def _read_distribution() -> None:
    """Read the name of the distribution from files, if they have it."""
    if not sys.platform.startswith("linux"):
        return
    from pip._vendor.distro import distro

    by_files = distro.LinuxDistribution(include_lsb=False, include_uname=False)
    if by_files.name() and by_files.version():
        distro._distro = by_files
