"""The project's own defaults: ``[tool.wheeltarget]`` in the nearest pyproject.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wheeltarget.annotations import KEYS
from wheeltarget.errors import Fault, InputError, Location
from wheeltarget.requirements import TargetName, locate


def project_defaults(folder: Path) -> tuple[TargetName, ...]:
    """Read the default targets of the project that a folder belongs to.

    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :returns: what ``tags`` and ``target`` in ``[tool.wheeltarget]`` name; often nothing.
    :raises InputError: where the table is not as it should be.
    """
    file = next((path for path in _candidates(folder) if os.path.isfile(path)), None)  # noqa: PTH113 - False where it may not look
    if file is None:
        return ()
    text, table = _read(file)
    names: list[TargetName] = []
    for key, value in table.items():
        place = _place(str(file), text, key)
        _check(key, value, place)
        for each in [value] if isinstance(value, str) else value:
            names += [
                TargetName(key, item.strip(), str(file.parent), place) for item in each.split(",")
            ]
    return tuple(sorted(names, key=lambda name: KEYS.index(name.key)))


def _candidates(folder: Path) -> Iterator[Path]:
    resolved = folder.resolve()
    return (each / "pyproject.toml" for each in (resolved, *resolved.parents))


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    """Give the text of a pyproject.toml, and our table in it."""
    try:
        data = file.read_bytes()
    except OSError:
        return "", {}
    if b"wheeltarget" not in data:
        return "", {}  # whether it parses is not ours to judge then
    try:
        text = data.decode("utf-8")
        tools = tomllib.loads(text).get("tool", {})
    except ValueError as error:
        raise InputError((Fault(f"cannot read {file}: {error}"),)) from error
    table = tools.get("wheeltarget", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise InputError((Fault(f"{file}: tool.wheeltarget has to be a table"),))
    return text, table


def _check(key: str, value: object, place: Fault) -> None:
    """Refuse what is no setting, or not of its form."""
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1, cutoff=0.5)
        hint = f"write {near[0]} = …" if near else "the settings are tags and target"
        raise InputError((locate(place, f"tool.wheeltarget has no setting {key}", hint),))
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        message = f"tool.wheeltarget.{key} has to be a string or a list of strings"
        raise InputError((locate(place, message, ""),))
    if not all(item.strip() for each in values for item in each.split(",")):
        raise InputError((locate(place, f"tool.wheeltarget.{key} has an empty entry", ""),))


def _place(file: str, text: str, key: str) -> Fault:
    """Point at the line that sets a key; TOML readers do not say where it stands."""
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or line.strip() == "[tool.wheeltarget]"
        found = re.match(rf"\s*({re.escape(key)})\s*=", line) if begun else None
        if found:
            return Fault("", "", Location(file, number, found.start(1) + 1), line, len(key))
    return Fault("", "", Location(file, 1))
