"""The command ``merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from wheeltarget.cli import app
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.summaries import show_merge
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands import merge as command
from wheeltarget.errors import ClashError


def merge(
    folders: Annotated[
        list[str],
        app.name_argument(
            metavar="DIR…", example="wheelhouse", help="Wheelhouses to merge, with their locks."
        ),
    ],
    *,
    dest: Annotated[
        Path,
        app.path_option(
            "--dest",
            "-d",
            example="wheelhouse",
            metavar="DIR",
            help="Destination; may be one of the wheelhouses.",
        ),
    ],
    quiet: app.Quiet = False,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``merge``."""
    request = command.MergeRequest(tuple(map(Path, folders)), dest)
    with report_errors(finding=ClashError), progress_line(quiet=quiet):
        outcome = command.merge(request)
    show_merge(outcome, as_json=output_format is app.OutputFormat.JSON, quiet=quiet)
