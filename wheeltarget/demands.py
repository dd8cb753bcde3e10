"""Demands that cannot be met, and each release of a project as a target sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wheeltarget.nearness import FileFact, Nearness, Reason, judge_tags
from wheeltarget.targets import Target

if TYPE_CHECKING:
    from packaging.version import Version


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand that could not be met.

    :param project: the project, normalised; empty where the demand is on Python.
    :param name: the project with its extras.
    :param specifier: which versions are asked for; may be empty.
    :param constraint: which versions the constraints leave; may be empty.
    :param hashes: (algorithm, value) of every hash that is allowed; empty where any is.
    :param chain: (project, version) of who asks, then of who asks for that; empty for the user.
    :param location: where the user's line stands; empty where it is none, or is not known.
    """

    project: str
    name: str
    specifier: str
    constraint: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    chain: tuple[tuple[str, str], ...] = ()
    location: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a project, as a target sees it.

    :param version: the version.
    :param admitted: whether the specifier and the constraints take it.
    :param reason: why it does not fit, or that it does.
    :param platforms: the platform tags of wheels that only want another platform.
    """

    version: Version
    admitted: bool
    reason: Reason
    platforms: tuple[str, ...] = ()


def newest_fitting(releases: Iterable[Release]) -> Release | None:
    """Give the newest release that fits, a final one if there is one.

    :param releases: every release, the newest first.
    """
    fitting = [release for release in releases if release.reason.nearness is Nearness.FITS]
    final = (release for release in fitting if not release.version.is_prerelease)
    return next(final, fitting[0] if fitting else None)


def merge_demands(demands: Sequence[Demand]) -> Demand:
    """Make one demand of all those on one project.

    :param demands: at least one; the first one's chain and name are kept.
    """
    first = demands[0]
    return replace(
        first,
        specifier=",".join(dict.fromkeys(d.specifier for d in demands if d.specifier)),
        hashes=tuple(dict.fromkeys(each for demand in demands for each in demand.hashes)),
    )


def judge(file: FileFact, demand: Demand, target: Target) -> tuple[Reason, tuple[str, ...]]:
    """Say why one file does not fit, and for which platforms it is.

    :param file: the file.
    :param demand: what was asked for; its hashes count here.
    :param target: the target.
    """
    if not file.filename.endswith(".whl"):
        if file.verdict == "candidate":
            return Reason(Nearness.FITS, "fits as a source"), ()
        return Reason(Nearness.SOURCE, "is there as a source only"), ()
    reason, platforms = judge_tags(file.filename, target)
    if reason.nearness is not Nearness.FITS:
        return reason, platforms
    if file.verdict in {"upload_too_late", "upload_time_missing"}:
        return Reason(Nearness.TOO_LATE, "was uploaded too late"), ()
    if file.verdict == "requires_python_mismatch":
        return Reason(Nearness.REQUIRES_PYTHON, f"requires Python {file.requires_python}"), ()
    if file.yanked is not None:
        return Reason(
            Nearness.YANKED, "was yanked" + (f": {file.yanked}" if file.yanked else "")
        ), ()
    if demand.hashes and file.hashes and not set(file.hashes) & set(demand.hashes):
        return Reason(Nearness.HASH, "has a hash that is not listed"), ()
    return Reason(Nearness.FITS, "fits"), ()
