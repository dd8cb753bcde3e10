"""The command ``explain``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    AllowSdist,
    Arguments,
    BuildPure,
    Format,
    OutputFormat,
    Tags,
    Targets,
)
from wheeltarget.cli.passthrough import Start

if TYPE_CHECKING:
    from wheeltarget.commands.explain.explain import ExplainOutcome


def explain(
    context: typer.Context,
    *,
    arguments: Arguments = None,
    tags: Tags = None,
    target: Targets = None,
    allow_sdist: AllowSdist = None,
    build_pure: BuildPure = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every release of every requirement.")
    ] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Show which releases have a wheel for each target, and why others do not."""
    from wheeltarget.commands.explain.explain import ExplainRequest
    from wheeltarget.commands.explain.explain import explain as find_out
    from wheeltarget.commands.invocation import read_invocation

    request = ExplainRequest(
        words=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        sources=(*(allow_sdist or ()), *(build_pure or ())),
    )
    start = context.obj or Start()
    invocation = read_invocation(request.words, files=start.files)
    with report_errors(coloured=invocation.is_coloured, writes=False):
        outcome = find_out(request, invocation)
    _show(outcome, output_format, every=every, coloured=invocation.is_coloured)
    raise typer.Exit(outcome.exit_code)


def _show(
    outcome: ExplainOutcome, output_format: OutputFormat, *, every: bool, coloured: bool
) -> None:
    from wheeltarget.cli.output.explain import show_explained, show_problems
    from wheeltarget.cli.output.text import show_json

    if output_format is OutputFormat.JSON:
        show_json(outcome.as_dict(), sys.stdout)
    else:
        show_explained(outcome, sys.stdout, every=every, coloured=coloured)
    show_problems(outcome, sys.stderr, coloured=coloured)
