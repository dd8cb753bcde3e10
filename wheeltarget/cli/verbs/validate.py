"""The command ``validate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_validate
from wheeltarget.errors import UsageError

FindingsFormat = StrEnum("FindingsFormat", "TEXT JSON GITHUB")


def validate(
    files: Annotated[
        list[str] | None,
        app.name_argument(
            metavar="FILE…",
            example="requirements.txt",
            help="Requirements and constraints files to check.",
        ),
    ] = None,
    *,
    constraints: Annotated[
        list[str] | None,
        app.name_option(
            "--constraint",
            "-c",
            example="versions.txt",
            metavar="FILE",
            help="Constraints file.",
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix obvious mistakes in the files.")] = False,
    form: Annotated[FindingsFormat, app.FORMAT] = FindingsFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``validate``."""
    from wheeltarget.commands.validate import validate as command

    if not (files or constraints):
        raise UsageError("no file is named", "write wheeltarget validate requirements.txt")
    request = command.ValidateRequest(
        tuple(files or ()), fix=fix, constraints=tuple(constraints or ())
    )
    outcome = command.validate(request)
    show_validate(outcome, form.value, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
