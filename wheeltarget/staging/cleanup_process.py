"""Run :mod:`wheeltarget.staging.cleanup` beside this process, as its guard."""

from __future__ import annotations

import contextlib
import os

from wheeltarget.staging import cleanup
from wheeltarget.utils.python_process import bare_python

_ending: set[int] = set()
"""Guards that were dismissed, and whose end the system was not asked for yet. None is waited for:
that takes longer than it takes this process to end."""


class Guard:
    """A process that cleans up after this one if it is killed.

    :param state: the path of the folder with the records of stages.
    :param key: the name of this run's record.
    :raises OSError: if it cannot be started.
    """

    def __init__(self, state: str, key: str) -> None:
        _forget_ended()
        command = bare_python(cleanup.__file__, state, key)
        end, self._pipe = os.pipe()
        try:
            self._pid = _spawn(command, end)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(end)

    def tell(self, line: str) -> None:
        """Send it a line of the protocol in its module, unless it has ended.

        :param line: the line, without a line end.
        """
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, f"{line}\n".encode())

    def dismiss(self) -> None:
        """End it, since there is nothing to clean."""
        self.tell("done")
        os.close(self._pipe)
        _ending.add(self._pid)


def _forget_ended() -> None:
    """Reap the guards that have ended."""
    for pid in tuple(_ending) if hasattr(os, "WNOHANG") else ():
        ended = pid
        with contextlib.suppress(ChildProcessError):  # it was reaped elsewhere
            ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            _ending.discard(pid)


def _spawn(command: list[str], stdin: int) -> int:
    """Start a process in a session of its own, so that no terminal interrupts it.

    :returns: its number.
    """
    if hasattr(os, "posix_spawn"):
        streams = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        # Older systems have no such sessions; Popen reports other errors.
        with contextlib.suppress(NotImplementedError, OSError):
            return os.posix_spawn(
                command[0], command, os.environ, file_actions=streams, setsid=True
            )
    import subprocess

    null = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=stdin, stdout=null, stderr=null, start_new_session=True
    )
    # It is reaped by its number; Popen must not warn that it still runs.
    process.returncode = 0
    return process.pid
