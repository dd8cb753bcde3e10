"""The options and arguments that more than one command has, and how their values are read.

An option is declared here or, if only one command has it, in that command, and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum, StrEnum
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_origin

import typer
from typer.core import TyperCommand

from wheeltarget.errors import UsageError, WheeltargetError
from wheeltarget.utils.python_process import python

TARGETS, SOURCES, OUTPUT = "Targets", "Source distributions", "Output"
"""The headings of the help; options of a single command use them, too."""

_LONGEST_NUMBER = 9
_OPTIONS = {"form": "format", "output_format": "format"}
"""The options that are not called as their parameters are."""


class OutputFormat(StrEnum):
    """The output formats of most commands."""

    TEXT = "text"
    JSON = "json"


def offer_tags(incomplete: str) -> tuple[str, ...]:
    """Offer tags for a list of them.

    :param incomplete: the list as typed so far.
    """
    from wheeltarget.cli import completion
    from wheeltarget.targets.catalog import newest_pythons

    return completion.offer_tags(incomplete, newest_pythons())


def offer_targets(incomplete: str) -> tuple[str, ...]:
    """Offer named targets and target files for a list of them.

    :param incomplete: the list as typed so far.
    """
    from wheeltarget.cli import completion

    return completion.offer_targets(incomplete, completion.list_folder, _offer_names)


def _offer_names(begun: str) -> tuple[str, ...]:
    from wheeltarget.cli.completion import offer_names
    from wheeltarget.targets.catalog import known_systems
    from wheeltarget.targets.names import Projects, user_targets

    try:
        own = tuple(user_targets(Path.cwd(), Projects()))
    except WheeltargetError:
        own = ()
    return offer_names(begun, known_systems().systems, own)


def offer_words(context: typer.Context, incomplete: str) -> tuple[str, ...]:
    """Offer completions for an argument that is not one of our options.

    :param context: the command line so far.
    :param incomplete: the argument as typed so far.
    """
    from wheeltarget.cli.completion import offer_word

    offers = {"tags": offer_tags, "target": offer_targets}
    return offer_word(incomplete, context.params, offers)


class _UnsureError(Exception):
    """Typer has to read a value itself."""


class Command(TyperCommand):
    """A command that reads plain values without pydantic.

    Since Typer 0.29 any option makes it load pydantic, which takes longer than everything else
    before pip starts. Here Typer splits the command line by its own declarations, and values that
    are texts, flags, choices or have a parser of ours are read directly. Typer reports what is
    missing or wrong.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the values of a command line into a context.

        :param ctx: the context.
        :param args: the arguments.
        :returns: the remaining arguments.
        """
        if not ctx.resilient_parsing and not (self.no_args_is_help and not args):
            given, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
            declared = self._declared()
            if given.keys() <= declared.keys() and (ctx.allow_extra_args or not rest):
                with suppress(_UnsureError):
                    ctx.params.update({name: _read(each, given) for name, each in declared.items()})
                    ctx.args = rest
                    return rest
        return super().parse_args(ctx, args)

    def _declared(self) -> dict[str, Parameter]:
        """Return the declaration of each parameter by name."""
        assert self.callback is not None  # noqa: S101 - Typer always sets it
        declared = signature(self.callback, eval_str=True).parameters
        return {each.name: declared[each.name] for each in self.params if each.name in declared}


def _read(declared: Parameter, given: Mapping[str, Any]) -> Any:
    """Read the value of a parameter as it is declared.

    :raises _UnsureError: if Typer has to do it.
    """
    value = given.get(declared.name)
    if not isinstance(value, str | bool | list | tuple):
        if declared.default is Parameter.empty:
            raise _UnsureError
        return declared.default
    annotation, *details = get_args(declared.annotation) or (declared.annotation,)
    kind, several = _item(annotation)
    read: Any = next((each.parser for each in details if each.parser), kind)
    if read is kind and kind not in {str, bool}:
        if not issubclass(kind, Enum):
            raise _UnsureError
        read = partial(_choice, kind, declared.name)
    return [read(each) for each in cast("list[str]", value)] if several else read(value)


def _choice(kind: type[Enum], name: str, text: str) -> Enum:
    choices = [str(each.value) for each in kind]
    if text not in choices:
        known = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise UsageError(f"--{_OPTIONS.get(name, name)} must be {known}, not {text!r}")
    return kind(text)


def _item(annotation: Any) -> tuple[Any, bool]:
    """Return the type of one value, and whether there may be several."""
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    return _item(kinds[0]) if kinds else (annotation, False)


class PipCommand(Command):
    """A command that also takes pip's options."""

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


def _name_parser(name: str, hint: str, form: Callable[[str], Any]) -> Callable[[object], Any]:
    """Return a parser that refuses an empty name: as a path it would be the working directory."""

    def parse(value: object) -> Any:
        if not str(value):
            raise UsageError(f"{name} must not be empty", hint)
        return form(str(value))

    return parse


def name_option(
    *names: str, what: str, example: str, form: Callable[[str], Any] = str, **settings: Any
) -> Any:
    """Declare an option whose value is the name of a file or folder.

    :param names: the spellings of the option, the long one first.
    :param what: what the value names, for the error message.
    :param example: a valid value, for the error message.
    :param form: converts the value.
    :param settings: further arguments of :func:`typer.Option`.
    """
    hint = f"name {what}, such as {names[0]} {example}"
    return typer.Option(*names, parser=_name_parser(names[0], hint, form), **settings)


def path_option(*names: str, what: str, example: str, **settings: Any) -> Any:
    """Declare an option whose value is a path; see :func:`name_option`."""
    return name_option(*names, what=what, example=example, form=Path, **settings)


def name_argument(*, metavar: str, what: str, example: str, **settings: Any) -> Any:
    """Declare an argument that is the name of a file or folder.

    :param metavar: its name in the help.
    :param what: what it names, for the error message.
    :param example: a valid value, for the error message.
    :param settings: further arguments of :func:`typer.Argument`.
    """
    parser = _name_parser(metavar.rstrip("…"), f"name {what}, such as {example}", str)
    return typer.Argument(metavar=metavar, parser=parser, **settings)


def _read_jobs(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text)):
        raise UsageError(f"--jobs must be a positive whole number, not {text!r}", "try --jobs 4")
    return int(text)


Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="REQUIREMENT…",
        help="A requirement, such as 'flask ; tags=cp312-cp312-manylinux_2_28_x86_64'.",
        show_default=False,
        autocompletion=offer_words,
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tags",
        metavar="TAG,…",
        help="Comma-separated tags: the targets of requirements that name none themselves.",
        rich_help_panel=TARGETS,
        autocompletion=offer_tags,
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME,…",
        help="The same, as names or paths of target files; 'host' is this interpreter.",
        rich_help_panel=TARGETS,
        autocompletion=offer_targets,
        show_default=False,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        metavar="N",
        parser=_read_jobs,
        help="How many targets to resolve at the same time.",
        rich_help_panel=TARGETS,
    ),
]
AllowSdist = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-sdist",
        metavar="NAME",
        help="Allow a source distribution of this project if no wheel fits.",
        rich_help_panel=SOURCES,
        show_default=False,
    ),
]
BuildPure = Annotated[
    list[str] | None,
    typer.Option(
        "--build-pure",
        metavar="NAME",
        help="If no wheel fits, build a pure Python wheel of this project on this machine.",
        rich_help_panel=SOURCES,
        show_default=False,
    ),
]
_LOCK = name_option(
    "--requirement",
    "-r",
    what="a lock",
    example="pylock.toml",
    metavar="LOCK",
    help="The lock file of a target.",
    show_default=False,
)
Lock = Annotated[str, _LOCK]
Locks = Annotated[list[str], _LOCK]
Wheels = Annotated[
    list[str] | None,
    name_option(
        "--wheels",
        what="a folder",
        example="wheelhouse",
        metavar="DIR",
        help="Take the wheels from this wheelhouse instead of fetching them.",
        show_default=False,
    ),
]
FORMAT = typer.Option("--format", help="Output format.", rich_help_panel=OUTPUT)
"""The output format option of every command; each declares its own choices."""

Format = Annotated[OutputFormat, FORMAT]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=OUTPUT)
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only problems.", rich_help_panel=OUTPUT),
]
