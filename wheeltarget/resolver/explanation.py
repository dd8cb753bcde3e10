"""Explain why no file of a project fits a target, release by release, from what pip found.

Without any I/O. Specifications: PEP 425 for tags, PEP 440 for versions, the simple repository API
for the files of an index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from wheeltarget.errors import DownloadError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.demands import (
    Release,
    VersionRequirements,
    allowed_hashes,
    judge,
    newest_fitting,
)
from wheeltarget.resolver.suggestions import Situation, Suggestion, find_sources, find_suggestions
from wheeltarget.targets.compatibility import Difference, Reason, merge_reasons, missing_everywhere
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.version import Version

_NO_DISTRIBUTION = frozenset({"different_project", "format_invalid"})
"""pip's verdicts on a file that belongs to no release of the project."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the demands on a project cannot be met, and what to change.

    :param demands: the demands on the project.
    :param target: the label of the target.
    :param releases: every release, the newest first.
    :param suggestions: single changes, each tried on the files of the project; the smallest first.
    :param sources: options that allow a source; whether it can be built was not tried.
    :param missing: the part of the target that no wheel of any release is for; may be empty.
    :param places: the URLs that were searched, if nothing was found.
    """

    demands: tuple[Demand, ...]
    target: str
    releases: tuple[Release, ...]
    suggestions: tuple[Suggestion, ...]
    sources: tuple[Suggestion, ...] = ()
    missing: str = ""
    places: tuple[str, ...] = ()

    @property
    def admitted(self) -> tuple[Release, ...]:
        """Return the releases that every demand admits."""
        return tuple(release for release in self.releases if release.admitted)

    @property
    def is_innocent(self) -> bool:
        """Return whether an admitted release fits, so that the cause is another project."""
        lacks_hash = any(demand.lacks_hash for demand in self.demands)
        fits = any(release.reason.difference is Difference.FITS for release in self.admitted)
        return fits and not lacks_hash

    @property
    def newest_fitting(self) -> Release | None:
        """Return the newest release that fits, whether admitted or not."""
        return newest_fitting(self.releases)


class ResolutionError(DownloadError):
    """pip found no set of files that meets every demand.

    :param explanations: one for each project; may be empty.
    :param messages: pip's output on what has no explanation.
    """

    def __init__(
        self,
        message: str,
        hint: str,
        *,
        exit_code: int,
        explanations: Sequence[Explanation],
        messages: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint, exit_code=exit_code, messages=tuple(messages))
        self.explanations = tuple(explanations)


def explain(
    demands: tuple[Demand, ...],
    files: Iterable[FileFact],
    target: Target,
    build: Callable[[str], Target],
    places: Iterable[str] = (),
) -> Explanation:
    """Explain why no file of a project meets the demands on it.

    :param demands: the demands on one project, at least one.
    :param files: every file of the project that pip has seen.
    :param target: the target.
    :param build: returns the target with a given best tag; raises TargetError.
    :param places: the URLs that were searched for the project.
    """
    by_version = _by_version(files)
    wanted = VersionRequirements.from_demands(demands)
    releases = [
        _release(version, by_version[version], (demands, wanted), target)
        for version in sorted(by_version, reverse=True)
    ]
    if not wanted.names_prereleases and any(
        release.admitted and not release.version.is_prerelease for release in releases
    ):
        releases = [_without_prerelease(release) for release in releases]
    situation = Situation(demands, tuple(releases), by_version, target, build)
    wheels = (f.filename for some in by_version.values() for f in some if f.filename[-4:] == ".whl")
    return Explanation(
        demands,
        target.label,
        tuple(releases),
        tuple(dict.fromkeys(find_suggestions(situation))),
        tuple(find_sources(situation)),
        missing_everywhere(wheels, target),
        () if releases else tuple(places),
    )


def _without_prerelease(release: Release) -> Release:
    """Do not admit a pre-release, unless it fits or an option excludes it."""
    kept = release.reason.difference in {Difference.FITS, Difference.PRE_RELEASE}
    if kept or not release.version.is_prerelease:
        return release
    return replace(release, admitted=False)


def _by_version(files: Iterable[FileFact]) -> dict[Version, list[FileFact]]:
    """Group files by release; those of no release are left out."""
    found = defaultdict(list)
    for file in files:
        version = None if file.verdict in _NO_DISTRIBUTION else _version(file.filename)
        if version is not None:
            found[version].append(file)
    return dict(found)


def _version(filename: str) -> Version | None:
    from packaging.utils import InvalidSdistFilename, parse_sdist_filename

    if filename.endswith(".whl"):
        parts = filename.split("-")
        return _parse(parts[1]) if len(parts) in {5, 6} else None
    try:
        return parse_sdist_filename(filename)[1]
    except InvalidSdistFilename:
        return None


@cache
def _parse(text: str) -> Version | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def _release(
    version: Version,
    files: Sequence[FileFact],
    requested: tuple[tuple[Demand, ...], VersionRequirements],
    target: Target,
) -> Release:
    demands, wanted = requested
    hashes, pinned = allowed_hashes(demands), wanted.is_pinned
    reason = merge_reasons(judge(file, hashes, target, pinned=pinned) for file in files)
    if reason.difference is Difference.HASH:
        listed = [file.filename for file in files if set(file.hashes) & hashes]
        if listed:
            reason = Reason(Difference.HASH, f"the listed hash is that of {listed[0]}")
    return Release(version, wanted.takes(version), reason)
