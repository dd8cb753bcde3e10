"""What pip says of a failure: a sentence where it would show its code, and what it keeps to itself.

Nothing here decides what is fetched, so nothing is proved: on a pip that is built in another way,
its own words stay as they are.
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
"""What the operating system says where a file can't be written for reasons of the disk."""

_LOGGER = logging.getLogger(__name__)
_NOT_THERE = 404
_FETCHED = "pip-"
"""How the names of folders begin into which pip fetches files."""


class Pages:
    """The index pages of a job that say nothing, with the reason for each.

    :param current: the holder of the job at hand.
    """

    def __init__(self, current: CurrentJob) -> None:
        self._current = current
        self._reasons: dict[str, str] = {}
        self._passed_over: set[str] = set()

    def clear(self) -> None:
        """Begin a job."""
        self._reasons.clear()
        self._passed_over.clear()

    @property
    def are_missing(self) -> bool:
        """Return whether there is a page that says nothing."""
        return bool(self._reasons)

    def miss(self, page: object, reason: object) -> None:
        """Note a page that pip passes over; that a project is not there is no arrivals."""
        self._passed_over.add(str(page))
        response = getattr(reason, "response", None)
        is_news = getattr(response, "status_code", None) != _NOT_THERE
        if self._current.job.is_upcoming:
            self._current.job.has_missed |= is_news
        elif is_news:
            self._reasons[str(page)] = _say(reason)

    def note(self, page: Any, content: object) -> None:
        """Note a page that pip passes over with no more than a warning, since it is of no kind."""
        from pip._internal.utils.filetypes import is_archive_file

        if content is not None:
            return
        # A file can be named where a page can, and then there is none.
        is_page = page.scheme in {"http", "https"} and not is_archive_file(page.filename)
        if is_page and str(page) not in self._passed_over:
            self.miss(page, "this is no index page")

    def tell(self) -> None:
        """Say which pages were missing, since the answer may have been on one of them."""
        for sentence in self.sentences():
            _LOGGER.error("%s", sentence)

    def sentences(self) -> list[str]:
        """Say of each page that it was missing, and why."""
        return [
            f"No files are known from {page}: {reason}" for page, reason in self._reasons.items()
        ]


def patch_pages(current: CurrentJob) -> Pages:
    """Let it be noted which index pages say nothing, and let pages that are none be named.

    :param current: the holder of the job at hand.
    :returns: where it is noted.
    """
    from pip._internal.index import collector

    pages = Pages(current)

    def replace(name: str, wrap: Callable[[Any], Any]) -> None:
        original = getattr(collector, name, None)
        if callable(original):
            rebind(name, original, functools.wraps(original)(wrap(original)))

    def noting(pass_over: Any) -> Any:
        def pass_over_page(link: Any, reason: Any, *rest: Any, **named: Any) -> None:
            pages.miss(link, reason)
            pass_over(link, reason, *rest, **named)

        return pass_over_page

    def naming(use: Any) -> Any:
        def use_page(page: Any, *rest: Any, **named: Any) -> Any:
            with _about(page):
                content = use(page, *rest, **named)
            pages.note(page, content)
            return content

        return use_page

    def counting(parse: Any) -> Any:
        def parse_page(page: Any, *rest: Any, **named: Any) -> list[Any]:
            with _about(page):
                links = list(parse(page, *rest, **named))
            if not links:
                pages.miss(page, "this page lists none")
            return links

        return parse_page

    replace("_handle_get_simple_fail", noting)
    replace("_get_index_content", naming)
    replace("parse_links", counting)
    return pages


@contextmanager
def _about(page: object) -> Iterator[None]:
    """Name the page that cannot be read; what pip knows how to say is left to it."""
    from pip._internal.exceptions import CommandError, PipError

    try:
        yield
    except (PipError, EOFError):
        raise
    except Exception as error:
        raise CommandError(f"cannot read the index page {page}: {_say(error)}") from error


@contextmanager
def explained(pages: Pages) -> Iterator[None]:
    """Let a run of pip that fails say why, in a sentence; ``-vv`` shows where in the code.

    :param pages: the index pages that say nothing; begun anew.
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
        raise CommandError(_say_of_wheel(Path(error.location))) from error
    except DistributionNotFound:
        pages.tell()
        raise
    except (PipError, BrokenStdoutLoggingError):
        raise
    except Exception as error:
        raise CommandError(_say_unexpected(error)) from error


def _say_of_wheel(wheel: Path) -> str:
    """Say what a file is that has the name of a wheel and is none, and where if it was there."""
    named = wheel.name if wheel.parent.name.startswith(_FETCHED) else wheel
    try:
        with wheel.open("rb") as handle:
            start = handle.read(512).lstrip().lower()
    except OSError as error:
        return f"{named} cannot be read: {error.strerror}"
    if not start:
        return f"{named} is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"{named} is a web page and no wheel: is there a log-in before the index?"
    return f"{named} is not a whole wheel: it cannot be unpacked"


def _say_unexpected(error: Exception) -> str:
    """Say what went wrong where pip would show its code."""
    from pip._internal.utils.misc import redact_auth_from_url
    from pip._vendor.requests import RequestException

    if isinstance(error, EOFError):
        # What it was asked stands in front of it.
        sys.stdout.write("\n")
        return "there is nobody to answer: give user and password in the URL, a keyring or .netrc"
    if isinstance(error, RequestException):
        url = getattr(error.request, "url", None)
        return f"cannot fetch {redact_auth_from_url(url) if url else 'a file'}: {_say(error)}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        # All that it writes goes to one file system, but for what it can do without.
        return f"cannot write to {error.filename or tempfile.gettempdir()}: {error.strerror}"
    return _say(error)


def _say(reason: object) -> str:
    """Write a reason without the classes of the libraries around it."""
    inner = reason
    while isinstance(inner, BaseException):
        below = getattr(inner, "reason", None) or (inner.args[0] if inner.args else None)
        if not isinstance(below, BaseException):
            break
        inner = below
    if isinstance(inner, OSError) and inner.strerror:
        return f"{inner.strerror}: {inner.filename!r}" if inner.filename else inner.strerror
    if not isinstance(inner, Exception):
        return str(inner)
    said = inner.args[0] if inner.args and isinstance(inner.args[0], str) else inner
    return str(said if _is_for_people(inner) else f"{type(inner).__name__}: {inner}")


def _is_for_people(error: Exception) -> bool:
    """Return whether an error's text needs no class in front of it."""
    from pip._internal.exceptions import PipError
    from pip._vendor.requests import RequestException
    from pip._vendor.urllib3.exceptions import HTTPError

    return isinstance(error, PipError | RequestException | HTTPError)
