"""The command ``prune``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.requests import called_with
from wheeltarget.commands.prune import PruneRequest


def test_request() -> None:
    arguments = ["-r", "a", "-r", "b", "--list", "--to=x", "--transfer-since", "y", "--tags", "t"]
    (request,) = called_with("prune", "house", *arguments, "--target=u", "--target=v")
    assert request == PruneRequest(
        "house", ("a", "b"), ("t",), ("u", "v"), removes=False, since=("y",), to=Path("x")
    )


def test_defaults() -> None:
    assert called_with("prune", "house", "-r", "a") == (PruneRequest("house", ("a",)),)
