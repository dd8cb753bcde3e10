"""The command line: the verbs, the options that several of them have, and how Typer is run.

start-up: the list of all verbs loads none of them. The module of a verb is loaded if the verb is
called, or for its help or completions, which need only its options. So it loads its command, if
that takes long, in its function. Completions load what they offer.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, StrEnum
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from wheeltarget import __version__
from wheeltarget.cli.output.text import report_errors
from wheeltarget.errors import UsageError
from wheeltarget.pip_config.project_indexes import is_project_index
from wheeltarget.utils.system import python

VERBS = {
    "download": "Download wheels for each target; takes every option of pip download.",
    "lock": (
        "Lock requirements, one file for each target; takes pip's options for choosing versions."
    ),
    "bundle": (
        "Make a folder, an archive or a Lambda layer to deploy, from requirements or from a lock."
    ),
    "pack": (
        "Make one folder or archive for machines without a network; 'pack verify' checks one."
    ),
    "explain": "Show which releases have a wheel for each target, and why others do not.",
    "validate": "Check the annotations in requirements files, offline.",
    "check": (
        "Check that the wheels of a wheelhouse are intact, fit their targets, and are complete."
    ),
    "install-check": (
        "Unpack the wheels of a lock into a temporary folder, and import every module."
    ),
    "prune": "Remove wheels that are in none of the locks, or list what another machine lacks.",
    "merge": "Merge wheelhouses into one, all files or none.",
    "targets": "List the known targets, or show some in detail.",
    "probe": "Write a target file for an interpreter, with its tags and markers.",
    "cache": "Show and prune the cache of wheels and earlier runs.",
}
"""The help of each verb, in the order of the help; its module and function have its name."""

SUBVERBS = {"pack verify": "Find everything that is wrong with a pack."}
"""The help of commands that begin with the name of a verb which takes requirements itself."""

_TAKE_PIPS = {"download", "lock", "explain", "bundle", "pack"}
"""The verbs that also take every option of pip download."""

OUTPUT = "Output"
"""A heading of the help."""

target_option = partial(typer.Option, rich_help_panel="Targets")
"""Declare an option below the heading ``Targets``."""

output_option = partial(typer.Option, rich_help_panel=OUTPUT)
"""Declare an option below the heading ``Output``."""

_source_option = partial(typer.Option, rich_help_panel="Source distributions")

_ATTACHED = re.compile("-[cdfir].")
"""A short option of pip's with its value."""

_COMPLETION = "_WHEELTARGET_COMPLETE"
"""The variable that a shell sets to ask for completions."""

new_app = partial(typer.Typer, pretty_exceptions_enable=False)
"""Make a command line of Typer."""


def run(arguments: list[str], start: object = None) -> None:
    """Run the command line.

    :param arguments: the arguments after the program's name.
    :param start: what was already read, as the verb expects it in its context.
    :raises SystemExit: always, with the exit code.
    """
    if len(arguments) > 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        # Otherwise Typer detects the shell it runs in, and ignores the one that is named.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # If Typer knew -h, it would also find it in pip's -dhouse.
    before = ["--help" if argument == "-h" else argument for argument in arguments[:end]]
    # Typer removes the first --, but pip needs one.
    takes_pips = _split_verb(arguments)[0] in _TAKE_PIPS
    again = ["--"] if end < len(arguments) and takes_pips else []
    arguments = [*before, *again, *arguments[end:]]
    with report_errors():
        if arguments and arguments[0] in VERBS and _COMPLETION not in os.environ:
            verb, rest = _split_verb(arguments)
            make_verb(verb)(rest, prog_name=f"wheeltarget {verb}", obj=start)
        else:
            make_app()(arguments, prog_name="wheeltarget")


def _split_verb(arguments: list[str]) -> tuple[str, list[str]]:
    """Split the verb, of one or two words, from what follows."""
    words = 2 if " ".join(arguments[:2]) in SUBVERBS else 1
    return " ".join(arguments[:words]), arguments[words:]


def make_app() -> typer.Typer:
    """Return the whole command line, which loads a verb when it is called."""
    app = new_app(name="wheeltarget", cls=_Verbs, no_args_is_help=True)
    app.callback()(main)
    for verb, summary in VERBS.items():
        app.command(verb, help=summary)(lambda: None)
    return app


def make_verb(verb: str) -> typer.Typer:
    """Load a verb, and return its command line."""
    name = re.sub("[- ]", "_", verb)
    made = getattr(import_module(f"wheeltarget.cli.verbs.{name}"), name)
    if isinstance(made, typer.Typer):
        return made
    app = new_app(add_completion=False)
    settings: dict[str, Any] = {"cls": Command}
    if verb in _TAKE_PIPS:
        takes_all = {"ignore_unknown_options": True, "allow_extra_args": True}
        settings = {"cls": PipCommand, "context_settings": takes_all}
        settings["options_metavar"] = "[OPTIONS] [PIP OPTIONS]"
    app.command(help={**VERBS, **SUBVERBS}[verb], **settings)(made)
    return app


class _PlainFlags:
    """Shows no type beside a flag in the help, which Typer since 0.29 calls ``<bool>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, those of Typer among them."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for each in params:
            if getattr(each, "is_flag", False):
                each.metavar = ""
        return params


class Group(_PlainFlags, TyperGroup):
    """Several commands."""


class _Verbs(Group):
    """The verbs; only the one that is called is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name not in VERBS:
            return name, command, rest
        name, rest = _split_verb([name, *rest])
        return name, typer.main.get_command(make_verb(name)), rest


_VERSION = typer.Option("--version", "-V", help="Show the version and exit.")


def main(*, version: Annotated[bool, _VERSION] = False) -> None:
    """Download, lock and bundle wheels for other environments, named per requirement."""
    if version:
        typer.echo(f"wheeltarget {__version__}")
        raise typer.Exit


class _UnsureError(Exception):
    """Typer has to read a value itself."""


class Command(_PlainFlags, TyperCommand):
    """A command that reads plain values without pydantic.

    Since Typer 0.29 any option makes it load pydantic, which takes longer than everything else
    before pip starts. Here Typer splits the command line by its own declarations, and values that
    are texts, flags, choices or have a parser of ours are read directly. Typer reports what is
    missing or wrong.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the values of a command line into a context, and return the remaining arguments."""
        if not ctx.resilient_parsing:
            given, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
            assert self.callback is not None  # noqa: S101 - Typer always sets it
            declared = signature(self.callback, eval_str=True).parameters
            known = {each.name: each.opts[0] for each in self.params if each.name in declared}
            if given.keys() <= known.keys() and (ctx.allow_extra_args or not rest):
                with suppress(_UnsureError):
                    ctx.params |= {
                        name: _read(given.get(name), declared[name], option)
                        for name, option in known.items()
                    }
                    ctx.args = rest
                    return rest
        return super().parse_args(ctx, args)


def _read(value: Any, declared: Parameter, option: str) -> Any:
    """Read the value of a parameter as it is declared.

    :raises _UnsureError: if Typer has to do it.
    """
    if not isinstance(value, str | bool | list | tuple):
        if declared.default is Parameter.empty:
            raise _UnsureError
        return declared.default
    kind, *details = get_args(declared.annotation) or (declared.annotation,)
    while get_args(kind):  # list[str] | None
        kind = get_args(kind)[0]
    read: Any = next((each.parser for each in details if each.parser), kind)
    if read is kind and kind not in {str, bool}:
        if not issubclass(kind, Enum):
            raise _UnsureError
        read = partial(_choice, kind, option)
    return [read(each) for each in value] if isinstance(value, list | tuple) else read(value)


def _choice(kind: type[Enum], option: str, text: str) -> Enum:
    choices = [str(each.value) for each in kind]
    if text not in choices:
        known = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise UsageError(f"{option} must be {known}, not {text!r}")
    return kind(text)


def _with_pips_index(args: list[str]) -> list[str]:
    """Write pip's ``--index URL`` out as ``--index-url URL``; with ``NAME=URL`` it is ours."""
    end = args.index("--") if "--" in args else len(args)
    written = []
    for number, argument in enumerate(args[:end], start=1):
        option, attached, value = argument.partition("=")
        given = value if attached else "".join(args[number : min(number + 1, end)])
        is_pips = option == "--index" and not is_project_index(given)
        written.append(f"--index-url{attached}{value}" if is_pips else argument)
    return [*written, *args[end:]]


class PipCommand(Command):
    """A command that also takes pip's options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read our options, as :meth:`Command.parse_args` does, and leave pip's to pip.

        Typer would look for our short options in the value that is attached to one of pip's.
        """
        args = _with_pips_index(args)
        if not any(len(name) == 2 for each in self.params for name in each.opts):
            return super().parse_args(ctx, args)
        end = args.index("--") if "--" in args else len(args)
        pieces = ((each[:2], each[2:]) if _ATTACHED.match(each) else (each,) for each in args[:end])
        return super().parse_args(ctx, [*chain.from_iterable(pieces), *args[end:]])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write our own help, then pip's."""
        super().format_help(ctx, formatter)
        typer.echo(formatter.getvalue() + "\nAll options of pip download:\n")
        formatter.buffer.clear()
        sys.stdout.flush()
        subprocess.run(python("-m", "pip", "download", "--help"), check=False)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Offer pip's options beside our own."""
        (arguments,) = (each for each in self.params if each.name == "arguments")
        own = super().shell_complete(ctx, incomplete)
        return [*own, *arguments.shell_complete(ctx, incomplete)]


def offers(name: str) -> Callable[[typer.Context, str], Any]:
    """Return a function that completes a value, and loads what that takes when it is called."""

    def offer(context: typer.Context, incomplete: str) -> Any:
        from wheeltarget.cli.completion import OFFERS

        return OFFERS[name](incomplete, context.params)

    return offer


offer_targets = offers("target")
"""Complete the value of an option for targets."""


def _name_parser(name: str, example: str, form: Callable[[str], Any]) -> Callable[[object], Any]:
    """Return a parser that refuses an empty name: as a path it would be the working directory."""

    def parse(value: object) -> Any:
        if not str(value):
            raise UsageError(f"{name} must not be empty", f"write it like {example}")
        return form(str(value))

    return parse


def name_option(
    *names: str, example: str, form: Callable[[str], Any] = str, **settings: Any
) -> Any:
    """Declare an option whose value is the name of a file or folder.

    :param names: the spellings of the option, the long one first.
    :param example: a valid value, for the error message.
    :param form: converts the value.
    """
    parser = _name_parser(names[0], f"{names[0]} {example}", form)
    return typer.Option(*names, parser=parser, **settings)


path_option = partial(name_option, form=Path)
"""Declare an option whose value is a path."""


def name_argument(*, metavar: str, example: str, **settings: Any) -> Any:
    """Declare an argument that is the name of a file or folder, as :func:`name_option` does."""
    parser = _name_parser(metavar.rstrip("…"), example, str)
    return typer.Argument(metavar=metavar, parser=parser, **settings)


OutputFormat = StrEnum("OutputFormat", "TEXT JSON")
"""The output formats of most commands."""


def _read_jobs(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise UsageError(f"--jobs must be a positive whole number, not {text!r}", "try --jobs 4")
    return int(text)


Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="REQUIREMENT…",
        help="A requirement, such as 'flask ; tags=cp312-cp312-manylinux_2_28_x86_64'.",
        autocompletion=offers("arguments"),
    ),
]
Tags = Annotated[
    list[str] | None,
    target_option(
        "--tags",
        metavar="TAG,…",
        help="Comma-separated tags: the targets of requirements that name none themselves.",
        autocompletion=offers("tags"),
    ),
]
Targets = Annotated[
    list[str] | None,
    target_option(
        "--target",
        metavar="NAME,…",
        help="The same, as names or paths of target files; 'host' is this interpreter.",
        autocompletion=offer_targets,
    ),
]
SameVersions = Annotated[
    bool,
    target_option("--same-versions", help="Lock the same version of each project for all targets."),
]
Jobs = Annotated[
    int,
    target_option(
        "--jobs",
        metavar="N",
        parser=_read_jobs,
        help="How many targets to resolve at the same time.",
    ),
]
AllowSdist = Annotated[
    list[str] | None,
    _source_option(
        "--allow-sdist",
        metavar="NAME",
        help="Allow a source distribution of this project if no wheel fits; download and pack "
        "also fetch what it needs to be built.",
    ),
]
BuildPure = Annotated[
    list[str] | None,
    _source_option(
        "--build-pure",
        metavar="NAME",
        help="If no wheel fits, build a pure Python wheel of this project on this machine.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="NAME,…",
        help="Leave out this project, and what only it needs; a glob such as 'nvidia-*' works.",
        rich_help_panel="Leave-outs",
    ),
]
ProvidedProjects = StrEnum("ProvidedProjects", "KEEP SKIP")
"""What to do with the projects that the service of a target provides."""

Provided = Annotated[
    ProvidedProjects,
    typer.Option(
        "--provided",
        help="Keep or skip what the service of a target provides, such as boto3 on AWS Lambda.",
        rich_help_panel="Leave-outs",
    ),
]
Provenance = Annotated[
    bool,
    typer.Option(
        "--provenance",
        help="Keep the provenance of each file (PEP 740), if its index names one.",
        rich_help_panel="Provenance",
    ),
]
Indexes = Annotated[
    list[str] | None,
    typer.Option(
        "--index",
        metavar="NAME=URL",
        help="Take this project from this index only, and no other; a glob such as 'acme-*' works.",
        rich_help_panel="Indexes",
    ),
]
AllowIndexFailures = Annotated[
    bool,
    typer.Option(
        "--allow-index-failures",
        help="Go on with what the other indexes have if one cannot be read.",
        rich_help_panel="Locks",
    ),
]
_LOCK = name_option(
    "--requirement", "-r", example="pylock.toml", metavar="LOCK", help="The lock file of a target."
)
Lock = Annotated[str, _LOCK]
Locks = Annotated[list[str], _LOCK]
Wheels = Annotated[
    list[str] | None,
    name_option(
        "--wheels",
        example="wheelhouse",
        metavar="DIR",
        help="Take the wheels from this wheelhouse instead of fetching them.",
    ),
]
FORMAT = output_option("--format", help="Output format.")
"""The output format option of every command; each declares its own choices."""

Format = Annotated[OutputFormat, FORMAT]
AsJson = Annotated[bool, output_option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, output_option("--quiet", "-q", help="Print only problems.")]
