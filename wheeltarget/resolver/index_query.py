"""The parent's side of asking what there is: pip looks at projects, and resolves nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from wheeltarget.errors import DownloadError
from wheeltarget.projects import JobListing
from wheeltarget.resolver.pip_runner import appearance, describe, run_alone
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.temporary import temporary_folder


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
