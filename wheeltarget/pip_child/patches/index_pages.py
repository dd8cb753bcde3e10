"""Patches that record the index pages of a job: unusable ones, and until when they are fresh.

They change no result, so they have no proof: if they fail, pip's own messages stay, and no page
counts as fresh.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pip._internal.exceptions import CommandError, PipError
from pip._internal.index import collector
from pip._internal.utils.filetypes import is_archive_file

from wheeltarget.pip_child.job import CurrentJob, rebind
from wheeltarget.pip_child.patches.messages import describe

_NOT_FOUND = 404


def patch_pages(current: CurrentJob) -> None:
    """Record the index pages without files, and name the page in errors about it."""
    for name, wrap in (
        ("_handle_get_simple_fail", _wrap_failure),
        ("_get_index_content", _wrap_get),
        ("parse_links", _wrap_parse),
    ):
        original = getattr(collector, name, None)
        if callable(original):
            rebind(name, original, functools.wraps(original)(wrap(current, original)))


def _wrap_failure(current: CurrentJob, handle: Any) -> Any:
    def handle_failure(link: Any, reason: Any, *rest: Any, **named: Any) -> None:
        _add(current, link, reason)
        handle(link, reason, *rest, **named)

    return handle_failure


def _wrap_get(current: CurrentJob, get: Any) -> Any:
    def get_page(page: Any, *rest: Any, **named: Any) -> Any:
        with _named_in_errors(page):
            content = get(page, *rest, **named)
        # pip only logs a warning. --find-links may name a file instead of a page.
        is_page = page.scheme in {"http", "https"} and not is_archive_file(page.filename)
        if content is None and is_page and str(page) not in current.job.skipped:
            _add(current, page, "it is not an index page")
        return content

    return get_page


def _wrap_parse(current: CurrentJob, parse: Any) -> Any:
    def parse_page(page: Any, *rest: Any, **named: Any) -> list[Any]:
        with _named_in_errors(page):
            links = list(parse(page, *rest, **named))
        if not links:
            _add(current, page, "it lists no files")
        return links

    return parse_page


def _add(current: CurrentJob, page: object, reason: object) -> None:
    """Add a page that pip skips, unless the index does not have the project at all."""
    job = current.job
    job.skipped.add(str(page))
    response = getattr(reason, "response", None)
    is_failure = getattr(response, "status_code", None) != _NOT_FOUND
    if job.is_upcoming:
        job.has_missed |= is_failure
    elif is_failure:
        job.unusable[str(page)] = describe(reason)


@contextmanager
def _named_in_errors(page: object) -> Iterator[None]:
    """Name the page in errors for which pip has no message."""
    try:
        yield
    except (PipError, EOFError):
        raise
    except Exception as error:
        raise CommandError(f"cannot read the index page {page}: {describe(error)}") from error


def patch_freshness(current: CurrentJob) -> None:
    """Record the index pages that pip needs, and their responses."""
    original_get = getattr(collector, "_get_simple_response", None)
    original_collect = getattr(collector.LinkCollector, "collect_sources", None)
    if not callable(original_get) or not callable(original_collect):
        return

    @functools.wraps(original_get)
    def get_simple_response(url: str, *rest: Any, **named: Any) -> Any:
        response = original_get(url, *rest, **named)
        current.run.freshness.note(url, response)
        return response

    @functools.wraps(original_collect)
    def collect_sources(self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        current.job.pages.add(getattr(self, "search_scope", None), project_name)
        return original_collect(self, project_name, *rest, **named)

    collector._get_simple_response = get_simple_response
    collector.LinkCollector.collect_sources = collect_sources
