"""The project's own defaults: ``[tool.wheeltarget]`` in the nearest pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from wheeltarget.errors import Fault, InputError, Location
from wheeltarget.requirements import TargetName, locate


def project_defaults(folder: Path) -> tuple[TargetName, ...]:
    """Read the default targets of the project that a folder belongs to.

    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :returns: what ``tags`` and ``target`` in ``[tool.wheeltarget]`` name; often nothing.
    :raises InputError: where a value is neither a string nor a list of strings.
    """
    file = next((f for f in _candidates(folder) if f.is_file()), None)
    if file is None:
        return ()
    try:
        text = file.read_text("utf-8")
        table = tomllib.loads(text).get("tool", {}).get("wheeltarget", {})
    except (OSError, ValueError):
        return ()  # a pyproject.toml that does not parse is not ours to judge
    names: list[TargetName] = []
    for key in ("tags", "target"):
        value = table.get(key, [])
        values = [value] if isinstance(value, str) else value
        place = _place(str(file), text, key)
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            message = f"tool.wheeltarget.{key} has to be a string or a list of strings"
            raise InputError((locate(place, message, ""),))
        names += [TargetName(key, each.strip(), str(file.parent), place) for each in values]
    return tuple(names)


def _candidates(folder: Path) -> list[Path]:
    resolved = folder.resolve()
    return [each / "pyproject.toml" for each in (resolved, *resolved.parents)]


def _place(file: str, text: str, key: str) -> Fault:
    """Point at the line that sets a key; TOML readers do not say where it stands."""
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or line.strip() == "[tool.wheeltarget]"
        found = re.match(rf"\s*({key})\s*=", line) if begun else None
        if found:
            return Fault("", "", Location(file, number, found.start(1) + 1), line, len(key))
    return Fault("", "", Location(file, 1))
