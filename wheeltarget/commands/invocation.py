"""The invocation of a command: pip's options and configuration, the environment, the project.

A command reads it first, and passes it on, so that nothing is read twice. A download is looked at
even before: planning takes about as long as pip itself, so a run without a target skips it.

start-up: a run of pip alone needs no catalog of targets, and a lock no reader of requirements.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from wheeltarget.errors import UsageError, WheeltargetError
from wheeltarget.pip_config.options import (
    ENVIRONMENT_OPTIONS,
    WITH_VALUE,
    WITHOUT_VALUE,
    CommandLine,
    Configuration,
    is_lock,
    is_on,
    is_own,
    is_quiet,
    read_configuration,
    refuses_colour,
    split_command_line,
    split_extras,
    standard_lock_name,
)
from wheeltarget.pip_config.project_indexes import ProjectIndexes, read_indexes
from wheeltarget.targets.names import Projects, TargetName, command_line_targets
from wheeltarget.utils.files import (
    LOCK_FILE,
    REQUIREMENTS_FILE,
    Limit,
    RefusedFileError,
    read_regular,
    read_stream,
)

if TYPE_CHECKING:
    from wheeltarget.requirements.parser import Inputs
    from wheeltarget.targets.target import Target


def proposed_command(*arguments: str, tags: Iterable[str] = (), targets: Iterable[str] = ()) -> str:
    """Return a command to propose, quoted for a shell, with the targets of the present command."""
    named = [("--tags", each) for each in tags] + [("--target", each) for each in targets]
    return shlex.join(["wheeltarget", *arguments, *(text for pair in named for text in pair)])


class InputFiles:
    """The files of a command line, each read once, as a pipe must be; some are known before."""

    def __init__(self, contents: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._known = {_place(name): (content, True) for name, content in contents.items()}

    def read(self, name: str) -> tuple[bytes, bool]:
        """Read a requirements file that the command line names, which may be a pipe.

        :returns: its content, and whether another process can read it again.
        :raises OSError: if it cannot be read; a RefusedFileError if it is too large.
        :raises ValueError: if no file can have this name.
        """
        place = _place(name)
        if place not in self._known:
            self._known[place] = read_stream(name, REQUIREMENTS_FILE)
        return self._known[place]

    def read_nested(self, name: str, limit: Limit = REQUIREMENTS_FILE) -> tuple[bytes, bool]:
        """Read a file that another one names, as :meth:`read` does; only regular files."""
        place = _place(name)
        if place not in self._known or not self._known[place][1]:
            self._known[place] = read_regular(name, limit), True
        return self._known[place]

    def read_lock(self, name: str) -> bytes:
        """Read a lock, which must be a regular file, as :meth:`read_nested` does."""
        return self.read_nested(name, LOCK_FILE)[0]


def find_lock(name: str) -> str:
    """Return the name of a lock that exists: as it is written, or else as the standard has it.

    So ``pylock.aws-lambda-python3.12.toml`` is ``pylock.aws-lambda-python3_12.toml``.
    """
    standard = standard_lock_name(name)
    if standard == name or os.path.lexists(split_extras(name)[0]):
        return name
    return standard if os.path.lexists(split_extras(standard)[0]) else name


def _place(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - any text


@dataclass(frozen=True, slots=True)
class Invocation:
    """The inputs of a command, besides its own options, and why pip would refuse them, if so."""

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
        """Return the targets of requirements that name none: of the options or the project."""
        return command_line_targets(tags, targets) or self.projects.defaults(self.folder)

    def find_indexes(self, values: Sequence[str]) -> ProjectIndexes:
        """Return the indexes of projects, which the command line and the project name.

        :param values: the values of ``--index``.
        :raises InputError: if one of them is wrong.
        :raises UsageError: if no index may be asked.
        """
        if values and is_on(self.command, self.settings, "no-index"):
            raise UsageError(
                "--index and --no-index exclude each other: no index would be asked",
                "remove one of them; with --no-index, or --wheels, files come from folders only",
            )
        return read_indexes(values, self.projects.index_table(self.folder), self.folder)

    def look_up(self, key: str, text: str, folder: str) -> Target | None:
        """Find a target; see :func:`wheeltarget.targets.catalog.look_up`."""
        from wheeltarget.targets import catalog

        return catalog.look_up(key, text, folder, self.projects)

    def read_inputs(self, fetched: Mapping[str, str] = MappingProxyType({})) -> Inputs:
        """Read the requirements and constraints; see :func:`parser.read_inputs`."""
        from wheeltarget.requirements.parser import read_inputs

        command, kinds = self.everything, {"--requirement": False, "--constraint": True}
        return read_inputs(
            command.requirements,
            [(o.value, kinds[o.name]) for o in command.options if o.name in kinds and o.value],
            read=self.files.read,
            read_nested=self.files.read_nested,
            environment=self.environment.get,
            fetched=fetched,
        )


def read_invocation(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    files: InputFiles | None = None,
) -> Invocation:
    """Read pip's arguments and configuration; the environment is that of this process, or given."""
    environment = os.environ if environment is None else environment
    fault = None
    try:
        command = split_command_line(arguments)
    except UsageError as error:
        no_color = [each for each in arguments if each == "--no-color"]
        command, fault = split_command_line(no_color), error
    configuration = read_configuration(environment, isolated=command.has("--isolated"))
    return Invocation(command, configuration, environment, Path.cwd(), fault, files or InputFiles())


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a download before its own options are read.

    :param arguments: all arguments as typed, the key of the cached outcome; empty if it is not
        cached.
    :param invocation: the parsed command line; None if it may have options of ours.
    """

    arguments: tuple[str, ...] = ()
    invocation: Invocation | None = None
    files: InputFiles = field(default_factory=InputFiles)


def first_look(
    arguments: Sequence[str], environment: Mapping[str, str], files: InputFiles
) -> tuple[Invocation | None, bool]:
    """Read a command line as pip would, and return whether the run is certainly pip's own.

    :returns: the parsed command line, or None if it has an option that is not pip's or is
        abbreviated; and True if nothing names a target, so that pip can take the arguments as they
        are.
    """
    known = {spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each}
    before = takewhile(lambda argument: argument != "--", arguments)
    # A short form may be ours.
    if all(each.partition("=")[0] in known for each in before if each.startswith("--")):
        invocation = read_invocation(arguments, environment, files)
        if invocation.fault is None and not invocation.command.has("--help"):
            return invocation, _is_plain(invocation)
    return None, False


def _is_plain(invocation: Invocation) -> bool:
    command = invocation.everything
    if any(_is_own_lock(name, invocation) for name in command.values("--requirement")):
        return False
    files = (*command.values("--requirement"), *command.values("--constraint"))
    if any(standard_lock_name(name) != name for name in files):
        return False  # pip would read such a lock as requirements
    try:
        if invocation.defaults() or not all(map(_is_regular, files)):
            return False
        if invocation.projects.index_table(invocation.folder):
            return False
        inputs = invocation.read_inputs()
    except WheeltargetError:
        return False
    foreign = any(option.name in ENVIRONMENT_OPTIONS for option in command.options)
    may_have_note = foreign and not invocation.is_quiet
    if may_have_note or inputs.faults or inputs.named or inputs.remote or inputs.locked:
        return False
    if any(entry.excluded for entry in inputs.entries):
        return False
    return all(file.repeatable for file in inputs.files)


def _is_own_lock(name: str, invocation: Invocation) -> bool:
    """Return whether a file is a lock that wheeltarget wrote, which names its target."""
    try:
        path = split_extras(find_lock(name))[0]
        return is_lock(name) and is_own(invocation.files.read_lock(path))
    except RefusedFileError:
        return True  # the command reports it; pip would read without end
    except OSError:
        return False  # pip reports it


def _is_regular(name: str) -> bool:
    """Return whether pip can read a file again; pip reports one that does not exist."""
    try:
        return stat.S_ISREG(os.stat(name).st_mode)  # noqa: PTH116 - any text
    except (OSError, ValueError):
        return True
