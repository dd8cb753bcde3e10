"""Threads that fetch, the most urgent tasks first, as many at once as the hosts allow.

One thread runs a task, once. A task that has not begun can be withdrawn.
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
"""Seconds without a finished task after which pip begins."""

_TIMES_THE_LONGEST = 3.0
"""How many times longer than the longest wait so far another may take."""

_POLL_INTERVAL = 0.2
"""Seconds after which a wait is repeated, so that interrupts are handled on all platforms."""


class LeftToPip:
    """The outcome of a task that was not fetched and is left to pip.

    :param reason: the reason.
    """

    def __init__(self, reason: object) -> None:
        self.reason = reason


class StoppedError(Exception):
    """The run is over."""


class Task:
    """Something to fetch.

    :param url: its URL.
    :param rank: how urgent it is; the lowest is done first.
    :param work: fetches it, and returns the outcome; after an error it is left to pip.
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
        """Return a task that is done already."""
        task = cls(url, 0, lambda: outcome)
        task.finish(outcome)
        return task

    @property
    def is_done(self) -> bool:
        """Return whether there is an outcome."""
        return self._done.is_set()

    def finish(self, outcome: Any) -> None:
        """Set its outcome, and notify the listener."""
        self.outcome = outcome
        with self._lock:
            self._done.set()
            if self._listener is not None:
                self._listener.put(self)

    def notify(self, listener: SimpleQueue[Task]) -> None:
        """Put it into a queue, the only one, when it is done."""
        with self._lock:
            self._listener = listener
            if self.is_done:
                listener.put(self)

    def wait(self) -> Any:
        """Wait for the outcome, and return it."""
        while not self._done.wait(_POLL_INTERVAL):
            pass
        return self.outcome


class Pool:
    """The threads, started when they are needed.

    :param hosts: what the hosts allow.
    :param size: the maximal number of threads.
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
        """Queue a task."""
        with self._changed:
            # Another thread may have shut the host since the caller checked.
            is_shut = self.hosts[task.host].is_shut
            if not is_shut:
                ranks = self._queues.setdefault(task.host, {})
                ranks.setdefault(task.rank, deque()).append(task)
                self._wake(task.host)
        if is_shut:
            task.finish(LeftToPip("its host is left to pip"))

    def _wake(self, name: str) -> None:
        """Wake or start as many threads as a host allows more requests.

        Threads that were woken or started and have not taken a task yet still count as idle.
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
        """Remove a task from the queue, if no thread has begun it."""
        with self._changed:
            queue = self._queues.get(task.host, {}).get(task.rank)
            if task.is_running or task.is_done or queue is None or task not in queue:
                return False
            queue.remove(task)
        task.finish(LeftToPip("no thread has begun it"))
        return True

    def pause(self, host: str, seconds: float) -> None:
        """Send no request to a host for a while."""
        with self._changed:
            self.hosts.pause(host, time.monotonic() + seconds)

    def wait_for_pause(self, host: str) -> None:
        """Wait until the pause of a host is over."""
        while True:
            with self._changed:
                rest = self.hosts[host].resumes - time.monotonic()
            if rest <= 0:
                return
            time.sleep(min(rest, _POLL_INTERVAL))

    def pause_ends(self) -> float:
        """Return when the last pause ends, on the clock of ``time.monotonic``."""
        with self._changed:
            return self.hosts.pause_ends()

    def shut(self, host: str) -> None:
        """Send no more requests to a host, and leave its queued tasks to pip."""
        with self._changed:
            self.hosts.shut(host)
            left = [task for queue in self._queues.pop(host, {}).values() for task in queue]
        for task in left:
            task.finish(LeftToPip("its host is left to pip"))

    def reopen(self, host: str) -> None:
        """Allow requests to a host again."""
        with self._changed:
            self.hosts.reopen(host)

    def is_shut(self, host: str) -> bool:
        """Return whether a host is left to pip."""
        with self._changed:
            return self.hosts[host].is_shut

    def stop(self, patience: float) -> None:
        """Stop the threads, and wait for them at most some seconds."""
        with self._changed:
            self.is_stopped = True
            self._queues.clear()
            self._changed.notify_all()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))

    def check(self) -> None:
        """Raise StoppedError if the run is over."""
        if self.is_stopped:
            raise StoppedError

    def is_current(self) -> bool:
        """Return whether the current thread is one of the pool's."""
        return current_thread() in self._threads

    def _run(self) -> None:
        with self._changed:
            self._idle -= 1
        while task := self._next():
            try:
                outcome = task.work()
            except Exception as error:  # noqa: BLE001 - pip will meet the same error
                outcome = LeftToPip(error)
            with self._changed:
                self.hosts.answer(task.host)
                self._wake(task.host)
            task.finish(outcome)

    def _next(self) -> Task | None:
        """Wait for a task whose host allows a request; None at the end of the run."""
        with self._changed:
            while not self.is_stopped:
                task = self._pick(time.monotonic())
                if task is not None:
                    task.is_running = True
                    self.hosts.ask(task.host)
                    return task
                self._idle += 1
                # Nothing notifies this thread of the end of a pause.
                self._changed.wait(_POLL_INTERVAL if self._has_paused_work() else None)
                self._idle -= 1
        return None

    def _pick(self, now: float) -> Task | None:
        """Take the most urgent task whose host allows a request."""
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
    """The finished tasks for which walks wait.

    :param pool: the threads that run them.
    """

    def __init__(self, pool: Pool) -> None:
        self.queue: SimpleQueue[Task] = SimpleQueue()
        self._pool = pool
        self._longest = 0.0

    def wait(self, least: float = _PATIENCE) -> list[Task]:
        """Wait for finished tasks, and return none if that takes too long.

        :param least: the seconds to wait at least.
        """
        begun = time.monotonic()
        patience = max(least, _TIMES_THE_LONGEST * self._longest)
        finished: list[Task] = []
        while not finished:
            try:
                finished = [self.queue.get(timeout=_POLL_INTERVAL), *self.take()]
            except Empty:
                waits = time.monotonic() - max(begun, self._pool.pause_ends())
                if waits > patience:
                    return []
        self._longest = max(self._longest, time.monotonic() - begun)
        return finished

    def take(self) -> list[Task]:
        """Return the tasks that have finished meanwhile."""
        finished = []
        while not self.queue.empty():
            finished.append(self.queue.get())
        return finished
