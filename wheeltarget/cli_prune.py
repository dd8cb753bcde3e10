"""The command ``prune``: words into a request, files into text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli_values import OutputFormat, offer_tags, offer_targets
from wheeltarget.errors import UsageError, WheeltargetError

_COULD_NOT_FINISH = 3


def prune(
    place: Annotated[str, typer.Argument(metavar="DIR", help="A wheelhouse.")],
    *,
    requirement: Annotated[
        list[str],
        typer.Option("--requirement", "-r", metavar="LOCK", help="A lock of what is needed."),
    ],
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Targets, for locks that are not for one.",
            autocompletion=offer_tags,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file.",
            autocompletion=offer_targets,
            show_default=False,
        ),
    ] = None,
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
        typer.Option(metavar="DIR", help="Copy what it lacks there.", show_default=False),
    ] = None,
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How the files are written.")
    ] = OutputFormat.TEXT,
) -> None:
    """Remove the files of a wheelhouse that no lock names, or find what a machine lacks."""
    from wheeltarget.prune import PruneRequest
    from wheeltarget.prune import prune as work
    from wheeltarget.render_prune import show_prune

    request = PruneRequest(
        place,
        tuple(requirement),
        tuple(tags or ()),
        tuple(target or ()),
        removes=not only_list,
        since=tuple(transfer_since or ()),
        to=to,
    )
    try:
        outcome = work(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr)
        usage = isinstance(error, UsageError)
        raise typer.Exit(error.exit_code if usage else _COULD_NOT_FINISH) from error
    as_json = output_format is OutputFormat.JSON
    show_prune(outcome, request, sys.stdout, sys.stderr, as_json=as_json)
