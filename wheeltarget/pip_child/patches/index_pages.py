"""Patches that record the index pages of a job: unusable ones, and until when they are fresh.

They change no result, so they have no proof: without them, no page counts as fresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pip._internal.exceptions import CommandError, PipError
from pip._internal.index import collector
from pip._internal.utils.filetypes import is_archive_file

from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.patches.messages import describe


def patch_pages(current: CurrentJob) -> None:
    """Record the index pages without files, and name the page in errors about it."""

    @replaces(collector, "_handle_get_simple_fail", optional=True)
    def handle_failure(original: Any, link: Any, reason: Any, *rest: Any, **named: Any) -> None:
        add_page(current, link, reason)
        original(link, reason, *rest, **named)

    @replaces(collector, "_get_index_content", optional=True)
    def get_page(original: Any, page: Any, *rest: Any, **named: Any) -> Any:
        with named_in_errors(page):
            content = original(page, *rest, **named)
        # pip only logs a warning. --find-links may name a file instead of a page.
        is_page = page.scheme in {"http", "https"} and not is_archive_file(page.filename)
        if content is None and is_page and str(page) not in current.job.skipped:
            add_page(current, page, "it is not an index page")
        return content

    @replaces(collector, "parse_links", optional=True)
    def parse_page(original: Any, page: Any, *rest: Any, **named: Any) -> list[Any]:
        with named_in_errors(page):
            links = list(original(page, *rest, **named))
        if not links:
            add_page(current, page, "it lists no files")
        return links

    if current.run.store is not None:
        _patch_freshness(current)


def add_page(current: CurrentJob, page: object, reason: object) -> None:
    """Add a page that pip skips, unless the index does not have the project at all."""
    job = current.job
    job.skipped.add(str(page))
    response = getattr(reason, "response", None)
    is_failure = getattr(response, "status_code", None) != 404
    if job.is_upcoming:
        job.has_missed |= is_failure
    elif is_failure:
        job.unusable[str(page)] = describe(reason)


@contextmanager
def named_in_errors(page: object) -> Iterator[None]:
    """Name the page in errors for which pip has no message."""
    try:
        yield
    except (PipError, EOFError):
        raise
    except Exception as error:
        raise CommandError(f"cannot read the index page {page}: {describe(error)}") from error


def _patch_freshness(current: CurrentJob) -> None:
    """Record the index pages that pip needs, and their responses."""

    @replaces(collector, "_get_simple_response", optional=True)
    def get_response(original: Any, url: str, *rest: Any, **named: Any) -> Any:
        response = original(url, *rest, **named)
        current.run.freshness.note(url, response)
        return response

    @replaces(collector.LinkCollector, "collect_sources", optional=True)
    def collect(original: Any, self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        current.job.pages.add(getattr(self, "search_scope", None), project_name)
        return original(self, project_name, *rest, **named)
