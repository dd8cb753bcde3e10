"""pip's session, shared by all jobs and by the threads that prefetch.

All requests use it, so that proxies, certificates, credentials and pip's cache apply as for pip.
Threads only send GET and HEAD requests, and never prompt: a host that needs credentials is left to
pip.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool
from wheeltarget.pip_child.prefetch.rate_limit import host_of

_LONGEST_WAIT = 20.0
"""The longest pause in seconds that a thread waits for a host; then the host is left to pip."""

_TOO_LONG = 600.0
"""The longest pause in seconds that even pip waits for; then the request fails."""

_RETRIES = 2
"""How often a thread repeats a request; afterwards it is left to pip, with its own retries."""

_UNAUTHORIZED = frozenset({401, 407})
_TEMPORARY = frozenset({408, 413, 425, 429})
_SERVER_ERROR = 500

_NOT_FOR_THE_SESSION = frozenset(
    {
        "abis",
        "constraints",
        "dependency_groups",
        "download_dir",
        "format_control",
        "implementation",
        "platforms",
        "python_version",
        "requirements",
    }
)
"""Options of pip that may differ between jobs without another session."""


class SharedSession:
    """The session of a run.

    :param pool: the threads that use it.
    :param forget: forgets what was fetched with an earlier session.
    """

    def __init__(self, pool: Pool, forget: Callable[[], None]) -> None:
        self.session: Any = None
        self._pool = pool
        self._forget = forget
        self._key = ""
        self._close: Callable[[], None] = _nothing
        self._fresh: tuple[list[Any], Any, Any] = ([], {}, None)

    def get(self, options: Any, make: Callable[[], Any]) -> Any:
        """Return the session for a job, which is new if its options differ from the last one's.

        :param options: pip's options for the job.
        :param make: makes a new session.
        """
        key = session_options(options)
        if self.session is None or key != self._key:
            self.close()
            self._forget()
            self.session, self._key = make(), key
            self._adopt(self.session)
        else:
            # Hosts and indexes from requirements files apply to their job only.
            self._restore(self._fresh)
        return self.session

    @contextmanager
    def reset(self) -> Iterator[Callable[[], bool]]:
        """Reset the session for another job for a while.

        :returns: a function that returns whether the other job has set it up as this one did.
        """
        before = _state(self.session)
        self._restore(self._fresh)
        try:
            yield lambda: _state(self.session) == before
        finally:
            self._restore(before)

    def _restore(self, state: tuple[list[Any], Any, Any]) -> None:
        trusted, adapters, indexes = state
        self.session.pip_trusted_origins[:] = trusted
        self.session.adapters = adapters.copy()
        self.session.auth.index_urls = indexes

    def close(self) -> None:
        """Close the session, if there is one."""
        self._close()
        self.session, self._close = None, _nothing

    def _adopt(self, session: Any) -> None:
        """Keep a session open after its command, with a connection for each thread."""
        self._fresh = _state(session)
        self._close, session.close = session.close, _nothing
        set_retry(session, make_retry(self._pool))
        adapters = {*session.adapters.values(), session._trusted_host_adapter}
        for adapter in adapters:
            if hasattr(adapter, "init_poolmanager"):
                width = self._pool.hosts.limit + 1
                adapter.init_poolmanager(adapter._pool_connections, width)


def session_options(options: Any) -> str:
    """Return the options that a session depends on, as a text to compare."""
    return repr(
        sorted(
            (name, value)
            for name, value in vars(options).items()
            if name not in _NOT_FOR_THE_SESSION
        )
    )


def _state(session: Any) -> tuple[list[Any], Any, Any]:
    """Return the state of a session that requirements files may change."""
    indexes = session.auth.index_urls
    return list(session.pip_trusted_origins), session.adapters.copy(), indexes


def _nothing() -> None:
    """Do nothing."""


def bounded_retry() -> type:
    """Return a class that repeats requests as pip does, but refuses very long pauses."""
    from pip._vendor.urllib3 import exceptions
    from pip._vendor.urllib3.util.retry import Retry

    class BoundedRetry(Retry):  # type: ignore[misc]
        def increment(
            self,
            method: Any = None,
            url: Any = None,
            response: Any = None,
            error: Any = None,
            _pool: Any = None,
            _stacktrace: Any = None,
        ) -> Any:
            wait = self.get_retry_after(response) if response is not None else None
            if wait and wait > _TOO_LONG:
                reason = f"it answers {response.status} with Retry-After: {wait:.0f} seconds"
                raise exceptions.MaxRetryError(_pool, url, exceptions.ResponseError(reason))
            return super().increment(method, url, response, error, _pool, _stacktrace)

    # pip's warnings about retries show the name.
    BoundedRetry.__name__ = Retry.__name__
    return BoundedRetry


def set_retry(session: Any, retry: type) -> None:
    """Replace the class that decides whether a session repeats a request.

    :param session: pip's session.
    :param retry: a subclass of urllib3's class; pip's settings are kept.
    """
    adapters = {*session.adapters.values(), getattr(session, "_trusted_host_adapter", None)}
    for adapter in adapters:
        if hasattr(adapter, "max_retries"):
            adapter.max_retries = copy.copy(adapter.max_retries)
            adapter.max_retries.__class__ = retry


def make_retry(pool: Pool) -> type:
    """Return the class that decides whether a shared session repeats a request.

    :param pool: the threads, which all wait if a host asks one of them to.
    """
    from pip._vendor.urllib3 import exceptions

    bounded: Any = bounded_retry()

    class WatchedRetry(bounded):  # type: ignore[misc]
        def increment(
            self,
            method: Any = None,
            url: Any = None,
            response: Any = None,
            error: Any = None,
            _pool: Any = None,
            _stacktrace: Any = None,
        ) -> Any:
            wait = self.get_retry_after(response) if response is not None else None
            if wait and wait > _TOO_LONG:
                pool.shut(asked_host(_pool, url))
            elif wait:
                # The pause also applies to pip, to which the host is left after a long one.
                pool.pause(asked_host(_pool, url), wait)
                if wait > _LONGEST_WAIT:
                    pool.shut(asked_host(_pool, url))
            if pool.is_current() and (
                pool.is_stopped
                or len(self.history) >= _RETRIES
                or (wait or 0) > _LONGEST_WAIT
                or isinstance(error, exceptions.TimeoutError)
            ):
                raise exceptions.MaxRetryError(_pool, url, error)
            return super().increment(method, url, response, error, _pool, _stacktrace)

    WatchedRetry.__name__ = bounded.__name__
    return WatchedRetry


def asked_host(connections: Any, url: str | None) -> str:
    """Return the host of a request, as :func:`host_of` does.

    :param connections: urllib3's connection pool.
    :param url: the path, or the whole URL if a proxy was used.
    """
    if url and not url.startswith("/"):
        return host_of(url)
    host = f"[{connections.host}]" if ":" in connections.host else connections.host
    port = "" if connections.port is None else f":{connections.port}"
    return host_of(f"{connections.scheme}://{host}{port}")


HEAD_OPTIONS = {"headers": {"Accept-Encoding": "identity"}, "allow_redirects": True}
"""Options for HEAD requests; a compressed response would have another size."""


class ThreadSession:
    """The session for use in threads, without prompts.

    :param session: pip's session.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._auth = session.auth

    def get(self, url: str, **named: Any) -> Any:
        """Send a GET request."""
        return self._session.get(url, auth=self._identify, **named)

    def head(self, url: str) -> Any:
        """Send a HEAD request."""
        return self._session.head(url, auth=self._identify, **HEAD_OPTIONS)

    def _identify(self, request: Any) -> Any:
        """Add known credentials to a request, and do not prompt for others."""
        request = self._auth(request)
        request.deregister_hook("response", self._auth.handle_401)
        return request


def is_permanent(error: Exception) -> bool:
    """Return whether an error of pip is a permanent answer of the host."""
    status = getattr(getattr(error, "response", None), "status_code", _SERVER_ERROR)
    return status < _SERVER_ERROR and status not in _TEMPORARY


def fetch(pool: Pool, url: str, get: Callable[[], Any]) -> Any:
    """Fetch something in a thread.

    :param pool: the threads.
    :param url: its URL.
    :param get: fetches it.
    :returns: the result of ``get``, a permanent error of pip, or :class:`LeftToPip`.
    """
    from pip._internal.exceptions import NetworkConnectionError

    try:
        return get()
    except NetworkConnectionError as error:
        status = getattr(error.response, "status_code", _SERVER_ERROR)
        if status in _UNAUTHORIZED:
            pool.shut(host_of(url))
        elif status in _TEMPORARY:
            pool.pause(host_of(url), 0)
        elif is_permanent(error):
            return error
        return LeftToPip(error)


def patch_session(sessions: SharedSession) -> Callable[[], None]:
    """Use the session of the run for every job; return a function that undoes it."""
    from pip._internal.cli.index_command import SessionCommandMixin

    original_build = SessionCommandMixin._build_session

    def build_session(self: Any, options: Any, *arguments: Any, **named: Any) -> Any:
        if arguments or named:  # a session with a short timeout for pip's version check
            return original_build(self, options, *arguments, **named)
        return sessions.get(options, lambda: original_build(self, options))

    def undo() -> None:
        SessionCommandMixin._build_session = original_build

    SessionCommandMixin._build_session = build_session
    return undo


def prove_session(sessions: SharedSession) -> bool:
    """Check that pip's command uses the session of the run."""
    from types import SimpleNamespace

    from pip._internal.commands import create_command

    class Session:
        def __init__(self) -> None:
            self.pip_trusted_origins: list[Any] = []
            self.adapters = {"": self}
            self.auth = SimpleNamespace(index_urls=None)
            self._trusted_host_adapter = self

        def close(self) -> None:
            """Be closed."""

    options = SimpleNamespace()
    first = sessions.get(options, Session)
    try:
        return create_command("download")._build_session(options) is first
    finally:
        sessions.close()
