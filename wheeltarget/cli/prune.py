"""The command ``prune``: words into a request, files into text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli.errors import telling
from wheeltarget.cli.options import Format, Locks, Tags, Targets, name_argument, path_option
from wheeltarget.cli.values import OutputFormat


def prune(
    place: Annotated[
        str,
        name_argument(metavar="DIR", what="a folder", example="wheelhouse", help="A wheelhouse."),
    ],
    *,
    requirement: Locks,
    tags: Tags = None,
    target: Targets = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="List the files, and remove none.")
    ] = False,
    transfer_since: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOCK",
            help="List what a machine lacks that has this lock's files; remove none.",
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
            help="Copy what it lacks there.",
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Remove the files of a wheelhouse that no lock names, or find what a machine lacks."""
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
    with telling():
        outcome = work(request)
    as_json = output_format is OutputFormat.JSON
    show_prune(outcome, request, sys.stdout, sys.stderr, as_json=as_json)
