"""Is a set of wheels all that a target needs? A walk over the wheels' own metadata.

Independent of the resolver: names, versions, extras and markers are read from the fetched files
(core metadata, dependency specifiers), as the target sees them.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheeltarget.errors import ClosureError
from wheeltarget.targets.legacy_specifiers import modern_requirement, reads_legacy
from wheeltarget.targets.markers import evaluate
from wheeltarget.targets.target import Target

_NOT_WHOLE = (ValueError, KeyError, StopIteration, EOFError, RuntimeError, zlib.error)
"""What reading a damaged archive or its metadata raises, :class:`zipfile.BadZipFile` besides."""

_HINT = "nothing was saved"


@dataclass(frozen=True, slots=True)
class WheelMetadata:
    """What a wheel says of itself.

    :param name: the project, normalised.
    :param version: its version.
    :param requires: its ``Requires-Dist`` lines.
    """

    name: str
    version: str
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that is needed and not there.

    :param requirement: what is needed.
    :param parent: the project that needs it, or an empty string for the user.
    :param found: the version that is there instead, or an empty string.
    """

    requirement: str
    parent: str
    found: str = ""

    def __str__(self) -> str:
        who = f"{self.parent} needs" if self.parent else "you asked for"
        instead = f", and {self.found} is there" if self.found else ", which is missing"
        return f"{who} {self.requirement}{instead}"


def read_metadata(wheel: Path) -> WheelMetadata:
    """Read what a wheel says of itself.

    :param wheel: the file.
    :returns: its name, version and dependencies.
    :raises ClosureError: where it is no wheel, or its metadata is not that of its name.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            member = next(m for m in archive.namelist() if _is_metadata(m))
            raw, _ = parse_email(archive.read(member))
        said = canonicalize_name(raw["name"]), Version(raw["version"])
    except (*_NOT_WHOLE, zipfile.BadZipFile) as error:
        raise ClosureError(f"{wheel.name} is not a whole wheel: {_why(error)}", _HINT) from error
    if said != (name, version):
        raise ClosureError(f"{wheel.name} says of itself that it is {said[0]} {said[1]}", _HINT)
    return WheelMetadata(name, str(version), tuple(raw.get("requires_dist", ())))


def _why(error: Exception) -> str:
    if isinstance(error, StopIteration):
        return "it has no METADATA"
    if isinstance(error, KeyError):
        return f"its METADATA has no {str(error.args[0]).capitalize()}"
    return str(error)


def _is_metadata(member: str) -> bool:
    folder, _, file = member.partition("/")
    return folder.endswith(".dist-info") and file == "METADATA"


def fits(wheel: Path, tags: Collection[str]) -> bool:
    """Tell whether a wheel has one of some tags.

    :param wheel: the file; its name has to be a wheel's.
    :param tags: the tags.
    """
    return not set(map(str, parse_wheel_filename(wheel.name)[3])).isdisjoint(tags)


def find_holes(
    target: Target,
    roots: Sequence[Requirement],
    wheels: Mapping[str, WheelMetadata],
) -> tuple[Hole, ...]:
    """Walk from the roots and say what is missing.

    :param target: the target, whose markers count.
    :param roots: what the user asked for; those whose marker does not hold are passed over.
    :param wheels: the wheels that are there, by normalised name.
    :returns: each hole once, in the order of the walk.
    :raises ClosureError: where a wheel's dependency is not one.
    """
    legacy = reads_legacy(target.python)
    holes: dict[Hole, None] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(root, "", "") for root in reversed(roots)]
    while todo:
        requirement, parent, parent_extra = todo.pop()
        if not _is_wanted(requirement, target, parent_extra):
            continue
        name = canonicalize_name(requirement.name)
        wheel = wheels.get(name)
        if wheel is None or not requirement.specifier.contains(wheel.version, prereleases=True):
            holes[Hole(_said(requirement), parent, wheel.version if wheel else "")] = None
            continue
        for extra in (*sorted(requirement.extras, reverse=True), ""):
            if (name, extra) not in seen:
                seen.add((name, extra))
                todo += [(each, name, extra) for each in reversed(_dependencies(wheel, legacy))]
    return tuple(holes)


def _dependencies(wheel: WheelMetadata, legacy: bool) -> list[Requirement]:  # noqa: FBT001
    found = []
    for text in wheel.requires:
        try:
            found.append(Requirement(modern_requirement(text) if legacy else text))
        except InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            raise ClosureError(
                f"{wheel.name} {wheel.version} has a dependency that cannot be read: "
                f"{text!r}: {why}",
                _HINT,
            ) from error
    return found


def _is_wanted(requirement: Requirement, target: Target, extra: str) -> bool:
    """Tell whether a marker holds; where that cannot be known, it counts as wanted."""
    if requirement.marker is None:
        return True
    return evaluate(str(requirement.marker), target, extra) is not False


def _said(requirement: Requirement) -> str:
    """Write a requirement without its marker."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def check_closure(
    target: Target, roots: Iterable[Requirement], files: Iterable[WheelMetadata]
) -> None:
    """Refuse a set of files that is not all that a target needs.

    :param target: the target.
    :param roots: what the user asked for.
    :param files: what the files that were fetched for it say of themselves.
    :raises ClosureError: which names everything that is missing.
    """
    holes = find_holes(target, tuple(roots), {file.name: file for file in files})
    if holes:
        raise ClosureError(
            f"what was fetched for {target.label} is not complete: {'; '.join(map(str, holes))}",
            _HINT,
        )


def check_fit(
    target: Target,
    files: Iterable[tuple[str, Path]],
    narrow: Mapping[str, Sequence[str]],
    sources: Collection[str],
) -> None:
    """Refuse files that a target does not take, or that a constraint rules out.

    :param target: the target.
    :param files: (project, file) for each that was fetched for it.
    :param narrow: by project, the tags that constraints leave it.
    :param sources: the projects of which sources are taken.
    :raises ClosureError: which names every one of them.
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
                yield f"{file.name} is not a wheel (--allow-sdist {project} would take it)"
        elif not fits(file, target.tags):
            yield f"{file.name} is for another environment"
        elif not fits(file, narrow.get(project, target.tags)):
            yield f"{file.name} is not one that the constraints leave"
