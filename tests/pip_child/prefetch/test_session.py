"""When a shared session repeats a request, and what it leaves to pip.

Proxies, certificates and passwords on the way to an index apply to threads as to pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from pip._internal.exceptions import NetworkConnectionError
from pip._vendor.urllib3 import HTTPResponse, PoolManager, ProxyManager
from pip._vendor.urllib3.exceptions import MaxRetryError

from tests.support.cli import environment, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.proxy import Proxy
from tests.support.tls import Authority, make_authority
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.prefetch.pool import Host, LeftToPip, Pool, host_of
from wheeltarget.pip_child.prefetch.session import (
    BoundedRetry,
    SharedSession,
    asked_host,
    watched_retry,
)

TAG = "cp311-cp311-manylinux2014_x86_64"
FILES = [f"{name}-1.0-py3-none-any.whl" for name in ("app", "lib", "low")]
TRUSTED = ["--trusted-host", "127.0.0.1", "--trusted-host", "localhost"]
HOSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
REQUESTS = 3 * len(FILES)
"""A page, a metadata file and a wheel of each project."""

PASSWORD = "p@ss:w%rd"  # noqa: S105 - it is a test


@pytest.mark.parametrize(
    "url",
    [
        "https://Example.invalid/a",
        "http://h:8080/a",
        "http://[::1]:80/",
        "https://[fe80::443]/",
        "https://h:443/a",
        "https://h:80/a",
    ],
)
def test_host_of_a_request_is_that_of_its_url(url: str) -> None:
    path = urlsplit(url).path
    assert asked_host(PoolManager().connection_from_url(url), path) == host_of(url)
    through_proxy = ProxyManager("http://proxy.invalid:3128").connection_from_url(url)
    asked = url if url.startswith("http:") else path
    assert asked_host(through_proxy, asked) == host_of(url)


@pytest.mark.parametrize(("wait", "is_shut"), [(15, False), (25, True)])
@pytest.mark.parametrize("as_date", [False, True])
def test_pause_that_a_host_asks_for_is_for_all(wait: int, *, is_shut: bool, as_date: bool) -> None:
    """If it is too long for the threads, pip still waits."""
    pool, connections = Pool(8, 1), PoolManager().connection_from_url("https://h/")
    then = formatdate(time.time() + wait, usegmt=True)
    response = HTTPResponse(status=429, headers={"Retry-After": then if as_date else str(wait)})
    retry = watched_retry(pool)(total=5)
    retry.increment("GET", "/a", response=response, _pool=connections)
    assert wait - 2 < pool.hosts["h"].resumes - time.monotonic() <= wait
    assert (pool.is_shut("h"), pool.hosts["h"].limit) == (is_shut, 1)
    # So pip's warning of it says.
    assert repr(retry).startswith("Retry(total=5, ")


def test_pause_that_is_too_long_is_nobodys() -> None:
    """pip, to which the host is left, gives up as well, instead of waiting for hours."""
    pool, connections = Pool(8, 1), PoolManager().connection_from_url("https://h/")
    for retry in (watched_retry(pool)(total=5), BoundedRetry(total=5)):
        response = HTTPResponse(status=503, headers={"Retry-After": "601"})
        with pytest.raises(MaxRetryError, match="Retry-After: 601 seconds"):
            retry.increment("GET", "/a", response=response, _pool=connections)
    assert pool.is_shut("h")
    assert pool.hosts["h"].resumes == 0


@pytest.mark.parametrize(
    ("status", "is_permanent", "is_shut", "limit"),
    [
        (401, False, True, 4),
        (403, True, False, 4),
        (404, True, False, 4),
        (407, False, True, 4),
        (429, False, False, 2),
        (500, False, False, 4),
    ],
)
def test_answer_other_than_the_file(
    status: int, limit: int, *, is_permanent: bool, is_shut: bool
) -> None:
    """A permanent one is pip's answer, too; a host that wants a password is left to pip."""
    pool = Pool(4, 1)
    pool.hosts["h"] = Host(4, limit=4, has_answered=True)
    sessions = SharedSession(pool, lambda: None)

    def refuse() -> None:
        answer: Any = SimpleNamespace(status_code=status)
        raise NetworkConnectionError("no", response=answer)

    outcome = sessions.submit("https://h/a", 0, refuse).wait()
    assert isinstance(outcome, NetworkConnectionError if is_permanent else LeftToPip)
    assert (pool.is_shut("h"), pool.hosts["h"].limit) == (is_shut, limit)
    pool.stop(patience=5)


# The way to an index


@dataclass(frozen=True, slots=True)
class Network:
    """An index without and with TLS, one that wants to know who asks, and two proxies.

    :param plain: without TLS.
    :param safe: with TLS.
    :param strict: with TLS, for those alone who have a certificate.
    :param secret: with TLS and a password.
    :param proxy: a proxy for everybody.
    :param gate: one that wants a password.
    """

    authority: Authority
    plain: LocalIndex
    safe: LocalIndex
    strict: LocalIndex
    secret: LocalIndex
    proxy: Proxy
    gate: Proxy


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Serve an application with two libraries in all these ways."""
    folder = tmp_path_factory.mktemp("network")
    shelf = folder / "index"
    make_wheel(shelf, "app", requires=["lib", "low"])
    make_wheel(shelf, "lib", requires=["low"])
    make_wheel(shelf, "low")
    authority = make_authority(folder)
    tls = authority.context()
    with (
        LocalIndex(shelf) as plain,
        LocalIndex(shelf, tls=tls) as safe,
        LocalIndex(shelf, tls=authority.context(asks_who=True)) as strict,
        LocalIndex(shelf, tls=tls, username="me", password=PASSWORD) as secret,
        Proxy() as proxy,
        Proxy(username="me", password=PASSWORD) as gate,
    ):
        yield Network(authority, plain, safe, strict, secret, proxy, gate)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, served: Network) -> Network:
    """Remove the machine's own certificates and proxies, and forget earlier requests."""
    for name in os.environ:
        if name in HOSTED or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for index in (served.plain, served.safe, served.strict, served.secret):
        index.clear()
    for proxy in (served.proxy, served.gate):
        proxy.asked.clear()
    return served


def fetch(index: LocalIndex, folder: Path, *arguments: str, **variables: str) -> list[str]:
    """Download, and give the files, or what is said of there being none."""
    options = ["--no-cache-dir", "--retries=0", "--no-input", "--index-url", index.url]
    done = wheeltarget(
        *("download", *options, *arguments, "--tags", TAG, "--dest", "house", "app"),
        cwd=folder,
        variables=variables,
    )
    assert (done.exit_code == 0) == (names(folder / "house") != [])
    return names(folder / "house") or [done.stderr]


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_proxy_is_asked_for_everything(
    network: Network, tmp_path: Path, *, by_variable: bool
) -> None:
    arguments, variables = list(TRUSTED), {}
    if by_variable:
        variables = {"http_proxy": network.gate.url}
    else:
        arguments += ["--proxy", network.gate.url]
    assert fetch(network.plain, tmp_path, *arguments, **variables) == FILES
    assert [method for method, _, _ in network.gate.asked] == ["GET"] * REQUESTS
    assert {status for _, _, status in network.gate.asked} == {200}
    assert len(network.plain.requests) == REQUESTS


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_proxy_has_a_tunnel_for_each_connection(
    network: Network, tmp_path: Path, *, by_variable: bool
) -> None:
    arguments, variables = ["--cert", str(network.authority.certificate)], {}
    if by_variable:
        variables = {"HTTPS_PROXY": network.gate.url}
    else:
        arguments += ["--proxy", network.gate.url]
    assert fetch(network.safe, tmp_path, *arguments, **variables) == FILES
    host = network.safe.base.removeprefix("https://")
    assert {*network.gate.asked} == {("CONNECT", host, 200)}
    assert len(network.safe.requests) == REQUESTS


def test_a_proxy_that_is_not_told_who_asks_lets_nothing_through(
    network: Network, tmp_path: Path
) -> None:
    arguments = ["--cert", str(network.authority.certificate), "--proxy", network.gate.bare_url]
    (said,) = fetch(network.safe, tmp_path, *arguments, WHEELTARGET_AHEAD="1")
    assert "407 Proxy Authentication Required" in said
    # Once by a thread, and once by pip.
    assert [status for _, _, status in network.gate.asked] == [407, 407]
    (said,) = fetch(network.plain, tmp_path, *TRUSTED, "--proxy", network.gate.bare_url)
    assert "407 Proxy Authentication Required" in said
    assert (network.safe.requests, network.plain.requests) == ((), ())


def test_whoever_wants_no_proxy_has_none(network: Network, tmp_path: Path) -> None:
    arguments = ["--cert", str(network.authority.certificate)]
    variables = {"https_proxy": network.proxy.url}
    assert fetch(network.safe, tmp_path, *arguments, **variables, no_proxy="localhost") == FILES
    assert network.proxy.asked == []


@pytest.mark.parametrize("variable", ["", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(
    network: Network, tmp_path: Path, variable: str
) -> None:
    certificate = str(network.authority.certificate)
    if variable:
        assert fetch(network.safe, tmp_path, **{variable: certificate}) == FILES
    else:
        (said,) = fetch(network.safe, tmp_path)
        assert "certificate verify failed" in said
        assert network.safe.requests == ()
        assert fetch(network.safe, tmp_path, "--cert", certificate) == FILES
    assert len(network.safe.requests) == REQUESTS


def test_a_host_that_is_trusted_needs_no_certificate(network: Network, tmp_path: Path) -> None:
    assert fetch(network.safe, tmp_path, *TRUSTED) == FILES


def test_a_client_shows_its_certificate(network: Network, tmp_path: Path) -> None:
    arguments = ["--cert", str(network.authority.certificate)]
    (said,) = fetch(network.strict, tmp_path, *arguments)
    assert "could not be read" in said
    assert network.strict.requests == ()
    arguments += ["--client-cert", str(network.authority.client), "--proxy", network.proxy.url]
    assert fetch(network.strict, tmp_path, *arguments) == FILES
    assert len(network.strict.requests) == REQUESTS


def test_netrc_says_who_asks(network: Network, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine localhost login me password {PASSWORD}\n")
    netrc.chmod(0o600)
    arguments = ["--cert", str(network.authority.certificate)]
    assert fetch(network.secret, tmp_path, *arguments, NETRC=str(netrc)) == FILES
    assert [request.status for request in network.secret.requests] == [200] * REQUESTS


def test_pip_by_itself_takes_the_same_way(network: Network, tmp_path: Path) -> None:
    """So that what is expected above is what pip does, and not what this proxy does."""
    arguments = ["--cert", str(network.authority.certificate), "--proxy", network.gate.url]
    options = ["--no-cache-dir", "--no-input", "--index-url", network.safe.url, "--dest", "house"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "download", *options, *arguments, "app"],
        cwd=tmp_path,
        env=environment(),
        check=True,
    )
    assert names(tmp_path / "house") == FILES
    host = network.safe.base.removeprefix("https://")
    assert {*network.gate.asked} == {("CONNECT", host, 200)}
    assert len(network.safe.requests) == REQUESTS
