"""Install the tools that the recipes of docs/deploy are for: each once for all workers.

They are large, so that only .ci/run asks for them; elsewhere the tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.interpreters import index_environment
from tests.support.once import make_once, shared_folder

IS_WANTED = os.environ.get("WHEELTARGET_INSTALL_TOOLS") == "1"
"""Whether tools may be installed; read once, since tests take such variables away."""

_PATIENCE = 600.0


def python_tool(factory: pytest.TempPathFactory, name: str, *requirements: str) -> Path:
    """Install packages into a virtual environment of their own; skip the test if unwanted.

    :param factory: pytest's ``tmp_path_factory``.
    :param name: the name of the environment.
    :param requirements: what to install.
    :returns: its interpreter. Start modules with ``-m``; its scripts do not work, since the
        environment is moved after it was made.
    """
    _skip_unless_wanted()

    def install(folder: Path) -> None:
        venv.create(folder, symlinks=True)
        python = folder / "bin" / "python"
        options = ("--quiet", "--no-compile", "--only-binary=:all:")
        _run([sys.executable, "-m", "pip", "--python", python, "install", *options, *requirements])

    return make_once(_place(factory, name), install, patience=_PATIENCE) / "bin" / "python"


def npm_tool(factory: pytest.TempPathFactory, name: str, *packages: str) -> Path:
    """Install npm packages into a folder of their own; skip the test if unwanted or without npm.

    :param factory: pytest's ``tmp_path_factory``.
    :param name: the name of the folder.
    :param packages: what to install, such as ``serverless@3``. No script of theirs is run.
    :returns: its ``node_modules``, with the commands in ``.bin``.
    """
    _skip_unless_wanted()
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no npm here")

    def install(folder: Path) -> None:
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        _run([npm, "install", "--prefix", folder, *options, *packages])

    return make_once(_place(factory, name), install, patience=_PATIENCE) / "node_modules"


def tool_environment(folder: Path, *paths: Path, **changes: str) -> Mapping[str, str]:
    """Return an environment in which ``wheeltarget`` and tools are commands.

    Nothing of this project is on the import path of the tools themselves.

    :param folder: a folder for the command ``wheeltarget``, which is written here.
    :param paths: folders of more commands.
    :param changes: further variables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_command(folder / "wheeltarget", sys.executable, "-P", "-m", "wheeltarget")
    path = os.pathsep.join([str(folder), *map(str, paths), os.environ["PATH"]])
    return {**index_environment(), "PATH": path, **changes}


def write_command(path: Path, *words: str | Path) -> None:
    """Write a command that starts a program with some arguments first."""
    line = " ".join(f"'{word}'" for word in words)
    path.write_text(f'#!/bin/sh\nexec {line} "$@"\n', "utf-8")
    path.chmod(0o755)


def _skip_unless_wanted() -> None:
    if not IS_WANTED:
        pytest.skip("tools are installed only if WHEELTARGET_INSTALL_TOOLS is 1, as in .ci/run")


def _place(factory: pytest.TempPathFactory, name: str) -> Path:
    return shared_folder(factory, "tools") / name


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(
        command,
        env=index_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
