"""The commands ``targets`` and ``probe``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import (
    AsJson,
    Format,
    OutputFormat,
    name_argument,
    offer_targets,
    path_option,
)


class Kind(StrEnum):
    """The kinds of systems."""

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
        name_argument(
            metavar="NAME…",
            what="a target",
            example="debian-12-python3.11-x86_64",
            help="Targets to show in detail. Without a name, list all.",
            show_default=False,
            autocompletion=offer_targets,
        ),
    ] = None,
    *,
    kind: Annotated[list[Kind] | None, typer.Option(help="List only this kind of system.")] = None,
    python: Annotated[
        str, typer.Option(metavar="X.Y", help="List only systems with this Python.")
    ] = "",
    arch: Annotated[str, typer.Option(help="List only systems with this architecture.")] = "",
    verified: Annotated[
        bool, typer.Option("--verified", help="List only verified targets, not inferred ones.")
    ] = False,
    no_retired: Annotated[
        bool, typer.Option("--no-retired", help="List only systems that are still supported.")
    ] = False,
    every_tag: Annotated[bool, typer.Option("--all", help="Show all tags of a target.")] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """List the known targets, or show some in detail."""
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
        rows, own = list_targets.list_systems(request), list_targets.list_user_targets(request)
        sources = known_systems().sources
        show_list(rows, own, sources, sys.stdout, as_json=as_json)


def probe(
    *,
    python: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="Interpreter to describe, not the running one.", show_default=False
        ),
    ] = "",
    script: Annotated[
        bool,
        typer.Option("--script", help="Print a script that does the same on another machine."),
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the target.", show_default=False)] = "",
    as_json: AsJson = False,
    output: Annotated[
        Path | None,
        path_option(
            "--output",
            "-o",
            what="a file",
            example="target.toml",
            metavar="FILE",
            help="File to write to; - is standard output.",
        ),
    ] = None,
) -> None:
    """Write a target file for an interpreter, with its tags and markers."""
    from wheeltarget.commands.probe import probe as work
    from wheeltarget.errors import UsageError

    with report_errors():
        if script and (python or name or as_json):
            raise UsageError(
                "--script can be combined with --output only",
                "pass --name and --json to the script when you run it",
            )
        form = "json" if as_json else "toml"
        text = work.script() if script else work.probe(python, name, form)
        if output is None or str(output) == "-":
            sys.stdout.write(text)
        else:
            work.write(output, text)
