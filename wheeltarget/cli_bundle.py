"""The command ``bundle``: words into a request, what is in a bundle into text."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli_values import OutputFormat, offer_tags, offer_targets
from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

_COULD_NOT_FINISH = 3


class BundleLayout(StrEnum):
    """What a bundle can look like."""

    FLAT = "flat"
    LAMBDA = "lambda"
    LAMBDA_LAYER = "lambda-layer"


def bundle(
    *,
    requirement: Annotated[
        str,
        typer.Option("--requirement", "-r", metavar="LOCK", help="The lock of one target."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="ZIP|DIR", help="An archive if it ends in .zip, or a folder."
        ),
    ],
    layout: Annotated[
        BundleLayout, typer.Option(help="What the bundle looks like.")
    ] = BundleLayout.FLAT,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="A file or folder of your own; of DIR/ what is in it.",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="The target, for a lock that is not for one.",
            autocompletion=offer_tags,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name, or by the path of a target file.",
            autocompletion=offer_targets,
            show_default=False,
        ),
    ] = None,
    wheels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="A wheelhouse to take the wheels from; without one they are fetched.",
            show_default=False,
        ),
    ] = None,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="Make the scripts of the wheels, too, in bin.")
    ] = False,
    compiles: Annotated[
        bool,
        typer.Option("--compile", help="Compile the modules, where this is the target's Python."),
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Do not compress what is in an archive.")
    ] = False,
    components: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the component list there, as CycloneDX JSON."),
    ] = None,
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How the sizes are written.")
    ] = OutputFormat.TEXT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Unpack the wheels of a lock into what is deployed: a folder, an archive, a Lambda layer."""
    from wheeltarget.bundle import BundleRequest
    from wheeltarget.bundle import bundle as make
    from wheeltarget.render_bundle import show_bundle

    request = BundleRequest(
        requirement,
        output,
        layout.value,
        tuple(include or ()),
        tuple(wheels or ()),
        scripts=scripts,
        compiles=compiles,
        compressed=not store,
        components=components,
        tags=tuple(tags or ()),
        targets=tuple(target or ()),
    )
    try:
        outcome = make(request)
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr)
        own = isinstance(error, UsageError | InterruptedRunError)
        raise typer.Exit(error.exit_code if own else _COULD_NOT_FINISH) from error
    as_json = output_format is OutputFormat.JSON
    show_bundle(outcome, sys.stdout, sys.stderr, as_json=as_json, quiet=quiet)
