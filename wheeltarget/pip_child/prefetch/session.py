"""pip's session, kept from one job to the next, and lent to the threads that fetch ahead.

Everything that goes over the network goes through it: so proxies, certificates, user and password,
pip's own cache and what ``Cache-Control`` says count as they do for pip. Threads only ever GET with
it, and ask the user nothing: where a host wants to know who is asking, it is left to pip.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool
from wheeltarget.pip_child.prefetch.rate_limit import host_of

_LONGEST_WAIT = 20.0
"""Seconds that a thread waits because a host says so; for more than that it is left to pip."""

_TOO_LONG = 600.0
"""Seconds for which nobody waits, not even pip: a host that asks for more has no answer now."""

_RETRIES = 2
"""How often a thread asks again; pip, to which it is left then, has all of its own."""

_UNAUTHORIZED = frozenset({401, 407})
_NOT_NOW = frozenset({408, 413, 425, 429})
_FIRST_FAULT = 500

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
"""Options of pip that differ from job to job and say nothing of how things are fetched."""


class SharedSession:
    """Keeps the session of a run.

    :param pool: the threads that it is lent to.
    :param forget: forgets what was fetched with a session before.
    """

    def __init__(self, pool: Pool, forget: Callable[[], None]) -> None:
        self.session: Any = None
        self._pool = pool
        self._forget = forget
        self._key = ""
        self._close: Callable[[], None] = _nothing
        self._fresh: tuple[list[Any], Any, Any] = ([], {}, None)

    def give(self, options: Any, make: Callable[[], Any]) -> Any:
        """Return the session for a job: that of the last one, unless its options were others.

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
            # What the requirements files of a job say of hosts and indexes counts for it alone.
            self._restore(self._fresh)
        return self.session

    @contextmanager
    def begun_anew(self) -> Iterator[Callable[[], bool]]:
        """Lend the session as another job would get it, and leave it afterwards as it is.

        :returns: a function that tells whether the other job has made of it what this one has.
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
        """Let a session outlive its command, and have a connection for each thread."""
        self._fresh = _state(session)
        self._close, session.close = session.close, _nothing
        set_retry(session, make_retry(self._pool))
        adapters = {*session.adapters.values(), session._trusted_host_adapter}
        for adapter in adapters:
            if hasattr(adapter, "init_poolmanager"):
                width = self._pool.hosts.limit + 1
                adapter.init_poolmanager(adapter._pool_connections, width)


def session_options(options: Any) -> str:
    """Write down what pip's options say of how things are fetched.

    :param options: the options of a job.
    """
    return repr(
        sorted(
            (name, value)
            for name, value in vars(options).items()
            if name not in _NOT_FOR_THE_SESSION
        )
    )


def _state(session: Any) -> tuple[list[Any], Any, Any]:
    """Return what requirements files may change of a session."""
    indexes = session.auth.index_urls
    return list(session.pip_trusted_origins), session.adapters.copy(), indexes


def _nothing() -> None:
    """Do nothing."""


def bounded_retry() -> type:
    """Make the class that tries a request again as pip does, but heeds no pause without end."""
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
                reason = f"it answers {response.status} and asks for a pause of {wait:.0f} seconds"
                raise exceptions.MaxRetryError(_pool, url, exceptions.ResponseError(reason))
            return super().increment(method, url, response, error, _pool, _stacktrace)

    # pip's warning that it tries again names it.
    BoundedRetry.__name__ = Retry.__name__
    return BoundedRetry


def set_retry(session: Any, retry: type) -> None:
    """Let a session decide by another class whether a request is tried again.

    :param session: pip's session.
    :param retry: a subclass of urllib3's class; all that pip has set stays as it is.
    """
    adapters = {*session.adapters.values(), getattr(session, "_trusted_host_adapter", None)}
    for adapter in adapters:
        if hasattr(adapter, "max_retries"):
            adapter.max_retries = copy.copy(adapter.max_retries)
            adapter.max_retries.__class__ = retry


def make_retry(pool: Pool) -> type:
    """Make the class that decides whether a request of a session with threads is tried again.

    :param pool: the threads, which heed a pause that a host asks anybody for.
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
                # pip, to which a host is left that asks for a long one, heeds it, too.
                pool.pause(asked_host(_pool, url), wait)
                if wait > _LONGEST_WAIT:
                    pool.shut(asked_host(_pool, url))
            if pool.is_here() and (
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
    """Return the host that was asked for something, as :func:`host_of` gives it.

    :param connections: the connections that were used for it, of urllib3's.
    :param url: what was asked for: a path, or, where a proxy was asked for it, a whole URL.
    """
    if url and not url.startswith("/"):
        return host_of(url)
    host = f"[{connections.host}]" if ":" in connections.host else connections.host
    port = "" if connections.port is None else f":{connections.port}"
    return host_of(f"{connections.scheme}://{host}{port}")


HEAD_OPTIONS = {"headers": {"Accept-Encoding": "identity"}, "allow_redirects": True}
"""How a file is asked for with HEAD; compressed on its way it would have another size."""


class ThreadSession:
    """The session as threads have it.

    :param session: pip's session.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._auth = session.auth

    def get(self, url: str, **named: Any) -> Any:
        """GET a URL, asking nobody who is asking."""
        return self._session.get(url, auth=self._identify, **named)

    def head(self, url: str) -> Any:
        """Ask for the headers of a URL, asking nobody who is asking."""
        return self._session.head(url, auth=self._identify, **HEAD_OPTIONS)

    def _identify(self, request: Any) -> Any:
        """Return user and password as far as they are known."""
        request = self._auth(request)
        request.deregister_hook("response", self._auth.handle_401)
        return request


def is_for_good(error: Exception) -> bool:
    """Return whether an error of pip's says what a host answers, today and tomorrow."""
    status = getattr(getattr(error, "response", None), "status_code", _FIRST_FAULT)
    return status < _FIRST_FAULT and status not in _NOT_NOW


def fetch(pool: Pool, url: str, get: Callable[[], Any]) -> Any:
    """Fetch something in a thread, and tell an answer for good from one that is to be left to pip.

    :param pool: the threads.
    :param url: what is fetched.
    :param get: fetches it.
    :returns: what ``get`` gives, or an error of pip's that it would meet, too, or :class:`Left`.
    """
    from pip._internal.exceptions import NetworkConnectionError

    try:
        return get()
    except NetworkConnectionError as error:
        status = getattr(error.response, "status_code", _FIRST_FAULT)
        if status in _UNAUTHORIZED:
            pool.shut(host_of(url))
        elif status in _NOT_NOW:
            pool.pause(host_of(url), 0)
        elif is_for_good(error):
            return error
        return LeftToPip(error)


def patch_session(sessions: SharedSession) -> Callable[[], None]:
    """Let every job have the session of the run.

    :param sessions: keeps it.
    :returns: what undoes it.
    """
    from pip._internal.cli.index_command import SessionCommandMixin

    build_here = SessionCommandMixin._build_session

    def build_session(self: Any, options: Any, *arguments: Any, **named: Any) -> Any:
        if arguments or named:  # to ask for pip's own newest version, with little patience
            return build_here(self, options, *arguments, **named)
        return sessions.give(options, lambda: build_here(self, options))

    def undo() -> None:
        SessionCommandMixin._build_session = build_here

    SessionCommandMixin._build_session = build_session
    return undo


def prove_session(sessions: SharedSession) -> bool:
    """Ask the command that pip makes for a session twice, and see whether it is one."""
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
    first = sessions.give(options, Session)
    try:
        return create_command("download")._build_session(options) is first
    finally:
        sessions.close()
