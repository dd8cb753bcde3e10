"""The command ``check``: words into a request, findings into text and an exit code."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli_values import offer_tags, offer_targets
from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

_COULD_NOT_FINISH = 3


class CheckFormat(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


def check(
    places: Annotated[
        list[str],
        typer.Argument(metavar="DIR|FILE…", help="A wheelhouse, or single wheels."),
    ],
    *,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Targets, as tags with commas between.",
            autocompletion=offer_tags,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file; host is this machine.",
            autocompletion=offer_targets,
            show_default=False,
        ),
    ] = None,
    requirement: Annotated[
        list[str] | None,
        typer.Option(
            "--requirement",
            "-r",
            metavar="FILE",
            help="What is needed, with the targets that its clauses name.",
            show_default=False,
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint", "-c", metavar="FILE", help="Constraints on it.", show_default=False
        ),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Look into native code, too; needs the extra audit."),
    ] = False,
    form: Annotated[
        CheckFormat, typer.Option("--format", help="How to write the findings.")
    ] = CheckFormat.TEXT,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but findings and errors.")
    ] = False,
) -> None:
    """Check a wheelhouse: that each file is whole and fits, and all is there that is needed."""
    from wheeltarget.check import CheckRequest
    from wheeltarget.check import check as look
    from wheeltarget.render_check import show_check

    request = CheckRequest(
        tuple(places),
        tuple(tags or ()),
        tuple(target or ()),
        tuple(requirement or ()),
        tuple(constraint or ()),
        audits=audit,
    )
    try:
        outcome = look(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr)
        own = isinstance(error, UsageError | InterruptedRunError)
        raise typer.Exit(error.exit_code if own else _COULD_NOT_FINISH) from error
    show_check(outcome, form.value, sys.stdout, sys.stderr, quiet=quiet)
    raise typer.Exit(outcome.exit_code)
