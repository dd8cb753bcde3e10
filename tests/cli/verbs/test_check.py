"""The command ``check``: what its command is called with."""

from __future__ import annotations

from tests.support.requests import called_with
from wheeltarget.commands.check.check import CheckRequest


def test_request() -> None:
    arguments = [
        "--tags=t",
        "--target",
        "u",
        "-r",
        "r.txt",
        "-c",
        "c.txt",
        "--audit",
        "--format=junit",
    ]
    (request,) = called_with("check", "a", "b", *arguments)
    assert request == CheckRequest(("a", "b"), ("t",), ("u",), ("r.txt",), ("c.txt",), audits=True)


def test_defaults() -> None:
    assert called_with("check", "house") == (CheckRequest(("house",)),)
