"""The commands ``merge`` and ``prune``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    Format,
    Locks,
    OutputFormat,
    Quiet,
    Tags,
    Targets,
    name_argument,
    path_option,
)
from wheeltarget.errors import ClashError


def prune(
    place: Annotated[
        str,
        name_argument(metavar="DIR", what="a folder", example="wheelhouse", help="The wheelhouse."),
    ],
    *,
    requirement: Locks,
    tags: Tags = None,
    target: Targets = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="List the files without removing them.")
    ] = False,
    transfer_since: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOCK",
            help="List the files that a machine with this lock's files lacks; remove nothing.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        path_option(
            "--to",
            what="a folder",
            example="stick",
            metavar="DIR",
            help="Copy the files that the machine lacks to this folder.",
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Remove wheels that are in none of the locks, or list what another machine lacks."""
    from wheeltarget.cli.output.summaries import show_prune
    from wheeltarget.commands.prune import PruneRequest
    from wheeltarget.commands.prune import prune as work

    request = PruneRequest(
        place,
        tuple(requirement),
        tuple(tags or ()),
        tuple(target or ()),
        removes=not only_list,
        since=tuple(transfer_since or ()),
        to=to,
    )
    with report_errors():
        outcome = work(request)
    as_json = output_format is OutputFormat.JSON
    show_prune(outcome, request, sys.stdout, sys.stderr, as_json=as_json)


def merge(
    folders: Annotated[
        list[str],
        name_argument(
            metavar="DIR…",
            what="a folder",
            example="wheelhouse",
            help="Wheelhouses to merge, with their locks.",
        ),
    ],
    *,
    dest: Annotated[
        Path,
        path_option(
            "--dest",
            "-d",
            what="a folder",
            example="wheelhouse",
            metavar="DIR",
            help="Destination; may be one of the wheelhouses.",
        ),
    ],
    quiet: Quiet = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Merge wheelhouses into one, all files or none."""
    from wheeltarget.cli.output import summaries, text
    from wheeltarget.commands.merge import MergeRequest
    from wheeltarget.commands.merge import merge as join

    with report_errors(finding=ClashError):
        outcome = join(MergeRequest(tuple(map(Path, folders)), dest))
    as_json = output_format is OutputFormat.JSON
    if as_json or not quiet:
        summaries.show_merge(outcome, sys.stdout, as_json=as_json)
    if not quiet:
        text.show_notes(outcome.notes, sys.stderr)
