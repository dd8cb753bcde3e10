"""The command ``validate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_validate

FindingsFormat = StrEnum("FindingsFormat", "TEXT JSON GITHUB")


def validate(
    files: Annotated[
        list[str],
        app.name_argument(
            metavar="FILE…",
            example="requirements.txt",
            help="Requirements and constraints files to check.",
        ),
    ],
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Fix obvious mistakes in the files.")] = False,
    form: Annotated[FindingsFormat, app.FORMAT] = FindingsFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``validate``."""
    from wheeltarget.commands.validate import validate as command

    outcome = command.validate(command.ValidateRequest(tuple(files), fix=fix))
    show_validate(outcome, form.value, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
