"""The parent's side of asking what there is: pip looks at projects, and resolves nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.errors import DownloadError
from wheeltarget.resolver.pip_runner import appearance, describe, run_alone
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.results import file_fact
from wheeltarget.staging.temporary import temporary_folder
from wheeltarget.targets.compatibility import FileFact


def list_projects(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[JobListing, ...]:
    """Let pip say, for every job, what there is of the projects that it asks for.

    Nothing is resolved, and nothing is fetched but index pages.

    :param jobs: the jobs.
    :param labels: what to call each job's target.
    :returns: what there is for each job, in their order.
    :raises PipMovedError: where the installed pip cannot be made to see a target.
    :raises InterruptedRunError: where the child was interrupted.
    :raises DownloadError: where the child died, or pip could not read what is asked for.
    """
    # What it looks for is ours to tell.
    words = ("--quiet", *appearance(captured=False))
    with temporary_folder("listing") as home:
        folder = str(home / "files")
        results = [home / f"result-{number}.json" for number in range(len(jobs))]
        orders = [
            {
                **describe(job),
                "label": label,
                "arguments": [f"--dest={folder}", *words, *job.arguments],
                "folder": folder,
                "destination": os.curdir,
                "result": str(result),
                "dry_run": True,
            }
            for job, label, result in zip(jobs, labels, results, strict=True)
        ]
        run_alone(home, {"listing": True, "jobs": orders})
        return tuple(_read(result, label) for result, label in zip(results, labels, strict=True))


def _read(result: Path, label: str) -> JobListing:
    data = json.loads(result.read_text("utf-8")) if result.is_file() else {}
    if not data.get("listing"):
        message = f"pip could not read what is asked for, for {label}"
        raise DownloadError(message, "what it said is above")
    return JobListing.from_dict(data["listing"])


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
