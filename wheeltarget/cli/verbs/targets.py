"""The command ``targets``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from wheeltarget.cli import app
from wheeltarget.cli.output.targets import show_described, show_list
from wheeltarget.cli.output.text import report_errors
from wheeltarget.commands import list_targets
from wheeltarget.errors import UsageError
from wheeltarget.targets.names import known_systems

Kind = StrEnum("Kind", "SERVICE DISTRIBUTION IMAGE DESKTOP MOBILE BROWSER OWN")


def _read_python(value: object) -> str:
    known = {python for system in known_systems() for python in system.pythons}
    if value not in known:
        by_number = sorted(known, key=lambda python: (len(python), python))
        raise _unknown(f"--python: no known target has Python {value!r}", by_number)
    return str(value)


def _read_architecture(value: object) -> str:
    text = str(value).lower()
    systems = known_systems()
    if not any(system.architecture(text) for system in systems):
        known = dict.fromkeys(each for system in systems for each in system.platforms if each)
        raise _unknown(f"--arch: no known target has the architecture {value!r}", known)
    return text


def _unknown(message: str, known: Iterable[str]) -> UsageError:
    return UsageError(message, f"the known targets have {', '.join(known)}")


def targets(
    names: Annotated[
        list[str] | None,
        app.name_argument(
            metavar="NAME…",
            example="debian-12-python3.11-x86_64",
            help="Targets to show in detail. Without a name, list all.",
            autocompletion=app.offer_targets,
        ),
    ] = None,
    *,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(metavar="KIND", help=f"List only this kind of system: {', '.join(Kind)}."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="X.Y", parser=_read_python, help="List only systems with this Python."
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            parser=_read_architecture,
            help="List only systems with this architecture.",
        ),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="List only verified targets, not inferred ones.")
    ] = False,
    no_retired: Annotated[
        bool, typer.Option("--no-retired", help="List only systems that are still supported.")
    ] = False,
    every_tag: Annotated[bool, typer.Option("--all", help="Show all tags of a target.")] = False,
    output_format: app.Format = app.OutputFormat.TEXT,
) -> None:
    """Run ``targets``."""
    as_json = output_format is app.OutputFormat.JSON
    with report_errors():
        request = list_targets.TargetsRequest(
            tuple(names or ()),
            tuple(kind or ()),
            python or "",
            arch or "",
            verified=verified,
            retired=not no_retired,
        )
        found = list_targets.targets(request)
    if names:
        show_described(found.described, as_json=as_json, all_tags=every_tag)
    else:
        show_list(found.systems, found.own, as_json=as_json)
