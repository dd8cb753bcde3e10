"""Certificates of an authority of its own, made by openssl at test time."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority, a server for 127.0.0.1 that it vouches for, and a client.

    :param certificate: what to trust, to trust the server.
    :param server: the server's key and certificate, in one file.
    :param client: the client's, likewise.
    """

    certificate: Path
    server: Path
    client: Path

    def context(self, *, asks_who: bool = False) -> ssl.SSLContext:
        """Return what a server needs for TLS.

        :param asks_who: whether it speaks only with the client.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        if asks_who:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context


def make_authority(folder: Path) -> Authority:
    """Make an authority and what it vouches for.

    :param folder: where the files go.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("makes certificates with openssl")
    key, certificate = folder / "authority.key", folder / "authority.pem"
    _run(
        *(openssl, "req", "-x509", *_KEY, "-keyout", str(key), "-out", str(certificate)),
        *("-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign"),
    )
    files = {}
    for name, extension in (
        ("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        files[name] = folder / f"{name}.pem"
        _run(
            *(openssl, "req", "-x509", *_KEY, "-keyout", str(files[name])),
            *("-out", f"{files[name]}.crt", "-subj", f"/CN=test {name}", "-addext", extension),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-CA", str(certificate), "-CAkey", str(key)),
        )
        files[name].write_bytes(files[name].read_bytes() + Path(f"{files[name]}.crt").read_bytes())
    return Authority(certificate, files["server"], files["client"])


def _run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
