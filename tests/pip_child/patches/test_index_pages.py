"""Which index pages of a job are recorded as unusable."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.exceptions import CommandError, NetworkConnectionError

from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.index_pages import add_page, named_in_errors
from wheeltarget.pip_child.patches.messages import unusable_pages

PAGE = "https://example.invalid/simple/app/"


def failed(status: int) -> NetworkConnectionError:
    response: Any = SimpleNamespace(status_code=status, request=None)
    return NetworkConnectionError(f"{status} Error", response=response)


@pytest.mark.parametrize(("status", "is_unusable"), [(404, False), (500, True)])
def test_page_is_unusable_unless_the_index_does_not_have_the_project(
    status: int, is_unusable: bool
) -> None:
    current = CurrentJob(RunContext())
    add_page(current, PAGE, failed(status))
    expected = [f"Cannot use the page {PAGE}: {status} Error"] if is_unusable else []
    assert unusable_pages(current.job) == expected
    assert current.job.skipped == {PAGE}


def test_failure_before_its_turn_is_not_reported() -> None:
    current = CurrentJob(RunContext())
    current.job.is_upcoming = True
    missed = []
    for status in (404, 500):
        add_page(current, PAGE, failed(status))
        missed.append(current.job.has_missed)
    assert missed == [False, True]
    assert current.job.unusable == {}


def test_error_without_a_message_of_pip_names_the_page() -> None:
    with (
        pytest.raises(CommandError, match=r"cannot read the index page .*app/: RecursionError"),
        named_in_errors(PAGE),
    ):
        raise RecursionError("too deep")
    with pytest.raises(EOFError), named_in_errors(PAGE):
        raise EOFError
