"""The command ``bundle``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    Format,
    Lock,
    OutputFormat,
    Quiet,
    Tags,
    Targets,
    Wheels,
    name_option,
    path_option,
)


class BundleLayout(StrEnum):
    """The layouts of a bundle."""

    FLAT = "flat"
    LAMBDA = "lambda"
    LAMBDA_LAYER = "lambda-layer"


def bundle(
    *,
    requirement: Lock,
    output: Annotated[
        Path,
        path_option(
            "--output",
            "-o",
            what="an archive or a folder",
            example="bundle.zip",
            metavar="ZIP|DIR",
            help="The bundle to write: an archive if the name ends in .zip, else a folder.",
        ),
    ],
    layout: Annotated[BundleLayout, typer.Option(help="Layout of the bundle.")] = BundleLayout.FLAT,
    include: Annotated[
        list[str] | None,
        name_option(
            "--include",
            what="a file or a folder",
            example="app/",
            metavar="PATH",
            help="Add a file or folder; with a trailing slash, the contents of the folder.",
            show_default=False,
        ),
    ] = None,
    tags: Tags = None,
    target: Targets = None,
    wheels: Wheels = None,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="Also write the scripts of the wheels, to bin.")
    ] = False,
    compiles: Annotated[
        bool,
        typer.Option("--compile", help="Compile the modules, if this Python is the target's."),
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Store the files of an archive uncompressed.")
    ] = False,
    components: Annotated[
        Path | None,
        path_option(
            "--components",
            what="a file",
            example="components.json",
            metavar="FILE",
            help="Write a list of the components to this file, as CycloneDX JSON.",
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Unpack the wheels of a lock into a folder, an archive or a Lambda layer to deploy."""
    from wheeltarget.cli.output.summaries import show_bundle
    from wheeltarget.commands.bundle.bundle import BundleRequest
    from wheeltarget.commands.bundle.bundle import bundle as make

    request = BundleRequest(
        requirement,
        output,
        layout.value,
        tuple(include or ()),
        wheels=tuple(wheels or ()),
        scripts=scripts,
        compiles=compiles,
        compressed=not store,
        components=components,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    with report_errors():
        outcome = make(request)
    as_json = output_format is OutputFormat.JSON
    show_bundle(outcome, sys.stdout, sys.stderr, as_json=as_json, quiet=quiet)
