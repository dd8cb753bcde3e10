"""A process for pip that is started before it is known what it is to do.

Loading pip takes longer than everything that is decided before pip can begin. Where a command line
seems to name a target, the process is started first, and loads pip while this one reads and plans;
then it is told its job file. What a plan cannot use is ended unused. At most one is in reserve.

``python -m wheeltarget.pip_child --reserve FD`` loads pip and reads one line from the pipe FD: the
message :class:`~wheeltarget.pip_protocol.JobStart`. If the pipe ends before the line does, it was
started in vain, or this process was killed. Interrupts are blocked until it can deal with them.

This module is loaded before all others, so it imports nothing that takes time.
"""

from __future__ import annotations

import os

import wheeltarget
from wheeltarget.utils.python_process import python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


OPTION = "--reserve"
"""The option of the child that stands before the number of the pipe."""

_MARKS = (b"tags=", b"target=")
_FILE_OPTIONS = ("-r", "-c", "--requirement", "--constraint")
_LARGEST_FILE = 1 << 20
_INTERRUPT, _KILL, _TERMINATE = 2, 9, 15
_PAUSE = 0.02
_GIVES_BACK = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Variables that the GNU C library heeds, and no other."""

_FROM_CHECKOUT = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
import wheeltarget
del sys.path[0]
import runpy
runpy.run_module("wheeltarget.pip_child", run_name="__main__", alter_sys=True)
"""
"""What takes wheeltarget, and nothing else, from the working directory, where -P hides it."""


class Child:
    """A process of pip's, with as much of :class:`subprocess.Popen` as its driver uses.

    :param pid: its number.
    :param pipe: where it is told what to do.
    """

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self._pipe = pipe
        self._exit_code: int | None = None

    def order(self, job_file: Path, temporary: str | None, said: Path | None) -> bool:
        """Say what is to be done.

        :param job_file: the job file.
        :param temporary: the folder for temporary files; None for the usual one.
        :param said: the file for what pip says; None to let it say that here.
        :returns: whether it can still be told.
        """
        from wheeltarget.pip_protocol import JobStart, to_json

        text = to_json(JobStart(job_file, temporary, said))
        try:
            with os.fdopen(self._pipe, "w", encoding="utf-8") as pipe:
                pipe.write(f"{text}\n")
        except BrokenPipeError:
            self.wait()
            return False
        except BaseException:
            # What it was told of a job so far is none.
            self.kill()
            self.wait()
            raise
        return True

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        :param timeout: seconds to wait at most.
        :returns: its exit code, or the number of the signal that ended it, negative.
        :raises subprocess.TimeoutExpired: where it takes longer.
        """
        if self._exit_code is None and timeout is None:
            self._ask(0)
        elif not self._has_ended():
            self._poll(timeout or 0)
        return self._exit_code or 0

    def _poll(self, timeout: float) -> None:
        import subprocess
        import time

        end = time.monotonic() + timeout
        while not self._has_ended():
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(OPTION, timeout)
            time.sleep(_PAUSE)

    def _has_ended(self) -> bool:
        if self._exit_code is None:
            self._ask(os.WNOHANG)
        return self._exit_code is not None

    def _ask(self, how: int) -> None:
        """Ask the system how it has ended."""
        try:
            ended, status = os.waitpid(self.pid, how)
        except ChildProcessError:
            # A signal came between the answer and its being written down here.
            ended, status = self.pid, 0
        if ended:
            self._exit_code = os.waitstatus_to_exitcode(status)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(_TERMINATE)

    def kill(self) -> None:
        """End it."""
        self._signal(_KILL)

    def dismiss(self) -> None:
        """End it before it was told anything."""
        os.close(self._pipe)
        self.kill()
        self.wait()

    def _signal(self, signum: int) -> None:
        if not self._has_ended():
            os.kill(self.pid, signum)


_waiting: list[Child] = []


def begin() -> None:
    """Start a process, if there is none in reserve, and where the system can do that."""
    if _waiting or os.name != "posix":
        return
    end, start = os.pipe()
    try:
        os.set_inheritable(end, True)  # noqa: FBT003 - has no name
        words = command(OPTION, str(end))
        pid = os.posix_spawn(
            words[0],
            words,
            child_environment(),
            # Its output is progress.
            file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)],
            setsigmask=[_INTERRUPT],
        )
    except OSError:
        os.close(start)  # whoever needs one will say why there is none
    else:
        _waiting.append(Child(pid, start))
    finally:
        os.close(end)


def begin_for(words: Sequence[str]) -> dict[str, bytes]:
    """Start a process if a command line seems to name a target.

    :param words: the arguments; they are not understood here, only looked at.
    :returns: the content of each file that was looked into, so that nobody has to read it again.
    """
    contents: dict[str, bytes] = {}
    if any(_names_target(os.fsencode(word)) for word in words) or any(
        _file_names_target(name, contents) for name in _files(words)
    ):
        begin()
    return contents


def _names_target(text: bytes) -> bool:
    plain = text.replace(b" ", b"")
    return plain.startswith((b"--tags", b"--target")) or any(mark in plain for mark in _MARKS)


def _files(words: Sequence[str]) -> Iterator[str]:
    """Give what seem to be the names of requirements and constraints files."""
    for word, after in zip(words, (*words[1:], ""), strict=False):
        name, _, value = word.partition("=")
        if name in _FILE_OPTIONS:
            yield value or after
        elif word.startswith(("-r", "-c")):
            yield word[2:]


def _file_names_target(name: str, contents: dict[str, bytes]) -> bool:
    """Look into a file; a pipe can be read only once, and is left alone."""
    try:
        if not os.path.isfile(name) or os.path.getsize(name) > _LARGEST_FILE:  # noqa: PTH113, PTH202
            return False
        with open(name, "rb") as file:  # noqa: PTH123 - pathlib is not loaded yet
            content = file.read(_LARGEST_FILE + 1)
    except OSError:
        return False
    if len(content) <= _LARGEST_FILE:
        contents[name] = content  # or else it is not all of it
    plain = content.replace(b" ", b"")
    return any(mark in plain for mark in _MARKS)


def take() -> Child | None:
    """Take the process in reserve, if there is one.

    :returns: the process, which has to be told what to do.
    """
    return _waiting.pop() if _waiting else None


def dismiss() -> None:
    """End the process in reserve, if nobody has taken it."""
    child = take()
    if child is not None:
        child.dismiss()


def command(*words: str) -> list[str]:
    """Build the command line of a process for pip.

    :param words: what it is to do.
    :returns: the command line.
    """
    home = os.path.dirname(os.path.dirname(os.path.realpath(wheeltarget.__file__)))  # noqa: PTH120
    if home == os.getcwd():  # noqa: PTH109
        return python("-c", _FROM_CHECKOUT, home, *words)
    return python("-m", "wheeltarget.pip_child", *words)


def child_environment(**changes: str) -> dict[str, str]:
    """Build the environment of a process that works on targets.

    Its threads take in pages of megabytes for a moment; the GNU C library would keep that room for
    each of them, which takes a third more memory.

    :param changes: variables to set.
    """
    return {**_GIVES_BACK, **os.environ, **changes}
