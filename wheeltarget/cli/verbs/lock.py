"""The command ``lock``."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.summaries import show_lock, show_lock_diff
from wheeltarget.cli.output.text import report_errors, show_json, show_notes
from wheeltarget.commands.invocation import InputFiles, read_invocation
from wheeltarget.errors import UsageError

_keeping_option = partial(typer.Option, rich_help_panel="Locks")

LockFormat = StrEnum("LockFormat", "PYLOCK REQUIREMENTS")


def lock(
    context: typer.Context,
    *,
    arguments: app.Arguments = None,
    tags: app.Tags = None,
    target: app.Targets = None,
    same_versions: app.SameVersions = False,
    allow_sdist: app.AllowSdist = None,
    build_pure: app.BuildPure = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    index: app.Indexes = None,
    jobs: app.Jobs = 1,
    upgrade: Annotated[
        bool,
        _keeping_option(
            "--upgrade", "-U", help="Upgrade all projects; ignore the locked versions."
        ),
    ] = False,
    upgrade_package: Annotated[
        list[str] | None,
        _keeping_option(
            "--upgrade-package", "-P", metavar="NAME", help="Upgrade this project only."
        ),
    ] = None,
    allow_index_failures: app.AllowIndexFailures = False,
    provenance: app.Provenance = False,
    check: Annotated[
        bool,
        _keeping_option("--check", help="Write nothing; exit with 1 if a lock is out of date."),
    ] = False,
    diff: Annotated[
        bool,
        _keeping_option(
            "--diff", help="Write nothing; print the changes as Markdown, for a pull request."
        ),
    ] = False,
    output: Annotated[
        Path,
        app.path_option(
            "--output",
            "-o",
            example="locks",
            metavar="DIR",
            help="Folder for the locks; created if missing.",
            rich_help_panel=app.OUTPUT,
        ),
    ] = Path(),
    form: Annotated[
        LockFormat,
        app.output_option(
            "--format", help="Write pylock.TARGET.toml, or requirements with hashes for older pips."
        ),
    ] = LockFormat.PYLOCK,
    as_json: app.AsJson = False,
) -> None:
    """Run ``lock``."""
    from wheeltarget.commands.lock import lock as command
    from wheeltarget.commands.lock.files import Form

    request = command.LockRequest(
        arguments=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        allow_sdist=tuple(allow_sdist or ()),
        build_pure=tuple(build_pure or ()),
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
        index=tuple(index or ()),
        folder=output,
        form=Form(form),
        upgrade=upgrade,
        upgrade_packages=tuple(upgrade_package or ()),
        same_versions=same_versions,
        allow_index_failures=allow_index_failures,
        provenance=provenance,
        dry_run=check or diff,
        processes=jobs,
    )
    invocation = read_invocation(request.arguments, files=InputFiles(context.obj or {}))
    with report_errors(coloured=invocation.is_coloured):
        if diff and as_json:
            raise UsageError(
                "--diff and --json exclude each other", "use --check --json for the changes as JSON"
            )
        with progress_line(invocation):
            outcome = command.lock(request, invocation)
    coloured, quiet = invocation.is_coloured, invocation.is_quiet
    if as_json:
        show_json(outcome.as_dict())
    elif diff:
        show_lock_diff(outcome)
    elif not quiet:
        show_lock(outcome, coloured=coloured)
    if not as_json:
        # Like a warning of pip, that an index failed is shown even with --quiet.
        failures = (failure.describe() for failure in outcome.index_failures)
        show_notes(failures if quiet else outcome.notes, coloured=coloured)
    if check and outcome.is_stale:
        raise typer.Exit(1)
