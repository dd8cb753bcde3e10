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
    "BundleLayout", {"FLAT": "flat", "LAMBDA": "lambda", "LAYER": "lambda-layer"}
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
    layout: Annotated[BundleLayout, typer.Option(help="Layout of the bundle.")] = BundleLayout.FLAT,
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
    tags: app.Tags = None,
    target: app.Targets = None,
    build_pure: app.BuildPure = None,
    lock: Annotated[
        Path | None,
        app.path_option(
            "--lock",
            example="pylock.toml",
            metavar="FILE|DIR",
            help="Keep the lock of the requirements here, and pack the same as long as they are.",
            rich_help_panel="Existing locks",
        ),
    ] = None,
    allow_index_failures: app.AllowIndexFailures = False,
    wheels: app.Wheels = None,
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
            help="Write a list of the components to this file, as CycloneDX JSON.",
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
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    invocation = read_invocation(request.arguments, files=InputFiles(context.obj or {}))
    coloured = invocation.is_coloured
    with report_errors(coloured=coloured), progress_line(invocation):
        outcome = command.bundle(request, invocation)
    as_json = output_format is app.OutputFormat.JSON
    show_bundle(outcome, as_json=as_json, quiet=invocation.is_quiet, coloured=coloured)
