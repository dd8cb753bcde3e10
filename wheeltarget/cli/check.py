"""The commands ``check`` and ``install-check``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    FORMAT,
    Format,
    Lock,
    OutputFormat,
    Quiet,
    Tags,
    Targets,
    Wheels,
    name_argument,
)


class CheckFormat(StrEnum):
    """The output formats of findings."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


def check(
    places: Annotated[
        list[str],
        name_argument(
            metavar="DIR|FILE…",
            what="a folder or a wheel",
            example="wheelhouse",
            help="Wheelhouses, or single wheels.",
        ),
    ],
    *,
    tags: Tags = None,
    target: Targets = None,
    requirement: Annotated[
        list[str] | None,
        typer.Option(
            "--requirement",
            "-r",
            metavar="FILE",
            help="Requirements that must be satisfied, for the targets that they name.",
            show_default=False,
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint", "-c", metavar="FILE", help="Constraints file.", show_default=False
        ),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Also check native code; needs wheeltarget[audit]."),
    ] = False,
    form: Annotated[CheckFormat, FORMAT] = CheckFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Check that the wheels of a wheelhouse are intact, fit their targets, and are complete."""
    from wheeltarget.cli.output.check import show_check
    from wheeltarget.commands.check.check import CheckRequest
    from wheeltarget.commands.check.check import check as look

    request = CheckRequest(
        tuple(places),
        tuple(tags or ()),
        tuple(target or ()),
        tuple(requirement or ()),
        tuple(constraint or ()),
        audits=audit,
    )
    with report_errors(writes=False):
        outcome = look(request)
    show_check(outcome, form.value, sys.stdout, sys.stderr, quiet=quiet)
    raise typer.Exit(outcome.exit_code)


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
            help="Interpreter to import the modules with. [default: search for one]",
            show_default=False,
        ),
    ] = "",
    output_format: Format = OutputFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Unpack the wheels of a lock into a temporary folder, and import every module."""
    from wheeltarget.cli.output.check import show_install_check
    from wheeltarget.commands.install_check import InstallCheckRequest
    from wheeltarget.commands.install_check import install_check as try_out

    request = InstallCheckRequest(
        requirement,
        python,
        wheels=tuple(wheels or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    with report_errors(writes=False):
        outcome = try_out(request)
    as_json = output_format is OutputFormat.JSON
    show_install_check(outcome, sys.stdout, sys.stderr, as_json=as_json, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
