"""The command ``prune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.summaries import show_prune
from wheeltarget.cli.output.text import report_errors


def prune(
    place: Annotated[
        str, app.name_argument(metavar="DIR", example="wheelhouse", help="The wheelhouse.")
    ],
    *,
    requirement: app.Locks,
    tags: app.Tags = None,
    target: app.Targets = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="List the files without removing them.")
    ] = False,
    transfer_since: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOCK",
            help="List the files that a machine with this lock's files lacks; remove nothing.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        app.path_option(
            "--to",
            example="stick",
            metavar="DIR",
            help="Copy the files that the machine lacks to this folder.",
        ),
    ] = None,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``prune``."""
    from wheeltarget.commands import prune as command

    request = command.PruneRequest(
        place,
        tuple(requirement),
        tuple(tags or ()),
        tuple(target or ()),
        removes=not only_list,
        since=tuple(transfer_since or ()),
        to=to,
    )
    with report_errors():
        outcome = command.prune(request)
    show_prune(outcome, request, as_json=output_format is app.OutputFormat.JSON)
