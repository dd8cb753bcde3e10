"""The command ``explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands.invocation import InputFiles, read_invocation


def explain(
    context: typer.Context,
    *,
    arguments: app.Arguments = None,
    tags: app.Tags = None,
    target: app.Targets = None,
    allow_sdist: app.AllowSdist = None,
    build_pure: app.BuildPure = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    index: app.Indexes = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every release of every requirement.")
    ] = False,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``explain``."""
    from wheeltarget.cli.output.explain import show_explained
    from wheeltarget.commands import explain as command

    request = command.ExplainRequest(
        arguments=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        sources=(*(allow_sdist or ()), *(build_pure or ())),
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
        index=tuple(index or ()),
    )
    invocation = read_invocation(request.arguments, files=InputFiles(context.obj or {}))
    coloured = invocation.is_coloured
    with report_errors(coloured=coloured, writes=False), progress_line(invocation):
        outcome = command.explain(request, invocation)
    as_json = output_format is app.OutputFormat.JSON
    show_explained(outcome, as_json=as_json, every=every, coloured=coloured)
    raise typer.Exit(outcome.exit_code)
