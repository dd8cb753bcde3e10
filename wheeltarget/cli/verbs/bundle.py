"""The command ``bundle``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.progress import progress_line
from wheeltarget.cli.output.summaries import show_bundle
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands.invocation import InputFiles, read_invocation

BundleLayout = StrEnum(
    "BundleLayout",
    {
        "FLAT": "flat",
        "LAMBDA": "lambda",
        "LAYER": "lambda-layer",
        "AZURE": "azure",
        "GCF": "gcf",
    },
)


def bundle(
    context: typer.Context,
    *,
    arguments: app.Arguments = None,
    output: Annotated[
        Path,
        app.path_option(
            "--output",
            "-o",
            example="bundle.zip",
            metavar="ZIP|DIR",
            help="The bundle to write: an archive if the name ends in .zip, else a folder.",
        ),
    ],
    layout: Annotated[
        BundleLayout,
        typer.Option(metavar="LAYOUT", help=f"Layout of the bundle: {', '.join(BundleLayout)}."),
    ] = BundleLayout.FLAT,
    include: Annotated[
        list[str] | None,
        app.name_option(
            "--include",
            example="app/",
            metavar="PATH",
            help="Add a file or folder; with a trailing slash, the contents of the folder.",
        ),
    ] = None,
    exclude_path: Annotated[
        list[str] | None,
        app.name_option(
            "--exclude-path",
            example="tests/",
            metavar="GLOB",
            help="Leave files out of included folders; written like a line of .gitignore.",
        ),
    ] = None,
    exclude: app.Exclude = None,
    provided: app.Provided = app.ProvidedProjects.KEEP,
    index: app.Indexes = None,
    tags: app.Tags = None,
    target: app.Targets = None,
    build_pure: app.BuildPure = None,
    lock: Annotated[
        Path | None,
        app.path_option(
            "--lock",
            example="pylock.toml",
            metavar="FILE|DIR",
            help="Lock the requirements here; later runs pack the same until these change.",
            rich_help_panel="Locks",
        ),
    ] = None,
    allow_index_failures: app.AllowIndexFailures = False,
    wheels: app.Wheels = None,
    without: Annotated[
        list[str] | None,
        app.name_option(
            "--without",
            example="pylock.base.toml",
            metavar="LOCK",
            help="Leave out what the layer of this lock has, below the function or layer.",
        ),
    ] = None,
    slim: Annotated[
        bool,
        typer.Option("--slim", help="Leave out tests, type stubs, and what only compilers read."),
    ] = False,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="Also write the scripts of the wheels, to bin.")
    ] = False,
    compiles: Annotated[
        bool, typer.Option("--compile", help="Compile the modules, if this Python is the target's.")
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Store the files of an archive uncompressed.")
    ] = False,
    components: Annotated[
        Path | None,
        app.path_option(
            "--components",
            example="components.json",
            metavar="FILE",
            help="Write a component list to this file, as CycloneDX JSON; needs the extra bundle.",
        ),
    ] = None,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``bundle``."""
    from wheeltarget.commands.bundle import bundle as command

    request = command.BundleRequest(
        arguments=tuple(arguments or ()),
        build_pure=tuple(build_pure or ()),
        lock_file=lock,
        allow_index_failures=allow_index_failures,
        output=output,
        layout=layout.value,
        include=tuple(include or ()),
        excluded=tuple(exclude_path or ()),
        wheels=tuple(wheels or ()),
        scripts=scripts,
        compiles=compiles,
        compressed=not store,
        components=components,
        slim=slim,
        without=tuple(without or ()),
        exclude=tuple(exclude or ()),
        skip_provided=provided is app.ProvidedProjects.SKIP,
        index=tuple(index or ()),
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    invocation = read_invocation(request.arguments, files=InputFiles(context.obj or {}))
    coloured = invocation.is_coloured
    with report_errors(coloured=coloured), progress_line(invocation):
        outcome = command.bundle(request, invocation)
    as_json = output_format is app.OutputFormat.JSON
    show_bundle(outcome, as_json=as_json, quiet=invocation.is_quiet, coloured=coloured)
