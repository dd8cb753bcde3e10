"""What is said of the cache folder, as text or JSON."""

from __future__ import annotations

from typing import TextIO

from wheeltarget.cache.pruning import Removed, Usage
from wheeltarget.cli.output.text import counted, format_size, show_json

_GIGABYTE = 1000**3


def show_usage(usage: Usage, stdout: TextIO, *, as_json: bool) -> None:
    """Say what is in the cache folder.

    :param usage: what is in it.
    :param stdout: where to say it.
    :param as_json: whether as JSON.
    """
    if as_json:
        show_json(usage.as_dict(), stdout)
        return
    stdout.write(f"Folder  {usage.folder}\n")
    stdout.write(f"Wheels  {usage.wheels}, {_size(usage.size)} of {_size(usage.limit)}\n")
    stdout.write(f"Runs    {usage.runs} remembered, {usage.current} that may still hold\n")


def show_removed(removed: Removed, stdout: TextIO, *, as_json: bool) -> None:
    """Say what was removed.

    :param removed: what was.
    :param stdout: where to say it.
    :param as_json: whether as JSON.
    """
    if as_json:
        show_json(removed.as_dict(), stdout)
        return
    parts = []
    if removed.wheels:
        parts.append(f"{counted(removed.wheels, 'wheel')}, {_size(removed.size)}")
    if removed.runs:
        parts.append(counted(removed.runs, "remembered run"))
    stdout.write(f"Removed {' and '.join(parts)}\n" if parts else "Nothing to remove\n")


def _size(size: int) -> str:
    return f"{size / _GIGABYTE:.1f} GB" if size >= _GIGABYTE else format_size(size)
