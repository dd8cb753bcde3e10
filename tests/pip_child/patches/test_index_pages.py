"""Which index pages of a job are recorded as failures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.exceptions import CommandError, NetworkConnectionError
from pip._internal.models.link import Link

from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.index_pages import Search, add_failure, named_in_errors
from wheeltarget.pip_protocol import PageFailure

PAGE = Link("https://user:secret@example.invalid/simple/app/#x")
APP = Search("app")


def failed(status: int, reason: str | bytes | None = "Error") -> NetworkConnectionError:
    response: Any = SimpleNamespace(status_code=status, reason=reason, request=None)
    return NetworkConnectionError(f"{status} Error for url: {PAGE.url}", response=response)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (failed(404), None),
        (failed(410), None),
        (failed(401, b"Unauthorized"), "401 Unauthorized"),
        (failed(500), "500 Error"),
        (failed(503, None), "503"),
        ("connection error: refused", "connection error: refused"),
        (
            OSError("see https://user:secret@example.invalid/"),
            "OSError: see https://example.invalid/",
        ),
    ],
)
def test_page_fails_unless_the_index_does_not_have_the_project(
    reason: object, expected: str | None
) -> None:
    current = CurrentJob(RunContext())
    for _ in range(2):  # it is the same failure
        add_failure(current, APP, PAGE, reason)
    index = "https://example.invalid/simple/"
    failures = [PageFailure("app", index, expected)] if expected else []
    assert current.job.page_failures == failures


def test_page_of_links_is_named_itself() -> None:
    current = CurrentJob(RunContext())
    page = "https://example.invalid/links.html"
    add_failure(current, Search("app", on_index=False), Link(page), failed(500))
    assert current.job.page_failures == [PageFailure("app", page, "500 Error")]


@pytest.mark.parametrize("url", ["file:///links/", "https://example.invalid/app-1.0.tar.gz"])
def test_file_is_not_a_page(url: str) -> None:
    current = CurrentJob(RunContext())
    add_failure(current, Search("app", on_index=False), Link(url), "it is not an index page")
    assert current.job.page_failures == []


def test_failure_before_its_turn_is_not_reported() -> None:
    current = CurrentJob(RunContext())
    current.job.is_upcoming = True
    missed = []
    for status in (404, 500):
        add_failure(current, APP, PAGE, failed(status))
        missed.append(current.job.has_missed)
    assert missed == [False, True]
    assert current.job.page_failures == []


def test_error_without_a_message_of_pip_names_the_page() -> None:
    with (
        pytest.raises(CommandError, match=r"cannot read the index page .*app/: RecursionError"),
        named_in_errors("https://example.invalid/simple/app/"),
    ):
        raise RecursionError("too deep")
    with pytest.raises(EOFError), named_in_errors(PAGE):
        raise EOFError
