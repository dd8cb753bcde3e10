"""The command ``install-check``."""

from __future__ import annotations

from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_install_check
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.text import report_errors


def install_check(
    *,
    requirement: app.Locks,
    tags: app.Tags = None,
    target: app.Targets = None,
    wheels: app.Wheels = None,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="Interpreter to import the modules with; otherwise one is searched for.",
        ),
    ] = "",
    output_format: app.Format = app.OutputFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``install-check``."""
    from wheeltarget.commands import install_check as command

    request = command.InstallCheckRequest(
        requirement[0],
        python,
        more=tuple(requirement[1:]),
        wheels=tuple(wheels or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    with report_errors(writes=False), progress_line(quiet=quiet):
        outcome = command.install_check(request)
    show_install_check(outcome, as_json=output_format is app.OutputFormat.JSON, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
