"""Targets that the project or the user defines."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheeltarget.errors import InputError, TargetError

if TYPE_CHECKING:
    from wheeltarget.targets.project import Projects

_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)
_LIKE_A_TAG = re.compile(r"(?:cp|pp|py|graalpy)\d+-[^-]+-[^-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class UserTarget:
    """A target that the project or the user defines.

    :param name: its name.
    :param file: the file with its definition.
    :param table: its table, or None if the whole file defines it.
    """

    name: str
    file: Path
    table: Mapping[str, Any] | None


def is_valid_name(name: str) -> bool:
    """Return whether a name can be that of a target, and does not mean something else.

    :param name: the name.
    """
    other = _LIKE_A_TAG.fullmatch(name) or name == "host" or name.endswith((".toml", ".json"))
    return bool(_NAME.fullmatch(name)) and not other


def all_user_targets(folder: Path, projects: Projects | None = None) -> dict[str, UserTarget]:
    """Return the targets of the user and of the project of a folder, which take precedence.

    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :param projects: what was read of projects before.
    :returns: each target by its name.
    :raises TargetError: if a name would mean something else, or pyproject.toml is wrong.
    """
    found = {target.name: target for target in (*_of_user(), *_of_project(folder, projects))}
    for target in found.values():
        if not is_valid_name(target.name):
            raise TargetError(
                f"{target.file}: a target cannot be called {target.name}",
                "a name has letters, digits, dots and dashes, and is neither host nor a tag",
                code="WT215",
            )
    return dict(sorted(found.items()))


def find_user_target(
    name: str, folder: Path, projects: Projects | None = None
) -> UserTarget | None:
    """Return a target of the project of a folder, or else of the user.

    :param name: its name.
    :param folder: where to begin; the first pyproject.toml from there upwards counts.
    :param projects: what was read of projects before.
    :returns: the target, or None.
    :raises TargetError: if a name would mean something else, or pyproject.toml is wrong.
    """
    return all_user_targets(folder, projects).get(name) if is_valid_name(name) else None


def _of_project(folder: Path, projects: Projects | None) -> list[UserTarget]:
    from wheeltarget.targets.project import project_targets

    try:
        file, tables = project_targets(folder, projects)
    except InputError as error:
        where = f"{error.faults[0].location}: " if error.faults[0].location else ""
        raise TargetError(f"{where}{error.message}", error.hint, code="WT203") from error
    return [UserTarget(name, file, table) for name, table in tables.items()]


def _of_user() -> list[UserTarget]:
    folder = user_folder()
    try:
        names = os.listdir(folder)  # noqa: PTH208 - it may not exist
    except OSError:
        return []
    files = (folder / name for name in names if name.endswith(".toml"))
    # A file whose name is not valid, such as a copy, is ignored.
    return [UserTarget(file.stem, file, None) for file in files if is_valid_name(file.stem)]


def user_folder() -> Path:
    """Return the folder of the user's target files."""
    import platformdirs

    return Path(platformdirs.user_config_dir("wheeltarget", appauthor=False), "targets")
