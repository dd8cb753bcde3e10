"""The command ``validate``: files into findings, as text and an exit code."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli.options import FORMAT, Quiet


class FindingsFormat(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Requirements and constraints files."),
    ],
    *,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is surely meant otherwise, in the files.")
    ] = False,
    form: Annotated[FindingsFormat, FORMAT] = FindingsFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Check the annotations of files, each on its own, without a network."""
    from wheeltarget.cli.output.findings import show_findings
    from wheeltarget.commands.validate.validate import ValidateRequest
    from wheeltarget.commands.validate.validate import validate as look

    outcome = look(ValidateRequest(tuple(files), fix=fix))
    show_findings(outcome, form.value, sys.stdout, sys.stderr, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
