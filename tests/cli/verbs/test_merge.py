"""The command ``merge``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.requests import called_with
from wheeltarget.commands.merge import MergeRequest


def test_request() -> None:
    (request,) = called_with("merge", "a", "b", "-d", "c", "--quiet")
    assert request == MergeRequest((Path("a"), Path("b")), Path("c"))
