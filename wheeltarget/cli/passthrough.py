"""The first look at a download: if nothing names a target, this process becomes pip.

Loading Typer and planning take about as long as pip itself, so a run of pip alone skips them. If
that is not certain here, the command decides, with the inputs that were read here.

start-up: no system with exec needs subprocess.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wheeltarget.commands.invocation import InputFiles, Invocation, read_invocation
from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, WITH_VALUE, WITHOUT_VALUE
from wheeltarget.requirements.filenames import is_lock, is_own, split_extras
from wheeltarget.resolver.prestart import begin, dismiss
from wheeltarget.utils.files import RefusedFileError
from wheeltarget.utils.python_process import python


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a download before Typer reads its options.

    :param arguments: all arguments as typed, the key of the cached outcome; empty if it is not
        cached.
    :param invocation: the parsed command line; None if it may have options of ours.
    """

    arguments: tuple[str, ...] = ()
    invocation: Invocation | None = None
    files: InputFiles = field(default_factory=InputFiles)


def begin_download(
    front: tuple[str, ...], arguments: tuple[str, ...], contents: Mapping[str, bytes]
) -> Start:
    """Become pip if the run is certainly pip's own, or start pip's process if it may be needed.

    :param front: the arguments before ``download``.
    :param contents: the contents of files that were read before, by name.
    """
    everything = (*front, *arguments)
    files = InputFiles(contents)
    invocation, is_plain = first_look(everything, os.environ, files)
    if is_plain:
        sys.exit(become_pip(arguments, front))
    if invocation is not None and not invocation.has_locks:
        begin()
    return Start(everything, invocation, files)


def first_look(
    arguments: Sequence[str], environment: Mapping[str, str], files: InputFiles
) -> tuple[Invocation | None, bool]:
    """Read a command line as pip would, and return whether the run is certainly pip's own.

    :returns: the parsed command line, or None if it has an option that is not pip's or is
        abbreviated; and True if nothing names a target, so that pip can take the arguments as they
        are.
    """
    if not _are_pips(arguments):
        return None, False
    invocation = read_invocation(arguments, environment, files)
    if invocation.fault is not None or invocation.command.has("--help"):
        return None, False
    return invocation, _is_plain(invocation)


def _are_pips(arguments: Sequence[str]) -> bool:
    """Return whether every long option is one of pip's, in full; a short form may be ours."""
    known = {spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each}
    for argument in arguments:
        if argument == "--":
            return True
        if argument.startswith("--") and argument.partition("=")[0] not in known:
            return False
    return True


def _is_plain(invocation: Invocation) -> bool:
    command = invocation.everything
    if any(_is_own_lock(name, invocation) for name in command.values("--requirement")):
        return False
    files = (*command.values("--requirement"), *command.values("--constraint"))
    try:
        if invocation.defaults() or not all(map(_is_regular, files)):
            return False
        inputs = invocation.read_inputs()
    except WheeltargetError:
        return False
    foreign = any(option.name in ENVIRONMENT_OPTIONS for option in command.options)
    may_have_note = foreign and not invocation.is_quiet
    if may_have_note or inputs.faults or inputs.named or inputs.remote or inputs.locked:
        return False
    return all(file.repeatable for file in inputs.files)


def _is_own_lock(name: str, invocation: Invocation) -> bool:
    """Return whether a file is a lock that wheeltarget wrote, which names its target."""
    if not is_lock(name):
        return False
    try:
        return is_own(invocation.files.read_lock(split_extras(name)[0]))
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


def become_pip(arguments: Sequence[str], front: Sequence[str] = ()) -> int:
    """Replace this process by ``pip download``, or run it if the system has no exec.

    :param front: the arguments before ``download``.
    :returns: pip's exit code, if the system has no exec.
    """
    dismiss()
    command = python("-m", "pip", *front, "download", *arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - it is the running interpreter
    import subprocess

    return subprocess.run(command, check=False).returncode
