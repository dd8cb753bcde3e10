"""Read the metadata of wheels, and check that a set of wheels is all that a target needs.

The check is independent of pip's resolver: names, versions, extras and markers are read from the
wheels (core metadata, dependency specifiers) as the target sees them.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheeltarget.errors import ClosureError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.targets.exclusions import NOTHING, Exclusions
from wheeltarget.targets.specifiers import takes_prereleases
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.archive import DAMAGE, describe_damage

_HINT = "nothing was saved"
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_PARTS = re.compile(rb"(\A|[\r\n])(content-type:)", re.IGNORECASE)
_LONGEST_TEXT = 16 << 20
"""How many bytes METADATA, WHEEL or RECORD may have; the longest RECORD known has two million."""

_MOST_FIELDS, _MOST_LINES = 300, 50_000
"""How many different fields, and lines of fields, METADATA and WHEEL may have."""

_Wheel = TypeVar("_Wheel", bound="WheelMetadata | ChosenFile")


@dataclass(frozen=True, slots=True)
class WheelMetadata:
    """Metadata of a wheel: the normalised project, its version and its ``Requires-Dist`` lines."""

    name: str
    version: str
    requires: tuple[str, ...]


class TooLargeError(ValueError):
    """A file is too large, or has so many fields that parsing it would take very long."""


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Read an existing file of the ``.dist-info`` directory; raises TooLargeError at the limits."""
    if archive.getinfo(member).file_size > _LONGEST_TEXT:
        raise TooLargeError(f"{member} has more than {_LONGEST_TEXT >> 20} MB")
    content = archive.read(member)
    if member.endswith(("/METADATA", "/WHEEL")):
        # The email package would read the text below the fields as nested messages.
        content = _PARTS.sub(rb"\1X-\2", content)
        head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
        short = head.count(b"\n") + head.count(b"\r") <= _MOST_LINES
        lines = head.splitlines() if short else ()
        fields = {line.partition(b":")[0].lower() for line in lines if not line[:1].isspace()}
        if not short or len(fields) > _MOST_FIELDS:
            raise TooLargeError(f"{member} has too many fields")
    return content


def read_fields(archive: zipfile.ZipFile) -> RawMetadata:
    """Read the fields of a wheel's METADATA; raises one of :data:`DAMAGE` if it cannot be read."""
    member = next(filter(_METADATA.fullmatch, archive.namelist()), None)
    if member is None:
        raise ValueError("it has no METADATA")
    return parse_email(read_member(archive, member))[0]


def read_metadata(wheel: Path) -> WheelMetadata:
    """Read the metadata of a wheel; raises ClosureError if it is damaged or misnamed."""
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            raw = read_fields(archive)
        for key in ("name", "version"):
            if key not in raw:
                raise ValueError(f"its METADATA has no {key.capitalize()}")
        found = canonicalize_name(raw["name"]), Version(raw["version"])
    except DAMAGE as error:
        why = describe_damage(error)
        raise ClosureError(f"{wheel.name} is not a valid wheel: {why}", _HINT) from error
    if found != (name, version):
        what = f"{found[0]} {found[1]} according to its METADATA"
        raise ClosureError(f"{wheel.name} is {what}", _HINT)
    return WheelMetadata(name, str(version), tuple(raw.get("requires_dist", ())))


@dataclass(frozen=True, slots=True)
class MissingRequirement:
    """A requirement, without its marker, that no file meets; without a parent, it is the user's.

    :param found: the available versions.
    :param rule: the rule of the target's pip that excludes those that would do; else empty.
    """

    requirement: str
    parent: str
    found: tuple[str, ...] = ()
    rule: str = ""

    def __str__(self) -> str:
        if self.rule:
            who = f"{self.parent} needs" if self.parent else "you asked for"
            only = f"only the pre-release {' and '.join(self.found)} satisfies; {self.rule}"
            return f"{who} {self.requirement}, which {only}"
        verb = "are" if len(self.found) > 1 else "is"
        who = f"{self.parent} needs" if self.parent else "you asked for"
        instead = f"but only {' and '.join(self.found)} {verb} available"
        return f"{who} {self.requirement}, {instead if self.found else 'which is missing'}"


@dataclass(frozen=True, slots=True)
class UnreadableDependency(Generic[_Wheel]):
    """A ``Requires-Dist`` line that is not a valid requirement, and what is wrong with it."""

    wheel: _Wheel
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Available(Generic[_Wheel]):
    """The wheels that a target accepts, and versions of source distributions, by project.

    :param prereleases: whether every pre-release may be taken; else the target's own pip decides.
    :param excluded: the projects that are left out, so that they are not missing.
    """

    target: Target
    wheels: Mapping[str, Sequence[_Wheel]]
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prereleases: bool = True
    excluded: Exclusions = NOTHING

    def versions(self, project: str) -> tuple[str, ...]:
        """Return the available versions of a project."""
        wheels = (wheel.version for wheel in self.wheels.get(project, ()))
        return tuple(dict.fromkeys((*wheels, *self.sources.get(project, ()))))


def walk(
    available: Available[_Wheel],
    roots: Iterable[Requirement] | None,
    visited: set[tuple[_Wheel, str]] | None = None,
) -> Iterator[MissingRequirement | UnreadableDependency[_Wheel]]:
    """Walk from the roots through all dependencies, breadth first.

    If several versions of a project meet a requirement, each of them is visited. Pre-releases are
    judged at the end, since any requirement on a project may name one.

    :param roots: what the user asked for; None to start from every wheel.
    :param visited: gets each visited wheel with an extra; empty.
    :returns: each requirement that is not met, and each dependency that cannot be read, once.
    """
    target = available.target
    reported: set[MissingRequirement] = set()
    seen: set[tuple[_Wheel, str]] = set() if visited is None else visited
    todo: deque[tuple[_Wheel, str]] = deque()
    prereleases = _Prereleases(available)

    def visit(
        requirements: Iterable[Requirement], parent: str, extra: str
    ) -> Iterator[MissingRequirement]:
        for requirement in requirements:
            if not is_wanted(requirement, target, extra):
                continue
            name = canonicalize_name(requirement.name)
            if name in available.excluded:
                continue
            found, accepts = available.versions(name), requirement.specifier.contains
            matching = {each for each in found if accepts(each, prereleases=True)}
            todo.extend(
                (wheel, each)
                for wheel in available.wheels.get(name, ())
                if wheel.version in matching
                for each in ("", *sorted(requirement.extras))
            )
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            text = f"{requirement.name}{extras}{requirement.specifier}"
            missing = MissingRequirement(text, parent, found)
            if not matching and missing not in reported:
                reported.add(missing)
                yield missing
            prereleases.note(name, requirement, replace(missing, found=tuple(matching)))

    if roots is None:
        todo.extend(
            (wheel, "")
            for name, wheels in available.wheels.items()
            if name not in available.excluded
            for wheel in wheels
        )
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
    yield from prereleases.missing()


class _Prereleases:
    """The requirements that only pre-releases meet, and all specifiers, by project."""

    def __init__(self, available: Available[_Wheel]) -> None:
        self._target, self._are_taken = available.target, available.prereleases
        self._specifiers: defaultdict[str, list[Specifier]] = defaultdict(list)
        self._met: defaultdict[str, list[MissingRequirement]] = defaultdict(list)

    def note(self, name: str, requirement: Requirement, met: MissingRequirement) -> None:
        """Note a requirement, with the versions that meet it."""
        if self._are_taken:
            return
        self._specifiers[name] += requirement.specifier
        found = sorted(map(Version, met.found))
        if found and all(version.is_prerelease for version in found):
            rule = self._target.rule_on_prereleases
            self._met[name].append(replace(met, found=tuple(map(str, found)), rule=rule))

    def missing(self) -> Iterator[MissingRequirement]:
        """Return those that the target's own pip does not take."""
        for name, met in self._met.items():
            if takes_prereleases(self._target.python, self._specifiers[name]) is False:
                yield from dict.fromkeys(met)


def read_dependencies(
    wheel: _Wheel, target: Target
) -> tuple[list[Requirement], list[UnreadableDependency[_Wheel]]]:
    """Read the dependencies of a wheel as the pip of a target does."""
    found, unreadable = [], []
    for text in wheel.requires:
        try:
            found.append(target.parse_requirement(text))
        except InvalidRequirement as error:
            unreadable.append(UnreadableDependency(wheel, text, describe_damage(error)))
    return found, unreadable


def is_wanted(requirement: Requirement, target: Target, extra: str = "") -> bool:
    """Return whether a marker holds, or may hold if that cannot be known."""
    marker = requirement.marker
    return marker is None or target.evaluate(str(marker), extra) is not False


def find_missing_requirements(
    target: Target,
    roots: Iterable[Requirement],
    files: Iterable[WheelMetadata | ChosenFile],
    excluded: Exclusions = NOTHING,
) -> list[MissingRequirement]:
    """Find what is missing from a set of files, one for each project, for what the user asked."""
    missing = []
    wheels = {file.name: (file,) for file in files}
    for each in walk(Available(target, wheels, excluded=excluded), roots):
        if isinstance(each, UnreadableDependency):
            what = f"{each.wheel.name} {each.wheel.version} has a dependency that cannot be read"
            raise ClosureError(f"{what}: {each.text!r}: {each.reason}", _HINT)
        missing.append(each)
    return missing


def check_closure(
    target: Target,
    roots: Iterable[Requirement],
    files: Iterable[WheelMetadata | ChosenFile],
    excluded: Exclusions = NOTHING,
) -> None:
    """Raise ClosureError if a set of files is not all that a target needs.

    :param excluded: the projects that are left out, so that they are not missing.
    """
    if missing := find_missing_requirements(target, roots, files, excluded):
        what = f"what was fetched for {target.label} is not complete"
        raise ClosureError(f"{what}: {'; '.join(map(str, missing))}", _HINT)


def fits(wheel: Path, tags: Collection[str]) -> bool:
    """Return whether a wheel, whose name must be valid, has one of some tags."""
    return not set(map(str, parse_wheel_filename(wheel.name)[3])).isdisjoint(tags)


def check_fit(
    target: Target,
    files: Iterable[tuple[str, Path]],
    narrow: Mapping[str, Sequence[str]],
    sources: Collection[str],
) -> None:
    """Check that a target accepts all files, and that no constraint excludes one.

    :param narrow: by project, the tags that constraints allow.
    :raises ClosureError: if a file does not fit; it names all of them.
    """
    misfits = []
    for project, file in files:
        if file.suffix != ".whl":
            if project not in sources:
                hint = f"--allow-sdist {project} would accept it"
                misfits.append(f"{file.name} is not a wheel ({hint})")
        elif not fits(file, target.tags):
            misfits.append(f"{file.name} is for another environment")
        elif not fits(file, narrow.get(project, target.tags)):
            misfits.append(f"{file.name} is excluded by a constraint's tags")
    if misfits:
        what = f"not all that was fetched fits {target.label}"
        raise ClosureError(f"{what}: {'; '.join(misfits)}", _HINT)
