"""Patch of error messages: a sentence instead of a traceback, and the unusable index pages.

It changes no result, so it has no proof: if it fails, pip's own messages stay.
"""

from __future__ import annotations

import errno
import functools
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, rebind

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_LOGGER = logging.getLogger(__name__)
_NOT_FOUND = 404
_DOWNLOAD_FOLDER = "pip-"
"""The prefix of the temporary folders to which pip downloads files."""


class UnusablePages:
    """The index pages of a job from which no files are known, with the reason for each.

    :param current: the current job.
    """

    def __init__(self, current: CurrentJob) -> None:
        self._current = current
        self._reasons: dict[str, str] = {}
        self._skipped: set[str] = set()

    def clear(self) -> None:
        """Forget the pages of the last job."""
        self._reasons.clear()
        self._skipped.clear()

    @property
    def are_missing(self) -> bool:
        """Return whether there is such a page."""
        return bool(self._reasons)

    def add(self, page: object, reason: object) -> None:
        """Add a page that pip skips, unless the index does not have the project at all."""
        self._skipped.add(str(page))
        response = getattr(reason, "response", None)
        is_failure = getattr(response, "status_code", None) != _NOT_FOUND
        if self._current.job.is_upcoming:
            self._current.job.has_missed |= is_failure
        elif is_failure:
            self._reasons[str(page)] = _describe(reason)

    def add_unreadable(self, page: Any, content: object) -> None:
        """Add a page without content, for which pip only logs a warning."""
        from pip._internal.utils.filetypes import is_archive_file

        if content is not None:
            return
        # --find-links may name a file instead of a page.
        is_page = page.scheme in {"http", "https"} and not is_archive_file(page.filename)
        if is_page and str(page) not in self._skipped:
            self.add(page, "it is not an index page")

    def log(self) -> None:
        """Log the pages, since a missing file may have been on one of them."""
        for sentence in self.sentences():
            _LOGGER.error("%s", sentence)

    def sentences(self) -> list[str]:
        """Return a sentence for each page."""
        return [f"Cannot use the page {page}: {reason}" for page, reason in self._reasons.items()]


def patch_pages(current: CurrentJob) -> UnusablePages:
    """Record the index pages without files, and name the page in errors about it.

    :param current: the current job.
    :returns: the pages, as they are recorded.
    """
    from pip._internal.index import collector

    pages = UnusablePages(current)

    def replace(name: str, wrap: Callable[[Any], Any]) -> None:
        original = getattr(collector, name, None)
        if callable(original):
            rebind(name, original, functools.wraps(original)(wrap(original)))

    def wrap_failure(handle: Any) -> Any:
        def handle_failure(link: Any, reason: Any, *rest: Any, **named: Any) -> None:
            pages.add(link, reason)
            handle(link, reason, *rest, **named)

        return handle_failure

    def wrap_get(get: Any) -> Any:
        def get_page(page: Any, *rest: Any, **named: Any) -> Any:
            with _named_in_errors(page):
                content = get(page, *rest, **named)
            pages.add_unreadable(page, content)
            return content

        return get_page

    def wrap_parse(parse: Any) -> Any:
        def parse_page(page: Any, *rest: Any, **named: Any) -> list[Any]:
            with _named_in_errors(page):
                links = list(parse(page, *rest, **named))
            if not links:
                pages.add(page, "it lists no files")
            return links

        return parse_page

    replace("_handle_get_simple_fail", wrap_failure)
    replace("_get_index_content", wrap_get)
    replace("parse_links", wrap_parse)
    return pages


@contextmanager
def _named_in_errors(page: object) -> Iterator[None]:
    """Name the page in errors for which pip has no message."""
    from pip._internal.exceptions import CommandError, PipError

    try:
        yield
    except (PipError, EOFError):
        raise
    except Exception as error:
        raise CommandError(f"cannot read the index page {page}: {_describe(error)}") from error


@contextmanager
def explained(pages: UnusablePages) -> Iterator[None]:
    """Turn unexpected errors of pip into a sentence; ``-vv`` shows the traceback.

    :param pages: the index pages without files, which are cleared first.
    """
    from pip._internal.exceptions import (
        CommandError,
        DistributionNotFound,
        InvalidWheel,
        PipError,
    )
    from pip._internal.utils.logging import BrokenStdoutLoggingError

    pages.clear()
    try:
        yield
    except InvalidWheel as error:
        raise CommandError(_describe_wheel(Path(error.location))) from error
    except DistributionNotFound:
        pages.log()
        raise
    except (PipError, BrokenStdoutLoggingError):
        raise
    except Exception as error:
        raise CommandError(_describe_unexpected(error)) from error


def _describe_wheel(wheel: Path) -> str:
    """Return what is wrong with a file that is not a valid wheel."""
    named = wheel.name if wheel.parent.name.startswith(_DOWNLOAD_FOLDER) else wheel
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
    from pip._internal.utils.misc import redact_auth_from_url
    from pip._vendor.requests import RequestException

    if isinstance(error, EOFError):
        # End the line of pip's prompt.
        sys.stdout.write("\n")
        return (
            "the index requires a login, and there is no terminal to ask for it: "
            "put user and password into the URL, a keyring or .netrc"
        )
    if isinstance(error, RequestException):
        url = getattr(error.request, "url", None)
        return f"cannot fetch {redact_auth_from_url(url) if url else 'a file'}: {_describe(error)}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        # All files that pip cannot do without are on one file system.
        return f"cannot write to {error.filename or tempfile.gettempdir()}: {error.strerror}"
    return _describe(error)


def _describe(reason: object) -> str:
    """Return the innermost reason of an error, without the errors wrapped around it."""
    inner = reason
    while isinstance(inner, BaseException):
        cause = getattr(inner, "reason", None) or (inner.args[0] if inner.args else None)
        if not isinstance(cause, BaseException):
            break
        inner = cause
    if isinstance(inner, OSError) and inner.strerror:
        return f"{inner.strerror}: {inner.filename!r}" if inner.filename else inner.strerror
    if not isinstance(inner, Exception):
        return str(inner)
    text = inner.args[0] if inner.args and isinstance(inner.args[0], str) else inner
    return str(text if _is_self_explanatory(inner) else f"{type(inner).__name__}: {inner}")


def _is_self_explanatory(error: Exception) -> bool:
    """Return whether an error's text is clear without the name of its class."""
    from pip._internal.exceptions import PipError
    from pip._vendor.requests import RequestException
    from pip._vendor.urllib3.exceptions import HTTPError

    return isinstance(error, PipError | RequestException | HTTPError)
