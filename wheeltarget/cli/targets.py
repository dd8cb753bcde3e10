"""The commands about targets themselves: what is known of them, and describing one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import AsJson, Format, OutputFormat, offer_targets, path_option


class Kind(StrEnum):
    """What a system can be."""

    SERVICE = "service"
    DISTRIBUTION = "distribution"
    IMAGE = "image"
    DESKTOP = "desktop"
    MOBILE = "mobile"
    BROWSER = "browser"
    OWN = "own"


def targets(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME…",
            help="Targets to show in full; without any, all are listed.",
            show_default=False,
            autocompletion=offer_targets,
        ),
    ] = None,
    *,
    kind: Annotated[list[Kind] | None, typer.Option(help="List this kind only.")] = None,
    python: Annotated[
        str, typer.Option(metavar="X.Y", help="List what has this Python only.")
    ] = "",
    arch: Annotated[str, typer.Option(help="List what has this architecture only.")] = "",
    verified: Annotated[
        bool, typer.Option("--verified", help="List nothing that is inferred.")
    ] = False,
    no_retired: Annotated[
        bool, typer.Option("--no-retired", help="List nothing that is no longer supported.")
    ] = False,
    every_tag: Annotated[bool, typer.Option("--all", help="Show every tag of a target.")] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """List the targets that have a name, or show some in full."""
    from wheeltarget.cli.output.targets import show_described, show_list
    from wheeltarget.commands import list_targets
    from wheeltarget.targets.catalog import known_systems

    as_json = output_format is OutputFormat.JSON
    today = datetime.now(tz=UTC).date()
    with report_errors():
        if names:
            found = [list_targets.describe(name, today) for name in names]
            show_described(found, sys.stdout, as_json=as_json, all_tags=every_tag)
            return
        request = list_targets.ListRequest(
            today,
            tuple(kind or ()),
            python,
            arch.lower(),
            verified=verified,
            retired=not no_retired,
        )
        rows, own = list_targets.list_systems(request), list_targets.list_own(request)
        sources = known_systems().sources
        show_list(rows, own, sources, sys.stdout, as_json=as_json)


def probe(
    *,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="Describe this Python, not the running one.", show_default=False
        ),
    ] = "",
    script: Annotated[
        bool,
        typer.Option("--script", help="Print the program that does the same on another machine."),
    ] = False,
    name: Annotated[str, typer.Option(help="What the target is called.", show_default=False)] = "",
    as_json: AsJson = False,
    output: Annotated[
        Path | None,
        path_option(
            "--output",
            "-o",
            what="a file",
            example="target.toml",
            metavar="FILE",
            help="Write it there; - is standard output.",
        ),
    ] = None,
) -> None:
    """Describe a Python as a target file: its tags in the order of its newest pip, its markers."""
    from wheeltarget.commands.probe import probe as work
    from wheeltarget.errors import UsageError

    with report_errors():
        if script and (python or name or as_json):
            message = "--script goes with no other option but --output"
            raise UsageError(message, "give --name and --json to the script")
        form = "json" if as_json else "toml"
        text = work.script() if script else work.probe(python, name, form)
        if output is None or str(output) == "-":
            sys.stdout.write(text)
        else:
            work.write(output, text)
