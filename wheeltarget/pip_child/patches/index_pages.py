"""Patches that record the index pages of a job: unreadable ones, and until when others are fresh.

pip passes over a page that it cannot read, as if the index did not have the project. It ignores the
status that a page gives its project, which is recorded for all jobs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pip._internal.exceptions import CommandError, PipError
from pip._internal.index import collector, sources
from pip._internal.models.search_scope import SearchScope
from pip._internal.utils.filetypes import is_archive_file
from pip._vendor.requests import Response

from wheeltarget.pip_child.index_content import is_index_page, read_status
from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.links import normalize_name, without_credentials
from wheeltarget.pip_child.patches.messages import describe
from wheeltarget.pip_protocol import PageFailure, ProjectStatus

_NOT_A_PAGE = "it is not an index page"
_NOT_TRUSTED = "pip ignores it: it has no TLS, and --trusted-host does not name it"
_WITHOUT = frozenset({404, 410})
"""The status codes of an index that does not have a project."""

_URL = re.compile(r"\s*\bfor url: \S+|(?<=://)[^/\s@]+@")
"""What a reason must not repeat: the URL, and credentials in one."""


@dataclass(slots=True)
class Search:
    """The page that pip is reading.

    :param project: the project that pip is looking for, normalized.
    :param on_index: whether it is the project's page of an index, and not one of --find-links.
    :param reason: why pip passes over it.
    """

    project: str = ""
    on_index: bool = True
    reason: object = None


def patch_pages(current: CurrentJob) -> None:
    """Record the pages that could not be read, and name the page in errors about it."""
    search = Search()

    _patch_sources(current, search)

    @replaces(collector, "_handle_get_simple_fail")
    def handle_failure(original: Any, link: Any, reason: Any, *rest: Any, **named: Any) -> None:
        search.reason = reason
        original(link, reason, *rest, **named)

    @replaces(collector, "_get_index_content")
    def get_page(original: Any, page: Any, *rest: Any, **named: Any) -> Any:
        search.reason = _NOT_A_PAGE
        with named_in_errors(page):
            content = original(page, *rest, **named)
        if content is None:
            add_failure(current, search, page, search.reason)
        elif not _is_index_page(content, search):
            add_failure(current, search, page, _NOT_A_PAGE)
        else:
            _note_status(current, search, content)
        return content

    @replaces(collector, "parse_links", optional=True)
    def parse_page(original: Any, page: Any, *rest: Any, **named: Any) -> list[Any]:
        with named_in_errors(page):
            return list(original(page, *rest, **named))

    if current.run.store is not None:
        _patch_freshness(current)


def _patch_sources(current: CurrentJob, search: Search) -> None:
    """Record which page pip reads, and those that it ignores."""

    @replaces(sources, "build_source")
    def build(original: Any, location: str, **named: Any) -> Any:
        project, on_index = normalize_name(named["project_name"]), not named["expand_dir"]
        find, is_allowed = named["candidates_from_page"], named["page_validator"]

        def find_candidates(page: Any) -> Any:
            search.project, search.on_index = project, on_index
            return find(page)

        def validate(page: Any) -> Any:
            allowed = is_allowed(page)
            if not allowed:
                search.project, search.on_index = project, on_index
                add_failure(current, search, page, _NOT_TRUSTED)
            return allowed

        named |= {"candidates_from_page": find_candidates, "page_validator": validate}
        return original(location, **named)


def _is_index_page(page: Any, search: Search) -> bool:
    """Check a page of pip's, or one that was prefetched, which knows whether it names files."""
    project = search.project if search.on_index else ""
    return getattr(page, "names_files", False) or is_index_page(
        page.content, page.content_type, page.url, project
    )


def _note_status(current: CurrentJob, search: Search, page: Any) -> None:
    """Record the status of a project, which a prefetched page knows already."""
    if not search.on_index:
        return
    known = hasattr(page, "status")
    found = page.status if known else read_status(page.content, page.content_type)
    if found is not None:
        url = without_credentials(page.url)
        current.run.statuses[url] = ProjectStatus(search.project, url, *found)


def add_failure(current: CurrentJob, search: Search, page: Any, reason: object) -> None:
    """Record a page that pip passes over, unless the index does not have the project.

    :param search: the project, and whether the page is that of an index.
    """
    status = getattr(getattr(reason, "response", None), "status_code", None)
    # --find-links may name a file instead of a page.
    if status in _WITHOUT or page.scheme not in {"http", "https"} or is_archive_file(page.filename):
        return
    job = current.job
    if job.is_upcoming:
        job.has_missed = True
        return
    url = without_credentials(page.url.partition("#")[0])
    index = f"{url.rstrip('/').rpartition('/')[0]}/" if search.on_index else url
    failure = PageFailure(search.project, index, _describe(reason))
    if failure not in job.page_failures:
        job.page_failures.append(failure)


def _describe(reason: object) -> str:
    """Return the status or the reason in one line, without the URL."""
    response = getattr(reason, "response", None)
    if response is not None:
        phrase = response.reason
        text = phrase.decode("latin-1") if isinstance(phrase, bytes) else phrase
        return f"{response.status_code} {text or ''}".strip()
    return " ".join(_URL.sub("", describe(reason)).split())


@contextmanager
def named_in_errors(page: object) -> Iterator[None]:
    """Name the page in errors for which pip has no message."""
    try:
        yield
    except (PipError, EOFError):
        raise
    except Exception as error:
        raise CommandError(f"cannot read the index page {page}: {describe(error)}") from error


def prove_pages(current: CurrentJob) -> bool:
    """Check that pages are recorded that pip cannot read or must not ask for."""
    index = "https://example.invalid/simple"
    names = ("gone", "down", "login", "unsafe")

    def get(url: str, **_named: Any) -> Response:
        response = Response()
        response.url = url
        response.status_code = {"gone": 404, "down": 503}.get(url.split("/")[-2], 200)
        response.headers["Content-Type"] = "text/html"
        response._content = b"<form>"
        return response

    session: Any = SimpleNamespace(
        get=get,
        refresh_package=set(),
        is_secure_origin=lambda link: not link.url.endswith("/unsafe/"),
    )
    links = collector.LinkCollector(session, SearchScope([], [index], no_index=False))
    for name in names:
        found = links.collect_sources(name, lambda link: [links.fetch_response(link)])
        for source in filter(None, found.index_urls):
            list(source.page_candidates())
    return [each.project for each in current.job.page_failures] == ["down", "login", "unsafe"]


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
