"""Judge which releases of a project fit a target, and why the others do not.

Specifications: PEP 425 for tags, PEP 440 for versions, the simple repository API for files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.requirements.annotations import is_pin
from wheeltarget.targets.compatibility import FITS, Difference, Reason, compare_tags, merge_reasons
from wheeltarget.targets.target import Target

Hashes = frozenset[tuple[str, str]]

_NO_DISTRIBUTION = frozenset({"different_project", "format_invalid"})
"""pip's verdicts on a file that belongs to no release of the project."""


@dataclass(frozen=True, slots=True)
class VersionRequirements:
    """The versions that all demands on a project admit.

    :param specifiers: for each project that requests it, its specifiers. One of them has to be met,
        since the releases of the requesting project are alternatives.
    """

    specifiers: tuple[tuple[SpecifierSet, ...], ...]

    @classmethod
    def from_demands(cls, demands: Iterable[Demand]) -> VersionRequirements:
        """Collect the specifiers of demands."""
        by_requester: dict[str, list[str]] = {}
        for number, demand in enumerate(demands):
            requester = demand.requested_by or f"line {number}"
            by_requester.setdefault(requester, []).append(demand.specifier)
            by_requester[f"constraint {number}"] = [demand.constraint]
        return cls(tuple(tuple(_parse_specifiers(each)) for each in by_requester.values()))

    def takes(self, version: Version) -> bool:
        """Return whether all demands admit a version, which may be a pre-release."""
        return all(
            any(each.contains(version, prereleases=True) for each in alternatives)
            for alternatives in self.specifiers
        )

    @property
    def names_prereleases(self) -> bool:
        """Return whether a specifier names a pre-release."""
        return any(each.prereleases for alternatives in self.specifiers for each in alternatives)

    @property
    def is_pinned(self) -> bool:
        """Return whether a specifier pins one version, which then may be a yanked one."""
        return any(is_pin(pin) for each in self.specifiers for pins in each for pin in pins)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a project, judged for a target.

    :param admitted: whether the specifiers and the constraints admit it.
    :param reason: that it fits, or why not.
    """

    version: Version
    admitted: bool
    reason: Reason


def _parse_specifiers(texts: Iterable[str]) -> Iterator[SpecifierSet]:
    """Parse specifiers; an invalid one, such as pip's ``===`` without a text, admits no version."""
    for text in dict.fromkeys(texts):
        with suppress(InvalidSpecifier):
            yield SpecifierSet(text)


def newest_fitting(releases: Iterable[Release]) -> Release | None:
    """Return the newest release that fits, a final one if there is one.

    :param releases: every release, the newest first.
    """
    fitting = [release for release in releases if release.reason.difference is Difference.FITS]
    final = (release for release in fitting if not release.version.is_prerelease)
    return next(final, fitting[0] if fitting else None)


def files_by_version(files: Iterable[FileFact]) -> dict[Version, list[FileFact]]:
    """Group files by release; those of no release are left out."""
    found = defaultdict(list)
    for file in files:
        version = None if file.verdict in _NO_DISTRIBUTION else _version(file.filename)
        if version is not None:
            found[version].append(file)
    return dict(found)


_parse = cache(Version)


def _version(filename: str) -> Version | None:
    parts = filename.split("-")
    try:
        if filename.endswith(".whl"):
            return _parse(parts[1]) if len(parts) in {5, 6} else None
        return parse_sdist_filename(filename)[1]
    except (InvalidSdistFilename, InvalidVersion):
        return None


def judge_releases(
    demands: Sequence[Demand], files: Mapping[Version, Sequence[FileFact]], target: Target
) -> tuple[Release, ...]:
    """Judge every release of a project.

    :param demands: the demands on it.
    :param files: the files of each release.
    :returns: the releases, the newest first.
    """
    wanted, hashes = VersionRequirements.from_demands(demands), allowed_hashes(demands)
    pinned = wanted.is_pinned

    def reason(files: Sequence[FileFact]) -> Reason:
        merged = merge_reasons(judge(file, hashes, target, pinned=pinned) for file in files)
        listed = [file.filename for file in files if set(file.hashes) & hashes]
        if merged.difference is Difference.HASH and listed:
            return Reason(Difference.HASH, f"the listed hash is that of {listed[0]}")
        return merged

    releases = tuple(
        Release(version, wanted.takes(version), reason(files[version]))
        for version in sorted(files, reverse=True)
    )
    has_final = any(each.admitted and not each.version.is_prerelease for each in releases)
    if wanted.names_prereleases or not has_final:
        return releases
    # Other pre-releases are not admitted, unless they fit or an option excludes them.
    kept = {Difference.FITS, Difference.PRE_RELEASE}
    return tuple(
        replace(each, admitted=False)
        if each.version.is_prerelease and each.reason.difference not in kept
        else each
        for each in releases
    )


def allowed_hashes(demands: Sequence[Demand]) -> Hashes:
    """Return every hash that demands allow; empty if they allow any."""
    return frozenset(each for demand in demands for each in demand.hashes)


def judge(file: FileFact, hashes: Hashes, target: Target, *, pinned: bool = False) -> Reason:
    """Return whether a file fits, or why not.

    :param hashes: every allowed hash; empty if any is allowed.
    :param pinned: whether one version is pinned, which then may be a yanked one.
    """
    if not file.filename.endswith(".whl"):
        if file.verdict == "candidate":
            return Reason(Difference.FITS, "fits as a source")
        return Reason(Difference.SOURCE, "has no wheel, only a source")
    reason = compare_tags(file.filename, target)
    if reason.difference is not Difference.FITS:
        return reason
    rule = _judge_by_rules(file)
    if rule is not None:
        return rule
    if file.yanked is not None and not pinned:
        return Reason(Difference.YANKED, "was yanked" + (f": {file.yanked}" if file.yanked else ""))
    if hashes and file.hashes and not set(file.hashes) & hashes:
        return Reason(Difference.HASH, "its hash is not listed")
    return FITS


def _judge_by_rules(file: FileFact) -> Reason | None:
    """Return the rule of pip's that excludes a wheel whose tags fit, if any."""
    match file.verdict:
        case "format_unsupported":
            return Reason(Difference.EXCLUDED, "is a wheel, which --no-binary excludes")
        case "upload_time_missing":
            return Reason(Difference.TOO_LATE, "has no upload time on the index")
        case "upload_too_late":
            day = f" on {file.uploaded[:10]}" if file.uploaded else ""
            return Reason(Difference.TOO_LATE, f"was uploaded too late{day and ','}{day}")
        case "requires_python_mismatch":
            return Reason(Difference.REQUIRES_PYTHON, f"requires Python {file.requires_python}")
        case "pre_release":
            return Reason(Difference.PRE_RELEASE, "is a pre-release")
    return None
