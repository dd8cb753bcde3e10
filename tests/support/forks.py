"""Run wheeltarget and pip in forks of a process that has loaded both, and start no Python.

That is for the many runs of which the outcome is what counts: ``pytest --forks``. How a process
starts and ends is tried in new ones, and without the option every run is one; so is a run whose
environment says something to Python, or anything else is out of the ordinary.
See :mod:`tests.support.fork_server`.
"""

from __future__ import annotations

import array
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).resolve().parents[2]
CLOCK = _ROOT / "tests" / "support" / "clock"
"""A folder for PYTHONPATH, in front; with it, the variable CLOCK says what time it is."""

_PATHS = frozenset({str(_ROOT), f"{CLOCK}{os.pathsep}{_ROOT}"})
_MODULES = frozenset({"pip", "wheeltarget", "wheeltarget.pip_child"})
_AT_THE_START = ("HOME", "LANG", "LC_", "PYTHON", "XDG_CACHE_HOME")
"""What begins like this is looked at while Python starts and modules are loaded."""

_AFTERWARDS = frozenset({"PYTHONDONTWRITEBYTECODE"})
_MOST_STDIN = 1 << 14

is_wanted = False
"""Whether there are to be forks."""

_servers: dict[tuple[tuple[str, str], ...], Server | None] = {}


class Server:
    """The process that forks.

    :param variables: its environment.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(_ROOT / "tests/support/fork_server.py"), str(theirs.fileno())],
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait()

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        said: str | None,
        timeout: float,
        memory: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; see :func:`run`."""
        with contextlib.ExitStack() as streams:
            stdin = streams.enter_context(_nothing() if said is None else _pipe(said))
            ends: list[int] = [stdin.fileno()]
            readers = []
            for _ in range(2):
                read, write = os.pipe()
                readers.append(_Reader(os.fdopen(read, "rb")))
                ends.append(streams.enter_context(os.fdopen(write, "wb")).fileno())
            order = {
                "arguments": list(arguments),
                "cwd": str(cwd),
                "memory": memory,
                "umask": _umask(),
                "variables": dict(env),
            }
            code = self._order(order, ends, timeout)
        stdout, stderr = (reader.text() for reader in readers)
        return subprocess.CompletedProcess(list(arguments), code, stdout, stderr)

    def _order(self, order: Mapping[str, Any], streams: Sequence[int], timeout: float) -> int:
        data = json.dumps(order).encode()
        with self._lock:
            socket.send_fds(self._socket, [len(data).to_bytes(4, "big")], streams)
            self._socket.sendall(data)
            pid = self._number()
            try:
                return self._number(timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._number()
                raise subprocess.TimeoutExpired(order["arguments"], timeout) from None

    def _number(self, timeout: float | None = None) -> int:
        self._socket.settimeout(timeout)
        number = array.array("i")
        data = self._socket.recv(number.itemsize, socket.MSG_WAITALL)
        assert data, "the process that forks has ended"
        number.frombytes(data)
        return number[0]


def run(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    input: str | None = None,  # noqa: A002 - as subprocess has it
    timeout: float,
    memory: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a fork if that is wanted and makes no difference.

    :param arguments: the command.
    :param cwd: its working directory.
    :param env: its environment.
    :param input: what it can read.
    :param timeout: seconds after which the test fails.
    :param memory: bytes of address space that it may have; None for as many as the test has.
    :returns: what ``subprocess.run`` returns.
    """
    server = server_for(arguments, env) if len(input or "") < _MOST_STDIN else None
    run_it = run_fresh if server is None else server.run
    return run_it(arguments, cwd, env, input, timeout, memory)


def run_fresh(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    said: str | None,
    timeout: float,
    memory: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own; see :func:`run`."""

    def limit() -> None:
        import resource  # not all systems have it

        resource.setrlimit(resource.RLIMIT_AS, (memory or 0, memory or 0))

    return subprocess.run(
        arguments,
        cwd=cwd,
        env=env,
        input=said,
        stdin=subprocess.DEVNULL if said is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        preexec_fn=limit if memory else None,
    )


def close() -> None:
    """End the processes that fork."""
    for server in _servers.values():
        if server is not None:
            server.close()
    _servers.clear()


def server_for(arguments: Sequence[str], env: Mapping[str, str]) -> Server | None:
    """Return the process that forks for such a command; start it if it is worth it."""
    module = arguments[2:4] if arguments[1:2] == ["-P"] else arguments[1:3]
    if (
        not is_wanted
        or arguments[0] != sys.executable
        or module[0] != "-m"
        or module[1] not in _MODULES
        or env.get("PYTHONPATH") not in _PATHS
    ):
        return None
    said = {
        name: value
        for name, value in env.items()
        if name.startswith(_AT_THE_START) and name not in _AFTERWARDS
    }
    key = tuple(sorted(said.items()))
    if key not in _servers:
        _servers[key] = None  # once is not worth it
    elif _servers[key] is None:
        _servers[key] = Server({**os.environ, **said})
    return _servers[key]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _nothing() -> IO[bytes]:
    return Path(os.devnull).open("rb")


def _pipe(said: str) -> IO[bytes]:
    """Return the end of a pipe in which something waits to be read."""
    read, write = os.pipe()
    os.write(write, said.encode())
    os.close(write)
    return os.fdopen(read, "rb")


class _Reader(threading.Thread):
    """Read a pipe to its end."""

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._data = b""
        self.start()

    def run(self) -> None:
        with self._source:
            self._data = self._source.read()

    def text(self) -> str:
        """Wait for the end, and give what was read as a text."""
        self.join()
        return io.TextIOWrapper(io.BytesIO(self._data)).read()
