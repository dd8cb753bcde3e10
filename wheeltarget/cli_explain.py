"""The command that says what fits which target, and why the rest does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli_download import is_coloured
from wheeltarget.cli_pip import offer_words
from wheeltarget.cli_values import OutputFormat, offer_tags, offer_targets
from wheeltarget.errors import InputError, InterruptedRunError, UsageError, WheeltargetError

if TYPE_CHECKING:
    from wheeltarget.explain import ExplainOutcome

_USAGE, _UNFINISHED = 2, 3


def explain(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REQUIREMENT…",
            help="What to explain, such as 'numpy<2 ; tags=cp39-cp39-manylinux2014_x86_64'.",
            show_default=False,
            autocompletion=offer_words,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Targets of the lines without one, as tags with commas between.",
            autocompletion=offer_tags,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file; host is this machine.",
            autocompletion=offer_targets,
        ),
    ] = None,
    allow_sdist: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Let a source of this project do for a target."),
    ] = None,
    build_pure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="The same, as far as it can be told beforehand."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show each release, of every requirement.")
    ] = False,
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How the result is written.")
    ] = OutputFormat.TEXT,
) -> None:
    """Say which releases fit which target, why the others do not, and what would do."""
    from wheeltarget.explain import ExplainRequest
    from wheeltarget.explain import explain as find_out

    request = ExplainRequest(
        words=tuple(words or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        sources=(*(allow_sdist or ()), *(build_pure or ())),
    )
    coloured = is_coloured(request.words)
    try:
        outcome = find_out(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        if isinstance(error, InterruptedRunError):
            error.message = "interrupted"  # there is no destination of which to say more
        show_error(error, sys.stderr, coloured=coloured)
        raise typer.Exit(_exit_code(error)) from error
    _show(outcome, output_format, every=every, coloured=coloured)
    raise typer.Exit(outcome.exit_code)


def _show(
    outcome: ExplainOutcome, output_format: OutputFormat, *, every: bool, coloured: bool
) -> None:
    from wheeltarget.render import show_json
    from wheeltarget.render_explain import show_explained, show_problems

    if output_format is OutputFormat.JSON:
        show_json(outcome, sys.stdout)
    else:
        show_explained(outcome, sys.stdout, every=every, coloured=coloured)
    show_problems(outcome, sys.stderr, coloured=coloured)


def _exit_code(error: WheeltargetError) -> int:
    """Give 2 where what was written is wrong, 3 where it could not be worked on."""
    if isinstance(error, InterruptedRunError):
        return error.exit_code
    return _USAGE if isinstance(error, UsageError | InputError) else _UNFINISHED
