"""The command ``check``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_check
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.text import report_errors

CheckFormat = StrEnum("CheckFormat", "TEXT JSON GITHUB JUNIT")


def check(
    places: Annotated[
        list[str],
        app.name_argument(
            metavar="DIR|FILE…", example="wheelhouse", help="Wheelhouses, or single wheels."
        ),
    ],
    *,
    tags: app.Tags = None,
    target: app.Targets = None,
    requirement: Annotated[
        list[str] | None,
        typer.Option(
            "--requirement",
            "-r",
            metavar="FILE",
            help="Requirements that must be satisfied, for the targets that they name.",
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option("--constraint", "-c", metavar="FILE", help="Constraints file."),
    ] = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    audit: Annotated[
        bool, typer.Option("--audit", help="Also check native code; needs the extra audit.")
    ] = False,
    form: Annotated[CheckFormat, app.FORMAT] = CheckFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``check``."""
    from wheeltarget.commands.check import check as command

    request = command.CheckRequest(
        tuple(places),
        tuple(tags or ()),
        tuple(target or ()),
        tuple(requirement or ()),
        tuple(constraint or ()),
        audits=audit,
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
    )
    with report_errors(writes=False), progress_line(quiet=quiet):
        outcome = command.check(request)
    show_check(outcome, form.value, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
