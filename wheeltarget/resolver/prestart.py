"""Start a process for pip before its job is known.

Loading pip takes longer than planning its jobs. If the command line seems to name a target, one
process is started first, and loads pip while this one plans. Then it gets its job file, or is ended
if it is not needed. Without it, a small download with an empty cache takes 12 % longer.

``python -m wheeltarget.pip_child --prestart FD`` loads pip and reads one line from the pipe FD: the
message :class:`~wheeltarget.pip_protocol.JobStart`. If the pipe ends before the line does, the
process ends. Interrupts are blocked until it can handle them.

start-up: this module is loaded before all others, so it imports next to nothing.
"""

from __future__ import annotations

import os
import time

import wheeltarget
from wheeltarget.utils.system import python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPTION = "--prestart"
"""The option of the child before the number of the pipe."""

_FILE_OPTIONS = ("-r", "-c", "--requirement", "--constraint")
_LARGEST_FILE = 1 << 20
_INTERRUPT, _KILL, _TERMINATE = 2, 9, 15
_POLL_INTERVAL = 0.02
_MALLOC_SETTINGS = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Variables of the GNU C library, which would keep the memory of index pages for each thread. With
them, a download of 129 files takes 143 MB instead of 208 MB."""

_FROM_CHECKOUT = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
import wheeltarget
del sys.path[0]
import runpy
runpy.run_module("wheeltarget.pip_child", run_name="__main__", alter_sys=True)
"""
"""Code that imports wheeltarget, and nothing else, from the working directory, which -P hides."""


class Child:
    """A process for pip, with the methods of :class:`subprocess.Popen` that are needed.

    :param pipe: the file descriptor for its job.
    """

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self.pipe = pipe
        self._exit_code: int | None = None

    def order(self, message: str) -> bool:
        """Send the job, a message of one line, and return whether the process still runs."""
        try:
            with os.fdopen(self.pipe, "w", encoding="utf-8") as pipe:
                pipe.write(f"{message}\n")
        except BrokenPipeError:
            self.wait()
            return False
        except BaseException:
            self.kill()
            self.wait()
            raise
        return True

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        :param timeout: seconds to wait at most.
        :returns: its exit code, or the negative number of the signal that ended it.
        :raises TimeoutError: if it takes longer.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._has_ended(0 if end is None else os.WNOHANG):
            if end is not None and time.monotonic() > end:
                raise TimeoutError
            time.sleep(_POLL_INTERVAL)
        return self._exit_code or 0

    def _has_ended(self, options: int) -> bool:
        if self._exit_code is None:
            try:
                ended, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                # An earlier call was interrupted before it stored the status.
                ended, status = self.pid, 0
            if ended:
                self._exit_code = os.waitstatus_to_exitcode(status)
        return self._exit_code is not None

    def terminate(self) -> None:
        """Terminate it."""
        self._signal(_TERMINATE)

    def kill(self) -> None:
        """Kill it."""
        self._signal(_KILL)

    def _signal(self, signum: int) -> None:
        if not self._has_ended(os.WNOHANG):
            os.kill(self.pid, signum)


_waiting: list[Child] = []


def begin() -> None:
    """Start a process if none is waiting, on POSIX systems."""
    if _waiting or os.name != "posix":
        return
    end, start = os.pipe()
    try:
        os.set_inheritable(end, True)  # noqa: FBT003 - has no name
        arguments = command(OPTION, str(end))
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            child_environment(),
            # Its output is progress.
            file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)],
            setsigmask=[_INTERRUPT],
        )
    except OSError:
        os.close(start)  # the same error is raised when a process is needed
    else:
        _waiting.append(Child(pid, start))
    finally:
        os.close(end)


def begin_for(arguments: Sequence[str]) -> dict[str, bytes]:
    """Start a process if the command line, which is not parsed, seems to name a target.

    :returns: the content of each file that was read, so that it is not read again.
    """
    contents: dict[str, bytes] = {}
    if any(
        argument.startswith(("--tags", "--target")) or _has_clause(os.fsencode(argument))
        for argument in arguments
    ) or any(_file_has_clause(name, contents) for name in _files(arguments)):
        begin()
    return contents


def _has_clause(text: bytes) -> bool:
    plain = text.replace(b" ", b"")
    return b"tags=" in plain or b"target=" in plain


def _files(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what seem to be the names of requirements and constraints files."""
    for argument, after in zip(arguments, (*arguments[1:], ""), strict=False):
        name, _, value = argument.partition("=")
        if name in _FILE_OPTIONS:
            yield value or after
        elif argument.startswith(("-r", "-c")):
            yield argument[2:]


def _file_has_clause(name: str, contents: dict[str, bytes]) -> bool:
    """Search a file for clauses, but not a pipe, which can be read only once."""
    try:
        if not os.path.isfile(name) or os.path.getsize(name) > _LARGEST_FILE:  # noqa: PTH113, PTH202
            return False
        with open(name, "rb") as file:  # noqa: PTH123 - pathlib is not loaded yet
            content = file.read(_LARGEST_FILE + 1)
    except OSError:
        return False
    if len(content) <= _LARGEST_FILE:
        contents[name] = content  # otherwise it is not complete
    return _has_clause(content)


def take() -> Child | None:
    """Return the waiting process, which then needs a job; None if no process waits."""
    return _waiting.pop() if _waiting else None


def dismiss() -> None:
    """End the waiting process, if there is one."""
    child = take()
    if child is not None:
        os.close(child.pipe)
        child.kill()
        child.wait()


def command(*arguments: str) -> list[str]:
    """Return the command line of a process for pip."""
    home = os.path.dirname(os.path.dirname(os.path.realpath(wheeltarget.__file__)))  # noqa: PTH120
    if home == os.getcwd():  # noqa: PTH109
        return python("-c", _FROM_CHECKOUT, home, *arguments)
    return python("-m", "wheeltarget.pip_child", *arguments)


def child_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process for targets, with some variables changed."""
    return {**_MALLOC_SETTINGS, **os.environ, **changes}
