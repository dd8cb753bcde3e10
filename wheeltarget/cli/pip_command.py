"""What the commands share that take pip's options beside their own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import typer
from typer.core import TyperCommand

from wheeltarget.cli.values import offer_tags, offer_targets
from wheeltarget.utils.python_process import python

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
        subprocess.run(python("-m", "pip", "download", "--help"), check=False)

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
    from wheeltarget.cli.completion import offer_word

    offers = {"tags": offer_tags, "target": offer_targets}
    return offer_word(incomplete, context.params, offers)
