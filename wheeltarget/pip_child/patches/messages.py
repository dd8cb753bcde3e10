"""Patches of pip's messages: they name the destination, show no passwords, and explain errors.

Only a trial run of pip proves them.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pip._internal.distributions.sdist import SourceDistribution
from pip._internal.exceptions import CommandError, HashMismatch, InvalidWheel, PipError
from pip._internal.utils import logging as pip_logging
from pip._internal.utils.logging import BrokenStdoutLoggingError
from pip._internal.utils.misc import redact_auth_from_url
from pip._vendor.requests import RequestException
from pip._vendor.urllib3 import exceptions as urllib3

from wheeltarget.pip_child.job import CurrentJob, JobState, replaces

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_STEPS, _STEP_INTERVAL = "pip._internal.cli.spinners", 20.0
"""The logger of the steps of a build, which may take minutes, and seconds until one is shown."""

RESULT = logging.INFO + 1
"""The level of the line that stands for what pip says in a quiet job."""

_LOGGER = logging.getLogger(__name__)
_CREDENTIALS = re.compile(r"(?<=://)([^/\s:@]*:)?[^/\s]+@")
"""A user name that is followed by a password, and the rest, which may contain an @."""


def patch_messages(current: CurrentJob) -> None:
    """Replace the job's folder in log records by the destination, and redact passwords."""
    original_make = logging.getLogRecordFactory()

    def translate(value: object) -> object:
        folder = current.job.order.folder
        if isinstance(value, int | float) or not folder:
            return value
        original = str(value)
        text = _CREDENTIALS.sub(r"\1****@", original)
        if folder not in text:
            return value if text == original else text
        # Not if it is only the beginning of another folder's name.
        pattern = re.escape(folder) + r"(?![\w-]|\.\w)"
        return re.sub(pattern, lambda _: current.job.order.destination, text)

    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = original_make(*arguments, **named)
        record.msg = translate(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(translate(each) for each in record.args)
        if record.exc_info:
            # Handlers use this text if it is set.
            record.exc_text = str(translate(logging.Formatter().formatException(record.exc_info)))
        return record

    logging.setLogRecordFactory(make)
    _hold_lines(current)


def _hold_lines(current: CurrentJob) -> None:
    """Hold what pip says at its normal verbosity in a quiet job, unless it fails unexpectedly.

    Before a warning or an error, the first line is shown, which names the target. Of a build, one
    line is shown, and a step from time to time.
    """
    last_shown = time.monotonic()

    @replaces(pip_logging.RichPipStreamHandler, "emit", optional=True)
    def emit(original: Any, handler: Any, record: logging.LogRecord) -> None:
        nonlocal last_shown
        job, now = current.job, time.monotonic()
        is_slow = record.name == _STEPS and now - last_shown >= _STEP_INTERVAL
        is_progress = record.levelno <= logging.INFO and not is_slow
        # With pip's options for more or less output, the handler has another level.
        if job.order.quiet and is_progress and handler.level == logging.INFO:
            job.held.append(handler.format(record))
            return
        last_shown = now
        if record.levelno > RESULT:
            is_known = job.failure is not None or isinstance(sys.exception(), KeyboardInterrupt)
            is_surprise = record.levelno >= logging.ERROR and not is_known
            lines = job.held[job.shown : None if is_surprise else 1]
            job.shown += len(lines)
            with suppress(OSError, AttributeError):  # nobody reads it
                sys.stdout.writelines(f"{line}\n" for line in lines)
                sys.stdout.flush()
        original(handler, record)

    @replaces(SourceDistribution, "prepare_distribution_metadata", optional=True)
    def prepare(original: Any, self: Any, *rest: Any, **named: Any) -> Any:
        if current.job.order.quiet:
            with pip_logging.indent_log(-pip_logging.get_indentation()):
                _LOGGER.log(RESULT, "Building %s", self.req.link.filename)
        return original(self, *rest, **named)


@contextmanager
def silenced(logger: logging.Logger) -> Iterator[None]:
    """Disable a logger for a while."""
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


@contextmanager
def explained(job: JobState) -> Iterator[None]:
    """Turn unexpected errors of pip into a sentence; ``-vv`` shows the traceback."""
    try:
        yield
    except InvalidWheel as error:
        raise CommandError(_describe_wheel(Path(error.location))) from error
    except HashMismatch as error:
        mismatch = job.failure.mismatch if job.failure else None
        if mismatch is None or not mismatch.index:
            raise
        # pip says that the hash is from a requirements file.
        name = mismatch.file.rpartition("/")[2]
        message = f"{name} does not have the hash that {mismatch.index} lists"
        raise CommandError(message) from error
    except (PipError, BrokenStdoutLoggingError):
        raise
    except Exception as error:
        raise CommandError(_describe_unexpected(error)) from error


def _describe_wheel(wheel: Path) -> str:
    """Return what is wrong with a file that is not a valid wheel."""
    # The name of a temporary folder would not help.
    named = wheel.name if wheel.parent.name.startswith("pip-") else wheel
    try:
        with wheel.open("rb") as handle:
            start = handle.read(512).lstrip().lower()
    except OSError as error:
        return f"{named} cannot be read: {error.strerror}"
    if not start:
        return f"{named} is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"{named} is a web page, not a wheel: does the index require a login?"
    return f"{named} is not a valid wheel: it cannot be unpacked"


def _describe_unexpected(error: Exception) -> str:
    """Return a sentence for an error for which pip would show a traceback."""
    if isinstance(error, EOFError):
        sys.stdout.write("\n")  # ends the line of pip's prompt
        return (
            "the index requires a login, and there is no terminal to ask for it: "
            "put user and password into the URL, a keyring or .netrc"
        )
    if isinstance(error, RequestException):
        url = getattr(error.request, "url", None)
        return f"cannot fetch {redact_auth_from_url(url) if url else 'a file'}: {describe(error)}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        # All files that pip cannot do without are on one file system.
        return f"cannot write to {error.filename or tempfile.gettempdir()}: {error.strerror}"
    return describe(error)


def describe(reason: object) -> str:
    """Return the innermost reason of an error, without the errors wrapped around it."""
    inner = cause = reason
    while isinstance(cause, BaseException):
        inner, cause = cause, _cause(cause)
    if isinstance(inner, OSError) and inner.strerror:
        return f"{inner.strerror}: {inner.filename!r}" if inner.filename else inner.strerror
    if not isinstance(inner, Exception):
        return str(inner)
    if isinstance(inner, TimeoutError | urllib3.TimeoutError):
        return "there was no answer in time"
    if isinstance(
        inner, PipError | RequestException | urllib3.HTTPError
    ):  # clear without the class
        has_text = inner.args and isinstance(inner.args[0], str)
        return str(inner.args[0] if has_text else inner)
    return f"{type(inner).__name__}: {inner}"


def _cause(error: BaseException) -> object:
    """Return the error that another one is wrapped around; maybe something else, or None."""
    # The text of such an error of pip is only a name, such as connection-failed.
    if hasattr(error, "reference"):
        return error.__cause__ or error.__context__
    if isinstance(error, urllib3.NewConnectionError):
        return error.__cause__ or error.__context__
    return getattr(error, "reason", None) or (error.args[0] if error.args else None)
