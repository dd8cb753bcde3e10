"""Why no file of a project fits a target, release by release, and what is nearest to fitting.

What pip found comes as facts; what follows from them is worked out here, without any I/O.
Specifications: PEP 425 for tags, PEP 440 for versions, the simple repository API for what an index
says of a file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wheeltarget.demands import Demand, Release, judge, merge_demands, newest_fitting
from wheeltarget.errors import DownloadError
from wheeltarget.fixes import find_fixes
from wheeltarget.nearness import FileFact, Nearness, Reason
from wheeltarget.targets import Target

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the demands on a project cannot be met, and what to change.

    :param demands: what was asked for, by whom.
    :param target: what the target is called.
    :param releases: every release, the newest first.
    :param fixes: (what to write, what that does), one change each, the nearest first.
    """

    demands: tuple[Demand, ...]
    target: str
    releases: tuple[Release, ...]
    fixes: tuple[tuple[str, str], ...]

    @property
    def admitted(self) -> tuple[Release, ...]:
        """Give the releases that every demand takes."""
        return tuple(release for release in self.releases if release.admitted)

    @property
    def is_innocent(self) -> bool:
        """Tell whether a release fits that every demand takes: what is wrong is elsewhere."""
        return any(release.reason.nearness is Nearness.FITS for release in self.admitted)

    @property
    def newest_fitting(self) -> Release | None:
        """Give the newest release that fits, whoever takes it."""
        return newest_fitting(self.releases)


class UnmetError(DownloadError):
    """pip found no set of files that meets every demand.

    :param explanations: why, project by project; may be empty.
    """

    def __init__(
        self, message: str, hint: str, *, exit_code: int, explanations: Sequence[Explanation]
    ) -> None:
        super().__init__(message, hint, exit_code=exit_code)
        self.explanations = tuple(explanations)


def explain(
    demands: tuple[Demand, ...],
    files: Iterable[FileFact],
    target: Target,
    build: Callable[[str], Target],
) -> Explanation:
    """Say why no file of a project meets the demands on it.

    :param demands: what was asked for of one project, at least one.
    :param files: every file of the project that pip has seen.
    :param target: the target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :returns: the releases and the nearest fixes.
    """
    from packaging.specifiers import SpecifierSet

    demand = merge_demands(demands)
    wanted = SpecifierSet(demand.specifier) & SpecifierSet(demand.constraint)
    by_version = defaultdict(list)
    for file in files:
        version = _version(file.filename)
        if version is not None:
            by_version[version].append(file)
    releases = tuple(
        _release(version, by_version[version], (demand, wanted), target)
        for version in sorted(by_version, reverse=True)
    )
    if any(release.admitted and not release.version.is_prerelease for release in releases):
        # pip would take a pre-release only if there were nothing else, or if it was named.
        releases = tuple(
            replace(each, admitted=wanted.contains(each.version, prereleases=wanted.prereleases))
            if each.admitted and each.version.is_prerelease
            else each
            for each in releases
        )
    fixes = tuple(find_fixes(demand, releases, by_version, target, build))
    return Explanation(demands, target.label, releases, fixes)


def _version(filename: str) -> Version | None:
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _release(
    version: Version,
    files: Sequence[FileFact],
    asked: tuple[Demand, SpecifierSet],
    target: Target,
) -> Release:
    demand, wanted = asked
    reasons = [judge(file, demand, target) for file in files]
    nearest = min((reason for reason, _ in reasons), key=lambda reason: reason.nearness)
    platforms = tuple(
        dict.fromkeys(
            each for reason, tags in reasons if reason.nearness == nearest.nearness for each in tags
        )
    )
    if nearest.nearness in _LISTED:
        texts = dict.fromkeys(r.text for r, _ in reasons if r.nearness == nearest.nearness)
        nearest = Reason(nearest.nearness, f"{_LISTED[nearest.nearness]} {_listed(texts)}")
    admitted = wanted.contains(version, prereleases=True)
    return Release(version, admitted, nearest, platforms)


_LISTED = {
    Nearness.PYTHON: "is for",
    Nearness.ABI: "is for the ABI",
    Nearness.MACHINE: "is for",
    Nearness.SYSTEM: "is for",
}
"""What stands before what the files of a release are for, where each is for something else."""


def _listed(texts: Iterable[str]) -> str:
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last
