"""The command ``pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.summaries import show_pack
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands.invocation import InputFiles, read_invocation


def pack(
    context: typer.Context,
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REQUIREMENT…",
            help="A requirement, such as 'flask ; tags=cp312-cp312-manylinux_2_28_x86_64'.",
            autocompletion=app.offers("pack arguments"),
        ),
    ] = None,
    output: Annotated[
        Path,
        app.path_option(
            "--output",
            "-o",
            example="mypack.zip",
            metavar="ZIP|TAR.GZ|DIR",
            help="The pack: an archive if the name ends in .zip or .tar.gz, else a folder.",
        ),
    ],
    tags: app.Tags = None,
    target: app.Targets = None,
    same_versions: app.SameVersions = False,
    jobs: app.Jobs = 1,
    allow_sdist: app.AllowSdist = None,
    build_pure: app.BuildPure = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    index: app.Indexes = None,
    allow_index_failures: app.AllowIndexFailures = False,
    since: Annotated[
        list[str] | None,
        app.name_option(
            "--since",
            example="last/mypack.zip",
            metavar="PACK|LOCK",
            help="Leave out the wheels that the other machine has already, by this pack or lock.",
        ),
    ] = None,
    no_pip: Annotated[
        bool,
        typer.Option(
            "--no-pip/--with-pip", help="Leave out the newest pip that runs on each target."
        ),
    ] = False,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``pack``."""
    from wheeltarget.commands.pack import pack as command

    request = command.PackRequest(
        arguments=tuple(arguments or ()),
        output=output,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
        same_versions=same_versions,
        processes=jobs,
        allow_sdist=tuple(allow_sdist or ()),
        build_pure=tuple(build_pure or ()),
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
        index=tuple(index or ()),
        allow_index_failures=allow_index_failures,
        since=tuple(since or ()),
        with_pip=not no_pip,
    )
    invocation = read_invocation(request.arguments, files=InputFiles(context.obj or {}))
    coloured = invocation.is_coloured
    with report_errors(coloured=coloured), progress_line(invocation):
        outcome = command.pack(request, invocation)
    as_json = output_format is app.OutputFormat.JSON
    show_pack(outcome, as_json=as_json, quiet=invocation.is_quiet, coloured=coloured)
