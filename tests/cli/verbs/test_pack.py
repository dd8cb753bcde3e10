"""The command ``pack``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.requests import called_with
from wheeltarget.commands.pack.pack import PackRequest


def test_request() -> None:
    arguments = ["--tags=t", "--target=u", "--same-versions", "--jobs=3", "--allow-sdist=s"]
    arguments += ["--build-pure=p", "--exclude=x", "--provided=skip", "--allow-index-failures"]
    arguments += [
        "--since=old",
        "--since",
        "older.zip",
        "--no-pip",
        "--pre",
        "-fhouse",
    ]
    request, invocation = called_with("pack", "-r", "lock", "-o", "out", *arguments, "flask")
    assert request == PackRequest(
        ("-r", "lock", "--pre", "-f", "house", "flask"),
        output=Path("out"),
        tags=("t",),
        targets=("u",),
        same_versions=True,
        processes=3,
        allow_sdist=("s",),
        build_pure=("p",),
        exclude=("x",),
        skip_provided=True,
        allow_index_failures=True,
        since=("old", "older.zip"),
        with_pip=False,
    )
    assert invocation.command.requirements == ("flask",)


def test_defaults() -> None:
    request, _ = called_with("pack", "flask", "-o", "out.zip")
    assert request == PackRequest(("flask",), output=Path("out.zip"))
