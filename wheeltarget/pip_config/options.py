"""pip's options: on the command line, in requirements files, and in its configuration.

Here is also which files after ``-r`` or ``-c`` are locks (PEP 751, "File Name") or URLs.

The tables are the union over the supported pips; a test compares them with pip's parsers. Arguments
are parsed by ``optparse``, as in pip, so that abbreviations, ``-dDIR``, ``--dest=DIR`` and options
between the requirements mean the same.

Of pip's configuration files and variables only those options matter that decide what is fetched,
for which environment and where to. pip itself reads all of them again; here they show which files
may have clauses.
"""

from __future__ import annotations

import configparser
import functools
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from optparse import Option, OptionParser
from pathlib import Path
from typing import NoReturn

import platformdirs

from wheeltarget.errors import UsageError

Table = tuple[tuple[str, ...], ...]
"""The spellings of options, for each the first long one before other long ones."""


def _table(text: str) -> Table:
    return tuple(tuple(option.split()) for option in text.split(","))


WITH_VALUE = _table(
    "-c --constraint, --build-constraint, -r --requirement, --requirements-from-script,"
    "--no-binary, --only-binary, --src --source --source-dir --source-directory, --progress-bar,"
    "-d --dest --destination-dir --destination-directory, --platform, --python-version,"
    "--implementation, --abi, --group, -i --index-url --pypi-url, --extra-index-url,"
    "-f --find-links, --python, --log --log-file --local-log, --keyring-provider, --proxy,"
    "--retries, --timeout --default-timeout, --exists-action, --trusted-host, --cert,"
    "--client-cert, --cache-dir, --use-feature, --use-deprecated, --resume-retries,"
    "--all-releases, --only-final, --uploaded-prior-to, --refresh-package"
)
"""Options of ``pip download`` with a value."""

WITHOUT_VALUE = _table(
    "--no-deps --no-dependencies, --only-deps --only-dependencies, --prefer-binary, --pre,"
    "--require-hashes, --no-require-hashes, --no-build-isolation, --use-pep517,"
    "--check-build-dependencies, --ignore-requires-python, --no-clean, --no-index, -h --help,"
    "--debug, --isolated, --require-virtualenv --require-venv, -v --verbose, -V --version,"
    "-q --quiet, --no-input, --no-cache-dir, --disable-pip-version-check, --no-color,"
    "--no-python-version-warning, --no-proxy-env"
)
"""Options of ``pip download`` without a value."""

FILE_WITH_VALUE = _table(
    "-i --index-url --pypi-url, --extra-index-url, -c --constraint, -r --requirement,"
    "-e --editable, -f --find-links, --no-binary, --only-binary, --trusted-host, --use-feature,"
    "--hash, -C --config-settings, --all-releases, --only-final"
)
"""Options of requirements files with a value."""

FILE_WITHOUT_VALUE = _table("--no-index,--prefer-binary,--require-hashes,--no-require-hashes,--pre")
"""Options of requirements files without a value."""

ENVIRONMENT_OPTIONS = frozenset({"--platform", "--python-version", "--implementation", "--abi"})
"""pip's options for another environment; they apply to lines without a target."""

INDEX_OPTIONS = frozenset(
    {"--index-url", "--extra-index-url", "--no-index", "--find-links", "--trusted-host"}
)
"""pip's options that say where files are, so that a command that is proposed has them, too."""

FOR_BUILDING = frozenset({
    "--index-url", "--extra-index-url", "--no-index", "--find-links", "--pre", "--prefer-binary",
    "--build-constraint", "--no-build-isolation", "--check-build-dependencies",
    "--config-settings", "--progress-bar", "--keyring-provider", "--proxy", "--no-proxy-env",
    "--retries", "--timeout", "--trusted-host", "--cert", "--client-cert", "--cache-dir",
    "--no-cache-dir", "--isolated", "--no-input", "--no-color", "--verbose", "--quiet", "--log",
    "--disable-pip-version-check", "--use-feature", "--uploaded-prior-to",
})  # fmt: skip
"""Options that also apply when a wheel is built: those for the index and for output."""

FOR_FETCHING = frozenset({
    "--index-url", "--extra-index-url", "--no-index", "--find-links", "--progress-bar",
    "--keyring-provider", "--proxy", "--no-proxy-env", "--retries", "--resume-retries", "--timeout",
    "--trusted-host", "--cert", "--client-cert", "--cache-dir", "--no-cache-dir", "--no-input",
    "--no-color", "--verbose", "--quiet", "--log", "--debug", "--use-feature", "--use-deprecated",
    "--uploaded-prior-to", "--refresh-package",
})  # fmt: skip
"""Options for whatever is fetched: those for the index, for output, and the cut-off."""

_LISTS = {
    "--requirement", "--constraint", "--group", "--requirements-from-script", "--platform", "--abi",
}  # fmt: skip
_SEVERAL = {
    "--build-constraint", "--extra-index-url", "--find-links", "--trusted-host", "--use-feature",
    "--use-deprecated", "--refresh-package",
}  # fmt: skip
"""Options for fetching of which a setting may have several values, separated by white space."""

_FIRST_SPELLINGS = {
    spelling: next(each for each in row if each.startswith("--"))
    for row in (*WITH_VALUE, *WITHOUT_VALUE)
    for spelling in row
}
_DECISIVE = {"--dest", "--python", *_LISTS, *ENVIRONMENT_OPTIONS}
_SETTINGS = {
    spelling.removeprefix("--"): name
    for name in _DECISIVE
    for row in WITH_VALUE
    if name in row
    for spelling in row
    if spelling.startswith("--")
}
"""The options in pip's configuration that decide what is fetched, by each spelling."""

_REMOTE = re.compile(r"(?:https?|file):", re.IGNORECASE)
_LOCK = re.compile(r"pylock(?P<name>\.[^.]+(?:\.[^.]+)*)?\.toml(\[[^\]]+\])?")
_OURS = re.compile(
    rb"^[ \t]*(?:\[[ \t]*tool[ \t]*\.[ \t]*[\"']?wheeltarget"
    rb"|created-by[ \t]*=[ \t]*[\"']wheeltarget\b)",
    re.MULTILINE,
)
_FOREIGN = frozenset({"poetry.lock", "uv.lock", "Pipfile.lock"})
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class GivenOption:
    """An option by its first long spelling, with its value; None if it takes none."""

    name: str
    value: str | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the option as command-line arguments."""
        return (self.name,) if self.value is None else (f"{self.name}={self.value}",)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The options and the other arguments of ``download``, each in order."""

    options: tuple[GivenOption, ...]
    requirements: tuple[str, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of an option, by its first long spelling."""
        return tuple(o.value for o in self.options if o.name == name and o.value is not None)

    def has(self, name: str) -> bool:
        """Return whether an option was given, by its first long spelling."""
        return any(option.name == name for option in self.options)


def split_command_line(arguments: Sequence[str]) -> CommandLine:
    """Split the arguments of ``pip download``; raise UsageError if pip would refuse an option."""
    return _split(tuple(arguments), WITH_VALUE, WITHOUT_VALUE)


def project_names(option: str, values: Sequence[str]) -> frozenset[str]:
    """Return the normalized names in comma-separated values; raise UsageError for another text."""
    names = [name.strip() for value in values for name in value.split(",")]
    for name in names:
        if not _PROJECT.fullmatch(name):
            message = f"{option} takes the name of a project, not {name!r}"
            raise UsageError(message, f"write it like {option} docopt")
    return frozenset(re.sub(r"[-_.]+", "-", name).lower() for name in names)


def split_front(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split off the options before a command, if they are pip's general options."""
    parser = _parser([], WITH_VALUE, WITHOUT_VALUE)
    parser.disable_interspersed_args()
    try:
        _, rest = parser.parse_args(list(arguments))
    except UsageError:
        return (), tuple(arguments)
    front = len(arguments) - len(rest)
    return tuple(arguments[:front]), tuple(rest)


def split_file_options(text: str) -> tuple[GivenOption, ...]:
    """Parse the options of one line of a requirements file, and ignore other text, as pip does.

    :raises UsageError: if pip would refuse the line.
    """
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"could not split options: {error}") from error
    return _split(arguments, FILE_WITH_VALUE, FILE_WITHOUT_VALUE).options


def is_remote(name: str) -> bool:
    """Return whether a file's name is a URL, which pip's session fetches."""
    return _REMOTE.match(name) is not None


def is_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock, possibly with extras after it.

    The standard (PEP 751) allows no dot within it, but the names of targets have some.
    """
    return _LOCK.fullmatch(base_name(name)) is not None


def standard_lock_name(name: str) -> str:
    """Return the name of a lock as the standard has it: with an underscore for each dot within."""
    base = base_name(name)
    match = _LOCK.fullmatch(base)
    if match is None or not match["name"]:
        return name
    start, end = match.span("name")
    plain = f"{base[: start + 1]}{base[start + 1 : end].replace('.', '_')}{base[end:]}"
    return name.removesuffix(base) + plain


def is_own(data: bytes) -> bool:
    """Return whether wheeltarget wrote a lock, even if it was changed since."""
    return _OURS.search(data) is not None


def is_foreign_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock of poetry, uv or pipenv."""
    return base_name(name) in _FOREIGN


def base_name(name: str) -> str:
    """Return the last part of a file's name, for the separators of any system."""
    return re.split(r"[/\\]", name)[-1]


def split_extras(name: str) -> tuple[str, tuple[str, ...]]:
    """Split the extras off a lock's name, as in ``pylock.toml[dev]``."""
    if not name.endswith("]"):
        return name, ()
    path, _, extras = name[:-1].rpartition("[")
    return path, tuple(each.strip() for each in extras.split(",") if each.strip())


@functools.lru_cache(maxsize=64)
def _split(arguments: tuple[str, ...], with_value: Table, without_value: Table) -> CommandLine:
    # Cached, since making the parser takes longer than most of a run.
    given: list[GivenOption] = []
    _, rest = _parser(given, with_value, without_value).parse_args(list(arguments))
    return CommandLine(tuple(given), tuple(rest))


class _Parser(OptionParser):
    def error(self, msg: str) -> NoReturn:
        ours = "only wheeltarget download takes it, also with -r pylock.toml"
        raise UsageError(msg, ours if msg.endswith(" --with-pip") else "")


def _parser(given: list[GivenOption], with_value: Table, without_value: Table) -> OptionParser:
    def note(option: Option, _spelling: str, value: str | None, _parser: OptionParser) -> None:
        given.append(GivenOption(option._long_opts[0], value))  # noqa: SLF001 - has no accessor

    parser = _Parser(add_help_option=False)
    for spellings in with_value:
        parser.add_option(*spellings, action="callback", type="string", callback=note)
    for spellings in without_value:
        parser.add_option(*spellings, action="callback", callback=note)
    return parser


@dataclass(frozen=True, slots=True)
class Configuration:
    """What pip's configuration files and variables set for ``pip download``.

    :param options: the options that decide what is fetched. Only the last place that sets an
        option counts, as in pip: sections ``[global]``, then ``[download]``, then the variables.
    :param settings: every value as it is written, by long option without its dashes.
    """

    options: tuple[GivenOption, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def read_configuration(environment: Mapping[str, str], *, isolated: bool = False) -> Configuration:
    """Read pip's configuration; if isolated, without variables and the user's own file."""
    items = tuple(_items(environment, isolated=isolated))
    found = {_SETTINGS[key]: value for key, value in items if key in _SETTINGS}
    options = tuple(
        GivenOption(name, each)
        for name, value in found.items()
        for each in (value.split() if name in _LISTS else [value])
    )
    return Configuration(options, dict(items))


class _ConfigParser(configparser.RawConfigParser):
    """pip's configuration format, in which ``Some_Key`` and ``some-key`` are the same."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr.lower().replace("_", "-").removeprefix("--")


def _items(environment: Mapping[str, str], *, isolated: bool) -> Iterator[tuple[str, str]]:
    """Return the settings of each place; a later one overrides an earlier one."""
    parser = _ConfigParser()
    for path in configuration_files(environment, isolated=isolated):
        # pip itself reports an invalid file.
        with suppress(configparser.Error, UnicodeDecodeError):
            parser.read(path)
    for section in ("global", "download"):
        if parser.has_section(section):
            yield from parser.items(section)
    if not isolated:
        variables = ((n[4:], v) for n, v in environment.items() if n.startswith("PIP_") and v)
        yield from ((n.lower().replace("_", "-"), v) for n, v in variables)


def configuration_files(environment: Mapping[str, str], *, isolated: bool) -> tuple[Path, ...]:
    """Return the files that pip reads; later ones override earlier ones."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    if sys.platform == "darwin":
        shared = platformdirs.site_data_dir("pip", appauthor=False, multipath=True)
        own = Path(platformdirs.user_data_dir("pip", appauthor=False, roaming=True))
        own = own if own.is_dir() else Path("~/.config/pip").expanduser()
    else:
        shared = platformdirs.site_config_dir("pip", appauthor=False, multipath=True)
        own = Path(platformdirs.user_config_dir("pip", appauthor=False, roaming=True))
    windows = sys.platform == "win32"
    base = "pip.ini" if windows else "pip.conf"
    files = [Path(folder, base) for folder in shared.split(os.pathsep)]
    if not windows and sys.platform != "darwin":
        files.append(Path("/etc", base))
    if not isolated and not (named and Path(named).exists()):
        files += [Path.home() / ("pip" if windows else ".pip") / base, own / base]
    files.append(Path(sys.prefix, base))
    return (*files, Path(named)) if named else tuple(files)


def is_quiet(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip is to print less than by default, by its options or configuration."""
    names = [option.name for option in command.options]
    quiet, verbose = (
        names.count(f"--{name}") or _count(settings.get(name, "")) for name in ("quiet", "verbose")
    )
    return quiet > verbose


def refuses_colour(command: CommandLine, settings: Mapping[str, str]) -> bool:
    """Return whether pip is not to use colours, by its options or its configuration."""
    return is_on(command, settings, "no-color")


def settings_as_options(
    settings: Mapping[str, str], names: Collection[str]
) -> Iterator[GivenOption]:
    """Yield settings of pip's configuration as options of the command line.

    :param settings: every value as it is written, by long option without its dashes.
    :param names: the options that are wanted, by their first long spelling.
    """
    for setting, value in settings.items():
        name = _FIRST_SPELLINGS.get(f"--{setting}", "")
        if name not in names:
            continue
        if (name,) in WITHOUT_VALUE or name in {"--quiet", "--verbose"}:
            yield from [GivenOption(name)] * _count(value)
        else:
            values = value.split() if name in _SEVERAL else [value]
            yield from (GivenOption(name, each) for each in values)


def is_on(command: CommandLine, settings: Mapping[str, str], name: str) -> bool:
    """Return whether a flag of pip's is set; its name is without dashes."""
    return command.has(f"--{name}") or bool(_count(settings.get(name, "")))


def _count(value: str) -> int:
    """Return the number of a counting setting of pip: a number, or true."""
    if re.fullmatch("[0-9]{1,9}", value):
        return int(value)
    return int(value.lower() in {"true", "yes", "on", "y", "t"})


CONNECTIONS = "WHEELTARGET_CONNECTIONS"
"""The environment variable with the number of simultaneous connections to a host."""

USUAL_CONNECTIONS = 32
_MOST_CONNECTIONS = 256


def read_connections(environment: Mapping[str, str]) -> int:
    """Return the number of simultaneous connections to a host; raise UsageError if it is wrong."""
    text = environment.get(CONNECTIONS) or str(USUAL_CONNECTIONS)
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= _MOST_CONNECTIONS:
        hint = f"set it to a number from 1 to {_MOST_CONNECTIONS}, or unset it for"
        message = f"{CONNECTIONS} is not a number of connections: {text!r}"
        raise UsageError(message, f"{hint} {USUAL_CONNECTIONS}")
    return int(text)
