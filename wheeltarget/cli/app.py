"""The command line: its verbs, and how Typer is run."""

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
"""The variable that a shell sets to ask for completions."""

_SETTINGS = {"help_option_names": ["--help"]}
_TAKE_PIPS = {"download", "lock", "explain"}
"""The verbs that also take every option of pip download."""


def make_app() -> typer.Typer:
    """Return the whole command line, with every verb loaded."""
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
    """Return the command line of one verb, with nothing else loaded."""
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

    :param arguments: the arguments after the program's name.
    :param start: what was already read for the command.
    :raises SystemExit: always, with the exit code.
    """
    if len(arguments) > 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        # Otherwise Typer detects the shell it runs in, and ignores the one that is named.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would also find it in pip's -dhouse.
    before = ["--help" if argument == "-h" else argument for argument in arguments[:end]]
    # Typer removes the first --, but pip needs one.
    again = ["--"] if end < len(arguments) and arguments[0] in _TAKE_PIPS else []
    arguments = [*before, *again, *arguments[end:]]
    with report_errors():
        if arguments and arguments[0] in VERBS and COMPLETION not in os.environ:
            verb, *rest = arguments
            make_verb(verb)(rest, prog_name=f"wheeltarget {verb}", obj=start)
        else:
            make_app()(arguments, prog_name="wheeltarget")


def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version and exit.")
    ] = False,
) -> None:
    """Download wheels for other environments, named per requirement."""
    if version:
        typer.echo(f"wheeltarget {__version__}")
        raise typer.Exit
