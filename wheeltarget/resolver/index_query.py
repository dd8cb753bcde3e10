"""The parent's side of listing projects: pip looks at index pages, and resolves nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wheeltarget.errors import DownloadError
from wheeltarget.network.policy import read_connections
from wheeltarget.pip_protocol import JobListing, ListingReport, ListProjects, read_message
from wheeltarget.resolver.pip_runner import appearance, fetches_ahead, make_order, run_alone
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.temporary import temporary_folder


def list_projects(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[JobListing, ...]:
    """List for every job what the indexes have of the projects that it asks for.

    Nothing is resolved, and nothing is fetched but index pages.

    :param jobs: the jobs.
    :param labels: the name of each job's target in messages.
    :returns: what there is for each job, in their order.
    :raises PipMovedError: if the installed pip cannot be made to see a target.
    :raises InterruptedRunError: if the child was interrupted.
    :raises DownloadError: if the child died, or pip could not read what is asked for.
    """
    with temporary_folder("listing") as home:
        orders = tuple(
            make_order(
                job,
                label=label,
                options=("--quiet", *appearance(captured=False)),
                folder=home / "files",
                destination=os.curdir,
                result=home / f"result-{number}.json",
                dry_run=True,
            )
            for number, (job, label) in enumerate(zip(jobs, labels, strict=True))
        )
        run_alone(home, ListProjects(orders, fetches_ahead(), read_connections(os.environ)))
        return tuple(_read(order.result, order.label) for order in orders)


def _read(result: Path, label: str) -> JobListing:
    listing = read_message(result, ListingReport).listing if result.is_file() else None
    if listing is None:
        message = f"pip could not read what is asked for, for {label}"
        raise DownloadError(message, "what it said is above")
    return listing
