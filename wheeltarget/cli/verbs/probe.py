"""The command ``probe``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands.probe import probe as command
from wheeltarget.errors import UsageError


def probe(
    *,
    python: Annotated[
        str, typer.Option(metavar="PATH", help="Interpreter to describe, not the running one.")
    ] = "",
    script: Annotated[
        bool, typer.Option("--script", help="Print a script that does the same on another machine.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the target.")] = "",
    as_json: app.AsJson = False,
    output: Annotated[
        Path | None,
        app.path_option(
            "--output",
            "-o",
            example="target.toml",
            metavar="FILE",
            help="File to write to; - is standard output.",
        ),
    ] = None,
) -> None:
    """Run ``probe``."""
    with report_errors():
        if script and (python or name or as_json):
            raise UsageError(
                "--script can be combined with --output only",
                "pass --name and --json to the script when you run it",
            )
        form = "json" if as_json else "toml"
        text = command.script() if script else command.probe(python, name, form)
        if output is None or str(output) == "-":
            sys.stdout.write(text)
        else:
            command.write(output, text)
