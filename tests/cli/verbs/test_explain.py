"""The command ``explain``: what its command is called with."""

from __future__ import annotations

from tests.support.requests import called_with
from wheeltarget.commands.explain import ExplainRequest


def test_request() -> None:
    arguments = ["--tags=t", "--target=u", "--allow-sdist=a", "--build-pure", "b", "--all", "lib"]
    arguments += ["--exclude=x", "--provided=skip", "--pre"]
    request, invocation = called_with("explain", *arguments)
    assert request == ExplainRequest(
        ("lib", "--pre"), ("t",), ("u",), ("a", "b"), exclude=("x",), skip_provided=True
    )
    assert invocation.command.has("--pre")
