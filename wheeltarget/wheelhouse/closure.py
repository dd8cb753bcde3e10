"""Check that a set of wheels is all that a target needs, by walking the wheels' own metadata.

The walk is independent of pip's resolver: names, versions, extras and markers are read from the
wheels (core metadata, dependency specifiers) as the target sees them.
"""

from __future__ import annotations

import zipfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheeltarget.errors import ClosureError
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.archive import DAMAGE, describe_damage
from wheeltarget.wheelhouse.metadata import read_fields

_HINT = "nothing was saved"


class Distribution(Protocol):
    """A wheel, as the walk needs it: its normalised name, version and ``Requires-Dist`` lines."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def requires(self) -> tuple[str, ...]: ...  # noqa: D102


_Wheel = TypeVar("_Wheel", bound=Distribution)


@dataclass(frozen=True, slots=True)
class WheelMetadata:
    """Metadata of a wheel.

    :param name: the project, normalised.
    :param version: its version.
    :param requires: its ``Requires-Dist`` lines.
    """

    name: str
    version: str
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingRequirement:
    """A requirement that no available file meets.

    :param requirement: the requirement, without its marker.
    :param parent: the project and version that need it, or an empty string for the user.
    :param found: the versions that are available instead.
    """

    requirement: str
    parent: str
    found: tuple[str, ...] = ()

    def __str__(self) -> str:
        verb = "are" if len(self.found) > 1 else "is"
        who = f"{self.parent} needs" if self.parent else "you asked for"
        instead = f"but only {' and '.join(self.found)} {verb} available"
        return f"{who} {self.requirement}, {instead if self.found else 'which is missing'}"


@dataclass(frozen=True, slots=True)
class UnreadableDependency(Generic[_Wheel]):
    """A ``Requires-Dist`` line that is not a valid requirement.

    :param wheel: the wheel.
    :param text: the line.
    :param reason: what is wrong with it.
    """

    wheel: _Wheel
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Available(Generic[_Wheel]):
    """The files that are available for one target.

    :param target: the target.
    :param wheels: the wheels that it accepts, by normalised project name.
    :param sources: the versions of source distributions, by normalised project name.
    """

    target: Target
    wheels: Mapping[str, Sequence[_Wheel]]
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def versions(self, project: str) -> tuple[str, ...]:
        """Return the available versions of a project."""
        wheels = (wheel.version for wheel in self.wheels.get(project, ()))
        return tuple(dict.fromkeys((*wheels, *self.sources.get(project, ()))))


def walk(
    available: Available[_Wheel], roots: Iterable[Requirement] | None
) -> Iterator[MissingRequirement | UnreadableDependency[_Wheel]]:
    """Walk from the roots through all dependencies, breadth first.

    If several versions of a project meet a requirement, each of them is visited.

    :param available: the available files.
    :param roots: what the user asked for; None to start from every wheel.
    :returns: each requirement that is not met, and each dependency that cannot be read, once.
    """
    target = available.target
    holes: set[MissingRequirement] = set()
    seen: set[tuple[_Wheel, str]] = set()
    todo: deque[tuple[_Wheel, str]] = deque()

    def visit(
        requirements: Iterable[Requirement], parent: str, extra: str
    ) -> Iterator[MissingRequirement]:
        for requirement in requirements:
            if not is_wanted(requirement, target, extra):
                continue
            name = canonicalize_name(requirement.name)
            found, accepts = available.versions(name), requirement.specifier.contains
            matching = {each for each in found if accepts(each, prereleases=True)}
            todo.extend(
                (wheel, each)
                for wheel in available.wheels.get(name, ())
                if wheel.version in matching
                for each in ("", *sorted(requirement.extras))
            )
            hole = MissingRequirement(_without_marker(requirement), parent, found)
            if not matching and hole not in holes:
                holes.add(hole)
                yield hole

    if roots is None:
        todo.extend((wheel, "") for wheels in available.wheels.values() for wheel in wheels)
    else:
        yield from visit(roots, "", "")
    while todo:
        wheel, extra = step = todo.popleft()
        if step in seen:
            continue
        seen.add(step)
        requirements, unreadable = read_dependencies(wheel, target)
        if not extra:
            yield from unreadable
        yield from visit(requirements, f"{wheel.name} {wheel.version}", extra)


def read_dependencies(
    wheel: _Wheel, target: Target
) -> tuple[list[Requirement], list[UnreadableDependency[_Wheel]]]:
    """Read the dependencies of a wheel as the pip of a target does.

    :param wheel: the wheel.
    :param target: the target.
    :returns: its requirements, and the lines that cannot be read.
    """
    found, unreadable = [], []
    for text in wheel.requires:
        try:
            found.append(target.parse_requirement(text))
        except InvalidRequirement as error:
            reason = str(error).partition("\n")[0]
            unreadable.append(UnreadableDependency(wheel, text, reason))
    return found, unreadable


def is_wanted(requirement: Requirement, target: Target, extra: str = "") -> bool:
    """Return whether a marker holds, or may hold if that cannot be known.

    :param requirement: the requirement.
    :param target: the target.
    :param extra: the extra that is asked for, if any.
    """
    if requirement.marker is None:
        return True
    return target.evaluate(str(requirement.marker), extra) is not False


def _without_marker(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def find_missing_requirements(
    target: Target, roots: Iterable[Requirement], wheels: Mapping[str, WheelMetadata]
) -> tuple[MissingRequirement, ...]:
    """Find what is missing from a set with one wheel per project.

    :param target: the target, whose markers count.
    :param roots: what the user asked for; those whose marker does not hold are skipped.
    :param wheels: the wheels, by normalised project name.
    :returns: each requirement that is not met.
    :raises ClosureError: if a wheel has a dependency that cannot be read.
    """
    holes = []
    for each in walk(Available(target, {name: (wheels[name],) for name in wheels}), roots):
        if isinstance(each, UnreadableDependency):
            raise ClosureError(
                f"{each.wheel.name} {each.wheel.version} has a dependency that cannot be read: "
                f"{each.text!r}: {each.reason}",
                _HINT,
            )
        holes.append(each)
    return tuple(holes)


def check_closure(
    target: Target, roots: Iterable[Requirement], files: Iterable[WheelMetadata]
) -> None:
    """Check that a set of files is all that a target needs.

    :param target: the target.
    :param roots: what the user asked for.
    :param files: the metadata of the files that were fetched for it.
    :raises ClosureError: if something is missing; it names all of it.
    """
    holes = find_missing_requirements(target, roots, {file.name: file for file in files})
    if holes:
        raise ClosureError(
            f"what was fetched for {target.label} is not complete: {'; '.join(map(str, holes))}",
            _HINT,
        )


def read_metadata(wheel: Path) -> WheelMetadata:
    """Read the metadata of a wheel.

    :param wheel: the file.
    :returns: its name, version and dependencies.
    :raises ClosureError: if it cannot be read, or contradicts the file's name.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            raw = read_fields(archive)
        for key in ("name", "version"):
            if key not in raw:
                raise ValueError(f"its METADATA has no {key.capitalize()}")
        found = canonicalize_name(raw["name"]), Version(raw["version"])
    except DAMAGE as error:
        reason = describe_damage(error)
        raise ClosureError(f"{wheel.name} is not a valid wheel: {reason}", _HINT) from error
    if found != (name, version):
        raise ClosureError(
            f"{wheel.name} is {found[0]} {found[1]} according to its METADATA", _HINT
        )
    return WheelMetadata(name, str(version), tuple(raw.get("requires_dist", ())))


def fits(wheel: Path, tags: Collection[str]) -> bool:
    """Return whether a wheel has one of some tags.

    :param wheel: the file; its name must be a valid wheel name.
    :param tags: the tags.
    """
    return not set(map(str, parse_wheel_filename(wheel.name)[3])).isdisjoint(tags)


def check_fit(
    target: Target,
    files: Iterable[tuple[str, Path]],
    narrow: Mapping[str, Sequence[str]],
    sources: Collection[str],
) -> None:
    """Check that a target accepts all files, and that no constraint excludes one.

    :param target: the target.
    :param files: (project, file) for each that was fetched for it.
    :param narrow: by project, the tags that constraints allow.
    :param sources: the projects whose source distributions are accepted.
    :raises ClosureError: if a file does not fit; it names all of them.
    """
    misfits = tuple(_misfits(target, files, narrow, sources))
    if misfits:
        raise ClosureError(
            f"not all that was fetched fits {target.label}: {'; '.join(misfits)}", _HINT
        )


def _misfits(
    target: Target,
    files: Iterable[tuple[str, Path]],
    narrow: Mapping[str, Sequence[str]],
    sources: Collection[str],
) -> Iterator[str]:
    for project, file in files:
        if file.suffix != ".whl":
            if project not in sources:
                yield f"{file.name} is not a wheel (--allow-sdist {project} would accept it)"
        elif not fits(file, target.tags):
            yield f"{file.name} is for another environment"
        elif not fits(file, narrow.get(project, target.tags)):
            yield f"{file.name} is excluded by a constraint's tags"
