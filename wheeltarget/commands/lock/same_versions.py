"""One version of each project for all targets: how far each has to come down; nothing is run here.

Where targets have different versions of a project, the lowest of them becomes the highest that any
may take. Whoever has a higher one is resolved again, with that as a constraint. What it takes then
may be lower still, or differ elsewhere, so that goes on until nothing differs. Where somebody
cannot take so low a version, it begins anew with higher ones alone. No bound ever goes up, no floor
ever down, and a project has so many versions only, so it comes to an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheeltarget.errors import LockError
from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.plan import Job

CONSTRAINTS = "same-versions"
"""The name of the constraints file that there is only for pip; its messages have it."""

Versions = Mapping[str, str]
"""The version of each project, by its normalised name."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The highest version of a project that any target may take.

    :param version: the version, without a local part.
    :param label: the target that took no higher one.
    """

    version: str
    label: str


class HeldBackError(LockError):
    """No one version of a project is for all targets.

    :param projects: of which projects they have no common version, or may have none.
    :param floor: the project that somebody cannot take so low, and that version; None where it is
        not that.
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

    :param chosen: each target's label, and what it takes.
    :returns: each such project, and the labels by version.
    """
    by_name: dict[str, dict[str, list[str]]] = {}
    for label, versions in chosen:
        for name, version in versions.items():
            by_name.setdefault(name, {}).setdefault(version, []).append(label)
    yield from ((name, by) for name, by in sorted(by_name.items()) if len(by) > 1)


def lower(chosen: Sequence[tuple[str, Versions]], bounds: Mapping[str, Bound]) -> dict[str, Bound]:
    """Bring the bounds down to what the targets take.

    :param chosen: each target's label, and what it takes.
    :param bounds: the bounds so far.
    :returns: the new bounds; the same ones where nothing more is to be had this way.
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
    """Give the projects of which a target takes more than the bounds allow.

    :param versions: what it takes.
    :param bounds: the bounds.
    """
    from packaging.version import Version

    return tuple(
        name
        for name, bound in sorted(bounds.items())
        if name in versions and Version(Version(versions[name]).public) > Version(bound.version)
    )


def bounded(job: Job, bounds: Mapping[str, Bound], floors: Mapping[str, str]) -> Job:
    """Give a job the bounds as constraints.

    :param job: the job.
    :param bounds: the bounds.
    :param floors: by project, the version that none may take, nor an older one.
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
    """Say which target holds a project back for another one.

    :param label: the target that cannot do with the bounds.
    :param exceeded: the projects of which it took more than they allow.
    :param demands: what could not be met together, as far as that is known.
    :param bounds: the bounds.
    """
    blamed = [demand.project for demand in demands if demand.project in exceeded]
    name = (blamed or list(exceeded))[0]
    bound = bounds[name]
    return HeldBackError(
        f"no one version of {name} is for all targets: {bound.label} takes {bound.version} and "
        f"nothing newer, and {label} cannot take {bound.version} or older",
        f"{bound.label} holds it back: lock it apart, ask for other versions, or leave "
        "--same-versions out",
        bounds,
        (name, bound.version),
    )


def freed(job: Job, projects: Iterable[str]) -> Job:
    """Give a job that keeps no locked version of some projects.

    :param job: the job.
    :param projects: the projects.
    """
    free = frozenset(projects)
    return replace(job, prefer=tuple(each for each in job.prefer if each[0] not in free))


def check_same(chosen: Sequence[tuple[str, Versions]]) -> None:
    """Refuse what still differs, which can only be local parts of a version.

    :param chosen: each target's label, and what it takes.
    :raises HeldBackError: where a project differs.
    """
    for name, by_version in differing(chosen):
        each = "; ".join(f"{version} for {', '.join(who)}" for version, who in by_version.items())
        raise HeldBackError(
            f"no one version of {name} is for all targets: {each}",
            "these are different builds of one release; leave --same-versions out",
            [name],
        )
