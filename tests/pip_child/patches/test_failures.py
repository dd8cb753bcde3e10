"""What a failure of pip's resolver is reported with."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line

from wheeltarget.pip_child.job import CurrentJob, JobState, RunContext
from wheeltarget.pip_child.patches.failures import (
    _captured,
    _chain_of,
    file_facts,
    places_of,
)
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_child.patches.selection import proof_finder

URL = "https://example.invalid/"


def test_facts_are_those_of_distributions_alone() -> None:
    names = ["app-1.tar.gz", "app/", "app-2-no-no-no.whl", "app-3-no-no-no.whl", "app-4.zip"]
    links = [Link(f"{URL}{name}", yanked_reason="" if "-2-" in name else None) for name in names]
    facts = [fact for _, fact in file_facts(proof_finder(), "app", [*links, *links])]
    assert [(each.filename, each.verdict, each.yanked) for each in facts] == [
        ("app-1.tar.gz", "candidate", None),
        ("app-2-no-no-no.whl", "platform_mismatch", ""),
        ("app-3-no-no-no.whl", "platform_mismatch", None),
        ("app-4.zip", "candidate", None),
    ]


def test_chain_has_versions_that_are_pinned() -> None:
    root = install_req_from_line("root[b,a]==1.0", comes_from="-r a.txt (line 1)")
    middle = install_req_from_line("middle>=2", comes_from=root)
    low = install_req_from_line("low==3.*", comes_from=middle)
    assert list(_chain_of(low)) == [("low", ""), ("middle", ""), ("root[a,b]", "1.0")]


def test_places_have_no_credentials() -> None:
    scope = SimpleNamespace(
        get_index_urls_locations=lambda project: [f"https://me:x@a.invalid/{project}/"],
        find_links=["shelf"],
    )
    finder = SimpleNamespace(search_scope=scope)
    assert list(places_of(JobState(PROOF), finder, "app")) == ["https://a.invalid/app/", "shelf"]


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_messages_are_kept_unless_the_user_wants_all(
    monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    shown: list[str] = []

    class Console(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(record.getMessage())

    current = CurrentJob(RunContext())
    handlers: list[Any] = [Console(level)]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)
    with _captured(current, "tests.failing"):
        logging.getLogger("tests.failing").error("conflict")
        logging.getLogger("tests.other").error("other")
    logging.getLogger("tests.failing").error("later")
    kept = level == logging.INFO
    assert current.job.messages == ["conflict"] * kept
    assert shown == [*(["conflict"] * (not kept)), "other", "later"]
