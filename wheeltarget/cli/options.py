"""The options and arguments that more than one command has, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from wheeltarget.cli.pip_command import offer_words
from wheeltarget.cli.values import OutputFormat, offer_tags, offer_targets, read_name

TARGETS, SOURCES, OUTPUT = "Targets", "Sources, where there is no wheel", "Output"
"""The headings of the help; what only one command has stands under them, too."""


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
    from wheeltarget.commands.download.request import read_jobs

    return read_jobs(str(value))


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
