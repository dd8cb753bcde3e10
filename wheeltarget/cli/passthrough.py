"""The first look at a command line: where nothing names a target, this process becomes pip.

Loading the command line and the decision costs about as much as pip itself, so whoever only wants
pip should not pay for it. What cannot be told at once is left to the long way, which decides again.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import FOREIGN, is_quiet, split_command_line
from wheeltarget.requirements.filenames import is_lock, split_extras
from wheeltarget.requirements.loader import read_inputs, read_nested
from wheeltarget.resolver.prestart import dismiss
from wheeltarget.utils.python_process import python
from wheeltarget.utils.regular_files import (
    LOCK_FILE,
    REQUIREMENTS_FILE,
    RefusedFileError,
    read_regular,
)

_FILES = {"--requirement": False, "--constraint": True}


class _UsedUpError(Exception):
    """A file can be read only once, and pip is to read it."""


def is_plain(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> bool:
    """Tell whether a run is pip's own beyond doubt.

    :param words: what stands behind ``download``.
    :param environment: the environment's variables.
    :param folder: the working directory.
    :returns: True where nothing names a target, so that pip can do with the words as they are;
        False where something does, and where it takes more to tell.
    """
    from wheeltarget.pip_config.files import configured_options, configured_settings
    from wheeltarget.targets.project import project_defaults

    try:
        command = split_command_line(words)
        if command.has("--help") or project_defaults(folder):
            return False
        isolated = command.has("--isolated")
        options = (*configured_options(environment, isolated=isolated), *command.options)
        files = [(o.value or "", _FILES[o.name]) for o in options if o.name in _FILES]
        inputs = read_inputs(
            command.requirements,
            files,
            read=_read_again,
            read_nested=read_nested,
            environment=environment.get,
        )
    except (WheeltargetError, _UsedUpError):
        return False
    if any(_is_own_lock(o.value or "") for o in options if o.name == "--requirement"):
        return False
    foreign = any(option.name in FOREIGN for option in options)
    if foreign and not is_quiet(command, configured_settings(environment, isolated=isolated)):
        return False  # there may be something to say of it afterwards
    return not (inputs.faults or inputs.named or inputs.remote or inputs.locked)


def _is_own_lock(name: str) -> bool:
    """Tell whether a file is a lock that wheeltarget wrote, which says for which target it is."""
    if not is_lock(name):
        return False
    from wheeltarget.lockfile.reader import is_own

    try:
        return is_own(read_regular(split_extras(name)[0], LOCK_FILE))
    except RefusedFileError:
        return True  # the long way says so; pip would read without end
    except OSError:
        return False  # pip says so


def _read_again(name: str) -> tuple[bytes, bool]:
    """Read a file that pip can read again afterwards."""
    if not stat.S_ISREG(os.stat(name).st_mode):  # noqa: PTH116 - any text
        raise _UsedUpError
    return read_regular(name, REQUIREMENTS_FILE), True


def become_pip(words: Sequence[str], front: Sequence[str] = ()) -> int:
    """Turn this process into ``pip download``, or run it where the system cannot do that.

    :param words: what stands behind ``download``.
    :param front: what stands before it.
    :returns: pip's exit code, where the system has no exec.
    """
    dismiss()
    command = python("-m", "pip", *front, "download", *words)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - it is the running interpreter
    import subprocess

    return subprocess.run(command, check=False).returncode
