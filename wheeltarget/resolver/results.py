"""The result of a job, and what a project is requested by.

Start-up: a replayed run and a download from a lock need no more than :class:`RequestedBy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheeltarget.pip_protocol import ChosenFile, Failure
    from wheeltarget.resolver.plan import Job


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job.

    :param job: the job.
    :param exit_code: pip's exit code for it.
    :param dependencies: ``all``, ``none`` or ``only``: what pip was told to fetch.
    :param chosen: the files that pip chose.
    :param folder: the folder of its files.
    :param failure: why pip's resolver failed, or None.
    :param messages: pip's messages about that, which were not shown.
    :param fresh_until: until when the index pages are fresh, in seconds since the epoch, or None.
    """

    job: Job
    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...]
    folder: Path
    failure: Failure | None = None
    messages: tuple[str, ...] = ()
    fresh_until: float | None = None


@dataclass(frozen=True, slots=True)
class RequestedBy:
    """What a project is requested by: another project, or a line of the user.

    :param project: the project, or an empty string.
    :param requirement: the requirement in the line, or an empty string.
    :param location: the place of the line, or an empty string.
    """

    project: str = ""
    requirement: str = ""
    location: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are set."""
        if self.project:
            return {"project": self.project}
        return {"requirement": self.requirement, "location": self.location}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> RequestedBy:
        """Return the value for a result of :meth:`as_dict`."""
        return cls(**data)
