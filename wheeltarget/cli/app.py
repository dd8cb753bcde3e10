"""The command line: which verbs there are, and Typer run on the arguments."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wheeltarget import __version__
from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.options import Command, PipCommand

if TYPE_CHECKING:
    from wheeltarget.cli.passthrough import Start

VERBS = {
    "download": "download",
    "lock": "lock",
    "explain": "explain",
    "validate": "validate",
    "check": "check",
    "install-check": "check",
    "bundle": "bundle",
    "prune": "wheelhouse",
    "merge": "wheelhouse",
    "targets": "targets",
    "probe": "targets",
    "cache": "cache",
}
"""The module of each verb, in the order of the help."""

COMPLETION = "_WHEELTARGET_COMPLETE"
"""The variable by which a shell asks for completions."""

_SETTINGS = {"help_option_names": ["--help"]}
_TAKE_PIPS = {"download", "lock", "explain"}
"""The verbs that take every option of pip download, too."""


def make_app() -> typer.Typer:
    """Make the whole command line, with every verb loaded."""
    app = typer.Typer(
        name="wheeltarget",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
    )
    app.callback()(main)
    for verb in VERBS:
        made = _load(verb)
        if isinstance(made, typer.Typer):
            app.add_typer(made, name=verb)
        else:
            _add(app, verb, made)
    return app


def make_verb(verb: str) -> typer.Typer:
    """Make the command line of one verb, with nothing else loaded.

    :param verb: its name.
    """
    made = _load(verb)
    if isinstance(made, typer.Typer):
        return made
    app = typer.Typer(
        pretty_exceptions_enable=False, add_completion=False, context_settings=_SETTINGS
    )
    _add(app, verb, made)
    return app


def _load(verb: str) -> Any:
    module = import_module(f"wheeltarget.cli.{VERBS[verb]}")
    return getattr(module, verb.replace("-", "_"))


def _add(app: typer.Typer, verb: str, made: Callable[..., None]) -> None:
    if verb in _TAKE_PIPS:
        settings = {**_SETTINGS, "ignore_unknown_options": True, "allow_extra_args": True}
        metavar = "[OPTIONS] [PIP OPTIONS]"
        app.command(cls=PipCommand, context_settings=settings, options_metavar=metavar)(made)
    else:
        app.command(cls=Command, context_settings=_SETTINGS)(made)


def run(arguments: list[str], start: Start | None = None) -> None:
    """Run the command line.

    :param arguments: what stands behind the program's name.
    :param start: what is known of a download already.
    :raises SystemExit: always, with the exit code.
    """
    if len(arguments) > 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        # Typer would look which shell it runs in, whichever is named behind it.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would find it in pip's -dhouse, too.
    words = ["--help" if word == "-h" else word for word in arguments[:end]]
    # Of two --, Typer takes one away; pip has to see the other.
    again = ["--"] if end < len(arguments) and arguments[0] in _TAKE_PIPS else []
    words += [*again, *arguments[end:]]
    with report_errors():
        if words and words[0] in VERBS and COMPLETION not in os.environ:
            make_verb(words[0])(words[1:], prog_name=f"wheeltarget {words[0]}", obj=start)
        else:
            make_app()(words, prog_name="wheeltarget")


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
