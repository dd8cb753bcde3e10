"""Patches that cache what pip computes again and again.

pip quotes URLs that need no quoting, parses a wheel's name at each comparison, a version for every
file, and metadata for each field that it reads.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
from collections.abc import Callable
from typing import Any

_NAMES = 4096
"""More than most projects have wheels."""

_VERSIONS = 65536
"""More than the projects of most runs have versions."""

_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)+")
"""A URL that quoting does not change."""


def _replace(owner: Any, name: str, replacement: Any) -> Callable[[], None]:
    """Replace an attribute, and return a function that undoes it."""
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    return functools.partial(setattr, owner, name, original)


def patch_quoting() -> Callable[[], None]:
    """Do not parse URLs that need no quoting."""
    from pip._internal.models import link

    original_quote = link._ensure_quoted_url

    @functools.wraps(original_quote)
    def ensure_quoted_url(url: str) -> str:
        return url if _PLAIN_URL.fullmatch(url) else str(original_quote(url))

    return _replace(link, "_ensure_quoted_url", ensure_quoted_url)


def prove_quoting() -> bool:
    """Check that links are quoted as before."""
    from pip._internal.models import link

    plain, odd = "https://example.invalid:8080/a_b/c-1.0~rc1.tar.gz", "https://example.invalid/a b"
    quote = link._ensure_quoted_url
    made = link.Link.from_json({"url": odd}, "https://example.invalid/")
    return bool(
        quote(plain) == quote.__wrapped__(plain) == plain
        and quote(odd) == made.url == "https://example.invalid/a%20b"
    )


def patch_names() -> Callable[[], None]:
    """Parse the name of a wheel once."""
    from pip._internal.index import package_finder

    return _replace(package_finder, "Wheel", functools.lru_cache(_NAMES)(package_finder.Wheel))


def prove_names() -> bool:
    """Check that the same name is parsed once."""
    from pip._internal.index import package_finder

    first, second = (package_finder.Wheel("proof-1-py3-none-any.whl") for _ in range(2))
    return first is second and bool(first.version == "1")


def patch_versions() -> Callable[[], None]:
    """Parse a version once for all files and targets."""
    from pip._internal.models import candidate

    parse = functools.lru_cache(_VERSIONS)(candidate.parse_version)
    return _replace(candidate, "parse_version", parse)


def prove_versions() -> bool:
    """Check that the same version is parsed once, and an invalid one is refused."""
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
    """Parse the metadata of a distribution once."""
    original_parse: Any = importlib.metadata.Distribution.metadata

    def metadata(self: Any) -> Any:
        known = self.__dict__.get("_wheeltarget_metadata")
        if known is None:
            known = self._wheeltarget_metadata = original_parse.fget(self)
        return known

    return _replace(importlib.metadata.Distribution, "metadata", property(metadata))


def prove_parsing() -> bool:
    """Check that pip's own object parses its metadata once."""
    from pathlib import PurePosixPath

    from pip._internal.metadata.importlib._dists import WheelDistribution

    content = b"Metadata-Version: 2.1\nName: proof\nVersion: 1\n"
    distribution = WheelDistribution({PurePosixPath("METADATA"): content}, PurePosixPath("proof"))
    return distribution.metadata is distribution.metadata and distribution.version == "1"
