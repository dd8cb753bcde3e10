"""Which files plain connections may fetch, and what pip's own session is told about the others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wheeltarget.commands.download.fetch import fetch_with_pip, find_network
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.errors import DownloadError
from wheeltarget.network.downloader import Fetched
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.pip_protocol import FetchLocked, FetchReport
from wheeltarget.resolver import pip_runner
from wheeltarget.utils.files import FileToFetch

URL = "https://h.invalid/a"


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ((), {}, True),
        (("--proxy", "http://p.invalid"), {}, False),
        (("--index-url", "https://me@h.invalid/simple"), {}, False),
        ((), {"HTTPS_PROXY": "http://p.invalid"}, False),
        ((), {"NO_PROXY": "*"}, True),
        ((), {"NETRC": __file__}, False),
    ],
)
def test_what_plain_connections_may_fetch(
    options: tuple[str, ...], variables: dict[str, str], tmp_path: Path, *, expected: bool
) -> None:
    environment = {"PIP_CONFIG_FILE": "/dev/null", "NETRC": str(tmp_path / "none"), **variables}
    invocation = read_invocation((), environment)
    network = find_network(split_command_line(options), invocation)
    assert network.takes(URL) is expected


def test_pip_gets_the_options_about_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[FetchLocked] = []
    exit_code = 0

    def answer(request: FetchLocked, _stage: object) -> FetchReport:
        asked.append(request)
        return FetchReport(exit_code, None)

    monkeypatch.setattr(pip_runner, "fetch_locked", answer)
    command = split_command_line(("--no-deps", "--cert", "c.pem", "--pre", "app"))
    network = find_network(command, read_invocation(()))
    order = FileToFetch(URL, "a", "", "", None, "a", 10)
    stage: Any = SimpleNamespace()
    assert fetch_with_pip(Fetched(left=[order]), command, network, stage) == ()
    assert asked[0].files == (order,)
    assert asked[0].arguments == ("--cert=c.pem",)
    assert asked[0].store is None
    exit_code = 2
    with pytest.raises(DownloadError, match="pip failed") as raised:
        fetch_with_pip(Fetched(left=[order]), command, network, stage)
    assert raised.value.exit_code == 2
