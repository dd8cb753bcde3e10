"""What pip chose, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def chosen_files(
    resolver: Any, requirement_set: Any, saved: Mapping[str, str], sizes: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """Describe each file that pip's resolver chose.

    :param resolver: pip's resolver after it has resolved.
    :param requirement_set: the requirement set that it gave.
    :param saved: names of files that are not those of their links, by requirement.
    :param sizes: the sizes in bytes that indexes give, by URL.
    :returns: an object for each file, as the contract in ``__main__`` has it.
    """
    from pip._vendor.packaging.utils import canonicalize_name

    mapping = resolver._result.mapping
    candidates = {candidate.project_name: candidate for candidate in mapping.values()}
    parents = _parents(resolver._result)
    for key, requirement in requirement_set.requirements.items():
        name = canonicalize_name(key)
        link = requirement.link
        version = candidates[name].version
        yield {
            "name": name,
            "version": str(version),
            "filename": saved.get(requirement.name) or _saved_name(requirement, version),
            "url": without_credentials(link.url.partition("#")[0]),
            "index": without_credentials(link.comes_from) if _is_page(link.comes_from) else None,
            "direct": requirement.original_link is not None,
            "subdirectory": link.subdirectory_fragment or "",
            "requested": bool(requirement.user_supplied),
            "extras": sorted(requirement.extras),
            "parents": sorted(parents.get(name, ()), key=str),
            "yanked": (link.yanked_reason or "") if link.is_yanked else None,
            "requires_python": link.requires_python,
            "hashes": {link.hash_name: link.hash} if link.has_hash else {},
            "accepts": getattr(requirement, "hash_options", None) or {},
            "size": sizes.get(link.url_without_fragment),
            "requires": _requires(candidates[name]),
        }


def without_credentials(url: str) -> str:
    """Take user and password out of a URL."""
    if "@" not in url:
        return url
    from urllib.parse import urlsplit

    from pip._internal.utils.misc import split_auth_from_netloc

    # urlunsplit, which pip uses, writes git+file:/ where there were three slashes.
    netloc = urlsplit(url).netloc
    return url.replace(netloc, str(split_auth_from_netloc(netloc)[0]), 1)


def _requires(candidate: Any) -> list[str]:
    """Give the dependencies as the metadata has them; of an extra's, those of its project."""
    distribution = getattr(candidate, "base", candidate).dist
    return list(map(str, distribution.metadata.get_all("Requires-Dist", [])))


def _saved_name(requirement: Any, version: object) -> str:
    """Say under which name pip saves a file; most folders it does not save at all."""
    link = requirement.link
    archived = link.is_vcs or (requirement.editable and link.is_existing_dir())
    return f"{requirement.name}-{version}.zip" if archived else str(link.filename)


def _is_page(page: object) -> bool:
    return isinstance(page, str) and "://" in page


def _parents(result: Any) -> dict[str, set[str | None]]:
    """Say which projects ask for which; a project and its extras are one.

    In the graph there may be what a release asked for that pip went back from.
    """
    project = {key: candidate.project_name for key, candidate in result.mapping.items()}
    parents: dict[str, set[str | None]] = {}
    for key, name in project.items():
        for parent in result.graph.iter_parents(key):
            if parent is not None and parent not in project:
                continue
            above = None if parent is None else project[parent]
            if above != name:
                parents.setdefault(name, set()).add(above)
    return parents


def write_json(path: Path, data: object) -> None:
    """Write a file that is there whole or not at all.

    :param path: where; its folder has to exist.
    :param data: what ``json`` can write.
    """
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(data), "utf-8")
    beside.replace(path)
