"""The command line: words into requests, outcomes into text and an exit code."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wheeltarget import __version__
from wheeltarget.cli.bundle import bundle
from wheeltarget.cli.cache import cache
from wheeltarget.cli.check import check
from wheeltarget.cli.errors import telling
from wheeltarget.cli.explain import explain
from wheeltarget.cli.install_check import install_check
from wheeltarget.cli.lock import lock
from wheeltarget.cli.merge import merge
from wheeltarget.cli.options import (
    FORMAT,
    OUTPUT,
    TARGETS,
    AllowSdist,
    BuildPure,
    Format,
    Jobs,
    Quiet,
    Tags,
    Targets,
    Words,
    path_option,
)
from wheeltarget.cli.pip_command import PASSES_ON, PipCommand
from wheeltarget.cli.prune import prune
from wheeltarget.cli.targets import probe, targets
from wheeltarget.cli.values import OutputFormat

app = typer.Typer(
    name="wheeltarget",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help"]},
)


def run(arguments: list[str]) -> None:
    """Run the command line.

    :param arguments: the words behind the program's name.
    :raises SystemExit: always, with the exit code.
    """
    if len(arguments) > 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        # Typer would look which shell it runs in, whichever is named behind it.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would find it in pip's -dhouse, too.
    words = ["--help" if word == "-h" else word for word in arguments[:end]]
    # Of two --, Typer takes one away; pip has to see the other.
    again = (
        ["--"] if end < len(arguments) and arguments[0] in {"download", "explain", "lock"} else []
    )
    with telling():
        app([*words, *again, *arguments[end:]], prog_name="wheeltarget")


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version and exit.")
    ] = False,
) -> None:
    """Fetch wheels for the environments that the requirements name."""
    if version:
        typer.echo(f"wheeltarget {__version__}")
        raise typer.Exit


@app.command(
    cls=PipCommand,
    context_settings=PASSES_ON,
    options_metavar="[OPTIONS] [PIP OPTIONS]",
)
def download(
    *,
    words: Words = None,
    tags: Tags = None,
    target: Targets = None,
    by_target: Annotated[
        bool,
        typer.Option(
            "--by-target",
            help="Give each target a folder of its own in the destination.",
            rich_help_panel=TARGETS,
        ),
    ] = False,
    jobs: Jobs = 1,
    only_job: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Do nothing but the job of this target; --dry-run --format json lists them.",
            rich_help_panel=TARGETS,
        ),
    ] = None,
    allow_sdist: AllowSdist = None,
    build_pure: BuildPure = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be fetched; write nothing.", rich_help_panel=OUTPUT
        ),
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Ask the index again, though it said that its pages still hold.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        path_option(
            "--report",
            what="a file",
            example="report.json",
            metavar="FILE",
            help="Write what was taken, from where and for whom, as JSON.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Fetch wheels, each for its target; every option of pip download is taken, too."""
    from wheeltarget.cli.download import run as fetch
    from wheeltarget.commands.download.request import make_request

    request = make_request(
        words or (),
        tags=tags or (),
        target=target or (),
        allow_sdist=allow_sdist or (),
        build_pure=build_pure or (),
        by_target=by_target,
        dry_run=dry_run,
        jobs=jobs,
        report=report,
        refresh=refresh,
        only_job=only_job or (),
        output_format=output_format,
    )
    raise typer.Exit(fetch(request))


class FindingsFormat(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Requirements and constraints files."),
    ],
    *,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is surely meant otherwise, in the files.")
    ] = False,
    form: Annotated[FindingsFormat, FORMAT] = FindingsFormat.TEXT,
    quiet: Quiet = False,
) -> None:
    """Check the annotations of files, each on its own, without a network."""
    from wheeltarget.cli.validate import run as run_validate

    raise typer.Exit(run_validate(files, form.value, fix=fix, quiet=quiet))


for verb in (lock, explain):
    app.command(
        cls=PipCommand, context_settings=PASSES_ON, options_metavar="[OPTIONS] [PIP OPTIONS]"
    )(verb)
app.command()(validate)
app.command()(check)
app.command()(install_check)
app.command()(bundle)
app.command()(prune)
app.command()(merge)
app.command()(targets)
app.command()(probe)
app.add_typer(cache, name="cache")
