"""What has come of that for which walks wait, as far as threads have told of it."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue

from wheeltarget.pip_child.prefetch.pool import Pool, Task

_PATIENCE = 5.0
"""Seconds without news after which pip begins, whatever is still on its way."""

_TIMES_THE_LONGEST = 3.0
"""How much longer than anything so far a thing may take."""


class News:
    """What has come of that for which walks wait.

    :param pool: the threads that fetch it.
    """

    def __init__(self, pool: Pool) -> None:
        self.queue: SimpleQueue[Task] = SimpleQueue()
        self._pool = pool
        self._longest = 0.0

    def listen(self, least: float = _PATIENCE) -> list[Task]:
        """Wait for something to come; what is given is empty where that takes too long.

        :param least: the seconds to wait at least.
        """
        begun = time.monotonic()
        patience = max(least, _TIMES_THE_LONGEST * self._longest)
        come: list[Task] = []
        while not come:
            try:
                come = [self.queue.get(timeout=0.2), *self.come()]
            except Empty:
                waits = time.monotonic() - max(begun, self._pool.pause_ends())
                if waits > patience:
                    return []
        self._longest = max(self._longest, time.monotonic() - begun)
        return come

    def come(self) -> list[Task]:
        """Give what has come meanwhile."""
        come = []
        while not self.queue.empty():
            come.append(self.queue.get())
        return come
