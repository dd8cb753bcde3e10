"""The ``cache`` commands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from wheeltarget.cache import wheel_store as store
from wheeltarget.cli.app import VERBS, Command, Format, Group, OutputFormat, new_app
from wheeltarget.cli.output.summaries import show_removed, show_usage
from wheeltarget.cli.output.text import report_errors, show_lines
from wheeltarget.commands import cache as command

cache = new_app(cls=Group, help=VERBS["cache"], no_args_is_help=True, add_completion=False)


def _read_days(value: object) -> float:
    return store.read_days(str(value), "--max-age")


@cache.command("dir", cls=Command)
def show_folder() -> None:
    """Show the path of the cache folder."""
    show_lines([str(store.cache_folder(os.environ))])


@cache.command(cls=Command)
def info(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Show the contents and size of the cache."""
    with report_errors():
        usage = command.cache_info()
    show_usage(usage, as_json=output_format is OutputFormat.JSON)


@cache.command(cls=Command)
def prune(
    *,
    max_age: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            parser=_read_days,
            help="Remove wheels and metadata that were not used for this many days.",
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
    """Remove the least recently used wheels and metadata, and outdated runs.

    Without options, the cache is reduced to its limit: WHEELTARGET_CACHE_LIMIT, or 10 GB.
    """
    with report_errors():
        size = None if max_size is None else store.read_size(max_size, "--max-size")
        removed = command.cache_prune(max_age, size)
    show_removed(removed, as_json=output_format is OutputFormat.JSON)


@cache.command(cls=Command)
def clear(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Remove everything from the cache. Files in wheelhouses are not affected."""
    with report_errors():
        removed = command.cache_clear()
    show_removed(removed, as_json=output_format is OutputFormat.JSON)
