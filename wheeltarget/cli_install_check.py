"""The command ``install-check``: words into a request, findings into text and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wheeltarget.cli_values import OutputFormat, offer_tags, offer_targets
from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

_COULD_NOT_FINISH = 3


def install_check(
    *,
    requirement: Annotated[
        str,
        typer.Option("--requirement", "-r", metavar="LOCK", help="The lock of one target."),
    ],
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="The target, for a lock that is not for one.",
            autocompletion=offer_tags,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file.",
            autocompletion=offer_targets,
            show_default=False,
        ),
    ] = None,
    wheels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="A wheelhouse to take the wheels from; without one they are fetched.",
            show_default=False,
        ),
    ] = None,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The interpreter to try them in; without it one is looked for.",
            show_default=False,
        ),
    ] = "",
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How the findings are written.")
    ] = OutputFormat.TEXT,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but findings and errors.")
    ] = False,
) -> None:
    """Unpack the wheels of a lock into a throwaway folder, and import every module for real."""
    from wheeltarget.install_check import InstallCheckRequest
    from wheeltarget.install_check import install_check as try_out
    from wheeltarget.render_check import show_install_check

    request = InstallCheckRequest(
        requirement,
        tuple(wheels or ()),
        python,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    try:
        outcome = try_out(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr)
        own = isinstance(error, UsageError | InterruptedRunError)
        raise typer.Exit(error.exit_code if own else _COULD_NOT_FINISH) from error
    as_json = output_format is OutputFormat.JSON
    show_install_check(outcome, sys.stdout, sys.stderr, as_json=as_json, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
