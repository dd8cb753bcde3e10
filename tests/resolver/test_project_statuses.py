"""What notes say about the statuses of projects."""

from __future__ import annotations

import pytest

from wheeltarget.pip_protocol import ProjectStatus
from wheeltarget.resolver.project_statuses import describe, describe_all, describe_quarantined

PAGE = "https://h.invalid/simple/app/"
ARCHIVED = ProjectStatus("app", PAGE, "archived")


@pytest.mark.parametrize(
    ("status", "reason", "sentence"),
    [
        ("archived", "", f"app is archived according to {PAGE}"),
        ("deprecated", "use\n b\x1b[1m", f"app is deprecated according to {PAGE}: use b\\x1b[1m"),
        ("quarantined", " ", f"app is quarantined according to {PAGE}"),
        ("mal\nware", "x", f"app has the status mal ware according to {PAGE}: x"),
        ("archived", "https://a:b@h", f"app is archived according to {PAGE}: https://***@h"),
    ],
)
def test_one_line(status: str, reason: str, sentence: str) -> None:
    assert describe(ProjectStatus("app", PAGE, status, reason)) == sentence


def test_long_reason() -> None:
    sentence = describe(ProjectStatus("app", PAGE, "archived", "x " * 10_000))
    assert sentence.endswith("x x …")
    assert len(sentence) < 400


def test_each_once() -> None:
    bad = ProjectStatus("a-bad", PAGE, "quarantined")
    assert list(describe_all([ARCHIVED, bad, ARCHIVED])) == [describe(bad), describe(ARCHIVED)]
    assert list(describe_quarantined([ARCHIVED, bad])) == [describe(bad)]
