"""The commands ``merge`` and ``prune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.summaries import show_merge, show_prune
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands import merge as merge_command
from wheeltarget.commands import prune as prune_command
from wheeltarget.errors import ClashError


def prune(
    place: Annotated[
        str,
        app.name_argument(
            metavar="DIR", what="a folder", example="wheelhouse", help="The wheelhouse."
        ),
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
            what="a folder",
            example="stick",
            metavar="DIR",
            help="Copy the files that the machine lacks to this folder.",
        ),
    ] = None,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``prune``."""
    request = prune_command.PruneRequest(
        place,
        tuple(requirement),
        tuple(tags or ()),
        tuple(target or ()),
        removes=not only_list,
        since=tuple(transfer_since or ()),
        to=to,
    )
    with report_errors():
        outcome = prune_command.prune(request)
    show_prune(outcome, request, as_json=output_format is app.OutputFormat.JSON)


def merge(
    folders: Annotated[
        list[str],
        app.name_argument(
            metavar="DIR…",
            what="a folder",
            example="wheelhouse",
            help="Wheelhouses to merge, with their locks.",
        ),
    ],
    *,
    dest: Annotated[
        Path,
        app.path_option(
            "--dest",
            "-d",
            what="a folder",
            example="wheelhouse",
            metavar="DIR",
            help="Destination; may be one of the wheelhouses.",
        ),
    ],
    quiet: app.Quiet = False,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``merge``."""
    request = merge_command.MergeRequest(tuple(map(Path, folders)), dest)
    with report_errors(finding=ClashError):
        outcome = merge_command.merge(request)
    show_merge(outcome, as_json=output_format is app.OutputFormat.JSON, quiet=quiet)
