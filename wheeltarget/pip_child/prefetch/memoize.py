"""Seams around work that pip does again and again for the same answer.

A URL is quoted although nothing in it needs it, the name of a wheel is taken to pieces whenever it
is compared, a version is parsed for every file and every target, and metadata is parsed anew for
each word that is read of it. See :mod:`wheeltarget.pip_child.prefetch.install`.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
from collections.abc import Callable
from typing import Any

_NAMES = 4096
"""How many names are remembered: more than a project has wheels, as a rule."""

_VERSIONS = 65536
"""How many versions are remembered: more than all projects of a run have, as a rule."""

_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)+")
"""A URL that comes out of quoting as it went in."""


def patch_quoting() -> Callable[[], None]:
    """Let URLs in which nothing is to be quoted not be taken to pieces."""
    from pip._internal.models import link

    quote_here = link._ensure_quoted_url

    @functools.wraps(quote_here)
    def ensure_quoted_url(url: str) -> str:
        return url if _PLAIN_URL.fullmatch(url) else str(quote_here(url))

    def undo() -> None:
        link._ensure_quoted_url = quote_here

    link._ensure_quoted_url = ensure_quoted_url
    return undo


def prove_quoting() -> bool:
    """Ask whether quoting gives for such URLs what it gives by itself, and is asked for links."""
    from pip._internal.models import link

    plain, odd = "https://example.invalid:8080/a_b/c-1.0~rc1.tar.gz", "https://example.invalid/a b"
    quote = link._ensure_quoted_url
    made = link.Link.from_json({"url": odd}, "https://example.invalid/")
    return bool(
        quote(plain) == quote.__wrapped__(plain) == plain
        and quote(odd) == made.url == "https://example.invalid/a%20b"
    )


def patch_names() -> Callable[[], None]:
    """Let the name of a wheel be taken to pieces once, not whenever it is compared with others."""
    from pip._internal.index import package_finder

    wheel = package_finder.Wheel
    package_finder.Wheel = functools.lru_cache(_NAMES)(wheel)

    def undo() -> None:
        package_finder.Wheel = wheel

    return undo


def prove_names() -> bool:
    """Ask for the same name twice."""
    from pip._internal.index import package_finder

    first, second = (package_finder.Wheel("proof-1-py3-none-any.whl") for _ in range(2))
    return first is second and bool(first.version == "1")


def patch_versions() -> Callable[[], None]:
    """Let a version be parsed once for all files and targets that have it."""
    from pip._internal.models import candidate

    parse_here = candidate.parse_version
    candidate.parse_version = functools.lru_cache(_VERSIONS)(parse_here)

    def undo() -> None:
        candidate.parse_version = parse_here

    return undo


def prove_versions() -> bool:
    """Ask for candidates of the same version, and of one that is none."""
    from pip._internal.models.candidate import InstallationCandidate
    from pip._internal.models.link import Link
    from pip._vendor.packaging.version import InvalidVersion

    link = Link("https://example.invalid/proof-1.0-py3-none-any.whl")
    first, second = (InstallationCandidate("proof", "1.0", link) for _ in range(2))
    try:
        InstallationCandidate("proof", "no version", link)
    except InvalidVersion:
        return first.version is second.version and str(first.version) == "1.0"
    return False


def patch_parsing() -> Callable[[], None]:
    """Let the metadata of a distribution be parsed once."""
    parse_here = importlib.metadata.Distribution.metadata

    def metadata(self: Any) -> Any:
        known = self.__dict__.get("_wheeltarget_metadata")
        if known is None:
            known = self._wheeltarget_metadata = parse_here.fget(self)  # type: ignore[attr-defined]
        return known

    def undo() -> None:
        importlib.metadata.Distribution.metadata = parse_here  # type: ignore[method-assign]

    importlib.metadata.Distribution.metadata = property(metadata)  # type: ignore[assignment, method-assign]
    return undo


def prove_parsing() -> bool:
    """Ask an object of pip's own for the same metadata twice."""
    from pathlib import PurePosixPath

    from pip._internal.metadata.importlib._dists import WheelDistribution

    content = b"Metadata-Version: 2.1\nName: proof\nVersion: 1\n"
    distribution = WheelDistribution({PurePosixPath("METADATA"): content}, PurePosixPath("proof"))
    return distribution.metadata is distribution.metadata and distribution.version == "1"
