"""File names: recognize locks and URLs.

Specification: the pylock.toml page of packaging.python.org (PEP 751), "File Name".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wheeltarget.errors import UsageError

_REMOTE = re.compile(r"(?:https?|file):", re.IGNORECASE)
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml(\[[^\]]+\])?")
_FOREIGN = frozenset({"poetry.lock", "uv.lock", "Pipfile.lock"})


def is_remote(name: str) -> bool:
    """Return whether a file's name is a URL, which pip's session fetches.

    :param name: the name.
    """
    return _REMOTE.match(name) is not None


def is_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock (PEP 751).

    :param name: the name; extras after it, as in ``pylock.toml[dev]``, are allowed.
    """
    return _PYLOCK.fullmatch(base_name(name)) is not None


def is_foreign_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock of poetry, uv or pipenv.

    :param name: the name.
    """
    return base_name(name) in _FOREIGN


def base_name(name: str) -> str:
    """Return the last part of a file's name, for the separators of any system.

    :param name: the name.
    """
    return re.split(r"[/\\]", name)[-1]


def split_extras(name: str) -> tuple[str, tuple[str, ...]]:
    """Split the extras off a lock's name, as in ``pylock.toml[dev]``.

    :param name: the name.
    """
    if not name.endswith("]"):
        return name, ()
    path, _, extras = name[:-1].rpartition("[")
    return path, tuple(each.strip() for each in extras.split(",") if each.strip())


def project_names(option: str, values: Sequence[str]) -> frozenset[str]:
    """Parse the project names in the values of an option.

    :param option: the option, for a message.
    :param values: its values, each separated by commas.
    :returns: the normalized names.
    :raises UsageError: if a name is invalid.
    """
    if not values:
        return frozenset()
    from packaging.utils import InvalidName, canonicalize_name

    names = set()
    for value in values:
        for name in value.split(","):
            try:
                names.add(str(canonicalize_name(name.strip(), validate=True)))
            except InvalidName as error:
                raise UsageError(
                    f"{option} takes the name of a project, not {name.strip()!r}",
                    f"write it like {option} docopt",
                ) from error
    return frozenset(names)
