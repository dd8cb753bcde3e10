"""What a host allows, and the threads that fetch."""

from __future__ import annotations

import threading

import pytest

from wheeltarget.pip_child.prefetch.pool import Host, LeftToPip, Pool, Task, host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.invalid/a", "example.invalid"),
        ("http://me:secret@h:8080/a", "h:8080"),
        ("http://[::1]:80/", "[::1]"),
        ("https://[fe80::443]/", "[fe80::443]"),
        ("https://h:443/a", "h"),
        ("https://h:80/a", "h:80"),
    ],
)
def test_host_of_url(url: str, host: str) -> None:
    assert host_of(url) == host


def test_host_is_asked_once_until_it_answers_and_then_as_much_as_allowed() -> None:
    host = Host(3)
    assert host.admits(0)
    host.busy += 1
    assert not host.admits(0)
    host.note_answer()
    for _ in range(3):
        assert host.admits(0)
        host.busy += 1
    assert not host.admits(0)


def test_host_that_asks_for_a_pause_is_asked_less_afterwards() -> None:
    host = Host(8, busy=1)
    host.note_answer()
    host.pause(5.0)
    assert (host.admits(4.9), host.admits(5.0)) == (False, True)
    assert (host.limit, host.resumes) == (4, 5.0)
    host.pause(1.0)
    assert (host.limit, host.resumes) == (2, 5.0)
    limits = []
    for _ in range(8 + 12 + 16 + 100):
        host.busy += 1
        host.note_answer()
        limits.append(host.limit)
    assert [limits.index(limit) + 1 for limit in (3, 4, 5)] == [8, 8 + 12, 8 + 12 + 16]
    assert max(limits) == 8
    host.is_shut = True
    assert not host.admits(9)


def test_pool_does_the_most_urgent_first_and_gives_what_is_withdrawn_back() -> None:
    pool, done = Pool(1, 1), []
    begun, go = threading.Event(), threading.Event()

    def task(name: str, rank: int) -> Task:
        made = Task(f"http://h/{name}", rank, lambda: done.append(name))
        pool.submit(made)
        return made

    def begin() -> None:
        begun.set()
        go.wait(10)

    first = Task("http://h/first", 0, begin)
    pool.submit(first)
    last, early, never = task("last", 2), task("early", 1), task("never", 1)
    assert pool.withdraw(never)
    assert isinstance(never.wait(), LeftToPip)
    assert begun.wait(10)
    assert not pool.withdraw(first)
    go.set()
    last.wait()
    early.wait()
    assert done == ["early", "last"]
    pool.stop(patience=5)
    assert not pool.withdraw(last)


def test_pool_begins_all_at_once_that_a_host_may_be_asked_at_once() -> None:
    pool, together = Pool(5, 8), threading.Barrier(5)
    first = Task("http://h/first", 0, lambda: "answer")
    pool.submit(first)
    assert first.wait() == "answer"
    # One thread is idle now; that it was told of one task does not make it do all of them.
    rest = [Task(f"http://h/{each}", 0, lambda: together.wait(10)) for each in range(5)]
    for each in rest:
        pool.submit(each)
    assert sorted(each.wait() for each in rest) == [0, 1, 2, 3, 4]
    pool.stop(patience=5)


def test_pool_starts_no_more_threads_than_there_are_requests_at_once() -> None:
    pool = Pool(4, 16)
    try:
        for number in range(5):  # a thread is idle again when the next one is submitted
            task = Task(f"http://h/{number}", 0, lambda: None)
            pool.submit(task)
            task.wait()
        assert len(pool.threads) <= 2  # the first may not have seen that its task has ended
        together = threading.Barrier(5)
        tasks = [Task(f"http://h/at-once-{number}", 0, together.wait) for number in range(12)]
        for task in tasks:
            pool.submit(task)
        together.wait(10)
        assert len(pool.threads) == 4
    finally:
        together.abort()
        pool.stop(1.0)


def test_pool_leaves_what_fails_and_the_rest_of_a_host_that_is_shut() -> None:
    pool = Pool(1, 2)

    def fail() -> None:
        pool.shut("h")
        raise ValueError("no")

    tasks = [Task(f"http://h/{number}", 0, fail) for number in range(3)]
    for each in tasks:
        pool.submit(each)
    assert all(isinstance(each.wait(), LeftToPip) for each in tasks)
    assert pool.is_shut("h")
    late = Task("http://h/late", 0, fail)
    pool.submit(late)
    assert isinstance(late.outcome, LeftToPip)
    pool.reopen("h")
    again = Task("http://h/again", 0, lambda: "answer")
    pool.submit(again)
    assert again.wait() == "answer"
    pool.stop(patience=5)
