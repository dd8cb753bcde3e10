"""The options and arguments that more than one command has, and how their values are read.

An option is declared here or, if only one command has it, in that command, and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_origin

import typer
from typer.core import TyperCommand

from wheeltarget.errors import UsageError, WheeltargetError
from wheeltarget.utils.python_process import python

TARGETS, SOURCES, OUTPUT = "Targets", "Sources, where there is no wheel", "Output"
"""The headings of the help; what only one command has stands under them, too."""


_LONGEST_NUMBER = 9


class OutputFormat(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def read_name(text: str, told: str, example: str) -> str:
    """Read the name of a file or folder; an empty one, as of a variable that is not set, is none.

    :param text: the name.
    :param told: what says it, and what it has to be, for the message.
    :param example: what to write instead, likewise.
    :raises UsageError: where it is empty; taken as a path it would be the working directory.
    """
    if not text:
        raise UsageError(f"{told}, not ''", f"write it like {example}")
    return text


def offer_tags(incomplete: str) -> tuple[str, ...]:
    """Offer tags for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget.cli import completion
    from wheeltarget.targets.catalog import newest_pythons

    return completion.offer_tags(incomplete, newest_pythons())


def offer_targets(incomplete: str) -> tuple[str, ...]:
    """Offer named targets and target files for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget.cli import completion

    return completion.offer_targets(incomplete, completion.list_folder, _offer_names)


def _offer_names(begun: str) -> tuple[str, ...]:
    from wheeltarget.cli.completion import offer_names
    from wheeltarget.targets.catalog import known_systems
    from wheeltarget.targets.user_targets import own_targets

    try:
        own = tuple(own_targets(Path.cwd()))
    except WheeltargetError:
        own = ()
    return offer_names(begun, known_systems().systems, own)


def offer_words(context: typer.Context, incomplete: str) -> tuple[str, ...]:
    """Offer something for a word that is no option of ours.

    :param context: the command line so far.
    :param incomplete: what is there of the word.
    """
    from wheeltarget.cli.completion import offer_word

    offers = {"tags": offer_tags, "target": offer_targets}
    return offer_word(incomplete, context.params, offers)


class _UnsureError(Exception):
    """Typer has to read a value itself."""


class Command(TyperCommand):
    """A command that reads plain values without pydantic.

    Since Typer 0.29 any option makes it load pydantic, which takes longer than all that happens
    before pip starts. Here Typer splits the command line, by its own declarations as ever, and
    values that are texts, flags, choices or read by a function of ours are taken as they are. What
    is missing or wrong in any way is left to Typer, which says so.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the values of a command line into a context.

        :param ctx: the context.
        :param args: the arguments.
        :returns: the arguments that are left.
        """
        if not ctx.resilient_parsing and not (self.no_args_is_help and not args):
            given, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
            try:
                values = {name: _read(each, given) for name, each in self._declared().items()}
            except (_UnsureError, ValueError):
                return super().parse_args(ctx, args)
            if given.keys() <= values.keys() and (ctx.allow_extra_args or not rest):
                ctx.params.update(values)
                ctx.args = rest
                return rest
        return super().parse_args(ctx, args)

    def _declared(self) -> dict[str, Parameter]:
        """Return what is declared for each parameter, by the name of its value."""
        assert self.callback is not None  # noqa: S101 - Typer makes no command without
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
    if read is kind and kind not in {str, bool} and not issubclass(kind, Enum):
        raise _UnsureError
    return [read(each) for each in cast("list[str]", value)] if several else read(value)


def _item(annotation: Any) -> tuple[Any, bool]:
    """Return the type of one value, and whether there may be several."""
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    return _item(kinds[0]) if kinds else (annotation, False)


class PipCommand(Command):
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


def _reader(told: str, example: str, form: Callable[[str], Any]) -> Callable[[object], Any]:
    return lambda value: form(read_name(str(value), told, example))


def name_option(
    *names: str, what: str, example: str, form: Callable[[str], Any] = str, **settings: Any
) -> Any:
    """Declare an option whose value is the name of a file or folder.

    :param names: the spellings of the option, the long one first.
    :param what: what it is the name of, for a message.
    :param example: a good value, for a message.
    :param form: what becomes of it.
    :param settings: what else :func:`typer.Option` is told.
    """
    told = f"{names[0]} takes the name of {what}"
    return typer.Option(*names, parser=_reader(told, f"{names[0]} {example}", form), **settings)


def path_option(*names: str, what: str, example: str, **settings: Any) -> Any:
    """Declare the same, for a value that is a path.

    :param names: as :func:`name_option` has it, and the others likewise.
    """
    return name_option(*names, what=what, example=example, form=Path, **settings)


def name_argument(*, metavar: str, what: str, example: str, help: str) -> Any:  # noqa: A002
    """Declare an argument that is the name of a file or folder, as it is written.

    :param metavar: what the help calls it.
    :param what: what it is of, for a message.
    :param example: a good one, for a message.
    :param help: what the help says of it.
    """
    reader = _reader(f"{metavar} has to be the name of {what}", example, str)
    return typer.Argument(metavar=metavar, parser=reader, help=help)


def _read_jobs(value: object) -> int:
    """Read how many targets are to be worked on at once."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text)):
        raise UsageError(
            f"--jobs takes a whole number from 1 up, not {text!r}", "write it like --jobs 4"
        )
    return int(text)


Words = Annotated[
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
        help="Targets of what names none itself, as tags with commas between.",
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
        help="The same by name, or by the path of a target file; host is this machine.",
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
        help="How many targets to work on at once.",
        rich_help_panel=TARGETS,
    ),
]
AllowSdist = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-sdist",
        metavar="NAME",
        help="Take this project's source, for the target to build, where it has no wheel.",
        rich_help_panel=SOURCES,
        show_default=False,
    ),
]
BuildPure = Annotated[
    list[str] | None,
    typer.Option(
        "--build-pure",
        metavar="NAME",
        help="Take a wheel that is built here of this project's source, and is pure Python.",
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
    help="The lock of one target.",
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
        help="A wheelhouse to take the wheels from; without one they are fetched.",
        show_default=False,
    ),
]
FORMAT = typer.Option("--format", help="How the result is written.", rich_help_panel=OUTPUT)
"""The option of every command whose result has more than one form; the forms are its own."""

Format = Annotated[OutputFormat, FORMAT]
AsJson = Annotated[
    bool, typer.Option("--json", help="Write the result as JSON.", rich_help_panel=OUTPUT)
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print nothing but what is wrong.", rich_help_panel=OUTPUT),
]
