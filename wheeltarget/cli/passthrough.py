"""The first look at a download: if nothing names a target, this process becomes pip.

Loading Typer and planning cost about as much as pip itself, so whoever only wants pip should not
pay for it. What is not plain at once is left to the command, which decides again and goes on with
what was read here.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wheeltarget.commands.invocation import InputFiles, Invocation, read_invocation
from wheeltarget.errors import WheeltargetError
from wheeltarget.lockfile.own import is_own
from wheeltarget.pip_config.options import FOREIGN, WITH_VALUE, WITHOUT_VALUE
from wheeltarget.requirements.filenames import is_lock, split_extras
from wheeltarget.resolver.prestart import dismiss
from wheeltarget.utils.python_process import python
from wheeltarget.utils.regular_files import RefusedFileError

_FILES = {"--requirement": False, "--constraint": True}


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a download before its options are read.

    :param arguments: all arguments, as typed, if the outcome may be remembered by them.
    :param invocation: what they say to pip, if none of them is an option of ours.
    :param files: the files that were read.
    """

    arguments: tuple[str, ...] = ()
    invocation: Invocation | None = None
    files: InputFiles = field(default_factory=InputFiles)


def first_look(
    arguments: Sequence[str], environment: Mapping[str, str], files: InputFiles
) -> tuple[Invocation | None, bool]:
    """Read a command line as pip would, and tell whether the run is pip's own beyond doubt.

    :param arguments: what stands behind ``download``.
    :param environment: the environment's variables.
    :param files: the files that were read before.
    :returns: what pip is given, or None if pip does not know each option by its full name; and
        True if nothing names a target, so that pip can do with the arguments as they are.
    """
    if not _are_pips(arguments):
        return None, False
    invocation = read_invocation(arguments, environment, files)
    if invocation.fault is not None or invocation.command.has("--help"):
        return None, False
    return invocation, _is_plain(invocation)


def _are_pips(arguments: Sequence[str]) -> bool:
    """Tell whether every long option is one of pip's, not abbreviated: ours may be like them."""
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
    # A download from a lock needs nothing of this, which takes a while to load.
    from wheeltarget.requirements.loader import read_inputs

    files = [(o.value or "", _FILES[o.name]) for o in command.options if o.name in _FILES]
    try:
        if invocation.defaults() or not all(_is_regular(name) for name, _ in files):
            return False
        inputs = read_inputs(
            command.requirements,
            files,
            read=invocation.files.read,
            read_nested=invocation.files.read_nested,
            environment=invocation.environment.get,
        )
    except WheeltargetError:
        return False
    foreign = any(option.name in FOREIGN for option in command.options)
    if foreign and not invocation.is_quiet:
        return False  # there may be something to say of it afterwards
    if not all(file.repeatable for file in inputs.files):
        return False
    return not (inputs.faults or inputs.named or inputs.remote or inputs.locked)


def _is_own_lock(name: str, invocation: Invocation) -> bool:
    """Tell whether a file is a lock that wheeltarget wrote, which says for which target it is."""
    if not is_lock(name):
        return False
    try:
        return is_own(invocation.files.read_lock(split_extras(name)[0]))
    except RefusedFileError:
        return True  # the command says so; pip would read without end
    except OSError:
        return False  # pip says so


def _is_regular(name: str) -> bool:
    """Tell whether pip can read a file again; one that does not exist is pip's to name."""
    try:
        return stat.S_ISREG(os.stat(name).st_mode)  # noqa: PTH116 - any text
    except (OSError, ValueError):
        return True


def become_pip(arguments: Sequence[str], front: Sequence[str] = ()) -> int:
    """Turn this process into ``pip download``, or run it if the system cannot do that.

    :param arguments: what stands behind ``download``.
    :param front: what stands before it.
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
