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
        "--exclude=x",
        "--provided=skip",
        "--format=junit",
    ]
    (request,) = called_with("check", "a", "b", *arguments)
    named = (("t",), ("u",), ("r.txt",), ("c.txt",))
    left_out = {"exclude": ("x",), "skip_provided": True}
    assert request == CheckRequest(("a", "b"), *named, audits=True, **left_out)  # type: ignore[arg-type]


def test_defaults() -> None:
    assert called_with("check", "house") == (CheckRequest(("house",)),)
