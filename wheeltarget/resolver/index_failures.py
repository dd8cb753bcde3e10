"""Indexes that could not be read in a run, and what was chosen without them.

pip passes over such an index as if it did not have the project. So what it chooses may be older, or
another project of the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from wheeltarget.pip_protocol import PageFailure
from wheeltarget.resolver.pip_runner import JobResult

_MOST_PROJECTS = 10


@dataclass(frozen=True, slots=True)
class IndexFailure:
    """An index that could not be read.

    :param index: its URL, without credentials.
    :param reason: the status, such as ``503 Service Unavailable``, or what is wrong.
    :param chosen: by project for which it was needed, the versions that were chosen without it; no
        version if the project was not chosen.
    """

    index: str
    reason: str
    chosen: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def problem(self) -> str:
        """Return that it could not be read."""
        return f"the index {self.index} could not be read ({self.reason})"

    def describe(self, locked: Mapping[str, str] | None = None) -> str:
        """Return in one sentence that it could not be read, and what was chosen without it.

        :param locked: by project, the version in a lock.
        """
        without = [
            f"{name} {' and '.join(versions)}{_instead(locked, name, versions)}"
            for name, versions in self.chosen
            if versions
        ]
        others = [name for name, versions in self.chosen if not versions]
        parts = [f"chosen without it: {_listed(without)}"] if without else []
        parts += [f"not found without it: {_listed(others)}"] if others else []
        return "; ".join((self.problem, *parts))

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        chosen = {name: list(versions) for name, versions in self.chosen}
        return {"index": self.index, "reason": self.reason, "chosen": chosen}


def _instead(locked: Mapping[str, str] | None, name: str, versions: Collection[str]) -> str:
    before = (locked or {}).get(name)
    return f" instead of {before}" if before and before not in versions else ""


def _listed(texts: Sequence[str]) -> str:
    left = len(texts) - _MOST_PROJECTS
    return ", ".join(texts[:_MOST_PROJECTS]) + (f" and {left} more" if left > 0 else "")


def find_index_failures(results: Iterable[JobResult]) -> tuple[IndexFailure, ...]:
    """Return each index that could not be read, with the projects of all targets."""
    found: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for result in results:
        versions = {file.name: file.version for file in result.chosen}
        for failure in result.page_failures:
            projects = found.setdefault((failure.index, failure.reason), {})
            chosen = projects.setdefault(failure.project, {})
            if version := versions.get(failure.project):
                chosen[version] = None
    return tuple(
        IndexFailure(*key, tuple((name, tuple(projects[name])) for name in sorted(projects)))
        for key, projects in found.items()
    )


def may_explain(
    failures: Iterable[PageFailure], changed: Collection[str], chosen: Collection[str]
) -> bool:
    """Return whether what was chosen for a target may be different because of failures.

    :param changed: the projects that differ from what was expected.
    :param chosen: all projects that were chosen; for the lack of another, any of them may differ.
    """
    return bool(changed) and any(
        failure.project in changed or failure.project not in chosen for failure in failures
    )
