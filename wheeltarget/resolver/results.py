"""What pip chose for a job, as its child process says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.resolver.demands import Demand
from wheeltarget.resolver.plan import Job
from wheeltarget.targets.compatibility import FileFact


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file that pip chose for a target.

    :param name: the project, normalised.
    :param version: its version.
    :param path: where the file lies in the stage.
    :param url: where it came from, without credentials.
    :param requested: whether the user asked for it by name.
    :param extras: the extras that were asked for.
    :param parents: the projects that need it; None stands for the user.
    :param yanked: the reason for which it was yanked, or None if it was not.
    :param requires_python: which Pythons it is for, as the index says.
    :param hashes: what the index says, (algorithm, value).
    :param size: its size in bytes, as the index says.
    :param requires: its dependencies, as its metadata has them.
    :param index: the page that names it, without credentials; None where there is none.
    :param direct: whether it was asked for by its place.
    :param subdirectory: the folder in it that the project is in; empty for all of it.
    :param accepts: what the user says of it, (algorithm, value); pip takes either.
    """

    name: str
    version: str
    path: Path
    url: str
    requested: bool
    extras: tuple[str, ...]
    parents: tuple[str | None, ...]
    yanked: str | None
    requires_python: str | None = None
    hashes: tuple[tuple[str, str], ...] = ()
    size: int | None = None
    requires: tuple[str, ...] = ()
    index: str | None = None
    direct: bool = False
    subdirectory: str = ""
    accepts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path) -> ChosenFile:
        """Build it from an object of a result file."""
        return cls(
            name=data["name"],
            version=data["version"],
            path=folder / data["filename"],
            url=data["url"],
            requested=data["requested"],
            extras=tuple(data["extras"]),
            parents=tuple(data["parents"]),
            yanked=data["yanked"],
            requires_python=data["requires_python"],
            hashes=tuple(data["hashes"].items()),
            size=data["size"],
            requires=tuple(data["requires"]),
            index=data["index"],
            direct=data["direct"],
            subdirectory=data["subdirectory"],
            accepts=tuple((n, value) for n, values in data["accepts"].items() for value in values),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """What pip's resolver could not have.

    :param demands: the demands that cannot all be met.
    :param files: (project, its files) for each project that they are about.
    :param places: (project, where it was looked for) for each that has no files.
    :param unseen: projects that the user asks for and that were not looked at.
    """

    demands: tuple[Demand, ...]
    files: tuple[tuple[str, tuple[FileFact, ...]], ...]
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unseen: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Failure:
        """Build it from an object of a result file."""
        demands = tuple(
            Demand(
                project=each["project"],
                name=each["name"],
                specifier=each["specifier"],
                constraint=each["constraint"],
                hashes=tuple((n, v) for n, values in each["hashes"].items() for v in values),
                chain=tuple((name, version) for name, version in each["chain"]),
                file=each["file"],
                unlisted=each["unlisted"],
            )
            for each in data["causes"]
        )
        files = tuple(
            (project, tuple(file_fact(each) for each in found))
            for project, found in data["files"].items()
        )
        places = tuple((project, tuple(found)) for project, found in data["places"].items())
        return cls(demands, files, places, tuple(data["unseen"]))


def file_fact(data: Mapping[str, Any]) -> FileFact:
    """Build what is said of a file from an object of a result file."""
    return FileFact(
        filename=data["filename"],
        verdict=data["verdict"],
        requires_python=data["requires_python"],
        yanked=data["yanked"],
        hashes=tuple(data["hashes"].items()),
        uploaded=data["uploaded"],
    )


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job.

    :param job: the job.
    :param exit_code: pip's exit code for it.
    :param dependencies: ``all``, ``none`` or ``only``: what pip was told to fetch.
    :param chosen: the files that pip chose.
    :param folder: where all its files are.
    :param failure: what pip could not have, or None.
    :param said: what pip says of that, and was held back.
    :param fresh_until: until when what the index pages say holds, in seconds since the epoch, or
        None.
    """

    job: Job
    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...]
    folder: Path
    failure: Failure | None = None
    said: tuple[str, ...] = ()
    fresh_until: float | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a project: another project, or somebody's line.

    :param project: the project, or an empty string.
    :param requirement: the line's requirement, or an empty string.
    :param location: where the line stands, or an empty string.
    """

    project: str = ""
    requirement: str = ""
    location: str = ""

    def as_dict(self) -> dict[str, str]:
        """Give what there is."""
        if self.project:
            return {"project": self.project}
        return {"requirement": self.requirement, "location": self.location}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Asker:
        """Build it from what :meth:`as_dict` gave."""
        return cls(**data)
