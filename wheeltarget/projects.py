"""What the indexes have of the projects that are asked for, as pip's child process says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wheeltarget.resolver.results import file_fact
from wheeltarget.targets.compatibility import FileFact


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement or a constraint, as pip reads it for a target.

    :param project: the project, normalised; empty where only its metadata says it.
    :param name: the project with its extras, as it was written; empty likewise.
    :param specifier: which versions are asked for; may be empty.
    :param marker: its marker; may be empty.
    :param hashes: (algorithm, value) of every hash that is allowed; empty where any is.
    :param url: where it is, if no index is asked; else empty.
    :param needed: whether its marker holds for the target.
    :param problem: why nobody knows that, as a sentence; else empty.
    """

    project: str
    name: str
    specifier: str
    marker: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    url: str = ""
    needed: bool = True
    problem: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Asked:
        """Build it from an object of a result file."""
        return cls(
            project=data["project"],
            name=data["name"],
            specifier=data["specifier"],
            marker=data["marker"],
            hashes=tuple((name, v) for name, values in data["hashes"].items() for v in values),
            url=data["url"],
            needed=data["needed"],
            problem=data["problem"],
        )


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a project.

    :param fact: what pip says of it.
    :param url: where it is, without credentials.
    :param size: its size in bytes, as the index says, or None.
    :param best_of: the version for which pip would take it before every other file, or None.
    """

    fact: FileFact
    url: str
    size: int | None = None
    best_of: str | None = None


@dataclass(frozen=True, slots=True)
class FoundProject:
    """Everything that there is of a project, as a target sees it.

    :param files: its files.
    :param taken: the URL of the file that pip would take for what is asked of this project, or
        None where there is none.
    :param applicable: the versions that pip would take, of those with a file that fits.
    :param problem: why not all of it is known, as a sentence; else empty.
    :param places: where there are no files, where they would be.
    :param neighbours: names of projects in those places, as far as they are known.
    """

    files: tuple[FoundFile, ...]
    taken: str | None = None
    applicable: frozenset[str] = frozenset()
    problem: str = ""
    places: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FoundProject:
        """Build it from an object of a result file."""
        files = (
            FoundFile(file_fact(each), each["url"], each["size"], each["best_of"])
            for each in data["files"]
        )
        return cls(
            tuple(files),
            data["taken"],
            frozenset(data["applicable"]),
            data["problem"],
            tuple(data["places"]),
            tuple(data["neighbours"]),
        )


@dataclass(frozen=True, slots=True)
class JobListing:
    """What there is for one job.

    :param hashed: whether pip compares the hash of every file with one that is listed.
    :param requirements: what is asked for.
    :param constraints: what limits it; those of which the marker holds.
    :param projects: (project, what there is of it) for each that is needed from an index.
    """

    hashed: bool
    requirements: tuple[Asked, ...]
    constraints: tuple[Asked, ...]
    projects: tuple[tuple[str, FoundProject], ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> JobListing:
        """Build it from an object of a result file."""
        return cls(
            hashed=data["hashed"],
            requirements=tuple(map(Asked.from_dict, data["requirements"])),
            constraints=tuple(map(Asked.from_dict, data["constraints"])),
            projects=tuple((n, FoundProject.from_dict(p)) for n, p in data["projects"].items()),
        )
