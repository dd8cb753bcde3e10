"""The command ``bundle``: what its command is called with."""

from __future__ import annotations

from pathlib import Path

from tests.support.requests import called_with
from wheeltarget.commands.bundle.bundle import BundleRequest


def test_request() -> None:
    arguments = ["--layout=lambda-layer", "--include", "x", "--include=y", "--wheels=w", "--store"]
    arguments += ["--scripts", "--compile", "--components", "c.json", "--tags=t", "--target=u"]
    arguments += ["--exclude=x", "--exclude", "y", "--provided=skip"]
    (request,) = called_with("bundle", "-r", "lock", "-o", "out", *arguments)
    assert request == BundleRequest(
        "lock",
        Path("out"),
        "lambda-layer",
        ("x", "y"),
        wheels=("w",),
        scripts=True,
        compiles=True,
        compressed=False,
        components=Path("c.json"),
        tags=("t",),
        targets=("u",),
        exclude=("x", "y"),
        skip_provided=True,
    )


def test_defaults() -> None:
    (request,) = called_with("bundle", "-r", "lock", "-o", "out.zip")
    assert request == BundleRequest("lock", Path("out.zip"))
