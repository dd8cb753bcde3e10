"""Describe what pip chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import JobState
from wheeltarget.pip_child.links import hashes_of, without_credentials
from wheeltarget.pip_protocol import ChosenFile


def chosen_files(job: JobState, sizes: Mapping[str, int]) -> Iterator[ChosenFile]:
    """Return each file that pip's resolver chose.

    :param job: the job, which pip has resolved and saved.
    :param sizes: the sizes of files in bytes, by URL.
    """
    from pip._vendor.packaging.utils import canonicalize_name

    result = job.resolver._result
    candidates = {candidate.project_name: candidate for candidate in result.mapping.values()}
    parents = _parents(result)
    for key, requirement in job.requirement_set.requirements.items():
        name = canonicalize_name(key)
        link = requirement.link
        version = candidates[name].version
        filename = job.saved.get(requirement.name) or _saved_name(requirement, version)
        accepted = getattr(requirement, "hash_options", None) or {}
        yield ChosenFile(
            name=str(name),
            version=str(version),
            path=Path(job.order.folder, filename),
            url=without_credentials(link.url.partition("#")[0]),
            requested=bool(requirement.user_supplied),
            extras=tuple(sorted(requirement.extras)),
            parents=tuple(sorted(parents.get(name, ()), key=str)),
            yanked=(link.yanked_reason or "") if link.is_yanked else None,
            requires_python=link.requires_python,
            hashes=hashes_of(link),
            size=sizes.get(link.url_without_fragment),
            requires=_requires(candidates[name]),
            index=without_credentials(link.comes_from) if _is_page(link.comes_from) else None,
            direct=requirement.original_link is not None,
            subdirectory=link.subdirectory_fragment or "",
            accepts=tuple((n, v) for n, values in accepted.items() for v in values),
        )


def _requires(candidate: Any) -> tuple[str, ...]:
    # A candidate with extras has the metadata of its base.
    distribution = getattr(candidate, "base", candidate).dist
    return tuple(map(str, distribution.metadata.get_all("Requires-Dist", [])))


def _saved_name(requirement: Any, version: object) -> str:
    """Return the name under which pip saves a file; it does not save most folders."""
    link = requirement.link
    archived = link.is_vcs or (requirement.editable and link.is_existing_dir())
    return f"{requirement.name}-{version}.zip" if archived else str(link.filename)


def _is_page(page: object) -> bool:
    return isinstance(page, str) and "://" in page


def _parents(result: Any) -> dict[str, set[str | None]]:
    """Return the parents of each project, without extras.

    The graph may still have requirements of releases that pip gave up by backtracking.
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
