"""What the commands share that take pip's options beside their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from wheeltarget.cli_values import offer_tags, offer_targets

if TYPE_CHECKING:
    from wheeltarget.pip_options import CommandLine

PASSES_ON = {"ignore_unknown_options": True, "allow_extra_args": True}
"""What Typer has to be told, so that it leaves pip's options to pip."""


class PipCommand(TyperCommand):
    """A command that takes pip's options, too."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write our own help, then pip's."""
        super().format_help(ctx, formatter)
        typer.echo(formatter.getvalue() + "\nAnd everything that pip has:\n")
        formatter.buffer.clear()
        sys.stdout.flush()
        pip = [sys.executable, "-m", "pip", "download", "--help"]
        subprocess.run(pip, check=False)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Offer pip's options beside our own."""
        (words,) = (each for each in self.params if each.name == "words")
        own = super().shell_complete(ctx, incomplete)
        return [*own, *words.shell_complete(ctx, incomplete)]


def offer_words(context: typer.Context, incomplete: str) -> tuple[str, ...]:
    """Offer something for a word that is no option of ours.

    :param context: the command line so far.
    :param incomplete: what is there of the word.
    """
    from wheeltarget.completion import offer_word

    offers = {"tags": offer_tags, "target": offer_targets}
    return offer_word(incomplete, context.params, offers)


def is_coloured(words: tuple[str, ...]) -> bool:
    """Tell whether pip's options and configuration leave colours in.

    :param words: pip's words.
    """
    from wheeltarget.errors import UsageError
    from wheeltarget.pip_options import refuses_colour, split_command_line

    try:
        command = split_command_line(words)
    except UsageError:
        return "--no-color" not in words
    return not refuses_colour(command, settings(command))


def settings(command: CommandLine) -> dict[str, str]:
    """Read pip's configuration as a command line lets it count.

    :param command: the command line.
    """
    from wheeltarget.pip_config import configured_settings

    return configured_settings(os.environ, isolated=command.has("--isolated"))
