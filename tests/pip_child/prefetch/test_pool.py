"""The parts of prefetching that need no index: hosts, threads, and the filter for files."""

from __future__ import annotations

import errno
import threading
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from pip._internal.models.link import Link
from pip._vendor.urllib3 import HTTPResponse, PoolManager, ProxyManager
from pip._vendor.urllib3.exceptions import MaxRetryError

from wheeltarget.pip_child.prefetch.pages import FileFilter, Needs, kind_of
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool, Task
from wheeltarget.pip_child.prefetch.rate_limit import Hosts, host_of
from wheeltarget.pip_child.prefetch.session import asked_host, bounded_retry, make_retry
from wheeltarget.pip_child.prefetch.wheels import Wheels

WORDS = st.sampled_from(["cp39", "CP39", "py3", "py2", "abi3", "none", "any", "linux_x86_64"])
SETS = st.lists(WORDS, min_size=1, max_size=3).map(".".join)
TAGS = st.builds(Tag, WORDS, WORDS, WORDS)


@given(
    name=st.sampled_from(["app", "some_app", "a.b"]),
    build=st.sampled_from(["", "-1", "-2b"]),
    tags=st.tuples(SETS, SETS, SETS),
    supported=st.frozensets(TAGS, max_size=4),
    tail=st.sampled_from(["", "#sha256=00", "?x=/y-z.whl", "?x#y"]),
)
def test_sieve_takes_the_wheels_that_have_a_tag_of_the_target(
    name: str, build: str, tags: tuple[str, str, str], supported: frozenset[Tag], tail: str
) -> None:
    filename = f"{name}-1.0+local.1{build}-{'-'.join(tags)}.whl"
    url = f"https://example.invalid/a-b/{filename}{tail}"
    fits = not supported.isdisjoint(parse_wheel_filename(filename)[3])
    sieve = FileFilter(Needs(frozenset(map(str, supported)), sources=False))
    assert sieve.takes(kind_of(url)) == fits


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://h/app-1.tar.gz", "source"),
        ("https://h/app-1.zip#sha256=0", "source"),
        ("app-1-py3-none-any.whl", "py3-none-any"),
        # What pip is left to judge.
        ("https://h/what#egg=app-1", ""),
        ("https://h/app.whl", ""),
        ("https://h/py3-none-any.whl", ""),
        ("https://h/app-1-py3-none-an%79.whl", ""),
        ("https://h/simple/", ""),
    ],
)
def test_kind_of_file(url: str, kind: str) -> None:
    assert kind_of(url) == kind
    assert FileFilter(Needs(frozenset({"py3-none-any"}), sources=True)).takes(kind)


def test_needs_cover_what_is_in_them() -> None:
    some = Needs(frozenset("ab"), sources=False)
    assert some.cover(Needs(frozenset("a"), sources=False))
    assert not some.cover(Needs(frozenset("ac"), sources=False))
    assert not some.cover(Needs(frozenset("a"), sources=True))
    assert (some | Needs(frozenset("c"), sources=True)).cover(Needs(frozenset("abc"), sources=True))


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
    # A pause that is asked for is asked for by the same name, whoever carries the question.
    bare = url.replace("me:secret@", "")
    path = urlsplit(bare).path
    assert asked_host(PoolManager().connection_from_url(bare), path) == host
    through_proxy = ProxyManager("http://proxy.invalid:3128").connection_from_url(bare)
    assert asked_host(through_proxy, bare if bare.startswith("http:") else path) == host


def test_host_is_asked_once_until_it_answers_and_then_as_much_as_allowed() -> None:
    hosts = Hosts(3)
    hosts.ask("h")
    assert not hosts.admits("h", 0)
    assert hosts.admits("other", 0)
    assert hosts.answer("h")
    for _ in range(3):
        assert hosts.admits("h", 0)
        hosts.ask("h")
    assert not hosts.admits("h", 0)


def test_host_that_asks_for_a_pause_is_asked_less_afterwards() -> None:
    hosts = Hosts(8)
    hosts.ask("h")
    hosts.answer("h")
    hosts.pause("h", 5.0)
    assert (hosts.admits("h", 4.9), hosts.admits("h", 5.0)) == (False, True)
    assert (hosts["h"].limit, hosts.pause_ends()) == (4, 5.0)
    hosts.pause("h", 1.0)
    assert (hosts["h"].limit, hosts.pause_ends()) == (2, 5.0)
    limits = []
    for _ in range(8 + 12 + 16 + 100):
        hosts.ask("h")
        hosts.answer("h")
        limits.append(hosts["h"].limit)
    assert [limits.index(limit) + 1 for limit in (3, 4, 5)] == [8, 8 + 12, 8 + 12 + 16]
    assert max(limits) == 8
    hosts.shut("h")
    assert not hosts.admits("h", 9)
    hosts.reopen("h")
    assert hosts.admits("h", 9)


def test_pool_does_the_most_urgent_first_and_gives_what_is_withdrawn_back() -> None:
    pool, done, go = Pool(Hosts(1), 1), [], threading.Event()

    def task(name: str, rank: int) -> Task:
        made = Task(f"http://h/{name}", rank, lambda: done.append(name))
        pool.submit(made)
        return made

    first = Task("http://h/first", 0, lambda: go.wait(10))
    pool.submit(first)
    last, early, never = task("last", 2), task("early", 1), task("never", 1)
    assert pool.withdraw(never)
    assert isinstance(never.wait(), LeftToPip)
    while not first.is_running:
        time.sleep(0.001)
    assert not pool.withdraw(first)
    go.set()
    last.wait()
    early.wait()
    assert done == ["early", "last"]
    pool.stop(patience=5)
    assert not pool.withdraw(last)


def test_pool_begins_all_at_once_that_a_host_may_be_asked_at_once() -> None:
    pool, together = Pool(Hosts(5), 8), threading.Barrier(5)
    first = Task("http://h/first", 0, lambda: "answer")
    pool.submit(first)
    assert first.wait() == "answer"
    # One thread is idle now; that it was told of one task does not make it do all of them.
    rest = [Task(f"http://h/{each}", 0, lambda: together.wait(10)) for each in range(5)]
    for each in rest:
        pool.submit(each)
    assert sorted(each.wait() for each in rest) == [0, 1, 2, 3, 4]
    pool.stop(patience=5)


def test_pool_leaves_what_fails_and_the_rest_of_a_host_that_is_shut() -> None:
    pool = Pool(Hosts(1), 2)

    def fail() -> None:
        pool.shut("h")
        raise ValueError("no")

    tasks = [Task(f"http://h/{number}", 0, fail) for number in range(3)]
    for each in tasks:
        pool.submit(each)
    assert all(isinstance(each.wait(), LeftToPip) for each in tasks)
    assert pool.is_shut("h")
    pool.stop(patience=5)


@pytest.mark.parametrize(("wait", "is_shut"), [(15, False), (25, True)])
@pytest.mark.parametrize("as_date", [False, True])
def test_pause_that_a_host_asks_for_is_for_all(wait: int, *, is_shut: bool, as_date: bool) -> None:
    """If it is too long for the threads, pip still waits."""
    pool, connections = Pool(Hosts(8), 1), PoolManager().connection_from_url("https://h/")
    then = formatdate(time.time() + wait, usegmt=True)
    response = HTTPResponse(status=429, headers={"Retry-After": then if as_date else str(wait)})
    retry = make_retry(pool)(total=5)
    retry.increment("GET", "/a", response=response, _pool=connections)
    assert wait - 2 < pool.hosts["h"].resumes - time.monotonic() <= wait
    assert (pool.is_shut("h"), pool.hosts["h"].limit) == (is_shut, 1)
    # So pip's warning of it says.
    assert repr(retry).startswith("Retry(total=5, ")


def test_pause_that_is_too_long_is_nobodys() -> None:
    """pip, to which the host is left, gives up as well, instead of waiting for hours."""
    pool, connections = Pool(Hosts(8), 1), PoolManager().connection_from_url("https://h/")
    for retry in (make_retry(pool)(total=5), bounded_retry()(total=5)):
        response = HTTPResponse(status=503, headers={"Retry-After": "601"})
        with pytest.raises(MaxRetryError, match="Retry-After: 601 seconds"):
            retry.increment("GET", "/a", response=response, _pool=connections)
    assert pool.is_shut("h")
    assert pool.hosts["h"].resumes == 0


@pytest.mark.parametrize("is_temporary", [False, True])
def test_store_without_room_is_filled_no_further(tmp_path: Path, *, is_temporary: bool) -> None:
    """A file that is left to pip is not fetched twice."""
    asked: list[str] = []

    def get(url: str, **_named: object) -> object:
        asked.append(url)
        return SimpleNamespace(status_code=200, reason="", headers={}, close=lambda: None)

    def write(_sha256: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pool = Pool(Hosts(1), 1)
    wheels = Wheels(pool, lambda: SimpleNamespace(get=get), tmp_path, is_temporary=is_temporary)
    wheels.store.writing = write  # type: ignore[method-assign, assignment]
    links = [Link(f"http://h/{name}-1-py3-none-any.whl#sha256={'0' * 64}") for name in "abc"]
    tasks = [wheels.fetch(link, 0) for link in links]
    assert all(task is not None and isinstance(task.wait(), LeftToPip) for task in tasks)
    pool.stop(1)
    # Where it is pip's own folder that is full, pip is to say so of each file.
    assert (len(asked), wheels.is_full) == ((3, False) if is_temporary else (1, True))
