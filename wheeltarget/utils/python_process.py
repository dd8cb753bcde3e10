"""Command lines of Python processes, none of which takes code from the working directory.

Whoever downloads wheels may stand in a folder that somebody else has filled, with a ``pip.py`` in
it. Python looks for modules there first if it is started with ``-m`` or ``-c``, so every process
of Python is started with a command line that is built here; a test holds that.

``PYTHONSAFEPATH`` would do the same, but build backends would inherit it.
"""

from __future__ import annotations

import os
import sys

_DETACH = "import sys; del sys.path[0]\n"
"""What code begins with so that the working directory is not looked at; no Python before 3.11 has
an option for that alone."""


def python(*arguments: str) -> list[str]:
    """Build a command line for the running Python with all that is installed for it.

    :param arguments: Python's arguments, such as ``-m`` and a module.
    :returns: the command line.
    """
    return [sys.executable, "-P", *arguments]


def bare_python(*arguments: str) -> list[str]:
    """Build a command line for the running Python with its standard library alone.

    :param arguments: Python's arguments, such as a file.
    :returns: the command line.
    """
    return [sys.executable, "-I", "-S", *arguments]


def other_python_script(executable: str, file: str, *arguments: str) -> list[str]:
    """Build a command line for a Python of any version that runs a file.

    Variables for this Python would mislead the other one, so that it ignores them.

    :param executable: its path, or a name to look up on ``PATH``.
    :param file: the file; Python looks for modules beside it, so there must be none.
    :param arguments: the file's arguments.
    :returns: the command line.
    :raises FileNotFoundError: if there is no program of that name.
    """
    return [find_program(executable), "-E", file, *arguments]


def other_python_code(executable: str, code: str, *arguments: str) -> list[str]:
    """Build a command line for a Python of any version that runs code, without site-packages.

    :param executable: its path, or a name to look up on ``PATH``.
    :param code: the code.
    :param arguments: its arguments.
    :returns: the command line.
    :raises FileNotFoundError: if there is no program of that name.
    """
    return [find_program(executable), "-B", "-E", "-S", "-c", _DETACH + code, *arguments]


def find_program(name: str) -> str:
    """Find a program, and not one that happens to lie in the working directory.

    :param name: a path, or a name to look up on ``PATH``.
    :returns: the whole path, or the name where the system looks on ``PATH`` alone.
    :raises FileNotFoundError: if there is no program of that name.
    """
    if os.path.dirname(name):  # noqa: PTH120 - a path may begin with a dot
        return os.path.abspath(name)  # noqa: PTH100
    if os.name != "nt":
        return name
    # Windows looks beside this program and in the working directory first.
    for folder in filter(None, os.get_exec_path()):
        for each in (name, f"{name}.exe"):
            path = os.path.join(folder, each)  # noqa: PTH118
            if os.path.isfile(path):  # noqa: PTH113
                return path
    raise FileNotFoundError(2, "there is no such program", name)
