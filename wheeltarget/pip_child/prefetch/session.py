"""pip's session, shared by all jobs and by the threads that prefetch.

All requests use it, so that proxies, certificates, credentials and pip's cache apply as for pip.
Threads only send GET and HEAD requests, and never prompt: a host that needs credentials is left to
pip.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import current_thread
from typing import Any

from pip._internal.exceptions import NetworkConnectionError
from pip._vendor.urllib3.exceptions import MaxRetryError, ResponseError
from pip._vendor.urllib3.exceptions import TimeoutError as RequestTimeoutError
from pip._vendor.urllib3.util.retry import Retry

from wheeltarget.pip_child.prefetch.pool import Pool, Task, host_of

_LONGEST_WAIT, _TOO_LONG = 20.0, 600.0
"""The longest pause in seconds that a thread waits for a host, before the host is left to pip, and
the longest one that even pip waits for, before the request fails."""

_RETRIES = 2  # of a request in a thread; afterwards it is left to pip, with its own retries
_UNAUTHORIZED = frozenset({401, 407})
_TEMPORARY = frozenset({408, 413, 425, 429})
_SERVER_ERROR = 500

_PER_JOB = {"abis", "constraints", "dependency_groups", "download_dir", "format_control"}
_PER_JOB |= {"implementation", "platforms", "python_version", "requirements"}
"""Options of pip that may differ between jobs without another session."""

_State = tuple[list[Any], Any, Any]


class SharedSession:
    """The session of a run, which the threads of a pool use by ``get`` and ``head``.

    :param forget: forgets what was fetched with an earlier session.
    """

    def __init__(self, pool: Pool, forget: Callable[[], None]) -> None:
        self.pool, self._forget = pool, forget
        self.session: Any = None
        self._options = ""
        self._closing = ExitStack()
        self._fresh: _State = ([], {}, None)

    def for_job(self, options: Any, make: Callable[[], Any]) -> Any:
        """Return the session for a job, which is new if its options differ from the last one's."""
        needed = session_options(options)
        if self.session is None or needed != self._options:
            self.close()
            self._forget()
            self.session, self._options = make(), needed
            self._adopt(self.session)
        else:
            # Hosts and indexes from requirements files apply to their job only.
            self._restore(self._fresh)
        return self.session

    @contextmanager
    def reset(self) -> Iterator[Callable[[], bool]]:
        """Reset the session for another job; get a function to check that it sets it up alike."""
        before = _state(self.session)
        self._restore(self._fresh)
        try:
            yield lambda: _state(self.session) == before
        finally:
            self._restore(before)

    def _restore(self, state: _State) -> None:
        trusted, adapters, indexes = state
        self.session.pip_trusted_origins[:] = trusted
        self.session.adapters = adapters.copy()
        self.session.auth.index_urls = indexes

    def close(self) -> None:
        """Close the session, if there is one."""
        self._closing.close()
        self.session = None

    def _adopt(self, session: Any) -> None:
        """Keep a session open after its command, with a connection for each thread."""
        self._fresh = _state(session)
        self._closing.callback(session.close)
        session.close = lambda: None
        set_retry(session, watched_retry(self.pool))
        for adapter in _adapters(session):
            if hasattr(adapter, "init_poolmanager"):
                adapter.init_poolmanager(adapter._pool_connections, self.pool.limit + 1)

    def submit(self, url: str, rank: int, fetch: Callable[[], Any]) -> Task:
        """Start to fetch something in a thread.

        :returns: a task; its outcome is that of ``fetch``, a permanent error, or LeftToPip.
        """
        task = Task(url, rank, partial(self._fetch, host_of(url), fetch))
        self.pool.submit(task)
        return task

    def _fetch(self, host: str, fetch: Callable[[], Any]) -> Any:
        try:
            return fetch()
        except NetworkConnectionError as error:
            status = _status(error)
            if status in _UNAUTHORIZED:
                self.pool.shut(host)
            elif status in _TEMPORARY:
                self.pool.pause(host, 0)
            elif is_permanent(error):
                return error
            raise

    def get(self, url: str, **named: Any) -> Any:
        """Send a GET request, without prompts."""
        session = self.session
        return session.get(url, auth=partial(_identify, session.auth), **named)

    def head(self, url: str) -> Any:
        """Send a HEAD request, without prompts."""
        # A compressed response would have another size.
        named = {"headers": {"Accept-Encoding": "identity"}, "allow_redirects": True}
        session = self.session
        return session.head(url, auth=partial(_identify, session.auth), **named)


def _identify(auth: Any, request: Any) -> Any:
    """Add known credentials to a request, and do not prompt for others."""
    request = auth(request)
    request.deregister_hook("response", auth.handle_401)
    return request


def session_options(options: Any) -> str:
    """Return the options that a session depends on, as a text to compare."""
    needed = vars(options).items()
    return repr(sorted(each for each in needed if each[0] not in _PER_JOB))


def _state(session: Any) -> _State:
    """Return the state of a session that requirements files may change."""
    return list(session.pip_trusted_origins), session.adapters.copy(), session.auth.index_urls


def _status(error: Any) -> int:
    return getattr(getattr(error, "response", None), "status_code", _SERVER_ERROR)


def is_permanent(error: Exception) -> bool:
    """Return whether an error of pip is a permanent answer of the host."""
    status = _status(error)
    return status < _SERVER_ERROR and status not in _TEMPORARY


class BoundedRetry(Retry):  # type: ignore[misc]
    """Repeat requests as pip does, but refuse very long pauses."""

    def increment(self, method: Any = None, url: Any = None, **named: Any) -> Any:
        """Return what is left to do after an answer or an error; raises MaxRetryError."""
        wait = self.pause_after(named.get("response"))
        if wait > _TOO_LONG:
            status = named["response"].status
            error = ResponseError(f"it answers {status} with Retry-After: {wait:.0f} seconds")
            raise MaxRetryError(named.get("_pool"), url, error)
        return super().increment(method, url, **named)

    def pause_after(self, response: Any) -> float:
        """Return the seconds of the pause that a response asks for."""
        return (self.get_retry_after(response) if response is not None else None) or 0.0


# pip's warnings about retries show the name.
BoundedRetry.__name__ = Retry.__name__


def watched_retry(pool: Pool) -> type:
    """Return the class by which all threads wait if a host asks one of them to."""

    class WatchedRetry(BoundedRetry):
        def increment(self, method: Any = None, url: Any = None, **named: Any) -> Any:
            connections, error = named.get("_pool"), named.get("error")
            wait = self.pause_after(named.get("response"))
            if 0 < wait <= _TOO_LONG:
                # The pause also applies to pip, to which the host is left after a long one.
                pool.pause(asked_host(connections, url), wait)
            if is_long := wait > _LONGEST_WAIT:
                pool.shut(asked_host(connections, url))
            is_over = pool.is_stopped or is_long or isinstance(error, RequestTimeoutError)
            if current_thread() in pool.threads and (is_over or len(self.history) >= _RETRIES):
                raise MaxRetryError(connections, url, error)
            return super().increment(method, url, **named)

    WatchedRetry.__name__ = Retry.__name__
    return WatchedRetry


def asked_host(connections: Any, url: str | None) -> str:
    """Return the host of a request to urllib3's pool of connections, as :func:`host_of` does.

    :param url: the path, or the whole URL if a proxy was used.
    """
    if url and not url.startswith("/"):
        return host_of(url)
    host = f"[{connections.host}]" if ":" in connections.host else connections.host
    port = "" if connections.port is None else f":{connections.port}"
    return host_of(f"{connections.scheme}://{host}{port}")


def set_retry(session: Any, retry: type) -> None:
    """Replace the class that decides whether a session repeats a request; keep pip's settings."""
    for adapter in _adapters(session):
        if hasattr(adapter, "max_retries"):
            adapter.max_retries = copy.copy(adapter.max_retries)
            adapter.max_retries.__class__ = retry


def _adapters(session: Any) -> set[Any]:
    return {*session.adapters.values(), getattr(session, "_trusted_host_adapter", None)}
