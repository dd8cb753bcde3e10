"""What came of a job, and who asks for a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.pip_protocol import ChosenFile, Failure
from wheeltarget.resolver.plan import Job


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
class RequestedBy:
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
    def from_dict(cls, data: Mapping[str, str]) -> RequestedBy:
        """Build it from what :meth:`as_dict` gave."""
        return cls(**data)
