"""Find one version of each project for all targets; nothing is run here.

If targets have different versions of a project, the lowest becomes the upper bound for all, and
targets with a higher one are resolved again with it as a constraint. That can lower other versions,
so it is repeated until no project differs. If a target cannot have a version that low, everything
is resolved again with a floor above it. Bounds only fall, floors only rise, and a project has a
finite number of versions, so this ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheeltarget.errors import LockError
from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.plan import Job

CONSTRAINTS = "same-versions"
"""The name of the constraints file in pip's messages."""

Versions = Mapping[str, str]
"""The version of each project, by its normalised name."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The highest version of a project that a target may have.

    :param version: the version, without a local part.
    :param label: the target that has this version.
    """

    version: str
    label: str


class HeldBackError(LockError):
    """No version of a project fits all targets.

    :param projects: the projects that have no common version, or may have none.
    :param floor: the project that a target cannot have so low, and that version; None if that is
        not the reason.
    """

    def __init__(
        self,
        message: str,
        hint: str,
        projects: Iterable[str],
        floor: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.projects = frozenset(projects)
        self.floor = floor


def differing(
    chosen: Iterable[tuple[str, Versions]],
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Find the projects of which targets have different versions.

    :param chosen: each target's label, and its versions.
    :returns: each such project, and the labels by version.
    """
    by_name: dict[str, dict[str, list[str]]] = {}
    for label, versions in chosen:
        for name, version in versions.items():
            by_name.setdefault(name, {}).setdefault(version, []).append(label)
    yield from ((name, by) for name, by in sorted(by_name.items()) if len(by) > 1)


def lower(chosen: Sequence[tuple[str, Versions]], bounds: Mapping[str, Bound]) -> dict[str, Bound]:
    """Lower the bounds to the lowest version that a target has.

    :param chosen: each target's label, and its versions.
    :param bounds: the bounds so far.
    :returns: the new bounds, which may be the same.
    """
    from packaging.version import Version

    new = dict(bounds)
    for name, by_version in differing(chosen):
        lowest = min(by_version, key=Version)
        bound = Bound(Version(lowest).public, by_version[lowest][0])
        if name not in new or Version(bound.version) < Version(new[name].version):
            new[name] = bound
    return new


def exceeds(versions: Versions, bounds: Mapping[str, Bound]) -> tuple[str, ...]:
    """Return the projects of which a target has a newer version than the bounds allow."""
    from packaging.version import Version

    return tuple(
        name
        for name, bound in sorted(bounds.items())
        if name in versions and Version(Version(versions[name]).public) > Version(bound.version)
    )


def bounded(job: Job, bounds: Mapping[str, Bound], floors: Mapping[str, str]) -> Job:
    """Return a job with the bounds as constraints.

    :param job: the job.
    :param bounds: the bounds.
    :param floors: by project, the version that all must be newer than.
    """
    if not bounds and not floors:
        return job
    lines = [f"{name}<={bound.version}\n" for name, bound in sorted(bounds.items())]
    lines += [f"{name}>{version}\n" for name, version in sorted(floors.items())]
    text = "".join(lines)
    return replace(
        job,
        arguments=(f"--constraint={CONSTRAINTS}", *job.arguments),
        files=(*job.files, (CONSTRAINTS, text)),
    )


def held_back(
    label: str, exceeded: Sequence[str], demands: Sequence[Demand], bounds: Mapping[str, Bound]
) -> HeldBackError:
    """Return the error for a target that cannot be resolved within the bounds.

    :param label: the target.
    :param exceeded: the projects of which it had newer versions.
    :param demands: the conflicting requirements, if known.
    :param bounds: the bounds.
    """
    blamed = [demand.project for demand in demands if demand.project in exceeded]
    name = (blamed or list(exceeded))[0]
    bound = bounds[name]
    return HeldBackError(
        f"no version of {name} fits all targets: {bound.label} cannot have a newer one than "
        f"{bound.version}, and {label} needs a newer one",
        f"lock {bound.label} separately, change the requirements, or leave --same-versions out",
        bounds,
        (name, bound.version),
    )


def freed(job: Job, projects: Iterable[str]) -> Job:
    """Return a job that does not keep the locked versions of some projects."""
    free = frozenset(projects)
    return replace(job, preferred=tuple(each for each in job.preferred if each[0] not in free))


def check_same(chosen: Sequence[tuple[str, Versions]]) -> None:
    """Check that all targets have the same versions; only local parts can still differ.

    :param chosen: each target's label, and its versions.
    :raises HeldBackError: if a project differs.
    """
    for name, by_version in differing(chosen):
        each = "; ".join(f"{version} for {', '.join(who)}" for version, who in by_version.items())
        raise HeldBackError(
            f"no version of {name} fits all targets: {each}",
            "these are different builds of one release; leave --same-versions out",
            [name],
        )
