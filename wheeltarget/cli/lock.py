"""The command ``lock``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    OUTPUT,
    TARGETS,
    AllowSdist,
    Arguments,
    AsJson,
    Jobs,
    Tags,
    Targets,
    path_option,
)
from wheeltarget.cli.passthrough import Start
from wheeltarget.errors import UsageError

if TYPE_CHECKING:
    from wheeltarget.commands.invocation import Invocation
    from wheeltarget.commands.lock.diff import LockOutcome

_KEEPING = "Existing locks"
_STALE = 1


class LockForm(StrEnum):
    """The formats of a lock."""

    PYLOCK = "pylock"
    REQUIREMENTS = "requirements"


def lock(
    context: typer.Context,
    *,
    arguments: Arguments = None,
    tags: Tags = None,
    target: Targets = None,
    same_versions: Annotated[
        bool,
        typer.Option(
            "--same-versions",
            help="Lock the same version of each project for all targets.",
            rich_help_panel=TARGETS,
        ),
    ] = False,
    allow_sdist: AllowSdist = None,
    jobs: Jobs = 1,
    upgrade: Annotated[
        bool,
        typer.Option(
            "--upgrade",
            "-U",
            help="Upgrade all projects; ignore the locked versions.",
            rich_help_panel=_KEEPING,
        ),
    ] = False,
    upgrade_package: Annotated[
        list[str] | None,
        typer.Option(
            "--upgrade-package",
            "-P",
            metavar="NAME",
            help="Upgrade this project only.",
            rich_help_panel=_KEEPING,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; exit with 1 if a lock is out of date.",
            rich_help_panel=_KEEPING,
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="Write nothing; print the changes as Markdown, for a pull request.",
            rich_help_panel=_KEEPING,
        ),
    ] = False,
    output: Annotated[
        Path,
        path_option(
            "--output",
            "-o",
            what="a folder",
            example="locks",
            metavar="DIR",
            help="Folder for the locks; created if missing.",
            rich_help_panel=OUTPUT,
        ),
    ] = Path(),
    form: Annotated[
        LockForm,
        typer.Option(
            "--format",
            help="Write pylock.TARGET.toml, or requirements with hashes for older pips.",
            rich_help_panel=OUTPUT,
        ),
    ] = LockForm.PYLOCK,
    as_json: AsJson = False,
) -> None:
    """Lock requirements, one file for each target; takes pip's options for choosing versions."""
    from wheeltarget.commands.invocation import read_invocation
    from wheeltarget.commands.lock.files import Form
    from wheeltarget.commands.lock.lock import LockRequest
    from wheeltarget.commands.lock.lock import lock as make

    request = LockRequest(
        words=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        allow_sdist=tuple(allow_sdist or ()),
        folder=output,
        form=Form(form.value),
        upgrade=upgrade,
        upgrade_packages=tuple(upgrade_package or ()),
        same_versions=same_versions,
        dry_run=check or diff,
        processes=jobs,
    )
    start = context.obj or Start()
    invocation = read_invocation(request.words, files=start.files)
    with report_errors(coloured=invocation.is_coloured):
        if diff and as_json:
            raise UsageError(
                "--diff and --json exclude each other", "use --check --json for the changes as JSON"
            )
        outcome = make(request, invocation)
    _show(outcome, invocation, diff=diff, as_json=as_json)
    if check and outcome.is_stale:
        raise typer.Exit(_STALE)


def _show(outcome: LockOutcome, invocation: Invocation, *, diff: bool, as_json: bool) -> None:
    from wheeltarget.cli.output.lock import show_diff, show_outcome
    from wheeltarget.cli.output.text import show_json, show_notes

    if as_json:
        show_json(outcome.as_dict(), sys.stdout)
        return
    coloured, quiet = invocation.is_coloured, invocation.is_quiet
    if diff:
        show_diff(outcome, sys.stdout)
    elif not quiet:
        show_outcome(outcome, sys.stdout, coloured=coloured)
    if not quiet:
        show_notes(outcome.notes, sys.stderr, coloured=coloured)
