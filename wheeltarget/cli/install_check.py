"""The command ``install-check``: words into a request, findings into text and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wheeltarget.cli.errors import telling
from wheeltarget.cli.options import Format, Lock, Quiet, Tags, Targets, Wheels
from wheeltarget.cli.values import OutputFormat


def install_check(
    *,
    requirement: Lock,
    tags: Tags = None,
    target: Targets = None,
    wheels: Wheels = None,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The interpreter to try them in; without it one is looked for.",
            show_default=False,
        ),
    ] = "",
    output_format: Format = OutputFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Unpack the wheels of a lock into a throwaway folder, and import every module for real."""
    from wheeltarget.cli.output.check import show_install_check
    from wheeltarget.commands.install_check import InstallCheckRequest
    from wheeltarget.commands.install_check import install_check as try_out

    request = InstallCheckRequest(
        requirement,
        tuple(wheels or ()),
        python,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    with telling(writes=False):
        outcome = try_out(request)
    as_json = output_format is OutputFormat.JSON
    show_install_check(outcome, sys.stdout, sys.stderr, as_json=as_json, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
