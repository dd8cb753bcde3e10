"""The lock on a folder in which files are placed: one run places after the other.

The folder itself is locked, so that the runs of other users wait, too. The system lets go of it
when a run ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import os

from wheeltarget.staging.folders import Folder, lock, unlock, wait_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0
"""How many seconds to wait while another run places files."""


class BusyError(TimeoutError):
    """Another run is placing files in the folder."""


@contextlib.contextmanager
def held(destination: Folder, state: Folder, longest_wait: float) -> Iterator[None]:
    """Hold the lock on a folder in which files are to be placed.

    :param destination: the folder, opened for this alone.
    :param state: the user's state folder, which has the lock if folders cannot be locked.
    :param longest_wait: how many seconds to wait for it.
    :raises BusyError: if another run has it all that time.
    """
    answer = destination.lock()
    if answer is None:
        with _held_file(destination, state, longest_wait):
            yield
        return
    if not answer and not wait_until(lambda: destination.lock() is True, longest_wait):
        raise BusyError(errno.ETIMEDOUT, "another run is placing files there", destination.path)
    try:
        yield
    finally:
        destination.unlock()


@contextlib.contextmanager
def _held_file(destination: Folder, state: Folder, longest_wait: float) -> Iterator[None]:
    device, inode, _ = destination.identity
    name = f"{device:x}-{inode:x}.lock"
    handles: list[int] = []

    def take() -> bool:
        handle = state.open_file(name, os.O_RDWR | os.O_CREAT)
        status = state.status(name) if lock(handle) is not False else None
        if status is None or status.st_ino != os.fstat(handle).st_ino:
            os.close(handle)
            return False
        handles.append(handle)
        return True

    if not wait_until(take, longest_wait):
        raise BusyError(errno.ETIMEDOUT, "another run is placing files there", destination.path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            state.remove(name)
        unlock(handles[0])
        os.close(handles[0])
