"""The command that joins wheelhouses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from wheeltarget.cli.errors import telling
from wheeltarget.cli.options import Format, Quiet, name_argument, path_option
from wheeltarget.cli.values import OutputFormat
from wheeltarget.errors import ClashError


def merge(
    folders: Annotated[
        list[str],
        name_argument(
            metavar="DIR…",
            what="a folder",
            example="wheelhouse",
            help="Wheelhouses, also with their locks.",
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
            help="Where to put it all; may be one of them.",
        ),
    ],
    quiet: Quiet = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Join wheelhouses that were made apart, each file once, all of it or nothing."""
    from wheeltarget.cli.output import summaries, text
    from wheeltarget.commands.merge import MergeRequest
    from wheeltarget.commands.merge import merge as join

    with telling(finding=ClashError):
        outcome = join(MergeRequest(tuple(map(Path, folders)), dest))
    as_json = output_format is OutputFormat.JSON
    if as_json or not quiet:
        summaries.show_merge(outcome, sys.stdout, as_json=as_json)
    if not quiet:
        text.show_notes(outcome.notes, sys.stderr)
