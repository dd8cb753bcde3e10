"""The command line: words into requests, outcomes into text and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

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
    if len(arguments) > 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        # Typer would look which shell it runs in, whichever is named behind it.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would find it in pip's -dhouse, too.
    words = ["--help" if word == "-h" else word for word in arguments[:end]]
    # Of two --, Typer takes one away; pip has to see the other.
    everything = [*words, *(["--"] if end < len(arguments) else []), *arguments[end:]]
    app(everything, prog_name="wheeltarget")


@app.callback()
def main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Fetch wheels for the environments that the requirements name."""
    if version:
        typer.echo(f"wheeltarget {__version__}")
        raise typer.Exit


def _offer_tags(incomplete: str) -> tuple[str, ...]:
    from wheeltarget.catalogue import newest_pythons
    from wheeltarget.completion import offer_tags

    return offer_tags(incomplete, newest_pythons())


def _offer_targets(incomplete: str) -> tuple[str, ...]:
    from wheeltarget.completion import list_folder, offer_targets

    return offer_targets(incomplete, list_folder)


def _offer_words(context: typer.Context, incomplete: str) -> tuple[str, ...]:
    from wheeltarget.completion import offer_word

    offers = {"tags": _offer_tags, "target": _offer_targets}
    return offer_word(incomplete, context.params, offers)


class _WithPipOptions(TyperCommand):
    """A command that offers pip's options beside its own, though it only passes them on."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Give what can be put where the cursor stands."""
        (words,) = (each for each in self.params if each.name == "words")
        own = super().shell_complete(ctx, incomplete)
        return [*own, *words.shell_complete(ctx, incomplete)]


@app.command(
    cls=_WithPipOptions,
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
            autocompletion=_offer_words,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Targets of the lines without one, as tags with commas between.",
            autocompletion=_offer_tags,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="The same by name: host, or the path of a target file.",
            autocompletion=_offer_targets,
        ),
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
