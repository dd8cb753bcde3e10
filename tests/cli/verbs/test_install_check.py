"""The command ``install-check``: what its command is called with."""

from __future__ import annotations

from tests.support.requests import called_with
from wheeltarget.commands.install_check import InstallCheckRequest


def test_request() -> None:
    arguments = ["--wheels=a", "--wheels=b", "--python", "p", "--tags=t", "--target=u"]
    (request,) = called_with("install-check", "-r", "lock", *arguments)
    assert request == InstallCheckRequest(
        "lock", "p", wheels=("a", "b"), tags=("t",), targets=("u",)
    )


def test_defaults() -> None:
    assert called_with("install-check", "-r", "lock") == (InstallCheckRequest("lock"),)
