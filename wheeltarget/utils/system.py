"""Command lines of Python processes, and the user's own folders.

The working directory may hold files of another user, such as a ``pip.py``. Python looks for
modules there first if it is started with ``-m`` or ``-c``, so every Python process is started with
a command line that is built here; a test checks that. ``PYTHONSAFEPATH`` would do the same, but
build backends would inherit it.

Start-up: this is loaded before everything else, so it imports next to nothing, and platformdirs
only if its answer is not known.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Removes the working directory from the path; Python has an option for that only since 3.11.
_DETACH = "import sys; del sys.path[0]\n"
_USUAL = {"cache": "~/.cache", "state": "~/.local/state"}


def python(*arguments: str) -> list[str]:
    """Build a command line for the running Python with its installed packages."""
    return [sys.executable, "-P", *arguments]


def bare_python(*arguments: str) -> list[str]:
    """Build a command line for the running Python with only its standard library."""
    return [sys.executable, "-I", "-S", *arguments]


def other_python_script(executable: str, file: str, *arguments: str) -> list[str]:
    """Build a command line for a Python of any version that runs a file, without our variables.

    :param executable: its path, or a name to look up on ``PATH``.
    :param file: the file; its folder must not hold modules, since Python imports from there.
    """
    return [find_program(executable), "-E", file, *arguments]


def other_python_code(executable: str, code: str, *arguments: str) -> list[str]:
    """Build a command line for a Python of any version that runs code, without site-packages."""
    return [find_program(executable), "-B", "-E", "-S", "-c", _DETACH + code, *arguments]


def find_program(name: str) -> str:
    """Find a program by its path or on ``PATH``, but not in the working directory.

    :returns: the absolute path, or the name if the system itself searches only ``PATH``.
    :raises FileNotFoundError: if there is no program with that name.
    """
    if os.path.dirname(name):  # a path may begin with a dot
        return os.path.abspath(name)
    if os.name != "nt":
        return name
    # Windows looks beside this program and in the working directory first.
    for folder in filter(None, os.get_exec_path()):
        for each in (name, f"{name}.exe"):
            path = os.path.join(folder, each)
            if os.path.isfile(path):
                return path
    raise FileNotFoundError(2, "no such program", name)


def set_home() -> None:
    """Make the root folder the home of a user who has none, as it is in containers.

    Otherwise some libraries, and pip's among them, fail or make a folder named ``~``.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME" if os.name != "nt" else "USERPROFILE"] = os.path.abspath(os.sep)


def user_folder(kind: str, environment: Mapping[str, str]) -> str:
    """Return the path of the user's ``cache`` or ``state`` folder, which need not exist."""
    named = environment.get(f"WHEELTARGET_{kind.upper()}_DIR")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    if sys.platform == "linux" and "ANDROID_DATA" not in environment:
        # The same as platformdirs, without the time to load it.
        home = environment.get(f"XDG_{kind.upper()}_HOME", "").strip()
        if not os.path.isabs(home):
            home = os.path.expanduser(_USUAL[kind])
        return os.path.join(home, "wheeltarget")
    import platformdirs

    path: str = getattr(platformdirs, f"user_{kind}_dir")("wheeltarget", appauthor=False)
    return path


def is_ours(folder: str | os.PathLike[str]) -> bool:
    """Return whether root can trust a folder, which need not exist: it is not another user's.

    :returns: True for every user but root.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return True
    path = os.path.abspath(folder)
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.stat(path).st_uid == 0
