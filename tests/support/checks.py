"""Check a wheelhouse in this process."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.cli import Result
from tests.support.here import run_here

OLD = "cp37-cp37m-manylinux2014_x86_64"
NEW = "cp312-cp312-manylinux_2_28_x86_64"

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
CODES = frozenset(re.findall(r"^\| (WC\d{3}) \| \S.+ \|$", PAGE.read_text("utf-8"), re.MULTILINE))
"""The codes that the page about ``check`` explains."""


def check(folder: Path, *arguments: str) -> Result:
    return run_here("check", folder.name, *arguments, cwd=folder.parent)


def lines(result: Result) -> list[str]:
    assert result.exit_code == 1, result.stderr
    return result.stdout.splitlines()
