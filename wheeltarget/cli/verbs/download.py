"""The command ``download``.

start-up: a download from a lock does not load the resolver, and loads what it shows while files are
fetched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cache.run_records import OutputOptions, forget, keep
from wheeltarget.cli import app
from wheeltarget.cli.main import become_pip
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.text import report_errors, show_download, show_notes
from wheeltarget.commands.download.request import DownloadOutcome, DownloadRequest, PlainRun
from wheeltarget.commands.invocation import Invocation, Start, read_invocation
from wheeltarget.resolver.prestart import begin


def download(
    context: typer.Context,
    *,
    arguments: app.Arguments = None,
    tags: app.Tags = None,
    target: app.Targets = None,
    by_target: Annotated[
        bool,
        app.target_option(
            "--by-target",
            help="Save the files of each target to its own folder in the destination.",
        ),
    ] = False,
    jobs: app.Jobs = 1,
    only_job: Annotated[
        list[str] | None,
        app.target_option(
            metavar="LABEL",
            help="Only download for this target; --dry-run --format json lists the labels.",
        ),
    ] = None,
    with_pip: Annotated[
        bool,
        app.target_option(
            "--with-pip",
            help="Add the newest pip that runs on each target, and show how to start it there.",
        ),
    ] = False,
    allow_sdist: app.AllowSdist = None,
    build_pure: app.BuildPure = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    provenance: app.Provenance = False,
    index: app.Indexes = None,
    dry_run: Annotated[
        bool, app.output_option("--dry-run", help="Show what would be downloaded; write nothing.")
    ] = False,
    refresh: Annotated[
        bool, app.output_option("--refresh", help="Ignore earlier runs and cached index pages.")
    ] = False,
    report: Annotated[
        Path | None,
        app.path_option(
            "--report",
            example="report.json",
            metavar="FILE",
            help="Write a JSON report of the files, where they are from and what requires them.",
            rich_help_panel=app.OUTPUT,
        ),
    ] = None,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``download``."""
    to_stdout = str(report) == "-"
    request = DownloadRequest(
        arguments=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        allow_sdist=tuple(allow_sdist or ()),
        build_pure=tuple(build_pure or ()),
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
        index=tuple(index or ()),
        by_target=by_target,
        dry_run=dry_run,
        processes=jobs,
        report=None if to_stdout else report,
        wants_outcome=to_stdout or output_format is app.OutputFormat.JSON,
        with_pip=with_pip,
        refresh=refresh,
        provenance=provenance,
        only_jobs=tuple(only_job or ()),
    )
    raise typer.Exit(run(request, context.obj or Start()))


def run(request: DownloadRequest, start: Start) -> int:
    """Download what is requested, print the outcome, and return the exit code."""
    invocation = start.invocation or read_invocation(request.arguments, files=start.files)
    options = OutputOptions(
        quiet=invocation.is_quiet,
        coloured=invocation.is_coloured,
        as_json=request.wants_outcome,
        report=str(request.report or ""),
    )
    with report_errors(coloured=options.coloured, as_pip=True):
        outcome = _follow_locks(request, invocation) if invocation.has_locks else None
        if outcome is None:
            return _resolve(request, invocation, start.arguments, options)
        show_download(outcome, options)
        return 0


def _follow_locks(request: DownloadRequest, invocation: Invocation) -> DownloadOutcome | None:
    """Download the files of locks; return None if pip has to resolve."""
    from wheeltarget.commands.download.from_lock import download_locked

    with progress_line(invocation):
        return download_locked(request, invocation)


def _resolve(
    request: DownloadRequest,
    invocation: Invocation,
    arguments: tuple[str, ...],
    options: OutputOptions,
) -> int:
    begin()
    from wheeltarget.commands.download.download import resolve

    if request.refresh:
        arguments = tuple(each for each in arguments if each != "--refresh")
        forget(arguments, os.environ)
    with progress_line(invocation):
        outcome = resolve(request, invocation)
    if isinstance(outcome, PlainRun):
        if outcome.exit_code is None:
            return become_pip(request.arguments)
        if not options.quiet:
            show_notes(outcome.notes, coloured=options.coloured)
        return outcome.exit_code
    show_download(outcome, options)
    if arguments:
        keep(arguments, os.environ, outcome, options)
    return 0
