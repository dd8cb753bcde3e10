"""Decide from pip's options and configuration which files need pip's own session.

Pure: everything that depends on the machine is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from wheeltarget.network.transfer import USUAL_PATIENCE, RetryPolicy
from wheeltarget.pip_config.options import CommandLine, read_connections

_Number = TypeVar("_Number", int, float)
_NO = frozenset({"", "0", "false", "no", "off", "n", "f"})
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Network:
    """The settings of plain connections.

    :param timeout: the seconds to wait for an answer.
    :param certificates: a file or folder of trusted certificates; empty for the system's.
    :param plain: False if every file needs pip's session.
    :param plain_tls: False if every file over TLS does.
    :param not_plain: hosts, with the port if they were given with one, whose files do.
    :param connections: the number of simultaneous connections to a host.
    """

    timeout: float
    certificates: str
    plain: bool
    plain_tls: bool
    not_plain: frozenset[str]
    connections: int
    patience: RetryPolicy

    def takes(self, url: str) -> bool:
        """Return whether a plain connection is enough for a URL."""
        parts = urlsplit(url)
        known = {parts.netloc.lower(), parts.hostname or ""} & self.not_plain
        return self.plain and not known and (self.plain_tls or parts.scheme.lower() != "https")


def read_network(
    command: CommandLine,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    proxies: Callable[[], Iterable[str]],
    has_netrc: bool,
) -> Network:
    """Read which files a plain connection is enough for.

    Credentials come from an index URL, netrc or a keyring. pip asks a keyring only after a server
    has refused, so a plain connection may try first.

    :param settings: pip's configuration, by long option without its dashes.
    :param proxies: returns the schemes that the system has proxies for.
    :raises UsageError: if the environment's number of connections is not valid.
    """

    def given(name: str) -> str:
        return (command.values(f"--{name}") or (settings.get(name, ""),))[-1]

    def listed(name: str) -> list[str]:
        return [*filter(None, command.values(f"--{name}") or settings.get(name, "").split())]

    own_proxy = bool(command.values("--proxy")) or bool(settings.get("proxy"))
    no_environment = settings.get("no-proxy-env", "").lower() not in _NO
    heeds_environment = not (own_proxy or no_environment or command.has("--no-proxy-env"))
    bundle = next(filter(None, map(environment.get, _BUNDLES)), "") if heeds_environment else ""
    indexes = (*listed("index-url"), *listed("extra-index-url"))
    hosts = {urlsplit(url).netloc.rpartition("@")[2] for url in indexes if "@" in url}
    legacy = "legacy-certs" in listed("use-deprecated")
    return Network(
        timeout=_number(given("timeout") or settings.get("default-timeout", ""), 1, 15.0),
        certificates=given("cert") or bundle,
        plain=not own_proxy and not has_netrc and not (heeds_environment and any(proxies())),
        plain_tls=not (given("client-cert") or legacy or listed("trusted-host")),
        not_plain=frozenset(host.lower() for host in hosts),
        connections=read_connections(environment),
        patience=RetryPolicy(
            _number(given("retries"), 0, USUAL_PATIENCE.retries),
            _number(given("resume-retries"), 0, USUAL_PATIENCE.resumes),
        ),
    )


def _number(value: str, least: int, usual: _Number) -> _Number:
    try:
        return max(type(usual)(value), type(usual)(least))
    except ValueError:
        return usual  # pip reports it if it runs


def has_other_index(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether an option or pip's configuration names an index or a folder of files."""
    names = ("index-url", "extra-index-url", "find-links")
    return any(command.values(f"--{name}") or settings.get(name) for name in names)
