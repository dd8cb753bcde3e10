"""Meet each call of the system that writes: count them, fail in one, or be killed there."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

WRITING = (
    *("open", "write", "fsync", "ftruncate", "mkdir", "link"),
    *("replace", "rename", "unlink", "rmdir"),
)
ROOM = frozenset({"open", "write", "fsync", "mkdir", "link"})
"""Those of them for which a full disk has no room."""


@contextmanager
def meeting(meet: Callable[[int, str, partial[Any]], Any]) -> Iterator[list[str]]:
    """Do something at each call that writes.

    :param meet: is handed the number of the call, from 0, its name and the call itself, and
        returns what the call returns.
    :returns: the names of the calls so far.
    """
    names: list[str] = []
    real = {name: getattr(os, name) for name in WRITING}

    def wrap(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real[name](*arguments, **named)
            names.append(name)
            return meet(len(names) - 1, name, partial(real[name], *arguments, **named))

        return call

    try:
        for name in WRITING:
            setattr(os, name, wrap(name))
        # The system says what a function can do by the function itself.
        for offered in (os.supports_dir_fd, os.supports_follow_symlinks, os.supports_fd):
            offered |= {getattr(os, name) for name in WRITING if real[name] in offered}
        yield names
    finally:
        for name in WRITING:
            setattr(os, name, real[name])


def error_of(call: partial[Any], number: int) -> OSError:
    """Make the error that a call ends with.

    :param number: what is wrong.
    """
    path = call.args[0] if isinstance(call.args[0], str | os.PathLike) else None
    return OSError(number, os.strerror(number), path and os.fspath(path))


def in_a_fork(work: Callable[[], None]) -> int:
    """Do something in a process that is a copy of this one.

    :returns: its exit code, negative if a signal ended it.
    """
    with warnings.catch_warnings():
        # Other threads are the test runner's, and have no part in it.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, the copy ends here
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_at(work: Callable[[], None], number: int, *, before: bool) -> bool:
    """Do something in a fork that is killed at one of its calls.

    :param number: which one, from 0.
    :param before: whether the call is not made any more.
    :returns: whether it came to that call.
    """

    def meet(count: int, _name: str, call: partial[Any]) -> Any:
        if count != number:
            return call()
        try:
            if not before:
                call()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    def working() -> None:
        with meeting(meet):
            work()

    code = in_a_fork(working)
    assert code in {0, -signal.SIGKILL}
    return code != 0
