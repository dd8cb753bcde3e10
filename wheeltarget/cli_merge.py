"""The command that joins wheelhouses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli_values import OutputFormat
from wheeltarget.errors import ClashError, WheeltargetError

_FINDING, _UNFINISHED = 1, 3


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Wheelhouses, also with their locks.")
    ],
    *,
    dest: Annotated[
        Path,
        typer.Option(
            "--dest", "-d", metavar="DIR", help="Where to put it all; may be one of them."
        ),
    ],
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing after a good run.")
    ] = False,
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How the result is written.")
    ] = OutputFormat.TEXT,
) -> None:
    """Join wheelhouses that were made apart, each file once, all of it or nothing."""
    from wheeltarget import render, render_merge
    from wheeltarget.joining import MergeRequest
    from wheeltarget.joining import merge as join

    try:
        outcome = join(MergeRequest(tuple(folders), dest))
    except WheeltargetError as error:
        render.show_error(error, sys.stderr)
        raise typer.Exit(_exit_code(error)) from error
    as_json = output_format is OutputFormat.JSON
    if as_json or not quiet:
        render_merge.show_merge(outcome, sys.stdout, as_json=as_json)
    if not quiet:
        render.show_notes(outcome.notes, sys.stderr)


def _exit_code(error: WheeltargetError) -> int:
    """Tell two files of one name, which is a finding, from what could not be done."""
    if isinstance(error, ClashError):
        return _FINDING
    return _UNFINISHED if error.exit_code == 1 else error.exit_code
