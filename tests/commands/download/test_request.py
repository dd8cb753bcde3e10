"""What a request for a download implies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wheeltarget.commands.download.request import DownloadRequest


@pytest.mark.parametrize(
    "change", [{"dry_run": True}, {"allow_sdist": ("x",)}, {"build_pure": ("x",)}]
)
def test_what_does_more_than_fill_the_destination_is_not_repeated(change: dict[str, Any]) -> None:
    usual = DownloadRequest(("one",), by_target=True)
    assert (replace(usual, **change).is_repeatable, usual.is_repeatable) == (False, True)


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"tags": ("x",), "processes": 2, "refresh": True}, False),
        ({"dry_run": True}, True),
        ({"by_target": True}, True),
        ({"report": Path("x")}, True),
        ({"only_jobs": ("x",)}, True),
        ({"wants_outcome": True}, True),
    ],
)
def test_what_pip_alone_cannot_do(change: dict[str, Any], more: bool) -> None:
    assert DownloadRequest(("one",), **change).wants_more_than_pip is more
