"""The command ``lock``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.here import run_here
from tests.support.requests import called_with
from wheeltarget.commands.lock.files import Form
from wheeltarget.commands.lock.lock import LockRequest


def test_request() -> None:
    arguments = [
        "--tags=t",
        "--target=u",
        "--same-versions",
        "--allow-sdist",
        "s",
        "--build-pure=b",
        "--exclude=x",
        "--provided=skip",
        "--jobs=2",
        "-U",
    ]
    arguments += ["-P", "p", "-o", "locks", "--format=requirements", "lib", "-r", "r.txt", "--pre"]
    request, invocation = called_with("lock", *arguments)
    assert request == LockRequest(
        ("lib", "-r", "r.txt", "--pre"),
        tags=("t",),
        targets=("u",),
        allow_sdist=("s",),
        build_pure=("b",),
        exclude=("x",),
        skip_provided=True,
        folder=Path("locks"),
        form=Form.REQUIREMENTS,
        upgrade=True,
        upgrade_packages=("p",),
        same_versions=True,
        processes=2,
    )
    assert invocation.command.requirements == ("lib",)


@pytest.mark.parametrize("arguments", [["--check"], ["--diff"], ["--check", "--json"]])
def test_nothing_is_written(arguments: list[str]) -> None:
    request, _ = called_with("lock", "lib", *arguments)
    assert request == LockRequest(("lib",), dry_run=True)


def test_two_forms_of_the_changes(tmp_path: Path) -> None:
    result = run_here("lock", "lib", "--diff", "--json", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --diff and --json exclude each other\n")
