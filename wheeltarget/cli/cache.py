"""The ``cache`` commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import Command, Format, OutputFormat

cache = typer.Typer(
    help="Show and prune the cache of wheels and earlier runs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help"]},
)


def _read_days(value: object) -> float:
    from wheeltarget.cache.folder import read_days

    return read_days(str(value), "--max-age")


@cache.command("dir", cls=Command)
def show_folder() -> None:
    """Show the path of the cache folder."""
    from wheeltarget.cache.folder import cache_folder

    sys.stdout.write(f"{cache_folder(os.environ)}\n")


@cache.command(cls=Command)
def info(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Show the contents and size of the cache."""
    from wheeltarget.cache import folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        limit = folder.read_limit(os.environ)
        usage = folder.survey(folder.cache_folder(os.environ), limit)
        summaries.show_usage(usage, sys.stdout, as_json=output_format is OutputFormat.JSON)


@cache.command(cls=Command)
def prune(
    *,
    max_age: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            parser=_read_days,
            help="Remove wheels that were not used for this many days.",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Remove the least recently used entries until the cache is no larger than this.",
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Remove the least recently used wheels, and outdated runs.

    Without options, the cache is reduced to its limit: WHEELTARGET_CACHE_LIMIT, or 10 GB.
    """
    from wheeltarget.cache import folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        limit = None
        if max_size is not None:
            limit = folder.read_size(max_size, "--max-size")
        elif max_age is None:
            limit = folder.read_limit(os.environ)
        seconds = None if max_age is None else max_age * folder.DAY
        removed = folder.prune(folder.cache_folder(os.environ), limit=limit, max_age=seconds)
        summaries.show_removed(removed, sys.stdout, as_json=output_format is OutputFormat.JSON)


@cache.command(cls=Command)
def clear(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Remove everything from the cache. Files in wheelhouses are not affected."""
    from wheeltarget.cache import folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        removed = folder.clear(folder.cache_folder(os.environ))
        summaries.show_removed(removed, sys.stdout, as_json=output_format is OutputFormat.JSON)
