"""Find what a folder has, and what it lacks, of what its sources need to be built for a target."""

from __future__ import annotations

import zipfile
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from wheeltarget.targets.exclusions import NOTHING
from wheeltarget.wheelhouse.archive import describe_damage, refuse_large_directory
from wheeltarget.wheelhouse.building import BuildNeeds, read_needs
from wheeltarget.wheelhouse.closure import (
    Available,
    MissingRequirement,
    is_wanted,
    read_dependencies,
    read_fields,
    walk,
)
from wheeltarget.wheelhouse.source import DAMAGE
from wheeltarget.wheelhouse.wheel import WheelFile


@dataclass(frozen=True, slots=True)
class SourceFault:
    """A source that cannot be built with the files of a folder, and why.

    :param target: the label of the target that lacks something; empty if no pip can build it.
    """

    path: Path
    message: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class BuildClosure:
    """What sources need to be built, as far as it is there, and what is wrong with them."""

    used: frozenset[Path]
    faults: tuple[SourceFault, ...]


def find_build_closure(
    available: Available[WheelFile], sources: Iterable[Path], there: Iterable[Path]
) -> BuildClosure:
    """Find what sources need to be built for a target, and what is missing.

    :param available: what the target accepts; what it leaves out does not matter for a build.
    :param sources: the sources that the target builds.
    :param there: all files of the folder.
    """
    available = replace(available, excluded=NOTHING, prereleases=True)
    others = [(name, path) for path in there if (name := source_project(path))]
    used: set[Path] = set()
    faults: list[SourceFault] = []
    todo, seen = deque(sources), set()
    while todo:
        path = todo.popleft()
        if path in seen:
            continue
        seen.add(path)
        try:
            needs = read_needs(path)
        except DAMAGE as error:
            faults.append(SourceFault(path, f"it cannot be built: {describe_damage(error)}"))
            continue
        roots = [*needs.requires, *_asked_later(needs, available)]
        visited: set[tuple[WheelFile, str]] = set()
        for each in walk(available, roots, visited):
            if isinstance(each, MissingRequirement):
                who = each.parent or f"building {path.name}"
                faults.append(
                    SourceFault(path, str(replace(each, parent=who)), available.target.label)
                )
        wheels = {wheel for wheel, _ in visited}
        used |= {wheel.path for wheel in wheels}
        needed = set(_projects(roots, wheels, available))
        found = [other for name, other in others if name in needed and other != path]
        used.update(found)
        todo += found
    return BuildClosure(frozenset(used), tuple(faults))


def _asked_later(needs: BuildNeeds, available: Available[WheelFile]) -> tuple[Requirement, ...]:
    """Return what the newest setuptools that a source takes asks for when it runs."""
    mine = [each for each in needs.requires if canonicalize_name(each.name) == "setuptools"]
    versions = [
        version
        for version in map(Version, available.versions("setuptools"))
        if all(each.specifier.contains(version, prereleases=True) for each in mine)
    ]
    return needs.asked_later(str(max(versions))) if versions else ()


def _projects(
    roots: Iterable[Requirement], wheels: Iterable[WheelFile], available: Available[WheelFile]
) -> Iterator[str]:
    """Yield the projects that roots and wheels require; those of every extra, to be safe."""
    for root in roots:
        if is_wanted(root, available.target):
            yield canonicalize_name(root.name)
    for wheel in wheels:
        for requirement in read_dependencies(wheel, available.target)[0]:
            yield canonicalize_name(requirement.name)


def source_project(path: Path) -> str:
    """Return the project of a source distribution; empty for another file."""
    with suppress(InvalidSdistFilename):
        return parse_sdist_filename(path.name)[0]
    return ""


def source_versions(paths: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """Return the versions of the source distributions among some files, by project."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for path in paths:
        with suppress(InvalidSdistFilename):
            name, version = parse_sdist_filename(path.name)
            found[name] += (str(version),)
    return found


def to_build(available: Available[WheelFile], there: Sequence[Path]) -> Iterator[Path]:
    """Yield the sources that a target has to build, since no wheel of their version fits."""
    for path in there:
        with suppress(InvalidSdistFilename):
            name, version = parse_sdist_filename(path.name)
            versions = {wheel.version for wheel in available.wheels.get(name, ())}
            if str(version) not in versions:
                yield path


def skim_wheel(path: Path) -> WheelFile | None:
    """Read the name and the metadata of a wheel, without checking it; None if it is damaged."""
    try:
        with path.open("rb") as stream:
            refuse_large_directory(stream)
            with zipfile.ZipFile(stream) as archive:
                fields = read_fields(archive)
        name, version, _, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, *DAMAGE):
        return None
    requires = tuple(fields.get("requires_dist", ()))
    python = fields.get("requires_python", "")
    return WheelFile(name, str(version), requires, path, frozenset(map(str, tags)), python)
