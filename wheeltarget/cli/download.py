"""The command ``download``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    OUTPUT,
    TARGETS,
    AllowSdist,
    Arguments,
    BuildPure,
    Format,
    Jobs,
    OutputFormat,
    Tags,
    Targets,
    path_option,
)
from wheeltarget.cli.passthrough import Start, become_pip

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import OutputOptions
    from wheeltarget.commands.download.outcome import DownloadOutcome, PlainRun
    from wheeltarget.commands.download.request import DownloadRequest
    from wheeltarget.commands.invocation import Invocation

_STANDARD_OUTPUT = "-"


def download(
    context: typer.Context,
    *,
    arguments: Arguments = None,
    tags: Tags = None,
    target: Targets = None,
    by_target: Annotated[
        bool,
        typer.Option(
            "--by-target",
            help="Save the files of each target to its own folder in the destination.",
            rich_help_panel=TARGETS,
        ),
    ] = False,
    jobs: Jobs = 1,
    only_job: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Only download for this target; --dry-run --format json lists the labels.",
            rich_help_panel=TARGETS,
        ),
    ] = None,
    allow_sdist: AllowSdist = None,
    build_pure: BuildPure = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would be downloaded; write nothing.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Ignore earlier runs and cached index pages.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        path_option(
            "--report",
            what="a file",
            example="report.json",
            metavar="FILE",
            help="Write a JSON report of the files, where they are from and what requires them.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Download wheels for each target; takes every option of pip download."""
    from wheeltarget.commands.download.request import DownloadRequest

    to_stdout = str(report) == _STANDARD_OUTPUT
    request = DownloadRequest(
        words=tuple(arguments or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        allow_sdist=tuple(allow_sdist or ()),
        build_pure=tuple(build_pure or ()),
        by_target=by_target,
        dry_run=dry_run,
        processes=jobs,
        report=None if to_stdout else report,
        wants_outcome=to_stdout or output_format is OutputFormat.JSON,
        refresh=refresh,
        only_jobs=tuple(only_job or ()),
    )
    raise typer.Exit(run(request, context.obj or Start()))


def run(request: DownloadRequest, start: Start) -> int:
    """Download what is requested, and print the outcome.

    :param request: the request.
    :param start: what was already read.
    :returns: the exit code.
    """
    from wheeltarget.commands.invocation import read_invocation

    invocation = start.invocation or read_invocation(request.words, files=start.files)
    with report_errors(coloured=invocation.is_coloured, as_pip=True):
        if invocation.has_locks:
            outcome = _follow_locks(request, invocation)
            if outcome is not None:
                _show(outcome, _appearance(request, invocation))
                return 0
        return _resolve(request, invocation, start.arguments)


def _follow_locks(request: DownloadRequest, invocation: Invocation) -> DownloadOutcome | None:
    """Download the files of locks; return None if pip has to resolve."""
    # The resolver takes long to load, and a lock does not need it.
    from wheeltarget.commands.download.from_lock import download_locked

    if not sys.stderr.isatty():
        return download_locked(request, invocation, None, _load_what_shows)
    from wheeltarget.cli.output.progress import progress_line

    with progress_line(sys.stderr, wanted=_wants_progress(invocation)) as watch:
        return download_locked(request, invocation, watch, _load_what_shows)


def _load_what_shows() -> None:
    from wheeltarget.cache import run_records  # noqa: F401 - preloaded
    from wheeltarget.cli.output import text  # noqa: F401


def _wants_progress(invocation: Invocation) -> bool:
    """Return whether a progress line is shown."""
    configured = invocation.settings.get("progress-bar")
    bar = (invocation.command.values("--progress-bar") or (configured,))[-1]
    return bar != "off" and not invocation.is_quiet


def _resolve(request: DownloadRequest, invocation: Invocation, arguments: tuple[str, ...]) -> int:
    from wheeltarget.resolver.prestart import begin

    begin()
    from wheeltarget.cache import run_records
    from wheeltarget.commands.download.download import resolve
    from wheeltarget.commands.download.outcome import PlainRun

    if request.refresh:
        arguments = tuple(each for each in arguments if each != "--refresh")
        run_records.forget(arguments, os.environ)
    outcome = resolve(request, invocation)
    if isinstance(outcome, PlainRun):
        return _end_plain(outcome, request, invocation)
    output_options = _appearance(request, invocation)
    _show(outcome, output_options)
    if arguments:
        run_records.keep(arguments, os.environ, outcome, output_options)
    return 0


def _show(outcome: DownloadOutcome, output_options: OutputOptions) -> None:
    from wheeltarget.cli.output.text import show_download

    show_download(outcome, output_options, sys.stdout, sys.stderr)


def _appearance(request: DownloadRequest, invocation: Invocation) -> OutputOptions:
    from wheeltarget.cache.run_records import OutputOptions

    return OutputOptions(
        quiet=invocation.is_quiet,
        coloured=invocation.is_coloured,
        as_json=request.wants_outcome,
        report=str(request.report or ""),
    )


def _end_plain(outcome: PlainRun, request: DownloadRequest, invocation: Invocation) -> int:
    if outcome.exit_code is None:
        return become_pip(request.words)
    if outcome.notes and not invocation.is_quiet:
        from wheeltarget.cli.output.text import show_notes

        show_notes(outcome.notes, sys.stderr, coloured=invocation.is_coloured)
    return outcome.exit_code
