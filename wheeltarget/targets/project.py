"""Defaults of the project: ``[tool.wheeltarget]`` in the nearest pyproject.toml."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wheeltarget.errors import Fault, InputError, Location, locate
from wheeltarget.targets.names import KEYS, TargetName
from wheeltarget.utils.files import PROJECT_FILE, RefusedFileError, read_regular
from wheeltarget.utils.toml import parse_toml

_TARGETS = "targets"


class Projects:
    """The settings of projects, each pyproject.toml read once."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[str, dict[str, Any]]] = {}

    def nearest(self, folder: Path) -> tuple[Path, str, dict[str, Any]]:
        """Return the first pyproject.toml upwards, its text, and our table in it.

        :param folder: the folder to start from.
        :raises InputError: if the file cannot be read.
        """
        for path in _candidates(folder):
            if path not in self._read and os.path.isfile(path):  # noqa: PTH113 - False where it may not look
                self._read[path] = _read(path)
            if path in self._read:
                return (path, *self._read[path])
        return folder, "", {}


def project_defaults(folder: Path, projects: Projects | None = None) -> tuple[TargetName, ...]:
    """Read the default targets of the project that a folder belongs to.

    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :param projects: the projects that were read before.
    :returns: the names in ``tags`` and ``target`` of ``[tool.wheeltarget]``; often none.
    :raises InputError: if the table is wrong.
    """
    file, text, table = (projects or Projects()).nearest(folder)
    names: list[TargetName] = []
    for key, value in table.items():
        place = _place(str(file), text, key)
        _check(key, value, place)
        if key == _TARGETS:
            continue
        for each in [value] if isinstance(value, str) else value:
            names += [
                TargetName(key, item.strip(), str(file.parent), place) for item in each.split(",")
            ]
    return tuple(sorted(names, key=lambda name: KEYS.index(name.key)))


def project_targets(
    folder: Path, projects: Projects | None = None
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Read the targets that the project of a folder describes.

    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :param projects: what was read of projects before.
    :returns: the file, and the table of each target by its name.
    :raises InputError: if the tables are wrong.
    """
    file, text, table = (projects or Projects()).nearest(folder)
    described = table.get(_TARGETS, {})
    _check(_TARGETS, described, _place(str(file), text, _TARGETS))
    return file, described


def project_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that decide which project a folder belongs to, and its settings.

    :param folder: where to begin.
    :returns: each pyproject.toml from there upwards; only the last one may exist.
    """
    files = []
    for path in _candidates(folder):
        files.append(path)
        if os.path.isfile(path):  # noqa: PTH113 - False without permission
            break
    return tuple(files)


def _candidates(folder: Path) -> Iterator[Path]:
    resolved = folder.resolve()
    return (each / "pyproject.toml" for each in (resolved, *resolved.parents))


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a pyproject.toml, and our table in it."""
    try:
        data = read_regular(file, PROJECT_FILE)
    except RefusedFileError as error:
        raise InputError((Fault(f"cannot read {file}: {error.strerror}"),)) from error
    except OSError:
        return "", {}
    if b"wheeltarget" not in data:
        return "", {}  # others report whether it parses
    try:
        text = data.decode("utf-8")
        tools = parse_toml(text).get("tool", {})
    except RecursionError as error:
        raise InputError((Fault(f"cannot read {file}: it is nested too deeply"),)) from error
    except ValueError as error:
        raise InputError((Fault(f"cannot read {file}: {error}"),)) from error
    table = tools.get("wheeltarget", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise InputError((Fault(f"{file}: tool.wheeltarget must be a table"),))
    return text, table


def _check(key: str, value: object, place: Fault) -> None:
    """Refuse an unknown setting, or a wrong value."""
    if key == _TARGETS:
        if not isinstance(value, dict) or not all(
            isinstance(each, dict) for each in value.values()
        ):
            hint = "write a table for each target: [tool.wheeltarget.targets.NAME]"
            message = "tool.wheeltarget.targets must be a table of targets"
            raise InputError((locate(place, message, hint),))
        return
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1, cutoff=0.5)
        hint = f"write {near[0]} = …" if near else "the settings are tags, target and targets"
        raise InputError((locate(place, f"tool.wheeltarget has no setting {key}", hint),))
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        message = f"tool.wheeltarget.{key} must be a string or a list of strings"
        raise InputError((locate(place, message, ""),))
    if not all(item.strip() for each in values for item in each.split(",")):
        raise InputError((locate(place, f"tool.wheeltarget.{key} has an empty entry", ""),))


def _place(file: str, text: str, key: str) -> Fault:
    """Return the place of a key, which ``tomllib`` does not report."""
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or line.strip() == "[tool.wheeltarget]"
        found = re.match(rf"\s*({re.escape(key)})\s*=", line) if begun else None
        if found:
            return Fault("", "", Location(file, number, found.start(1) + 1), line, len(key))
    return Fault("", "", Location(file, 1))
