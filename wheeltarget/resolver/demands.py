"""Demands that cannot be met, and why each release of a project does not fit a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.checks import is_pin
from wheeltarget.targets.compatibility import FITS, Difference, Reason, compare_tags
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version


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
        from packaging.specifiers import SpecifierSet

        by_requester: dict[str, list[str]] = {}
        for number, demand in enumerate(demands):
            requester = demand.requested_by or f"line {number}"
            by_requester.setdefault(requester, []).append(demand.specifier)
            by_requester[f"constraint {number}"] = [demand.constraint]
        return cls(
            tuple(
                tuple(map(SpecifierSet, dict.fromkeys(specifiers)))
                for specifiers in by_requester.values()
            )
        )

    def takes(self, version: Version) -> bool:
        """Check whether all demands admit a version, which may be a pre-release."""
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

    :param version: the version.
    :param admitted: whether the specifiers and the constraints admit it.
    :param reason: that it fits, or why not.
    """

    version: Version
    admitted: bool
    reason: Reason


def newest_fitting(releases: Iterable[Release]) -> Release | None:
    """Return the newest release that fits, a final one if there is one.

    :param releases: every release, the newest first.
    """
    fitting = [release for release in releases if release.reason.difference is Difference.FITS]
    final = (release for release in fitting if not release.version.is_prerelease)
    return next(final, fitting[0] if fitting else None)


def allowed_hashes(demands: Sequence[Demand]) -> frozenset[tuple[str, str]]:
    """Return every hash that demands allow; empty if they allow any."""
    return frozenset(each for demand in demands for each in demand.hashes)


def judge(
    file: FileFact,
    hashes: frozenset[tuple[str, str]],
    target: Target,
    *,
    pinned: bool = False,
) -> Reason:
    """Return whether a file fits, or why not.

    :param file: the file.
    :param hashes: (algorithm, value) of every allowed hash; empty if any is allowed.
    :param target: the target.
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
    if file.verdict == "format_unsupported":
        return Reason(Difference.EXCLUDED, "is a wheel, which --no-binary excludes")
    if file.verdict == "upload_time_missing":
        return Reason(Difference.TOO_LATE, "has no upload time on the index")
    if file.verdict == "upload_too_late":
        day = f" on {file.uploaded[:10]}" if file.uploaded else ""
        return Reason(Difference.TOO_LATE, f"was uploaded too late{day and ','}{day}")
    if file.verdict == "requires_python_mismatch":
        return Reason(Difference.REQUIRES_PYTHON, f"requires Python {file.requires_python}")
    if file.verdict == "pre_release":
        return Reason(Difference.PRE_RELEASE, "is a pre-release")
    return None
