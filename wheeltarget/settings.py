"""The project's own defaults: ``[tool.wheeltarget]`` in the nearest pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from wheeltarget.errors import Fault, InputError, Location
from wheeltarget.requirements import TargetName


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
        table = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get("wheeltarget", {})
    except (OSError, ValueError):
        return ()  # a pyproject.toml that does not parse is not ours to judge
    names: list[TargetName] = []
    for key in ("tags", "target"):
        value = table.get(key, [])
        values = [value] if isinstance(value, str) else value
        where = Fault("", "", Location(str(file), 1))
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            message = f"tool.wheeltarget.{key} has to be a string or a list of strings"
            raise InputError((Fault(message, "", where.location),))
        names += [TargetName(key, each.strip(), str(file.parent), where) for each in values]
    return tuple(names)


def _candidates(folder: Path) -> list[Path]:
    resolved = folder.resolve()
    return [each / "pyproject.toml" for each in (resolved, *resolved.parents)]
