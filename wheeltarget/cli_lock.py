"""The command that locks: words into a request, an outcome into text and an exit code."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli_download import is_coloured, settings
from wheeltarget.cli_pip import offer_words
from wheeltarget.cli_values import offer_tags, offer_targets
from wheeltarget.errors import UsageError, WheeltargetError

if TYPE_CHECKING:
    from wheeltarget.lock_changes import LockOutcome

_TARGETS, _KEEPING, _OUTPUT = "Targets", "What is locked already", "Output"
_STALE, _UNFINISHED = 1, 3


class LockForm(StrEnum):
    """What kind of file a lock is."""

    PYLOCK = "pylock"
    REQUIREMENTS = "requirements"


def lock(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REQUIREMENT…",
            help="What to lock, such as 'flask ; tags=cp312-cp312-manylinux_2_28_x86_64'.",
            show_default=False,
            autocompletion=offer_words,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Targets of the lines without one, as tags with commas between.",
            rich_help_panel=_TARGETS,
            autocompletion=offer_tags,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file; host is this machine.",
            rich_help_panel=_TARGETS,
            autocompletion=offer_targets,
        ),
    ] = None,
    same_versions: Annotated[
        bool,
        typer.Option(
            "--same-versions",
            help="Lock one version of each project for all targets, or say which holds it back.",
            rich_help_panel=_TARGETS,
        ),
    ] = False,
    allow_sdist: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Lock this project's source for the target to build, where it has no wheel.",
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, help="How many targets to work on at once.", rich_help_panel=_TARGETS),
    ] = 1,
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
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="The folder for the locks; made if absent.",
            rich_help_panel=_OUTPUT,
        ),
    ] = Path(),
    form: Annotated[
        LockForm,
        typer.Option(
            "--format",
            help="pylock.TARGET.toml, or hashed requirements for older pips.",
            rich_help_panel=_OUTPUT,
        ),
    ] = LockForm.PYLOCK,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Write what became of each lock as JSON.", rich_help_panel=_OUTPUT
        ),
    ] = False,
) -> None:
    """Lock requirements, one file for each target; pip's options for choosing are taken, too."""
    from wheeltarget.lock_folder import Form
    from wheeltarget.locking import LockRequest
    from wheeltarget.locking import lock as make

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
    try:
        if diff and as_json:
            raise UsageError("--diff is Markdown and --json is not", "--check --json has it all")
        outcome = make(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr, coloured=is_coloured(request.words))
        # pip's own codes would be taken for findings.
        code = _UNFINISHED if error.exit_code in {1, 23} else error.exit_code
        raise typer.Exit(code) from error
    _show(outcome, request.words, diff=diff, as_json=as_json)
    if check and outcome.is_stale:
        raise typer.Exit(_STALE)


def _show(outcome: LockOutcome, words: tuple[str, ...], *, diff: bool, as_json: bool) -> None:
    from wheeltarget import render_lock
    from wheeltarget.pip_options import is_quiet, split_command_line
    from wheeltarget.render import show_notes

    if as_json:
        render_lock.show_json(outcome, sys.stdout)
        return
    coloured = is_coloured(words)
    command = split_command_line(words)
    quiet = is_quiet(command, settings(command))
    if diff:
        render_lock.show_diff(outcome, sys.stdout)
    elif not quiet:
        render_lock.show_outcome(outcome, sys.stdout, coloured=coloured)
    if not quiet:
        show_notes(outcome.notes, sys.stderr, coloured=coloured)
