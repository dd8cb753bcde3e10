"""Threads that fetch, the most urgent tasks first, as many at once as the hosts allow.

The first request to a host is sent alone, since it may need credentials or the host may not answer.
Afterwards as many as allowed are sent at once, half as many after each answer that there are too
many, and then slowly more again. A task that has not begun can be withdrawn.
Specification: RFC 9110 for Retry-After, RFC 6585 for the status 429.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from threading import Condition, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

POLL_INTERVAL = 0.2
"""Seconds after which a wait is repeated, so that interrupts are handled on all platforms."""

_TIMES_THE_LIMIT = 4  # the limit is raised by one after this number of answers times the limit
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def host_of(url: str) -> str:
    """Return the host of a URL, without the user, and with its port if that is unusual."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ""))


class LeftToPip(NamedTuple):
    """The outcome of a task that was not fetched and is left to pip."""

    reason: object


_SHUT = LeftToPip("its host is left to pip")


class Task(Future[Any]):
    """Something to fetch.

    :param rank: how urgent it is; the lowest is done first.
    :param work: fetches it, and returns the outcome; after an error it is left to pip.
    """

    def __init__(self, url: str, rank: int, work: Callable[[], Any]) -> None:
        super().__init__()
        self.url, self.host = url, host_of(url)
        self.rank, self.work = rank, work

    @property
    def outcome(self) -> Any:
        """Return the outcome; None if the task has not ended."""
        return self.result() if self.done() else None

    def wait(self) -> Any:
        """Wait for the outcome, and return it."""
        while True:
            with suppress(TimeoutError):
                return self.result(POLL_INTERVAL)


def finished_task(url: str, outcome: Any) -> Task:
    """Return a task that is done already."""
    task = Task(url, 0, lambda: outcome)
    task.set_result(outcome)
    return task


@dataclass(slots=True)
class Host:
    """The state of a host, which has ``busy`` requests, and may have ``limit`` at once.

    :param most: the highest limit.
    :param answers: how many answers it has given since the limit changed.
    :param resumes: when its pause ends, on the clock of ``time.monotonic``.
    :param queue: the tasks that have not begun, by rank.
    """

    most: int
    limit: int = 1
    busy: int = 0
    answers: int = 0
    resumes: float = 0.0
    has_answered: bool = False
    is_shut: bool = False
    queue: list[Task] = field(default_factory=list)

    def admits(self, now: float) -> bool:
        """Return whether it may get one more request at this time."""
        return self.busy < self.limit and self.resumes <= now and not self.is_shut

    def note_answer(self) -> None:
        """Count an answer or a failure."""
        self.busy -= 1
        self.answers += 1
        if not self.has_answered:
            self.has_answered, self.limit, self.answers = True, self.most, 0
        elif self.limit < self.most and self.answers >= _TIMES_THE_LIMIT * self.limit:
            self.limit, self.answers = self.limit + 1, 0

    def pause(self, until: float) -> None:
        """Allow no request until a time, and then half as many at once."""
        self.resumes = max(self.resumes, until)
        self.has_answered, self.limit, self.answers = True, max(self.limit // 2, 1), 0


class Pool:
    """Up to ``size`` threads, started when they are needed.

    :param limit: how many requests a host may have at once, at least one.
    """

    def __init__(self, limit: int, size: int) -> None:
        self.limit, self._size = limit, size
        self.hosts: defaultdict[str, Host] = defaultdict(lambda: Host(limit))
        self.threads: list[Thread] = []
        self.is_stopped = False
        self._changed = Condition()

    def submit(self, task: Task) -> None:
        """Queue a task, unless its host is left to pip."""
        with self._changed:
            host = self.hosts[task.host]
            if host.is_shut:
                task.set_result(_SHUT)
                return
            insort(host.queue, task, key=attrgetter("rank"))
            self._wake()

    def _wake(self) -> None:
        """Wake as many threads as hosts allow more requests, and start those that there are not."""
        hosts = self.hosts.values()
        wanted = sum(max(min(len(host.queue), host.limit - host.busy), 0) for host in hosts)
        self._changed.notify(wanted)
        idle = len(self.threads) - sum(host.busy for host in hosts)
        for _ in range(min(wanted - idle, self._size - len(self.threads))):
            thread = Thread(target=self._run, name="wheeltarget-fetch", daemon=True)
            self.threads.append(thread)
            thread.start()

    def withdraw(self, task: Task) -> bool:
        """Remove a task from the queue, if no thread has begun it."""
        with self._changed:
            queue = self.hosts[task.host].queue
            if task not in queue:
                return False
            queue.remove(task)
        task.set_result(LeftToPip("no thread has begun it"))
        return True

    def pause(self, host: str, seconds: float) -> None:
        """Send no request to a host for a while."""
        with self._changed:
            self.hosts[host].pause(time.monotonic() + seconds)

    def wait_for_pause(self, host: str) -> None:
        """Wait until the pause of a host is over."""
        with self._changed:
            state = self.hosts[host]
        while (rest := state.resumes - time.monotonic()) > 0:
            time.sleep(min(rest, POLL_INTERVAL))

    def pause_ends(self) -> float:
        """Return when the last pause ends, on the clock of ``time.monotonic``."""
        with self._changed:
            return max((host.resumes for host in self.hosts.values()), default=0.0)

    def shut(self, host: str) -> None:
        """Send no more requests to a host, and leave its queued tasks to pip."""
        with self._changed:
            state = self.hosts[host]
            state.is_shut = True
            left, state.queue = state.queue, []
        for task in left:
            task.set_result(_SHUT)

    def reopen(self, host: str) -> None:
        """Allow requests to a host again."""
        with self._changed:
            self.hosts[host].is_shut = False

    def is_shut(self, host: str) -> bool:
        """Return whether a host is left to pip."""
        with self._changed:
            return self.hosts[host].is_shut

    def stop(self, patience: float) -> None:
        """Stop the threads, and wait for them at most some seconds."""
        with self._changed:
            self.is_stopped = True
            self._changed.notify_all()
        end = time.monotonic() + patience
        for thread in self.threads:
            thread.join(max(end - time.monotonic(), 0))

    def _run(self) -> None:
        while task := self._next():
            try:
                outcome = task.work()
            except Exception as error:  # noqa: BLE001 - pip will meet the same error
                outcome = LeftToPip(error)
            with self._changed:
                host = self.hosts[task.host]
                host.note_answer()
                self._wake()
            task.set_result(outcome)

    def _next(self) -> Task | None:
        """Wait for the most urgent task that its host allows; None at the end of the run."""
        with self._changed:
            while not self.is_stopped:
                now = time.monotonic()
                busy = [host for host in self.hosts.values() if host.queue]
                ready = (host for host in busy if host.admits(now))
                host = min(ready, key=lambda each: each.queue[0].rank, default=None)
                if host is not None:
                    host.busy += 1
                    return host.queue.pop(0)
                # Nothing notifies this thread of the end of a pause.
                is_paused = any(each.resumes > now for each in busy)
                self._changed.wait(POLL_INTERVAL if is_paused else None)
        return None
