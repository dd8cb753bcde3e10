"""Which files take pip's own session, by what its options and configuration say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from wheeltarget.network.policy import Network, has_other_index, read_network
from wheeltarget.pip_config.options import split_command_line

PLAIN = "http://files.example/x.whl"
SECURE = "https://files.example/x.whl"


def network(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    proxies: tuple[str, ...] = (),
    has_netrc: bool = False,
) -> Network:
    """Read what a command line and a configuration say."""
    return read_network(
        split_command_line(arguments),
        settings or {},
        environment or {},
        proxies=lambda: proxies,
        has_netrc=has_netrc,
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "takes"),
    [
        ((), {}, (True, True)),
        (("--index-url", "https://index.example/simple"), {}, (True, True)),
        (("--index-url", "https://me:secret@other.example/simple"), {}, (True, True)),
        (("--index-url", "https://me:secret@files.example/simple"), {}, (False, False)),
        ((), {"extra-index-url": "https://a/ https://me@Files.example/simple"}, (False, False)),
        (("--index-url", "https://a/"), {"index-url": "https://u@files.example"}, (True, True)),
        (("--proxy", "http://proxy"), {}, (False, False)),
        ((), {"proxy": "http://proxy"}, (False, False)),
        (("--client-cert", "x.pem"), {}, (True, False)),
        (("--trusted-host", "files.example"), {}, (True, False)),
        ((), {"trusted-host": "files.example"}, (True, False)),
        (("--use-deprecated", "legacy-certs"), {}, (True, False)),
        (("--keyring-provider", "subprocess"), {}, (True, True)),
    ],
)
def test_by_options(
    arguments: tuple[str, ...], settings: dict[str, str], takes: tuple[bool, bool]
) -> None:
    found = network(*arguments, settings=settings)
    assert (found.takes(PLAIN), found.takes(SECURE)) == takes


def test_by_the_machine() -> None:
    assert not network(has_netrc=True).takes(PLAIN)
    assert not network(proxies=("http_proxy",)).takes(PLAIN)
    assert network("--no-proxy-env", proxies=("http_proxy",)).takes(PLAIN)


def test_certificates() -> None:
    variables = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "/curl.pem"}
    assert network(environment=variables).certificates == "/curl.pem"
    assert network("--cert", "/mine.pem", environment=variables).certificates == "/mine.pem"
    assert network(settings={"cert": "/mine.pem"}).certificates == "/mine.pem"
    # Then pip reads no variables of the environment.
    assert network("--no-proxy-env", environment=variables).certificates == ""


@pytest.mark.parametrize(
    ("arguments", "settings", "seconds"),
    [
        ((), {}, 15),
        (("--timeout", "3"), {"timeout": "9"}, 3),
        ((), {"timeout": "9"}, 9),
        ((), {"default-timeout": "180"}, 180),
        ((), {"timeout": "soon"}, 15),
        (("--timeout", "0"), {}, 1),
    ],
)
def test_timeout(arguments: tuple[str, ...], settings: dict[str, str], seconds: float) -> None:
    assert network(*arguments, settings=settings).timeout == seconds


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        ((), {}, False),
        (("--no-index",), {}, False),
        (("--find-links", "wheels"), {}, True),
        ((), {"index-url": "https://mirror/simple"}, True),
    ],
)
def test_other_index(arguments: tuple[str, ...], settings: dict[str, str], expected: bool) -> None:
    assert has_other_index(split_command_line(arguments), settings) is expected
