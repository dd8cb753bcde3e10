"""Load all that runs of wheeltarget and pip load, and fork for each: see tests.support.forks.

A fork gets what a new process would have: environment, working directory, streams, signals, modules
that were run as programs. What is read of the environment while modules are loaded is as it was at
the start of this process, so the other side of it sees to that those variables are the same.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import inspect
import json
import os
import pkgutil
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

LOADED = (
    "pip._internal.cli.main",
    "pip._internal.commands.download",
    "pip._internal.metadata.importlib",
    "pip._internal.resolution.resolvelib.resolver",
    "typer",
)
"""What is loaded beside the modules of wheeltarget itself."""

_STREAMS = tuple(
    (name, mode, getattr(sys, name).encoding, getattr(sys, name).errors)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
)
_USUAL_COLLECTIONS = gc.get_threshold()
_USUAL_PATH = sys.path[1:]


def main(number: int) -> None:
    """Fork whenever the other side asks for it, until it is gone.

    :param number: the socket.
    """
    asked = socket.socket(fileno=number)
    asked.set_inheritable(False)
    _load()
    gc.freeze()
    while True:
        head, streams, _, _ = socket.recv_fds(asked, 4, 3)
        if not head:
            return
        order = json.loads(_receive(asked, int.from_bytes(head, "big")))
        pid = os.fork()
        if not pid:
            for wanted, stream in enumerate(streams):
                os.dup2(stream, wanted)
                os.close(stream)
            os.umask(order["umask"])
            os.chdir(order["cwd"])
            if order["memory"]:
                resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
            become(order["arguments"], order["variables"])
        for stream in streams:
            os.close(stream)
        _tell(asked, pid)
        _tell(asked, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _receive(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += source.recv(size - len(data))
    return data


def _tell(whom: socket.socket, number: int) -> None:
    whom.sendall(array.array("i", [number]).tobytes())


def _load() -> None:
    import wheeltarget

    for module in pkgutil.walk_packages(wheeltarget.__path__, "wheeltarget."):
        # Programs are run, and not loaded; what an extra is missing for is not needed.
        if not module.name.endswith((".__main__", ".guard", ".probe_script")):
            with suppress(ImportError):
                importlib.import_module(module.name)
    for name in LOADED:
        importlib.import_module(name)
    # pip keeps these certificates for as long as a process runs, and loading them takes longest.
    importlib.import_module("pip._internal.cli.index_command")._create_truststore_ssl_context()


def become(words: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    """Turn this process into a new one, and end it with that one's exit code.

    :param words: the command: an interpreter, ``-P`` or not, ``-m``, a module, its arguments.
    :param variables: all of its environment.
    """
    _close()
    _reset_signals()
    # A temporary folder of the process that forked is removed by that one.
    _FINALIZE._registry.clear()
    variables = dict(variables)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    if "CLOCK" in variables:  # see tests.support.clock
        sys.modules["sitecustomize"].set_clock()
    tempfile.tempdir = None
    gc.set_threshold(*_USUAL_COLLECTIONS)
    sys.dont_write_bytecode = bool(variables.get("PYTHONDONTWRITEBYTECODE"))
    _open_streams()
    os.posix_spawn, os.execv = _spawn, _execute  # type: ignore[assignment]
    _POPEN._execute_child = _start
    safe = words[1] == "-P"
    module, *arguments = words[3:] if safe else words[2:]
    sys.path[:] = _USUAL_PATH if safe else [os.getcwd(), *_USUAL_PATH]  # noqa: PTH109 - as Python
    sys.argv[:] = [module, *arguments]
    _end(_code_of(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True)))


def _close() -> None:
    """Close what a new process does not inherit."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - these are no files
        with suppress(OSError):
            if int(name) > 2 and not os.get_inheritable(int(name)):
                os.close(int(name))


def _reset_signals() -> None:
    """Reset signals as in a new process; ignored ones stay ignored."""
    for signum in signal.valid_signals():
        if callable(signal.getsignal(signum)):
            usual = signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL
            signal.signal(signum, usual)


def _open_streams() -> None:
    """Open the standard streams as Python does, with nothing in them that was not written yet."""
    for number, (name, mode, encoding, errors) in enumerate(_STREAMS):
        stream = None
        with suppress(OSError):
            os.fstat(number)
            lines = name == "stderr" or os.isatty(number)
            buffering = 1 if lines else -1
            stream = os.fdopen(number, mode, buffering, encoding, errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _code_of(run: Callable[[], object]) -> int:
    """Run something, and give the exit code that Python would end with."""
    try:
        run()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as Python does it
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End as Python does, but without taking down what is loaded."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        code = 120  # so Python tells that what was written is lost
    os._exit(code & 0xFF)


_FINALIZE: Any = weakref.finalize
_POPEN: Any = subprocess.Popen
_spawn_here, _execute_here, _start_here = os.posix_spawn, os.execv, _POPEN._execute_child
_PARAMETERS = inspect.signature(_start_here)
_PIPS = [sys.executable, "-P", "-m", "wheeltarget.pip_child"]
"""How a command for pip begins."""


def _spawn(path: str, words: list[str], variables: Mapping[str, str], **named: Any) -> int:
    """Fork for the prestarted process, where a new one would be started."""
    # What the module subprocess starts in this way, with some Pythons, is left to it.
    if words[:5] != [*_PIPS, "--prestart"]:
        return _spawn_here(path, words, variables, **named)
    pid = os.fork()
    if not pid:
        for action, source, number in named["file_actions"]:
            assert action == os.POSIX_SPAWN_DUP2
            os.dup2(source, number)
        signal.pthread_sigmask(signal.SIG_SETMASK, named["setsigmask"])
        become(words, variables)
    return pid


def _start(process: Any, *arguments: Any) -> None:
    """Fork for a process of pip's, where the module subprocess would start a new one."""
    given = _PARAMETERS.bind(process, *arguments).arguments
    if list(given["args"])[:4] != _PIPS:
        _start_here(process, *arguments)
        return
    streams = [given[name] for name in ("p2cread", "c2pwrite", "errwrite")]
    process.pid = os.fork()
    if not process.pid:
        for wanted, stream in enumerate(streams):
            if stream >= 0:
                os.dup2(stream, wanted)
        become(given["args"], os.environ if given["env"] is None else given["env"])
    process._child_created = True
    ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
    process._close_pipe_fds(*(given[name] for name in ends))


def _execute(path: str, words: list[str]) -> NoReturn:
    """Become pip, where this process would turn into it."""
    if words[:4] != [sys.executable, "-P", "-m", "pip"]:
        _execute_here(path, words)
    become(words, dict(os.environ))


if __name__ == "__main__":
    sys.path[:] = _USUAL_PATH
    main(int(sys.argv[1]))
