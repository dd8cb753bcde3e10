"""Recognize locks and URLs by their names, and the locks of wheeltarget.

Specification: the pylock.toml page of packaging.python.org (PEP 751), "File Name".
"""

from __future__ import annotations

import re

_REMOTE = re.compile(r"(?:https?|file):", re.IGNORECASE)
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml(\[[^\]]+\])?")
_OURS = re.compile(
    rb"^[ \t]*(?:\[[ \t]*tool[ \t]*\.[ \t]*[\"']?wheeltarget"
    rb"|created-by[ \t]*=[ \t]*[\"']wheeltarget\b)",
    re.MULTILINE,
)
_FOREIGN = frozenset({"poetry.lock", "uv.lock", "Pipfile.lock"})


def is_remote(name: str) -> bool:
    """Return whether a file's name is a URL, which pip's session fetches."""
    return _REMOTE.match(name) is not None


def is_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock (PEP 751), possibly with extras after it."""
    return _PYLOCK.fullmatch(base_name(name)) is not None


def is_own(data: bytes) -> bool:
    """Return whether wheeltarget wrote a lock, even if it was changed since."""
    return _OURS.search(data) is not None


def is_foreign_lock(name: str) -> bool:
    """Return whether a file's name is that of a lock of poetry, uv or pipenv."""
    return base_name(name) in _FOREIGN


def base_name(name: str) -> str:
    """Return the last part of a file's name, for the separators of any system."""
    return re.split(r"[/\\]", name)[-1]


def split_extras(name: str) -> tuple[str, tuple[str, ...]]:
    """Split the extras off a lock's name, as in ``pylock.toml[dev]``."""
    if not name.endswith("]"):
        return name, ()
    path, _, extras = name[:-1].rpartition("[")
    return path, tuple(each.strip() for each in extras.split(",") if each.strip())
