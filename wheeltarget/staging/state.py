"""The user's own state folder, the only place with trusted information about earlier runs.

Files beside a destination can be anyone's: they may come with a cloned repository, or be another
user's in a shared folder. So what a run has to know about earlier ones is kept here.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from wheeltarget.errors import DestinationError
from wheeltarget.staging.folders import Folder
from wheeltarget.utils.permissions import is_ours

VARIABLE = "WHEELTARGET_STATE_DIR"
"""The environment variable that says where the state folder is."""

_STAGES = "stages"


def state_home(environment: Mapping[str, str]) -> Path:
    """Return where the state folder is; it need not exist.

    :param environment: the environment's variables.
    """
    named = environment.get(VARIABLE)
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))
    if sys.platform == "linux" and "ANDROID_DATA" not in environment:
        # What platformdirs says there, without the time that loading it takes.
        home = environment.get("XDG_STATE_HOME", "").strip()
        if not os.path.isabs(home):
            home = os.path.expanduser("~/.local/state")
        return Path(home, "wheeltarget")
    import platformdirs

    return Path(platformdirs.user_state_dir("wheeltarget", appauthor=False))


def open_state(environment: Mapping[str, str]) -> Folder:
    """Open the folder for the records of stages, made if absent.

    :param environment: the environment's variables.
    :raises DestinationError: if neither the state folder nor its substitute can be used.
    """
    reasons = []
    for path in _places(environment):
        try:
            if not os.path.lexists(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir(0o700, exist_ok=True)
            return _checked(path)
        except OSError as error:
            reasons.append(f"{path}: {error.strerror}")
    raise DestinationError(
        f"cannot record which files this run places: {'; '.join(reasons)}",
        f"set {VARIABLE} to a folder of your own that can be written",
    )


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    """Return where the folder can be, the best place first."""
    home = state_home(environment)
    # With sudo, root would leave a folder that the user could not use.
    if home.is_absolute() and is_ours(home):
        yield home / _STAGES
    import tempfile

    user = "" if sys.platform == "win32" else f"-{os.geteuid()}"
    yield Path(tempfile.gettempdir(), f"wheeltarget{user}")


def _checked(path: Path) -> Folder:
    """Open a folder if it is this user's alone.

    :raises OSError: if it is not; its text says so.
    """
    folder = Folder.open(str(path))
    try:
        if sys.platform != "win32":
            if folder.own.st_uid != os.geteuid():
                raise PermissionError(1, "it belongs to another user", str(path))
            if stat.S_IMODE(folder.own.st_mode) & 0o077:
                raise PermissionError(
                    1, "other users have access to it, so it is not trusted", str(path)
                )
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(1, "Permission denied", str(path))
    except OSError:
        folder.close()
        raise
    return folder
