"""The invocation of a command: pip's options and configuration, the environment, the project.

A command reads it first, and passes it on, so that nothing is read twice.

# start-up: a run of pip alone needs no catalog of targets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from wheeltarget.errors import UsageError
from wheeltarget.pip_config.options import (
    CommandLine,
    Configuration,
    is_lock,
    is_quiet,
    read_configuration,
    refuses_colour,
    split_command_line,
)
from wheeltarget.targets.names import Projects, TargetName, command_line_targets
from wheeltarget.utils.files import LOCK_FILE, REQUIREMENTS_FILE, Limit, read_regular, read_stream

if TYPE_CHECKING:
    from wheeltarget.targets.target import Target


class InputFiles:
    """The files that a command line names, each read once; a pipe cannot be read again.

    :param contents: the contents of regular files that were read before, by name.
    """

    def __init__(self, contents: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._regular = {os.path.abspath(name): text for name, text in contents.items()}  # noqa: PTH100
        self._streams: dict[str, bytes] = {}

    def read(self, name: str) -> tuple[bytes, bool]:
        """Read a requirements file that the command line names, which may be a pipe.

        :returns: its content, and whether another process can read it again.
        :raises OSError: if it cannot be read; a RefusedFileError if it is too large.
        :raises ValueError: if no file can have this name.
        """
        place = os.path.abspath(name)  # noqa: PTH100 - any text
        if place not in self._regular and place not in self._streams:
            content, repeatable = read_stream(name, REQUIREMENTS_FILE)
            (self._regular if repeatable else self._streams)[place] = content
        regular = self._regular.get(place)
        return (self._streams[place], False) if regular is None else (regular, True)

    def read_nested(self, name: str) -> tuple[bytes, bool]:
        """Read a requirements file that another file names, which must be a regular file.

        :returns: its content, and that it can be read again.
        :raises OSError: if it cannot be read; a RefusedFileError if it is another kind of file.
        """
        return self._read_regular(name, REQUIREMENTS_FILE), True

    def read_lock(self, name: str) -> bytes:
        """Read a lock, which must be a regular file.

        :raises OSError: if it cannot be read; a RefusedFileError if it is another kind of file.
        """
        return self._read_regular(name, LOCK_FILE)

    def _read_regular(self, name: str, limit: Limit) -> bytes:
        place = os.path.abspath(name)  # noqa: PTH100 - any text
        if place not in self._regular:
            self._regular[place] = read_regular(name, limit)
        return self._regular[place]


@dataclass(frozen=True, slots=True)
class Invocation:
    """The inputs of a command, besides its own options.

    :param fault: the error in the command line, if pip would refuse it.
    """

    command: CommandLine
    configuration: Configuration
    environment: Mapping[str, str]
    folder: Path
    fault: UsageError | None = None
    files: InputFiles = field(default_factory=InputFiles)
    projects: Projects = field(default_factory=Projects)

    @property
    def settings(self) -> Mapping[str, str]:
        """Return pip's configuration, by long option without its dashes."""
        return self.configuration.settings

    @property
    def everything(self) -> CommandLine:
        """Return the command line with the options of pip's configuration before its own."""
        options = (*self.configuration.options, *self.command.options)
        return CommandLine(options, self.command.requirements)

    @property
    def has_locks(self) -> bool:
        """Return whether any requirements file is a lock."""
        return any(map(is_lock, self.everything.values("--requirement")))

    @property
    def is_quiet(self) -> bool:
        """Return whether pip's options or configuration ask for less output."""
        return is_quiet(self.command, self.settings)

    @property
    def is_coloured(self) -> bool:
        """Return whether pip's options and configuration allow colours."""
        return not refuses_colour(self.command, self.settings)

    def require_valid(self) -> None:
        """Raise UsageError if pip would refuse the command line."""
        if self.fault is not None:
            raise self.fault

    def defaults(
        self, tags: Sequence[str] = (), targets: Sequence[str] = ()
    ) -> tuple[TargetName, ...]:
        """Return the targets of requirements that name none.

        :param tags: the values of ``--tags``.
        :param targets: the values of ``--target``; without any, the project's targets are returned.
        :raises InputError: if an option or the project's settings are wrong.
        """
        return command_line_targets(tags, targets) or self.projects.defaults(self.folder)

    def look_up(self, key: str, text: str, folder: str) -> Target | None:
        """Find a target; see :func:`wheeltarget.targets.catalog.look_up`."""
        from wheeltarget.targets import catalog

        return catalog.look_up(key, text, folder, self.projects)


def read_invocation(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    files: InputFiles | None = None,
) -> Invocation:
    """Read pip's arguments and configuration.

    :param environment: the environment variables; None for those of this process.
    """
    environment = os.environ if environment is None else environment
    fault = None
    try:
        command = split_command_line(arguments)
    except UsageError as error:
        no_color = [each for each in arguments if each == "--no-color"]
        command, fault = split_command_line(no_color), error
    configuration = read_configuration(environment, isolated=command.has("--isolated"))
    return Invocation(command, configuration, environment, Path.cwd(), fault, files or InputFiles())
