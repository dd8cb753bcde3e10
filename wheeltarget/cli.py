"""The command line: words into requests, outcomes into text and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from wheeltarget import __version__
from wheeltarget.errors import WheeltargetError

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
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would find it in pip's -dhouse, too.
    words = ["--help" if word == "-h" else word for word in arguments[:end]]
    # Of two --, Typer takes one away; pip has to see the other.
    app([*words, *(["--"] if end < len(arguments) else []), *arguments[end:]])


@app.callback()
def main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Fetch wheels for the environments that the requirements name."""
    if version:
        typer.echo(f"wheeltarget {__version__}")
        raise typer.Exit


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[OPTIONS] [PIP OPTIONS]",
)
def download(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REQUIREMENT…",
            help="What to fetch, such as 'flask ; tags=cp37-cp37m-manylinux2014_x86_64'.",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(help="Targets of the lines without one, as tags with commas between."),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="The same by name: host, or the path of a target file."),
    ] = None,
) -> None:
    """Fetch wheels, each for its target; every option of pip download is taken, too."""
    from wheeltarget.api import DownloadRequest, PlainRun
    from wheeltarget.api import download as fetch

    request = DownloadRequest(tuple(words or ()), tuple(tags or ()), tuple(target or ()))
    try:
        outcome = fetch(request)
        if isinstance(outcome, PlainRun):
            raise typer.Exit(_plain_exit_code(outcome, request.words))
    except WheeltargetError as error:
        from wheeltarget.render import show_error

        show_error(error, sys.stderr, coloured=_is_coloured(request.words))
        raise typer.Exit(error.exit_code) from error
    if not _is_quiet(request.words):
        from wheeltarget.render import show_outcome

        coloured = _is_coloured(request.words)
        show_outcome(outcome, sys.stdout, sys.stderr, coloured=coloured)


def _plain_exit_code(outcome: object, words: tuple[str, ...]) -> int:
    from wheeltarget.api import PlainRun
    from wheeltarget.driver import become_pip

    if isinstance(outcome, PlainRun) and outcome.exit_code is not None:
        return outcome.exit_code
    return become_pip(words)


def _is_quiet(words: tuple[str, ...]) -> bool:
    from wheeltarget.pip_options import split_command_line

    names = [option.name for option in split_command_line(words).options]
    quiet, verbose = (
        names.count(f"--{name}") or _count(os.environ.get(f"PIP_{name.upper()}", ""))
        for name in ("quiet", "verbose")
    )
    return quiet > verbose


def _is_coloured(words: tuple[str, ...]) -> bool:
    from wheeltarget.errors import UsageError
    from wheeltarget.pip_options import split_command_line

    try:
        refused = split_command_line(words).has("--no-color")
    except UsageError:
        refused = "--no-color" in words
    return not refused and not _count(os.environ.get("PIP_NO_COLOR", ""))


def _count(value: str) -> int:
    """Read a variable of pip's that counts: a number, or a word for yes."""
    return int(value) if value.isdigit() else int(value.lower() in {"true", "yes", "on", "y", "t"})
