"""The command ``pack verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_pack_verify
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack


def pack_verify(
    place: Annotated[
        str,
        app.name_argument(
            metavar="PACK", example="mypack.zip", help="A pack: a folder, or an archive."
        ),
    ],
    *,
    output_format: app.Format = app.OutputFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``pack verify``."""
    with report_errors(writes=False):
        outcome = verify_pack(PackVerifyRequest(place))
    as_json = output_format is app.OutputFormat.JSON
    show_pack_verify(outcome, as_json=as_json, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
