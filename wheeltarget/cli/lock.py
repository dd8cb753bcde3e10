"""The command that locks: words into a request, an outcome into text and an exit code."""

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
    AsJson,
    Jobs,
    Tags,
    Targets,
    Words,
    path_option,
)
from wheeltarget.cli.passthrough import Start
from wheeltarget.errors import UsageError

if TYPE_CHECKING:
    from wheeltarget.commands.invocation import Invocation
    from wheeltarget.commands.lock.diff import LockOutcome

_KEEPING = "What is locked already"
_STALE = 1


class LockForm(StrEnum):
    """What kind of file a lock is."""

    PYLOCK = "pylock"
    REQUIREMENTS = "requirements"


def lock(
    context: typer.Context,
    *,
    words: Words = None,
    tags: Tags = None,
    target: Targets = None,
    same_versions: Annotated[
        bool,
        typer.Option(
            "--same-versions",
            help="Lock one version of each project for all targets, or say which holds it back.",
            rich_help_panel=TARGETS,
        ),
    ] = False,
    allow_sdist: AllowSdist = None,
    jobs: Jobs = 1,
    upgrade: Annotated[
        bool,
        typer.Option("--upgrade", "-U", help="Keep no version.", rich_help_panel=_KEEPING),
    ] = False,
    upgrade_package: Annotated[
        list[str] | None,
        typer.Option(
            "--upgrade-package",
            "-P",
            metavar="NAME",
            help="Keep every version but that of this project.",
            rich_help_panel=_KEEPING,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; say what is stale, and end with 1 if anything is.",
            rich_help_panel=_KEEPING,
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="Write nothing; say what would change, as Markdown for a pull request.",
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
            help="The folder for the locks; made if absent.",
            rich_help_panel=OUTPUT,
        ),
    ] = Path(),
    form: Annotated[
        LockForm,
        typer.Option(
            "--format",
            help="pylock.TARGET.toml, or hashed requirements for older pips.",
            rich_help_panel=OUTPUT,
        ),
    ] = LockForm.PYLOCK,
    as_json: AsJson = False,
) -> None:
    """Lock requirements, one file for each target; pip's options for choosing are taken, too."""
    from wheeltarget.commands.invocation import read_invocation
    from wheeltarget.commands.lock.files import Form
    from wheeltarget.commands.lock.lock import LockRequest
    from wheeltarget.commands.lock.lock import lock as make

    request = LockRequest(
        words=tuple(words or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        allow_sdist=tuple(allow_sdist or ()),
        folder=output,
        form=Form(form.value),
        upgrade=upgrade,
        upgrade_packages=tuple(upgrade_package or ()),
        same_versions=same_versions,
        dry_run=check or diff,
        children=jobs,
    )
    start = context.obj or Start()
    invocation = read_invocation(request.words, files=start.files)
    with report_errors(coloured=invocation.is_coloured):
        if diff and as_json:
            raise UsageError("--diff is Markdown and --json is not", "--check --json has it all")
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
