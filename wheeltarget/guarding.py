"""The guard as whoever is guarded sees it: :mod:`wheeltarget.guard`, run beside this process."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from wheeltarget import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess


class Guard:
    """A process that cleans up a stage if this one is killed.

    :param folder: the stage, with its whole path.
    :raises OSError: where it cannot be started.
    """

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-I", "-S", guard.__file__, str(folder)]
        end, self._pipe = os.pipe()
        try:
            self._wait = _spawn(command, end)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(end)

    def tell(self, line: str) -> None:
        """Tell it something, as the head of its file says; one that is gone hears nothing.

        :param line: what, without a line end.
        """
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, f"{line}\n".encode())

    def dismiss(self) -> None:
        """Say that there is nothing to clean, and wait for its end."""
        self.tell("done")
        os.close(self._pipe)
        self._wait()


class _Spawned:
    """A process that was started without loading ``subprocess``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self) -> None:
        with contextlib.suppress(ChildProcessError):  # somebody else has asked for its end
            os.waitpid(self._pid, 0)


class _Opened:
    """A process of ``subprocess``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __call__(self) -> None:
        self._process.wait()


def _spawn(command: list[str], stdin: int) -> _Spawned | _Opened:
    """Start a process in a session of its own, so that no terminal interrupts it.

    :returns: waits for its end.
    """
    if hasattr(os, "posix_spawn"):
        streams = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        # Older systems know no such sessions; what else is wrong, the other way says.
        with contextlib.suppress(NotImplementedError, OSError):
            pid = os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)
            return _Spawned(pid)
    import subprocess

    null = subprocess.DEVNULL
    return _Opened(
        subprocess.Popen(command, stdin=stdin, stdout=null, stderr=null, start_new_session=True)
    )
