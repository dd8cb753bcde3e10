"""List projects with pip, which reads index pages and resolves nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wheeltarget.errors import DownloadError
from wheeltarget.pip_config.options import read_connections
from wheeltarget.pip_protocol import JobListing, ListingReport, ListProjects, read_message
from wheeltarget.resolver.pip_runner import fetches_ahead, make_order, output_options, run_alone
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.temporary import temporary_folder


def list_projects(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[JobListing, ...]:
    """List the files of the projects that each job requests, from index pages alone.

    :param jobs: the jobs.
    :param labels: the name of each job's target in messages.
    :returns: the listing of each job.
    :raises PipMovedError: if wheeltarget does not work with the installed pip.
    :raises InterruptedRunError: if the child was interrupted.
    :raises DownloadError: if the child died, or pip could not read the requirements.
    """
    with temporary_folder("listing") as home:
        orders = tuple(
            make_order(
                job,
                label=label,
                options=("--quiet", *output_options(captured=False)),
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
        raise DownloadError(
            f"pip could not read the requirements for {label}", "see pip's output above"
        )
    return listing
