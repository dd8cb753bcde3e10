"""The command ``validate``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli.options import FORMAT, Quiet, name_argument


class FindingsFormat(StrEnum):
    """The output formats of findings."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def validate(
    files: Annotated[
        list[str],
        name_argument(
            metavar="FILE…",
            what="a file",
            example="requirements.txt",
            help="Requirements and constraints files to check.",
        ),
    ],
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Fix obvious mistakes in the files.")] = False,
    form: Annotated[FindingsFormat, FORMAT] = FindingsFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Check the annotations in requirements files, offline."""
    from wheeltarget.cli.output.findings import show_findings
    from wheeltarget.commands.validate.validate import ValidateRequest
    from wheeltarget.commands.validate.validate import validate as look

    outcome = look(ValidateRequest(tuple(files), fix=fix))
    show_findings(outcome, form.value, sys.stdout, sys.stderr, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
