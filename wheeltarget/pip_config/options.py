"""The options of ``pip download`` and of requirements files, with or without a value.

The tables are the union over the supported pips; a test compares them with pip's parsers. Arguments
are parsed by ``optparse``, as in pip, so that abbreviations, ``-dDIR``, ``--dest=DIR`` and options
between the requirements mean the same.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from wheeltarget.errors import UsageError

if TYPE_CHECKING:
    from optparse import Option, OptionParser, Values

WITH_VALUE = (
    ("-c", "--constraint"),
    ("--build-constraint",),
    ("-r", "--requirement"),
    ("--requirements-from-script",),
    ("--no-binary",),
    ("--only-binary",),
    ("--src", "--source", "--source-dir", "--source-directory"),
    ("--progress-bar",),
    ("-d", "--dest", "--destination-dir", "--destination-directory"),
    ("--platform",),
    ("--python-version",),
    ("--implementation",),
    ("--abi",),
    ("--group",),
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-f", "--find-links"),
    ("--python",),
    ("--log", "--log-file", "--local-log"),
    ("--keyring-provider",),
    ("--proxy",),
    ("--retries",),
    ("--timeout", "--default-timeout"),
    ("--exists-action",),
    ("--trusted-host",),
    ("--cert",),
    ("--client-cert",),
    ("--cache-dir",),
    ("--use-feature",),
    ("--use-deprecated",),
    ("--resume-retries",),
    ("--all-releases",),
    ("--only-final",),
    ("--uploaded-prior-to",),
    ("--refresh-package",),
)
"""Options of ``pip download`` with a value, with all their spellings."""

WITHOUT_VALUE = (
    ("--no-deps", "--no-dependencies"),
    ("--only-deps", "--only-dependencies"),
    ("--prefer-binary",),
    ("--pre",),
    ("--require-hashes",),
    ("--no-require-hashes",),
    ("--no-build-isolation",),
    ("--use-pep517",),
    ("--check-build-dependencies",),
    ("--ignore-requires-python",),
    ("--no-clean",),
    ("--no-index",),
    ("-h", "--help"),
    ("--debug",),
    ("--isolated",),
    ("--require-virtualenv", "--require-venv"),
    ("-v", "--verbose"),
    ("-V", "--version"),
    ("-q", "--quiet"),
    ("--no-input",),
    ("--no-cache-dir",),
    ("--disable-pip-version-check",),
    ("--no-color",),
    ("--no-python-version-warning",),
    ("--no-proxy-env",),
)
"""Options of ``pip download`` without a value."""

FILE_WITH_VALUE = (
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-c", "--constraint"),
    ("-r", "--requirement"),
    ("-e", "--editable"),
    ("-f", "--find-links"),
    ("--no-binary",),
    ("--only-binary",),
    ("--trusted-host",),
    ("--use-feature",),
    ("--hash",),
    ("-C", "--config-settings"),
    ("--all-releases",),
    ("--only-final",),
)
"""Options of requirements files with a value."""

FILE_WITHOUT_VALUE = (
    ("--no-index",),
    ("--prefer-binary",),
    ("--require-hashes",),
    ("--no-require-hashes",),
    ("--pre",),
)
"""Options of requirements files without a value."""

ENVIRONMENT_OPTIONS = frozenset({"--platform", "--python-version", "--implementation", "--abi"})
"""pip's options for another environment; they apply to lines without a target."""

FOR_BUILDING = frozenset(
    {
        "--index-url",
        "--extra-index-url",
        "--no-index",
        "--find-links",
        "--pre",
        "--prefer-binary",
        "--build-constraint",
        "--no-build-isolation",
        "--check-build-dependencies",
        "--config-settings",
        "--progress-bar",
        "--keyring-provider",
        "--proxy",
        "--no-proxy-env",
        "--retries",
        "--timeout",
        "--trusted-host",
        "--cert",
        "--client-cert",
        "--cache-dir",
        "--no-cache-dir",
        "--isolated",
        "--no-input",
        "--no-color",
        "--verbose",
        "--quiet",
        "--log",
        "--disable-pip-version-check",
        "--use-feature",
        "--uploaded-prior-to",
    }
)
"""Options that also apply when a wheel is built: those for the index and for output."""


@dataclass(frozen=True, slots=True)
class GivenOption:
    """An option with its value.

    :param name: its first long spelling, even if another one was used.
    :param value: its value, or None if it takes none.
    """

    name: str
    value: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Return the option as command-line arguments."""
        return (self.name,) if self.value is None else (f"{self.name}={self.value}",)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The arguments of ``download``.

    :param options: the options in order.
    :param requirements: the other arguments in order.
    """

    options: tuple[GivenOption, ...]
    requirements: tuple[str, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of an option, by its first long spelling."""
        return tuple(o.value for o in self.options if o.name == name and o.value is not None)

    def has(self, name: str) -> bool:
        """Return whether an option was given, by its first long spelling."""
        return any(option.name == name for option in self.options)


def split_command_line(arguments: Sequence[str]) -> CommandLine:
    """Split the arguments of ``pip download`` into options and requirements.

    :param arguments: the arguments after ``download``, without wheeltarget's own options.
    :returns: the options and requirements.
    :raises UsageError: if pip would refuse an option: unknown, ambiguous, or without its value.
    """
    return _split_command_line(tuple(arguments))


@functools.cache
def _split_command_line(arguments: tuple[str, ...]) -> CommandLine:
    # Cached, since making the parser takes longer than most of a run.
    options, rest = _split(arguments, WITH_VALUE, WITHOUT_VALUE)
    return CommandLine(options, tuple(rest))


def is_quiet(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip is to print less than by default.

    :param command: the command line.
    :param settings: pip's configuration; ``quiet`` and ``verbose`` count.
    """
    names = [option.name for option in command.options]
    quiet, verbose = (
        names.count(f"--{name}") or _count(settings.get(name, "")) for name in ("quiet", "verbose")
    )
    return quiet > verbose


def refuses_colour(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip is not to use colours.

    :param command: the command line.
    :param settings: pip's configuration; ``no-color`` counts.
    """
    return command.has("--no-color") or bool(_count(settings.get("no-color", "")))


def _count(value: str) -> int:
    """Return the number of a counting setting of pip: a number, or true."""
    return int(value) if value.isdigit() else int(value.lower() in {"true", "yes", "on", "y", "t"})


def split_front(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split off the options before a command, which are pip's general options.

    :param arguments: the arguments of the program.
    :returns: the options, and the command with its arguments; no options if pip does not know
        them.
    """
    parser = _parser([], WITH_VALUE, WITHOUT_VALUE)
    parser.disable_interspersed_args()
    try:
        _, rest = parser.parse_args(list(arguments))
    except UsageError:
        return (), tuple(arguments)
    front = len(arguments) - len(rest)
    return tuple(arguments[:front]), tuple(rest)


def split_file_options(text: str) -> tuple[GivenOption, ...]:
    """Parse the options of one line of a requirements file.

    :param text: an option line, or what comes after a requirement.
    :returns: the options in order; other text is ignored, as in pip.
    :raises UsageError: if pip would refuse the line.
    """
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"could not split options: {error}") from error
    return _split(arguments, FILE_WITH_VALUE, FILE_WITHOUT_VALUE)[0]


def _split(
    arguments: Sequence[str],
    with_value: tuple[tuple[str, ...], ...],
    without_value: tuple[tuple[str, ...], ...],
) -> tuple[tuple[GivenOption, ...], list[str]]:
    given: list[GivenOption] = []
    _values: Values
    _values, rest = _parser(given, with_value, without_value).parse_args(list(arguments))
    return tuple(given), rest


def _parser(
    given: list[GivenOption],
    with_value: tuple[tuple[str, ...], ...],
    without_value: tuple[tuple[str, ...], ...],
) -> OptionParser:
    """Make a parser that appends each option to a list."""
    from optparse import OptionParser

    def note(option: Option, _spelling: str, value: str | None, _parser: OptionParser) -> None:
        given.append(GivenOption(option._long_opts[0], value))  # noqa: SLF001 - has no accessor

    class Parser(OptionParser):
        def error(self, msg: str) -> NoReturn:
            raise UsageError(msg)

    parser = Parser(add_help_option=False)
    for spellings in with_value:
        parser.add_option(*spellings, action="callback", type="string", callback=note)
    for spellings in without_value:
        parser.add_option(*spellings, action="callback", callback=note)
    return parser


CONNECTIONS = "WHEELTARGET_CONNECTIONS"
"""The environment variable with the number of simultaneous connections to a host."""

USUAL_CONNECTIONS = 16
_MOST_CONNECTIONS = 256


def read_connections(environment: Mapping[str, str]) -> int:
    """Return the number of simultaneous connections to a host.

    :raises UsageError: if it is not a number in the allowed range.
    """
    text = environment.get(CONNECTIONS) or str(USUAL_CONNECTIONS)
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_CONNECTIONS:
        raise UsageError(
            f"{CONNECTIONS} is not a number of connections: {text!r}",
            f"set it to a number from 1 to {_MOST_CONNECTIONS}, "
            f"or unset it for {USUAL_CONNECTIONS}",
        )
    return int(text)
