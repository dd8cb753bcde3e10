"""The commands ``check`` and ``install-check``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_check, show_install_check
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands import install_check as install_command
from wheeltarget.commands.check import check as check_command


class CheckFormat(StrEnum):
    """The output formats of findings."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


def check(
    places: Annotated[
        list[str],
        app.name_argument(
            metavar="DIR|FILE…",
            what="a folder or a wheel",
            example="wheelhouse",
            help="Wheelhouses, or single wheels.",
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
    audit: Annotated[
        bool, typer.Option("--audit", help="Also check native code; needs wheeltarget[audit].")
    ] = False,
    form: Annotated[CheckFormat, app.FORMAT] = CheckFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``check``."""
    request = check_command.CheckRequest(
        tuple(places),
        tuple(tags or ()),
        tuple(target or ()),
        tuple(requirement or ()),
        tuple(constraint or ()),
        audits=audit,
    )
    with report_errors(writes=False):
        outcome = check_command.check(request)
    show_check(outcome, form.value, quiet=quiet)
    raise typer.Exit(outcome.exit_code)


def install_check(
    *,
    requirement: app.Lock,
    tags: app.Tags = None,
    target: app.Targets = None,
    wheels: app.Wheels = None,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="Interpreter to import the modules with. [default: search for one]"
        ),
    ] = "",
    output_format: app.Format = app.OutputFormat.TEXT,
    quiet: app.Quiet = False,
) -> None:
    """Run ``install-check``."""
    request = install_command.InstallCheckRequest(
        requirement,
        tuple(wheels or ()),
        python,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    with report_errors(writes=False):
        outcome = install_command.install_check(request)
    show_install_check(outcome, as_json=output_format is app.OutputFormat.JSON, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
