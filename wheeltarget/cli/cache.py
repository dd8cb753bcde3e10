"""The commands about the cache folder."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import Format, OutputFormat

cache = typer.Typer(
    help="Look at the cache folder, with wheels and remembered runs, and make room in it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help"]},
)


def _read_days(value: object) -> float:
    from wheeltarget.cache.pruning import read_days

    return read_days(str(value), "--max-age")


@cache.command("dir")
def show_folder() -> None:
    """Say where the cache folder is."""
    from wheeltarget.cache.folder import cache_folder

    sys.stdout.write(f"{cache_folder(os.environ)}\n")


@cache.command()
def info(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Say what is in the cache folder."""
    from wheeltarget.cache import pruning
    from wheeltarget.cache.folder import cache_folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        limit = pruning.read_limit(os.environ)
        usage = pruning.survey(cache_folder(os.environ), limit)
        summaries.show_usage(usage, sys.stdout, as_json=output_format is OutputFormat.JSON)


@cache.command()
def prune(
    *,
    max_age: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            parser=_read_days,
            help="Remove wheels that were not used for so many days.",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Remove what was used least, until the rest is no larger than this.",
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Make room: remove wheels that are used least, and runs that hold no more.

    Without options it is brought below its limit: WHEELTARGET_CACHE_LIMIT, or 10 GB.
    """
    from wheeltarget.cache import pruning
    from wheeltarget.cache.folder import cache_folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        limit = None
        if max_size is not None:
            limit = pruning.read_size(max_size, "--max-size")
        elif max_age is None:
            limit = pruning.read_limit(os.environ)
        seconds = None if max_age is None else max_age * pruning.DAY
        removed = pruning.prune(cache_folder(os.environ), limit=limit, max_age=seconds)
        summaries.show_removed(removed, sys.stdout, as_json=output_format is OutputFormat.JSON)


@cache.command()
def clear(*, output_format: Format = OutputFormat.TEXT) -> None:
    """Remove everything; wheelhouses keep their files."""
    from wheeltarget.cache import pruning
    from wheeltarget.cache.folder import cache_folder
    from wheeltarget.cli.output import summaries

    with report_errors():
        removed = pruning.clear(cache_folder(os.environ))
        summaries.show_removed(removed, sys.stdout, as_json=output_format is OutputFormat.JSON)
