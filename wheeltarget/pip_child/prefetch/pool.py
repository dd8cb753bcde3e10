"""Threads that fetch, the most urgent first, as many as the hosts allow.

A task is done by one thread, once. Whoever needs it before its turn may take it out of the queue
and do without.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Condition, Event, Lock, Thread, current_thread
from typing import Any

from wheeltarget.pip_child.prefetch.rate_limit import Hosts, host_of

_PATIENCE = 5.0
"""Seconds without news after which pip begins, whatever is still on its way."""

_TIMES_THE_LONGEST = 3.0
"""How much longer than anything so far a thing may take."""


_LOOKS_AGAIN = 0.2
"""Seconds after which a wait is begun anew, so that interrupts come through everywhere."""


class LeftToPip:
    """What could not be fetched here, and is left to pip.

    :param reason: why.
    """

    def __init__(self, reason: object) -> None:
        self.reason = reason


class StoppedError(Exception):
    """The run is over, and nobody waits for this any more."""


class Task:
    """Something to fetch.

    :param url: where it is.
    :param rank: how urgent it is; the lowest is done first.
    :param work: fetches it; what it raises is as if it had been left to pip.
    """

    def __init__(self, url: str, rank: int, work: Callable[[], Any]) -> None:
        self.url = url
        self.host = host_of(url)
        self.rank = rank
        self.work = work
        self.is_running = False
        self.outcome: Any = None
        self._listener: SimpleQueue[Task] | None = None
        self._lock = Lock()
        self._done = Event()

    @classmethod
    def done(cls, url: str, outcome: Any) -> Task:
        """Make one that is done already."""
        task = cls(url, 0, lambda: outcome)
        task.finish(outcome)
        return task

    @property
    def is_done(self) -> bool:
        """Return whether there is an outcome."""
        return self._done.is_set()

    def finish(self, outcome: Any) -> None:
        """Set its outcome, and wake who waits for it."""
        self.outcome = outcome
        with self._lock:
            self._done.set()
            if self._listener is not None:
                self._listener.put(self)

    def tell(self, listener: SimpleQueue[Task]) -> None:
        """Put it into a queue as soon as it is done; one queue is enough."""
        with self._lock:
            self._listener = listener
            if self.is_done:
                listener.put(self)

    def wait(self) -> Any:
        """Wait for the outcome, and give it."""
        while not self._done.wait(_LOOKS_AGAIN):
            pass
        return self.outcome


class Pool:
    """The threads, begun as they are needed.

    :param hosts: what the hosts allow.
    :param size: how many threads there may be.
    """

    def __init__(self, hosts: Hosts, size: int) -> None:
        self.hosts = hosts
        self._size = size
        self._threads: list[Thread] = []
        self._idle = 0
        self._queues: dict[str, dict[int, deque[Task]]] = {}
        self._changed = Condition()
        self.is_stopped = False

    def submit(self, task: Task) -> None:
        """Let a thread do a task when it is its turn."""
        with self._changed:
            # It may have been shut since it was last asked whether it is.
            is_shut = self.hosts[task.host].is_shut
            if not is_shut:
                ranks = self._queues.setdefault(task.host, {})
                ranks.setdefault(task.rank, deque()).append(task)
                self._wake(task.host)
        if is_shut:
            task.finish(LeftToPip("its host is left to pip"))

    def _wake(self, name: str) -> None:
        """Let as many threads look for work as a host may be asked for more at once.

        Threads that were told to look, or begun, and have not come to it yet, still count as idle.
        """
        host = self.hosts[name]
        queued = sum(map(len, self._queues.get(name, {}).values()))
        wanted = min(queued, host.limit - host.busy)
        if wanted <= 0:
            return
        self._changed.notify(wanted)
        for _ in range(min(wanted - self._idle, self._size - len(self._threads))):
            thread = Thread(target=self._run, name="wheeltarget-fetch", daemon=True)
            self._threads.append(thread)
            self._idle += 1
            thread.start()

    def withdraw(self, task: Task) -> bool:
        """Take a task out of the queue, if no thread has begun it."""
        with self._changed:
            queue = self._queues.get(task.host, {}).get(task.rank)
            if task.is_running or task.is_done or queue is None or task not in queue:
                return False
            queue.remove(task)
        task.finish(LeftToPip("it was not its turn yet"))
        return True

    def pause(self, host: str, seconds: float) -> None:
        """Ask a host nothing for a while."""
        with self._changed:
            self.hosts.pause(host, time.monotonic() + seconds)

    def heed(self, host: str) -> None:
        """Wait, in pip's own thread, as long as a host has asked for."""
        while True:
            with self._changed:
                rest = self.hosts[host].resumes - time.monotonic()
            if rest <= 0:
                return
            time.sleep(min(rest, _LOOKS_AGAIN))

    def pause_ends(self) -> float:
        """Tell when no host asks for a pause any more, on the clock of ``time.monotonic``."""
        with self._changed:
            return self.hosts.pause_ends()

    def shut(self, host: str) -> None:
        """Ask a host nothing more, and leave to pip what was going to be."""
        with self._changed:
            self.hosts.shut(host)
            left = [task for queue in self._queues.pop(host, {}).values() for task in queue]
        for task in left:
            task.finish(LeftToPip("its host is left to pip"))

    def reopen(self, host: str) -> None:
        """Ask a host again that was shut."""
        with self._changed:
            self.hosts.reopen(host)

    def is_shut(self, host: str) -> bool:
        """Return whether a host is left to pip."""
        with self._changed:
            return self.hosts[host].is_shut

    def stop(self, patience: float) -> None:
        """End the threads and what they are about, waiting no longer than so many seconds."""
        with self._changed:
            self.is_stopped = True
            self._queues.clear()
            self._changed.notify_all()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))

    def check(self) -> None:
        """Raise StoppedError where the run is over."""
        if self.is_stopped:
            raise StoppedError

    def is_here(self) -> bool:
        """Return whether this thread is one of these."""
        return current_thread() in self._threads

    def _run(self) -> None:
        with self._changed:
            self._idle -= 1
        while task := self._next():
            try:
                outcome = task.work()
            except Exception as error:  # noqa: BLE001 - whatever it is, pip will meet it, too
                outcome = LeftToPip(error)
            with self._changed:
                self.hosts.answer(task.host)
                self._wake(task.host)
            task.finish(outcome)

    def _next(self) -> Task | None:
        """Wait for a task whose host can be asked; None at the end."""
        with self._changed:
            while not self.is_stopped:
                task = self._pick(time.monotonic())
                if task is not None:
                    task.is_running = True
                    self.hosts.ask(task.host)
                    return task
                self._idle += 1
                # Where a host asked for a pause, its end is nothing that anybody tells of.
                self._changed.wait(_LOOKS_AGAIN if self._has_paused_work() else None)
                self._idle -= 1
        return None

    def _pick(self, now: float) -> Task | None:
        """Take the most urgent task whose host can be asked."""
        best: deque[Task] | None = None
        for host, ranks in self._queues.items():
            if not self.hosts.admits(host, now):
                continue
            for queue in ranks.values():
                if queue and (best is None or queue[0].rank < best[0].rank):
                    best = queue
        return best.popleft() if best else None

    def _has_paused_work(self) -> bool:
        now = time.monotonic()
        return any(
            self.hosts[host].resumes > now and any(ranks.values())
            for host, ranks in self._queues.items()
        )


class Arrivals:
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
        """Return what has come meanwhile."""
        come = []
        while not self.queue.empty():
            come.append(self.queue.get())
        return come
