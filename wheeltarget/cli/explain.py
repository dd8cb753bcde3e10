"""The command that says what fits which target, and why the rest does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli.errors import telling
from wheeltarget.cli.options import AllowSdist, BuildPure, Format, Tags, Targets, Words
from wheeltarget.cli.terminal import is_coloured
from wheeltarget.cli.values import OutputFormat

if TYPE_CHECKING:
    from wheeltarget.commands.explain.explain import ExplainOutcome


def explain(
    *,
    words: Words = None,
    tags: Tags = None,
    target: Targets = None,
    allow_sdist: AllowSdist = None,
    build_pure: BuildPure = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show each release, of every requirement.")
    ] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Say which releases fit which target, why the others do not, and what would do."""
    from wheeltarget.commands.explain.explain import ExplainRequest
    from wheeltarget.commands.explain.explain import explain as find_out

    request = ExplainRequest(
        words=tuple(words or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        sources=(*(allow_sdist or ()), *(build_pure or ())),
    )
    with telling(request.words, writes=False):
        outcome = find_out(request)
    coloured = is_coloured(request.words)
    _show(outcome, output_format, every=every, coloured=coloured)
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
