"""The command ``explain``: what its command is called with."""

from __future__ import annotations

from tests.support.requests import called_with
from wheeltarget.commands.explain import ExplainRequest


def test_request() -> None:
    arguments = ["--tags=t", "--target=u", "--allow-sdist=a", "--build-pure", "b", "--all", "lib"]
    request, invocation = called_with("explain", *arguments, "--pre")
    assert request == ExplainRequest(("lib", "--pre"), ("t",), ("u",), sources=("a", "b"))
    assert invocation.command.has("--pre")
