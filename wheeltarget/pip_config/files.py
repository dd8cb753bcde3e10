"""Read pip's options from its environment variables and configuration files.

Only those that decide what is fetched, for which environment and where to: ``--requirement`` and
other lists of requirements, ``--constraint``, ``--dest``, ``--python`` and those that name another
environment. pip itself reads all of them again; here they show which files may have clauses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.pip_config.options import GivenOption

if TYPE_CHECKING:
    from configparser import RawConfigParser

_SPELLINGS = {
    "requirement": "--requirement",
    "constraint": "--constraint",
    "group": "--group",
    "requirements-from-script": "--requirements-from-script",
    "dest": "--dest",
    "destination-dir": "--dest",
    "destination-directory": "--dest",
    "platform": "--platform",
    "python-version": "--python-version",
    "implementation": "--implementation",
    "abi": "--abi",
    "python": "--python",
}
_LISTS = frozenset(
    {
        "--requirement",
        "--constraint",
        "--group",
        "--requirements-from-script",
        "--platform",
        "--abi",
    }
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What pip's configuration files and variables say for ``pip download``.

    :param options: the options that decide what is fetched. Only the last place that sets an
        option counts, as in pip: sections ``[global]``, then ``[download]``, then the variables.
    :param settings: every value as it is written, by long option without its dashes.
    """

    options: tuple[GivenOption, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def read_configuration(environment: Mapping[str, str], *, isolated: bool = False) -> Configuration:
    """Read pip's configuration.

    :param environment: the environment variables.
    :param isolated: whether ``--isolated`` was given: then neither the variables nor the user's
        own file count.
    """
    items = tuple(_items(environment, isolated=isolated))
    options = _options({_SPELLINGS[key]: value for key, value in items if key in _SPELLINGS})
    return Configuration(tuple(options), dict(items))


def _items(environment: Mapping[str, str], *, isolated: bool) -> Iterator[tuple[str, str]]:
    """Return the settings of each place; a later one overrides an earlier one."""
    files = _parse(configuration_files(environment, isolated=isolated))
    for section in ("global", "download"):
        for file in files:
            if file.has_section(section):
                yield from file.items(section)
    if not isolated:
        variables = ((n[4:], v) for n, v in environment.items() if n.startswith("PIP_") and v)
        yield from ((n.lower().replace("_", "-"), v) for n, v in variables)


def _options(found: Mapping[str, str]) -> Iterator[GivenOption]:
    for name, value in found.items():
        for each in value.split() if name in _LISTS else [value]:
            yield GivenOption(name, each)


def _parse(paths: Sequence[Path]) -> list[RawConfigParser]:
    """Parse the files that exist; pip itself reports invalid ones."""
    if not paths:
        return []
    import configparser

    class Parser(configparser.RawConfigParser):
        """pip's configuration format, in which ``Some_Key`` and ``some-key`` are the same."""

        def optionxform(self, optionstr: str) -> str:
            return optionstr.lower().replace("_", "-").removeprefix("--")

    parsers: list[RawConfigParser] = []
    for path in paths:
        parser = Parser()
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            continue
        parsers.append(parser)
    return parsers


def configuration_files(environment: Mapping[str, str], *, isolated: bool) -> tuple[Path, ...]:
    """Return the files that pip reads; later ones override earlier ones.

    :param environment: the environment variables; ``PIP_CONFIG_FILE`` counts.
    :param isolated: whether to ignore the user's file.
    """
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    import platformdirs

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
