"""The command ``bundle``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.requests import called_with
from wheeltarget.commands.bundle.bundle import BundleRequest


def test_request() -> None:
    arguments = ["--layout=lambda-layer", "--include", "x", "--include=y", "--wheels=w", "--store"]
    arguments += ["--scripts", "--compile", "--components", "c.json", "--tags=t", "--target=u"]
    arguments += ["--build-pure=p", "--lock", "locks", "--allow-index-failures", "--pre", "-fhouse"]
    request, invocation = called_with("bundle", "-r", "lock", "-o", "out", *arguments, "flask")
    assert request == BundleRequest(
        arguments=("-r", "lock", "--pre", "-f", "house", "flask"),
        output=Path("out"),
        layout="lambda-layer",
        include=("x", "y"),
        wheels=("w",),
        scripts=True,
        compiles=True,
        compressed=False,
        components=Path("c.json"),
        tags=("t",),
        targets=("u",),
        build_pure=("p",),
        lock_file=Path("locks"),
        allow_index_failures=True,
    )
    assert invocation.command.requirements == ("flask",)


def test_defaults() -> None:
    request, _ = called_with("bundle", "-rlock", "-o", "out.zip")
    assert request == BundleRequest(arguments=("-r", "lock"), output=Path("out.zip"))
