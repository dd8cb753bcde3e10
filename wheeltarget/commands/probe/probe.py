"""Describe a Python of this machine as a target file."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

from wheeltarget.commands.probe import probe_script
from wheeltarget.errors import ProbeError, TargetError, UsageError
from wheeltarget.staging.atomic import open_output, temporary_folder
from wheeltarget.targets.catalog import target_from_table
from wheeltarget.utils.system import other_python_script

_TIMEOUT = 60.0


def script() -> str:
    """Return the script that describes the Python of another machine."""
    return Path(probe_script.__file__).read_text("utf-8")


def probe(python: str = "", name: str = "", form: str = "toml") -> str:
    """Return a target file that describes a Python.

    :param python: its executable; empty for the running one.
    :param form: ``toml`` or ``json``.
    :raises ProbeError: if it cannot be described, or is not a Python.
    """
    if python:
        return _probe_other(python, name, form)
    try:
        return probe_script.render(name, form)
    except probe_script.ProbeError as error:
        raise ProbeError(str(error)) from error


def write(path: Path, text: str) -> None:
    """Write a file completely or not at all; raises DestinationError."""
    with open_output(path) as keep:
        keep(text)


def run_python(
    command: Sequence[str], timeout: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run another Python without input, and capture its output as text.

    :param folder: its working directory; None for the current one.
    :raises OSError: if it cannot be run.
    :raises TimeoutExpired: if it takes longer, in seconds.
    """
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _probe_other(python: str, name: str, form: str) -> str:
    if Path(python).is_dir():
        hint = "name the interpreter in it, such as bin/python"
        raise UsageError(f"cannot run {python}: it is a folder, not a Python interpreter", hint)
    arguments = [f"--name={name}", *(["--json"] if form == "json" else [])]
    with temporary_folder("probe") as folder:
        # Python imports modules from the folder of its script, so that must be empty.
        copy = folder / "probe.py"
        copy.write_text(script(), "utf-8")
        try:
            done = run_python(other_python_script(python, str(copy), *arguments), _TIMEOUT)
        except OSError as error:
            raise UsageError(f"cannot run {python}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise ProbeError(f"{python} did not finish within {_TIMEOUT:.0f} seconds") from error
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2].removeprefix("error: ")
        raise ProbeError(f"{python} could not be described: {last or done.returncode}")
    try:
        text = done.stdout
        target_from_table(json.loads(text) if form == "json" else tomllib.loads(text), python)
    except (ValueError, TargetError) as error:  # not every program is a Python
        hint = "name a Python, 2.7 or 3.5 and newer"
        raise ProbeError(f"the output of {python} is not a target file: {error}", hint) from error
    return text
