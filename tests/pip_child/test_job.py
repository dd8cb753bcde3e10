"""The current job: each has its own state, and another one can be current for a while."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.child import LINUX
from wheeltarget.pip_child.job import CurrentJob, JobState, RunContext, replaces
from wheeltarget.pip_protocol import JobOrder, PageFailure

pytestmark = pytest.mark.seams

ORDER = JobOrder(
    label="one",
    target=LINUX.view(),
    arguments=("app",),
    files={"a.txt": "app"},
    folder="stage",
    destination="house",
    result=Path("result.json"),
    allowed_tags={"some-lib": LINUX.view().tags[-1:]},
    preferred={"some-lib": "1.0"},
)


def test_current_job_is_unchanged_after_a_switch_to_another_one() -> None:
    current = CurrentJob(RunContext())
    mine = current.begin(ORDER)
    other = JobState(replace(ORDER, label="another"), is_upcoming=True)
    with current.switched_to(other):
        assert (current.job.order.label, current.job.is_upcoming) == ("another", True)
        current.job.links["lib"] = []
    assert current.job is mine
    assert mine.links == {}
    assert other.links == {"lib": []}
    with pytest.raises(ZeroDivisionError), current.switched_to(other):
        _ = 1 // 0
    assert current.job is mine


def test_pages_of_a_guess_count_once_pip_looks_up_the_project() -> None:
    job, failure = JobState(ORDER), PageFailure("lib", "https://example.invalid/", "503")
    with job.pages_apart("lib"):
        job.pages.urls.add("page")
        job.pages.are_all = False
        job.page_failures.append(failure)
        job.take_pages("lib")  # as a patched function of pip does, which the guess calls
    assert (job.pages.urls, job.pages.are_all, job.page_failures) == (set(), True, [])
    job.take_pages("other")
    job.page_failures.append(failure)
    for _ in range(2):
        job.take_pages("lib")
        assert (job.pages.urls, job.pages.are_all, job.page_failures) == (
            {"page"},
            False,
            [failure],
        )


def test_nothing_of_a_job_is_shared_with_the_next_one() -> None:
    first, second = JobState(ORDER), JobState(ORDER)
    changeable = (dict, list, set)
    shared = {
        each.name
        for each in fields(JobState)
        if isinstance(value := getattr(first, each.name), changeable)
        and value is getattr(second, each.name)
    }
    assert shared == set()
    assert first.pages is not second.pages


def test_what_the_run_has_cannot_be_exchanged() -> None:
    run: Any = RunContext()
    with pytest.raises(AttributeError):
        run.store = None


def test_projects_are_known_by_their_normalised_names() -> None:
    job = JobState(ORDER)
    allowed = job.allowed_tags("Some.Lib")
    assert allowed is not None
    assert [str(tag) for tag in allowed.tags] == list(ORDER.allowed_tags["some-lib"])
    assert job.preference("Some_Lib") == "1.0"
    assert (job.allowed_tags("app"), job.preference("app")) == (None, None)
    job.note_unread("Some.Lib", lambda: ["link"])
    assert list(job.links_of("some-lib")) == ["link"]


def test_function_is_replaced_wherever_it_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another module of pip may have it by its name."""

    def double(number: int) -> int:
        return number * 2

    modules = [ModuleType(f"pip.replaced_{number}") for number in range(3)]
    for module in modules[:2]:
        module.__dict__["double"] = double
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)

    @replaces(modules[0], "double")
    def more(original: Any, number: int) -> Any:
        return original(number) + 1

    assert [module.__dict__["double"](4) for module in modules[:2]] == [9, 9]
    assert "double" not in modules[2].__dict__


def test_only_what_is_optional_may_be_missing() -> None:
    module = ModuleType("pip.missing")
    with pytest.raises(AttributeError, match="absent"):
        replaces(module, "absent")
    replaces(module, "absent", optional=True)(lambda _original: None)
    assert not hasattr(module, "absent")


def test_method_is_replaced_in_its_class() -> None:
    class Greeter:
        def greet(self, name: str, *, mark: str = "") -> str:
            return f"hello {name}{mark}"

    @replaces(Greeter, "greet")
    def greet(original: Any, self: Any, *rest: Any, **named: Any) -> Any:
        return original(self, *rest, **named).title()

    assert Greeter().greet("you", mark="!") == "Hello You!"
