"""Convert pip's links, names and candidates to the form that messages have."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from pip._internal.utils.misc import split_auth_from_netloc
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import InvalidVersion, Version

from wheeltarget.targets.specifiers import is_pin


def normalize_name(name: str) -> str:
    """Return the normalized name of a project."""
    return str(canonicalize_name(name))


def modern_wheel_name(filename: str) -> str:
    """Return the name of a wheel in the form that every pip reads, if that is possible.

    Before 25.1, pip took ``_`` in a version for ``-``, and several ``_`` in a name for one.
    """
    name, *rest = filename.split("-")
    if len(rest) not in {4, 5} or ("__" not in name and "_" not in rest[0]):
        return filename
    try:
        version = _normalize_version(rest[0])
    except InvalidVersion:
        return filename
    return "-".join([re.sub("_+", "_", name), version, *rest[1:]])


def _normalize_version(written: str) -> str:
    try:
        Version(written)
    except InvalidVersion:
        return str(Version(written.replace("_", "-")))
    return written


def hashes_of(link: Any) -> tuple[tuple[str, str], ...]:
    """Return the hash of a file that the index lists, if any."""
    return ((link.hash_name, link.hash),) if link.has_hash else ()


def all_hashes_of(link: Any) -> tuple[tuple[str, str], ...]:
    """Return every hash of a file that the index lists."""
    return tuple(getattr(link, "_hashes", {}).items()) or hashes_of(link)


def allowed_hashes(requirement: Any) -> tuple[tuple[str, str], ...]:
    """Return the algorithm and value of each hash that a requirement allows."""
    options = getattr(requirement, "hash_options", None) or {}
    return tuple((name, each) for name, some in options.items() for each in some)


def without_credentials(url: str) -> str:
    """Return a URL without user and password."""
    if "@" not in url:
        return url
    # pip's own function uses urlunsplit, which turns git+file:/// into git+file:/.
    netloc = urlsplit(url).netloc
    return url.replace(netloc, str(split_auth_from_netloc(netloc)[0]), 1)


def address_of(link: Any) -> str:
    """Return the URL of a link without credentials and fragment; empty if there is no link."""
    return without_credentials(link.url_without_fragment) if link else ""


def with_extras(name: str, requirement: Any) -> str:
    """Return the name of a project with the extras that are required."""
    return f"{name}[{','.join(sorted(requirement.extras))}]" if requirement.extras else name


def first_tried(candidates: list[Any], specifier: Any) -> Any:
    """Return the candidate that pip's resolver tries first, or None.

    A yanked file is only chosen if it is pinned (PEP 592), as in pip's
    ``Factory._iter_found_candidates``.

    :param candidates: pip's candidates, in ascending order.
    """
    taken = [candidate for candidate in candidates if not candidate.link.is_yanked]
    if not taken and any(map(is_pin, specifier)):
        taken = candidates
    return taken[-1] if taken else None
